"""The commands of the contract, one module each; here they are listed, parsed, and their failures told.

Command bodies import what they need late, so that `--help` stays quick.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from app import __version__
from app.cli import (
    alert,
    backup,
    check,
    collect,
    demo,
    failure,
    forget,
    init,
    migrate,
    refresh,
    report,
    restore,
    serve,
    token,
    worker,
)
from app.cli.garbage import look_for_garbage_seldom
from app.cli.options import ConfigOption
from app.cli.stopping import signals_end_the_command


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command: its name, and the function whose signature and docstring are its usage.

    The name of one of a group has the group's before it: `token create`.
    """

    name: str
    run: Callable[..., int]

    @property
    def summary(self) -> str:
        """What it does, one line."""
        return (self.run.__doc__ or "").strip().splitlines()[0]


COMMANDS: tuple[Command, ...] = (
    Command(name="init", run=init.init),
    Command(name="demo", run=demo.demo),
    Command(name="migrate", run=migrate.migrate),
    Command(name="collect", run=collect.collect),
    Command(name="refresh", run=refresh.refresh),
    Command(name="serve", run=serve.serve),
    Command(name="worker", run=worker.worker),
    Command(name="check", run=check.check),
    Command(name="report", run=report.report),
    Command(name="alert", run=alert.alert),
    Command(name="forget", run=forget.forget),
    Command(name="token create", run=token.create),
    Command(name="token list", run=token.list_),
    Command(name="token revoke", run=token.revoke),
    Command(name="backup", run=backup.backup),
    Command(name="restore", run=restore.restore),
)

GROUPS = {"token": "Make, list and revoke the tokens that scripts show."}


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"teamgauge {__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    config: ConfigOption = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Eight indicators per engineering team, from merge requests as they stood on any day."""
    del version  # its callback has ended the program
    context.obj = config
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def make_command() -> Any:
    """The whole command line, ready to be called with arguments."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback(invoke_without_command=True)(_root)
    groups = {"": app}
    for group, summary in GROUPS.items():
        groups[group] = typer.Typer(help=summary, rich_markup_mode=None, no_args_is_help=True)
        app.add_typer(groups[group], name=group)
    for command in COMMANDS:
        group, _, name = command.name.rpartition(" ")
        groups[group].command(name)(command.run)
    return typer.main.get_command(app)


def main() -> int:
    """Runs the command line of this process and returns its exit status."""
    look_for_garbage_seldom()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # no terminal's encoding ends a command
    try:
        with signals_end_the_command():
            status = make_command().main(prog_name="teamgauge", standalone_mode=False)
    except KeyboardInterrupt:  # before or after the command proper
        status = failure.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the one handler: every failure becomes a sentence
        return failure.tell(error)
    if status == failure.INTERRUPTED:
        failure.tell_interruption()
    return status if isinstance(status, int) else 0
