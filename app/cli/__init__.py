"""The command line: parses, calls, prints; what it calls lies in the other packages."""

from app.cli.commands import COMMANDS, Command, main, make_command

__all__ = ["COMMANDS", "Command", "main", "make_command"]
