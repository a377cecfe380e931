"""Commands that the contract promises and this version does not have yet."""

import typer

from app import __version__
from app.errors import ConfigurationError


def _not_yet(name: str) -> ConfigurationError:
    return ConfigurationError(f"`teamgauge {name}` is not available yet in version {__version__}.")


def backup(context: typer.Context) -> int:
    """Save the whole store into a file (not available yet)."""
    del context
    raise _not_yet("backup")


def restore(context: typer.Context) -> int:
    """Bring the whole store back from a file (not available yet)."""
    del context
    raise _not_yet("restore")
