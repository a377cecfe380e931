"""`teamgauge report`: one team in one month as a single file to send on."""

import os
import stat
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import ConfigOption, begin, database
from app.errors import ConfigurationError, NotFoundError
from app.store.roles import DatabaseRole

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.settings import Settings

STANDARD_OUTPUT = Path("-")


class ReportFormat(StrEnum):
    """How the report is written; the endings of files, too."""

    HTML = "html"
    MD = "md"
    CSV = "csv"


def report(
    context: typer.Context,
    team: Annotated[str, typer.Option(metavar="TEAM", help="Slug of the team.")],
    month: Annotated[str, typer.Option(metavar="MONTH", help="The month, such as 2026-10.")],
    as_: Annotated[
        ReportFormat | None,
        typer.Option(
            "--format",
            metavar="html|md|csv",
            help="One page to send on, Markdown for an issue, or exact values; without it what FILE "
            "ends with, else html.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            readable=False,
            help="Where to write it; without it, or with -, standard output.",
        ),
    ] = None,
    config: ConfigOption = None,
) -> int:
    """Write one team's month into one file to send on."""
    settings = begin(context, config)
    target = None if file is None or file == STANDARD_OUTPUT else file
    wanted = as_ or _by_ending(target)
    content, title = made(settings, team, month, wanted)
    if target is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return 0
    write(target, content)
    typer.echo(f"report: {title} is in {target}.")
    return 0


def _by_ending(target: Path | None) -> ReportFormat:
    ending = "" if target is None else target.suffix.lower().removeprefix(".")
    return ReportFormat(ending) if ending in set(ReportFormat) else ReportFormat.HTML


def made(settings: "Settings", team: str, month: str, wanted: ReportFormat) -> tuple[bytes, str]:
    """The file's content, and the report's title.

    Raises ConfigurationError for a team that does not exist, which names what may have been meant,
    and as `dashboards.report.report` does.
    """
    from app.store.engine import reading_sessions
    from dashboards.exports import BY_KEY
    from dashboards.report import report as make

    with database(settings, role=DatabaseRole.WEB) as engine, reading_sessions(engine)() as session:
        try:
            found = make(session, settings, team, month)
        except NotFoundError as error:
            raise _unknown(session, team) from error
    return BY_KEY[wanted].written(found, settings), found.title


def _unknown(session: "Session", team: str) -> ConfigurationError:
    """That there is no such team, and which one may have been meant."""
    from app.metrics.teams import load_tree
    from app.settings.wording import nearest

    near = nearest(team, [node.slug for node in load_tree(session)])
    return ConfigurationError(
        f"There is no team {team!r:.80}" + (f", perhaps {near} is meant." if near else "."),
        "" if near else "`teamgauge serve` shows them all.",
    )


def write(target: Path, content: bytes) -> None:
    """Writes a file whole or not at all; one that exists is replaced, with its permissions kept.

    It is written beside and renamed. What is no plain file (a pipe, a device) is written to. Raises
    ConfigurationError.
    """
    try:
        real = target.resolve()  # a link stays one
        if real.exists() and not real.is_file():
            if real.is_dir():
                raise ConfigurationError(f"{target} is a folder: name a file in it.")
            with real.open("wb") as stream:
                stream.write(content)
            return
        _replace(real, content)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(f"{target} cannot be written: {reason}.") from error


def _replace(real: Path, content: bytes) -> None:
    beside = real.with_name(f".{real.name}.{os.getpid()}.part")
    try:
        with beside.open("xb") as stream:
            if real.exists():
                os.chmod(stream.fileno(), stat.S_IMODE(real.stat().st_mode))
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, real)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
