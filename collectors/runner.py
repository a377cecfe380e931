"""The only loop over a source and the only commit: lock, run row, batches with positions, report."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, delete, select, text, update
from sqlalchemy.exc import DBAPIError

from app.errors import AppError
from app.settings import Settings
from app.store.engine import advisory_lock, sessions
from app.store.forgotten import Forgotten
from app.store.tables import Mark, Run, WorkItem
from collectors.known import Known
from collectors.pace import Pace
from collectors.record import Batch
from collectors.source import Context, Progress, Source
from collectors.storing import Stored, store

log = structlog.get_logger()

LISTED_SENTENCES = 20
"""How many sentences the row of a run keeps; the log has them all."""


COUNTED = (
    *("requests", "requests_by_kind", "retries", "waited_seconds", "seconds"),
    *("rows_read", "rows_new", "rows_changed", "rows_deleted", "quarantined"),
)
"""What is counted of a run, in its report and its row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a run did.

    outcome: done; partial (part could not be read, the rest was stored) or failed (ended early;
        what was read until then is stored).
    data_through: instant up to which the source is stored: the run's beginning by the source's own
        clock, in which its records are dated. None where the run ended early, or where something
        that was collected before could not be read again.
    failures: what could not be read, each with one sentence. remarks: what is no failure.
    The counts are those of the table `runs`. seconds: from having the lock to the end.
    """

    source: str
    kind: str
    started_at: datetime
    finished_at: datetime
    outcome: str
    data_through: datetime | None
    failures: tuple[AppError, ...] = ()
    remarks: tuple[str, ...] = ()
    requests: int = 0
    requests_by_kind: dict[str, int] = field(default_factory=dict)
    rows_read: int = 0
    rows_new: int = 0
    rows_changed: int = 0
    rows_deleted: int = 0
    quarantined: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def status(self) -> int:
        """Exit status of a command that ran this alone: 0 done, 1 part of it could not be read."""
        return 0 if self.outcome == "done" else 1


def run(
    engine: Engine,
    source: Source,
    settings: Settings,
    *,
    full: bool,
    started_at: datetime,
    report: Callable[[Progress], None] | None = None,
    prepare: Callable[[int, Context, Stored], None] | None = None,
    marked: bool = False,
) -> RunReport:
    """Collects one source: each batch in one transaction with its positions and the run's counters.

    started_at: the run's beginning by our clock, at or before the first request.
    report: called with progress, from the calling thread.
    marked: reads only what the source was told to have changed; it does not bring the source up to date.
    prepare: called before the first request with the run's id, its context and what it has stored.
    What the source could not read is in the answer's failures. Raises LockedError (status 75) when
    another run of the source is under way, and AppError when the database cannot be used at all.
    Anything else marks the run as failed and travels on.
    """
    result: RunReport | None = None
    try:
        with advisory_lock(engine, f"collect:{source.name}", f"the source {source.name}") as lock:
            context = Context(
                settings=settings,
                known=Known(engine, source.name),
                full=full,
                started_at=started_at,
                marked=marked,
                pace=partial(Pace, engine),
            )
            begun = monotonic()
            run_id = _begin(engine, source.name, context)
            with _failure_recorded(engine, run_id):
                result = _collect(engine, source, context, run_id, report, prepare, lock)
                result = replace(result, seconds=monotonic() - begun)
                _record(engine, run_id, result)
    except DBAPIError as error:
        # The database went away. The row stays `running` until the next run of the source.
        if result is None:
            raise _about_database(source.name, error) from error
        log.error("collect.unrecorded", source=source.name, reason=_reason(error))  # noqa: TRY400 - one sentence, no trace
        failure = _about_database(source.name, error)
        result = replace(
            result, outcome="failed", data_through=None, failures=(*result.failures, failure)
        )
    return result


def _begin(engine: Engine, source: str, context: Context) -> int:
    """Begins the run's row. Rows still `running` are of killed processes: the lock is ours.

    What they had handed out is taken back: whoever is at it can store nothing any more.
    """
    with sessions(engine).begin() as session:
        runs = select(Run.id).where(Run.source == source)
        session.execute(delete(WorkItem).where(WorkItem.run_id.in_(runs)))
        session.execute(
            update(Run)
            .where(Run.source == source, Run.outcome == "running")
            .values(
                outcome="failed",
                finished_at=context.started_at,
                message="The process ended before the run was over.",
            )
        )
        row = Run(
            source=source,
            kind=context.kind,
            started_at=context.started_at,
            outcome="running",
        )
        session.add(row)
        session.flush()
        log.info("collect.started", source=source, kind=row.kind)
        return row.id


def _collect(
    engine: Engine,
    source: Source,
    context: Context,
    run_id: int,
    report: Callable[[Progress], None] | None,
    prepare: Callable[[int, Context, Stored], None] | None,
    lock: Connection,
) -> RunReport:
    total = Stored()
    if report is not None:
        context.tell = _telling(source.name, report, context, total)
    if prepare is not None:
        prepare(run_id, context, total)
    failure: AppError | None = None
    fetch = source.marked if context.marked else source.fetch
    assert fetch is not None, f"{source.name} has no marks"
    batches = fetch(context)
    try:
        for batch in batches:
            # Where the database was away for a moment, another run may have begun by now.
            lock.execute(text("SELECT 1"))
            _store(engine, source.name, batch, context, run_id, total)
    except AppError as error:
        failure = error
    except DBAPIError as error:
        failure = _about_database(source.name, error)
    finally:
        if isinstance(batches, Generator):
            batches.close()  # ends its threads, also when storing failed
    if failure is not None:
        log.error("collect.failed", source=source.name, message=str(failure))
    return _report(source.name, context, total, failure)


def _store(
    engine: Engine, source: str, batch: Batch, context: Context, run_id: int, total: Stored
) -> None:
    with sessions(engine).begin() as session:
        kept = context.settings.diversity.attribute
        stored = store(session, source, batch, context.started_at, kept=kept)
        counts = _counts(context, total.plus(stored))
        session.execute(update(Run).where(Run.id == run_id).values(**counts))
    total.add(stored)
    log.debug("collect.stored", source=source, new=stored.new, changed=stored.changed)


def _report(source: str, context: Context, total: Stored, failure: AppError | None) -> RunReport:
    failures = (*context.failures, *((failure,) if failure else ()))
    if failure is not None:
        outcome = "failed"
    elif failures or total.quarantined:
        outcome = "partial"
    else:
        outcome = "done"
    current = failure is None and not context.held_back and not context.marked
    return RunReport(
        source=source,
        kind=context.kind,
        started_at=context.started_at,
        finished_at=datetime.now(UTC),
        outcome=outcome,
        data_through=context.started_at + context.ahead if current else None,
        failures=failures,
        remarks=tuple(context.remarks),
        **_counts(context, total),
    )


def _record(engine: Engine, run_id: int, result: RunReport) -> None:
    sentences = [str(each) for each in result.failures] + list(result.remarks)
    if result.quarantined:
        sentences.append(f"{result.quarantined} records could not be read: see the quarantine.")
    more = len(sentences) - LISTED_SENTENCES
    if more > 0:
        sentences[LISTED_SENTENCES:] = [f"And {more} more, see the log."]
    with sessions(engine).begin() as session:
        # A sentence may repeat what a source said of somebody.
        forgotten = Forgotten.shared(session)
        session.execute(
            update(Run)
            .where(Run.id == run_id)
            .values(
                outcome=result.outcome,
                finished_at=result.finished_at,
                data_through=result.data_through,
                message="\n".join(map(forgotten.redacted, sentences)),
                # What was asked for since the last batch, if there was one, is counted as well.
                **{name: getattr(result, name) for name in COUNTED},
            )
        )
        if result.data_through is not None:
            # What was marked before it began is among what it has read.
            session.execute(
                delete(Mark).where(Mark.source == result.source, Mark.seen_at < result.started_at)
            )
    log.info(
        "collect.finished",
        source=result.source,
        kind=result.kind,
        outcome=result.outcome,
        requests=result.requests,
        requests_by_kind=result.requests_by_kind,
        read=result.rows_read,
        new=result.rows_new,
        changed=result.rows_changed,
        deleted=result.rows_deleted,
        quarantined=result.quarantined,
        retries=result.retries,
        waited_seconds=round(result.waited_seconds, 3),
        seconds=round(result.seconds, 3),
    )


@contextmanager
def _failure_recorded(engine: Engine, run_id: int) -> Iterator[None]:
    """Marks the run as failed when it is interrupted or meets a mistake of ours."""
    try:
        yield
    except DBAPIError:
        raise
    except BaseException as error:
        with sessions(engine).begin() as session:
            session.execute(
                update(Run)
                .where(Run.id == run_id)
                .values(
                    outcome="failed",
                    finished_at=datetime.now(UTC),
                    message=f"The run was ended by {type(error).__name__}.",
                )
            )
        raise


def _counts(context: Context, total: Stored) -> dict[str, Any]:
    by_kind = dict(context.counters.requests)
    return {
        "requests": sum(by_kind.values()),
        "requests_by_kind": by_kind,
        "rows_read": total.read,
        "rows_new": total.new,
        "rows_changed": total.changed,
        "rows_deleted": total.deleted,
        "quarantined": total.quarantined,
        "retries": context.counters.retries,
        "waited_seconds": context.counters.waited,
    }


def _telling(
    source: str, report: Callable[[Progress], None], context: Context, total: Stored
) -> Callable[[str, int, int | None], None]:
    def tell(what: str, done: int, of: int | None) -> None:
        report(
            Progress(
                source=source,
                what=what,
                done=done,
                total=of,
                requests=sum(context.counters.requests.values()),
                rows_read=total.read,
                rows_new=total.new,
                rows_changed=total.changed,
            )
        )

    return tell


def _reason(error: DBAPIError) -> str:
    lines = str(error.orig or error).strip().splitlines()
    return lines[0] if lines else "no reason given"


def _about_database(source: str, error: DBAPIError) -> AppError:
    return AppError(
        f"The database did not store what {source} sent: {_reason(error)}.",
        "What was stored before is kept; see whether the database runs and has room.",
    )
