"""Turns whatever ended a command into one sentence and its exit status."""

import re
import sys
import traceback
from collections.abc import Mapping

import structlog
import typer

from app.cli.log import redacted
from app.errors import AppError

INTERRUPTED = 130
WORDING = (
    (r"Input should be a valid integer, .*", "it must be a whole number"),
    (r"Input should be less than or equal to (\d+)", r"it must be at most \1"),
    (r"Input should be greater than or equal to (\d+)", r"it must be at least \1"),
    (r"Value error, ('.*') is not one of (.*)", r"\1 is none of \2"),
    (r" \(Possible options: (.*)\)", r", perhaps \1 is meant"),
    (r"\. Did you mean '(.*)'\?", r", perhaps \1 is meant"),
)
"""What the parser of the command line says, as a pattern, and what we say instead."""

WHAT_TO_DO: Mapping[str | None, str] = {
    "disk_full": "Make room, then start this again; what was stored before is kept.",
    "read_only": "See why its disk takes no changes; what was stored before is kept.",
}
"""By what the database is in trouble with."""

log = structlog.get_logger()


def tell(error: Exception) -> int:
    """Says what ended the command and returns the exit status."""
    if isinstance(error, typer.TyperException):
        _say(_usage(error))
        return 2
    mendable = error if isinstance(error, AppError) else _mendable(error)
    if mendable is None:
        _tell_bug(error)
        return 1
    if mendable.status == 2 or sys.stderr.isatty():
        _say(str(mendable))
    else:
        log.error("failed", message=str(mendable))
    return mendable.status


def tell_interruption() -> None:
    """Says that the command was ended by Ctrl-C or SIGTERM."""
    if sys.stderr.isatty():
        _say("Interrupted; what was stored so far is kept.")
    else:
        log.warning("interrupted", message="Interrupted; what was stored so far is kept.")


def _say(sentence: str) -> None:
    typer.echo(redacted(" ".join(sentence.split())), err=True)


def _usage(error: typer.TyperException) -> str:
    text = error.format_message().strip()
    for pattern, ours in WORDING:
        text = re.sub(pattern, ours, text)
    text = text.rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "teamgauge"
    return f"{text}; see `{command} --help`."


def _mendable(error: Exception) -> AppError | None:
    """A failure of the database, the network or the disk as a sentence; None: a mistake of ours."""
    if "sqlalchemy" in sys.modules:
        from sqlalchemy import exc

        from app.store.trouble import Trouble, trouble_of

        trouble = trouble_of(error)
        if isinstance(error, exc.TimeoutError):
            return AppError("The database had no connection left.", "Try again later.")
        if isinstance(error, exc.InternalError) or (
            isinstance(error, exc.DBAPIError) and trouble not in (None, Trouble.NOT_MIGRATED)
        ):
            return AppError(
                f"The database failed: {_first_line(error.orig)}.",
                WHAT_TO_DO.get(trouble, "See whether it runs, and what its log says."),
            )
    if "httpx" in sys.modules:
        import httpx

        if isinstance(error, httpx.HTTPError):
            return AppError(f"The network failed: {_first_line(error)}.")
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return AppError(f"{where}{error.strerror or _first_line(error)}.")
    return None


def _first_line(error: BaseException | None) -> str:
    lines = str(error or "").strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _tell_bug(error: Exception) -> None:
    sentence = f"teamgauge met a mistake of its own, please report it: {type(error).__name__}"
    if sys.stderr.isatty():
        typer.echo(redacted("".join(traceback.format_exception(error))), err=True)
        _say(f"{sentence}: {error}.")
    else:
        log.critical("bug", message=sentence, exc_info=error)
