"""`teamgauge refresh`, and the refresh at the end of `collect`."""

from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import ConfigOption, begin, database
from app.cli.progress import waiting
from app.store.roles import DatabaseRole

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from app.settings import Settings


def refresh(
    context: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="Recompute every value, not only the stale ones.")
    ] = False,
    config: ConfigOption = None,
) -> int:
    """Recompute the indicators from what is stored."""
    settings = begin(context, config)
    from app.store.disk import require_room

    require_room(settings)
    with database(settings, role=DatabaseRole.COLLECT) as engine:
        refresh_indicators(engine, settings, everything=everything)
    return 0


def refresh_indicators(engine: "Engine", settings: "Settings", *, everything: bool = False) -> None:
    """Recomputes stale values in one transaction and says what came of it; then deletes what was kept
    long enough."""
    from app.metrics.operation import note_seconds
    from app.metrics.refresh import refresh as recompute
    from app.store.engine import sessions
    from app.store.retention import delete_outdated

    began = monotonic()
    with waiting("Computing the indicators"), sessions(engine).begin() as session:
        report = recompute(session, settings, datetime.now(UTC), everything=everything)
        note_seconds(session, monotonic() - began)
    written = report.written
    typer.echo(
        f"indicators: {written.new:,} values new, {written.replaced:,} of running periods replaced, "
        f"{written.restated:,} restated."
    )
    by_source: dict[str, list[str]] = {}
    for key, source in report.not_computed.items():
        by_source.setdefault(source, []).append(key)
    for source, keys in by_source.items():
        typer.echo(f"indicators: not computed without {source}: {', '.join(keys)}.")
    delete_outdated(engine, settings, datetime.now(UTC))
