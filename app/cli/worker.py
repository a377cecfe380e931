"""`teamgauge worker`: does what is in the queue, on as many machines as there are."""

from typing import Annotated

import typer

from app.cli.options import ConfigOption, begin, database
from app.store.roles import DatabaseRole


def worker(
    context: typer.Context,
    concurrency: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=64,
            help="Pieces of work at once; without it worker.concurrency.",
        ),
    ] = None,
    config: ConfigOption = None,
) -> int:
    """Collect what `collect --queue` asks for, until Ctrl-C or SIGTERM.

    Any number of workers, on any number of machines with the same database.url, share the work: reading,
    refreshing, and alerting after each refresh.
    """
    settings = begin(context, config)
    with database(settings, role=DatabaseRole.COLLECT) as engine:
        from app.cli.alert import alert_after_collecting
        from collectors import SOURCES
        from collectors.queued.worker import work

        at_once = concurrency or settings.worker.concurrency
        work(
            engine,
            settings,
            SOURCES,
            at_once=at_once,
            alert=lambda: alert_after_collecting(engine, settings),
            begun=lambda: typer.echo(
                f"teamgauge works for the queue, {at_once} at once (Ctrl-C ends it)"
            ),
        )
    return 0
