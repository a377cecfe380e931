"""`teamgauge collect`: the sources one after another, then the indicators."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.alert import alert_after_collecting
from app.cli.log import redacted
from app.cli.options import ConfigOption, begin, database
from app.cli.progress import following
from app.cli.refresh import refresh_indicators
from app.errors import ConfigurationError, LockedError
from app.store.roles import DatabaseRole

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from app.settings import Settings
    from collectors.runner import RunReport

HOW_TO_CONFIGURE = {
    "files": "put teams.yaml beside the configuration, or set files.teams",
    "bamboohr": "set bamboohr.url and bamboohr.api_key",
    "greenhouse": "set greenhouse.client_id and greenhouse.client_secret",
    "gitlab": "set gitlab.groups or gitlab.projects",
}


def collect(
    context: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help="files, bamboohr, greenhouse or gitlab; without a name all of them.",
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything again, not only what changed.")
    ] = False,
    queue: Annotated[
        bool,
        typer.Option("--queue", help="Let workers do it (`teamgauge worker`), and do not wait."),
    ] = False,
    config: ConfigOption = None,
) -> int:
    """Collect what is configured, refresh the indicators, and alert.

    Made for cron: it reads only what changed, and one run of a source at a time.
    """
    settings = begin(context, config)
    from app.store.disk import require_room

    names = wanted(settings, sources or [])
    if not queue:
        require_room(settings)
    with database(settings, role=DatabaseRole.COLLECT) as engine:
        if queue:
            return enqueue_sources(engine, names, full=full)
        return run_sources(engine, settings, names, full=full)


def wanted(settings: "Settings", named: Sequence[str]) -> tuple[str, ...]:
    """The sources to run. Raises ConfigurationError for one that is unknown or not configured, and for
    one that is named and lacks its secret; without a name that is a run of it that fails."""
    from app.settings import required_bamboohr_key, required_greenhouse_secret
    from app.settings.wording import nearest

    configured = settings.configured_sources()
    secrets = {"bamboohr": required_bamboohr_key, "greenhouse": required_greenhouse_secret}
    if not named:
        if not configured:
            raise ConfigurationError(
                "There is nothing to collect: set gitlab.groups or gitlab.projects, or put "
                "teams.yaml beside the configuration (`teamgauge init` writes an example)."
            )
        return configured
    for name in named:
        if name not in HOW_TO_CONFIGURE:
            near = nearest(name, HOW_TO_CONFIGURE)
            known = (
                f"perhaps {near} is meant" if near else f"there are {', '.join(HOW_TO_CONFIGURE)}"
            )
            raise ConfigurationError(f"There is no source {name}, {known}.")
        if name not in configured:
            raise ConfigurationError(
                f"The source {name} is not configured: {HOW_TO_CONFIGURE[name]}."
            )
        if name in secrets:
            secrets[name](settings)
    return tuple(dict.fromkeys(named))


def enqueue_sources(engine: "Engine", names: Sequence[str], *, full: bool) -> int:
    """Puts a run of each source into the queue; status 75 where one is waiting already."""
    from app.store.engine import sessions
    from app.store.queue import enqueue_run

    statuses = []
    for name in names:
        with sessions(engine).begin() as session:
            put = enqueue_run(session, name, full=full)
        typer.echo(
            f"{name}: in the queue, for a `teamgauge worker` to collect."
            if put
            else f"{name}: a run is in the queue already, and has not begun yet."
        )
        statuses.append(0 if put else LockedError.status)
    return max(statuses)


def run_sources(engine: "Engine", settings: "Settings", names: Sequence[str], *, full: bool) -> int:
    """Runs the named sources and the refresh, says how each went, and returns the exit status."""
    from collectors import SOURCES
    from collectors.runner import run

    started_at = datetime.now(UTC)
    by_name = {source.name: source for source in SOURCES}
    statuses: list[int] = []
    for name in names:
        try:
            with following() as report:
                done = run(
                    engine,
                    by_name[name],
                    settings,
                    full=full,
                    started_at=started_at,
                    report=report,
                )
        except LockedError as error:
            typer.echo(f"{name}: {error}")
            statuses.append(error.status)
        else:
            _tell(done)
            statuses.append(done.status)
    if any(status != LockedError.status for status in statuses):
        refresh_indicators(engine, settings)
        alert_after_collecting(engine, settings)
    return 1 if 1 in statuses else max(statuses)


def _tell(done: "RunReport") -> None:
    requests = ""
    if done.requests:
        kinds = sorted(done.requests_by_kind.items(), key=lambda kind: (-kind[1], kind[0]))
        told = ", ".join(f"{name} {number:,}" for name, number in kinds)
        requests = f"{_counted(done.requests, 'request')} ({told}) and "
    typer.echo(
        f"{done.source}: {done.outcome}, {done.rows_read:,} rows read, {done.rows_new:,} new, "
        f"{done.rows_changed:,} changed, {done.rows_deleted:,} removed, in {requests}{done.seconds:.1f} s."
    )
    if done.retries:
        typer.echo(
            f"{done.source}: {_counted(done.retries, 'request')} sent again after "
            f"{done.waited_seconds:.1f} s of waiting."
        )
    for sentence in (*map(str, done.failures), *done.remarks):
        typer.echo(redacted(f"{done.source}: {sentence}"))
    if done.quarantined:
        typer.echo(
            f"{done.source}: {done.quarantined:,} records could not be read; the page /data lists them."
        )


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
