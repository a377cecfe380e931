"""The queue of jobs that several machines share: procrastinate's tables, in a schema of their own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from app.store.engine import connection_options, driver_connection

SCHEMA = "queue"
"""Of procrastinate's tables, types and functions, so that ours are all that lies beside them."""

RUNS = "runs"
"""The queue of what stands for a whole: a run of a source, a refresh."""

ITEMS = "items"
"""The queue of a run's pieces. Who waits for them is on the other queue, so that no piece waits
behind somebody who waits for it."""

SHARES = "shares"
"""The queue of a refresh's shares: a process does one at a time, for each needs memory."""

REFRESH = "refresh"
COMPUTE = "compute"
COLLECT = "collect"
READ_MARKED = "read_marked"
COLLECT_ALL = "collect_all"
ALERT = "alert"
WORK = "work"
"""Names of the jobs; `collectors.queued.tasks` does them."""

NEWEST = "03.04.00_50_post_add_retry_failed_job_procedure.sql"
"""procrastinate's newest change of its schema that our revisions bring; a test notices a newer one."""


def create_schema(connection: Connection) -> None:
    """Makes procrastinate's schema, as the installed version of it wants it."""
    from procrastinate.schema import SchemaManager

    # It has several statements and per cent signs, which only the driver takes as they are.
    driver = _driver(connection)
    driver.execute(f"CREATE SCHEMA {SCHEMA}")
    with _inside(driver):
        driver.execute(SchemaManager.get_schema().encode())


def drop_schema(connection: Connection) -> None:
    """Removes it with everything in it."""
    _driver(connection).execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


@contextmanager
def _inside(driver: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """Inside its schema for a part of the transaction: procrastinate names its tables without it."""
    driver.execute(f"SET LOCAL search_path TO {SCHEMA}")
    yield driver
    # Not where it failed: then the transaction has, and the setting ends with it.
    driver.execute("SET LOCAL search_path TO DEFAULT")


def connection_arguments(engine: Engine) -> dict[str, Any]:
    """What procrastinate's own connections to the engine's database are made with."""
    options = connection_options(engine.url)
    options["options"] += f" -c search_path={SCHEMA}"
    return {**engine.dialect.create_connect_args(engine.url)[1], **options}


def enqueue(
    session: Session,
    task: str,
    arguments: Sequence[Mapping[str, Any]] = ({},),
    *,
    queue: str = RUNS,
    alone: str | None = None,
    waiting_once: str | None = None,
    after: float = 0.0,
) -> list[int]:
    """Puts jobs into the queue with the session's transaction, one for each of `arguments`.

    alone: of the jobs with this name one runs at a time. waiting_once: of those with this name one
    waits at a time. after: seconds before it begins. Answers the ids of the jobs; none where one waits
    already.
    """
    from procrastinate import App, SyncPsycopgConnector
    from procrastinate.exceptions import AlreadyEnqueued

    deferrer = App(connector=SyncPsycopgConnector()).configure_task(
        task,
        queue=queue,
        lock=alone,
        queueing_lock=waiting_once,
        schedule_at=datetime.now(UTC) + timedelta(seconds=after) if after else None,
    )
    try:
        # The savepoint is made with the first look at the connection inside it.
        with session.begin_nested(), _inside(driver_connection(session)) as driver:
            deferrer.connection = driver
            return deferrer.batch_defer(*(dict(each) for each in arguments))
    except AlreadyEnqueued:
        return []


def enqueue_run(session: Session, source: str, *, full: bool) -> bool:
    """Has a source collected by a worker; False: a run of it is waiting already."""
    return bool(
        enqueue(
            session,
            COLLECT,
            [{"source": source, "full": full}],
            alone=f"collect {source}",
            waiting_once=f"collect {source}",
        )
    )


def give_back(session: Session, silent: float) -> int:
    """Lets others do the jobs of workers that were silent for so many seconds; answers how many."""
    driver = driver_connection(session)
    with _inside(driver):
        cursor = driver.execute(
            """
            SELECT procrastinate_retry_job_v2(stalled.id, now(), NULL, NULL, NULL)
            FROM (
                SELECT job.id FROM procrastinate_jobs job
                WHERE job.status = 'doing' AND NOT EXISTS (
                    SELECT 1 FROM procrastinate_workers worker WHERE worker.id = job.worker_id
                    AND worker.last_heartbeat >= now() - make_interval(secs => %(silent)s))
                FOR UPDATE OF job SKIP LOCKED
            ) stalled
            """,
            {"silent": silent},
        )
        return cursor.rowcount


def lost_items(session: Session, run_id: int) -> list[int]:
    """The unfinished items of a run that no job is about any more, so that nobody would do them."""
    found = session.scalars(
        text(
            f"""
            SELECT item.id FROM work_items item
            LEFT JOIN {SCHEMA}.procrastinate_jobs job ON job.id = item.job_id
            WHERE item.run_id = :run_id AND item.finished_at IS NULL
              AND (job.id IS NULL OR job.status NOT IN ('todo', 'doing'))
            ORDER BY item.id
            """  # noqa: S608 - the schema is our own name
        ),
        {"run_id": run_id},
    )
    return list(found)
