"""The side of who does a piece of a run: takes it, stores what it yields while it is theirs, and ends it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.errors import AppError
from app.settings import Settings
from app.store.engine import lock_key, sessions
from app.store.forgotten import Forgotten
from app.store.tables import Run, WorkItem
from collectors.known import Known
from collectors.pace import Pace
from collectors.record import Batch
from collectors.retry import StoppedError
from collectors.source import Context, Counters, Handed, Helper, Source
from collectors.storing import Stored, store

log = structlog.get_logger()

DATABASE_ATTEMPTS = 5
"""How often a piece is begun again because the database did not store it."""

ATTEMPTS = 100
"""How often a piece is begun in all, whatever ended the processes that were at it."""


class SupersededError(Exception):
    """The piece is somebody else's by now, or nobody's: its run has ended or has given it up."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A piece that this process does now. holder: of this attempt."""

    id: int
    holder: str
    handed: Handed
    attempts: int
    run_id: int
    source: str
    full: bool
    started_at: datetime


@dataclass(slots=True)
class _Bench:
    """What one run's pieces share in this process. users: how many are under way."""

    helper: Helper
    counters: Counters
    users: int = 0


@dataclass(slots=True)
class Helping:
    """Does pieces of runs, several at once; one for each process.

    on_stop: takes a method to be called when the process is told to end.
    """

    engine: Engine
    settings: Settings
    sources: Mapping[str, Source]
    on_stop: Callable[[Callable[[], None]], None]
    _benches: dict[int, _Bench] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _storing: Lock = field(default_factory=Lock)

    def work(self, item: int) -> None:
        """Does one piece, unless it is done already or its run is over.

        Raises StoppedError and DBAPIError: then somebody has to begin it again.
        """
        taken = self._take(item)
        if taken is None:
            return
        context = self._context(taken)
        ended_run: str | None = None
        with self._bench(taken) as bench:
            try:
                if taken.attempts > ATTEMPTS:
                    raise AppError(
                        f"A piece of the run ({taken.handed.kind}) was begun {ATTEMPTS} times, and"
                        " whoever did it never came to its end."
                    )
                bench.helper.work(
                    context, taken.handed, lambda batch: self._store(taken, bench, batch)
                )
            except SupersededError:
                log.info("work.superseded", item=item, kind=taken.handed.kind)
                return
            except StoppedError:
                raise
            except AppError as error:
                ended_run = str(error)
            except DBAPIError as error:
                if taken.attempts < DATABASE_ATTEMPTS:
                    raise
                reason = str(error.orig or error).strip().splitlines()
                ended_run = f"The database did not store what was read: {''.join(reason[:1])}."
            except Exception as error:  # a mistake of ours ends the run, which says where to look
                log.exception("work.failed", item=item, kind=taken.handed.kind)
                ended_run = (
                    f"A piece of the run ({taken.handed.kind}) was ended by"
                    f" {type(error).__name__}; the log of the worker that did it says more."
                )
            self._finish(taken, bench, context, ended_run)

    def close(self) -> None:
        """Ends what is kept for runs; no piece is under way any more."""
        with self._lock:
            benches = list(self._benches.values())
            self._benches.clear()
        for bench in benches:
            bench.helper.close()

    def _take(self, item: int) -> Taken | None:
        holder = uuid4().hex
        with sessions(self.engine).begin() as session:
            row = session.execute(
                update(WorkItem)
                .where(
                    WorkItem.id == item,
                    WorkItem.finished_at.is_(None),
                    WorkItem.run_id == Run.id,
                    Run.outcome == "running",
                )
                .values(holder=holder, attempts=WorkItem.attempts + 1)
                .returning(
                    WorkItem.kind,
                    WorkItem.fields,
                    WorkItem.attempts,
                    Run.id,
                    Run.source,
                    Run.kind.label("run_kind"),
                    Run.started_at,
                )
            ).one_or_none()
        if row is None:
            return None
        return Taken(
            id=item,
            holder=holder,
            handed=Handed(row.kind, row.fields),
            attempts=row.attempts,
            run_id=row.id,
            source=row.source,
            full=row.run_kind == "full",
            started_at=row.started_at,
        )

    def _context(self, taken: Taken) -> Context:
        return Context(
            settings=self.settings,
            known=Known(self.engine, taken.source),
            full=taken.full,
            started_at=taken.started_at,
            on_stop=self.on_stop,
            pace=partial(Pace, self.engine, look_every=1.0),
        )

    @contextmanager
    def _bench(self, taken: Taken) -> Iterator[_Bench]:
        """What the run's pieces share here; what is kept for other runs is ended when it is idle."""
        with self._lock:
            idle = [
                run_id
                for run_id, bench in self._benches.items()
                if run_id != taken.run_id and not bench.users
            ]
            ended = [self._benches.pop(run_id) for run_id in idle]
            bench = self._benches.get(taken.run_id)
            if bench is None:
                make = self.sources[taken.source].helper
                assert make is not None, f"{taken.source} hands nothing out"
                context = self._context(taken)
                bench = _Bench(make(context), context.counters)
                self._benches[taken.run_id] = bench
            bench.users += 1
        for each in ended:
            each.helper.close()
        try:
            yield bench
        finally:
            with self._lock:
                bench.users -= 1

    def _store(self, taken: Taken, bench: _Bench, batch: Batch) -> None:
        """Stores a batch together with what was counted, if the piece is still this attempt's.

        One batch of a source is stored at a time, as in a run without others: whoever writes the same
        accounts in another order would only wait for each other.
        """
        with (
            self._storing,
            _counted(bench.counters) as counts,
            sessions(self.engine).begin() as session,
        ):
            session.execute(
                text("SELECT pg_advisory_xact_lock(:key)"),
                {"key": lock_key(f"store:{taken.source}")},
            )
            before = _held(session, taken)
            kept = self.settings.diversity.attribute
            stored = store(session, taken.source, batch, taken.started_at, kept=kept)
            _count(session, taken, before, counts, stored)

    def _finish(self, taken: Taken, bench: _Bench, context: Context, ended_run: str | None) -> None:
        with _counted(bench.counters) as counts, sessions(self.engine).begin() as session:
            try:
                before = _held(session, taken)
            except SupersededError:
                return
            _count(session, taken, before, counts, Stored())
            # A sentence may repeat what a source said of somebody.
            forgotten = Forgotten.shared(session)
            session.execute(
                update(WorkItem)
                .where(WorkItem.id == taken.id)
                .values(
                    finished_at=func.now(),
                    ended_run=ended_run and forgotten.redacted(ended_run),
                    failures=[
                        {
                            "message": forgotten.redacted(error.message),
                            "hint": forgotten.redacted(error.hint),
                            "status": error.status,
                            "holds_back": context.held_back,
                        }
                        for error in context.failures
                    ],
                    remarks=[forgotten.redacted(each) for each in context.remarks],
                )
            )


def _held(session: Session, taken: Taken) -> dict[str, Any]:
    """Holds the piece to the end of the transaction; what was counted of it. Raises SupersededError."""
    counts: dict[str, Any] | None = session.scalar(
        select(WorkItem.counts)
        .where(WorkItem.id == taken.id, WorkItem.holder == taken.holder)
        .with_for_update()
    )
    if counts is None:
        raise SupersededError
    return counts


@contextmanager
def _counted(counters: Counters) -> Iterator[tuple[dict[str, int], int, float]]:
    """What was counted in this process since the last time; kept for the next where storing fails."""
    counts = counters.take()
    try:
        yield counts
    except BaseException:
        counters.add(*counts)
        raise


def _count(
    session: Session,
    taken: Taken,
    before: Mapping[str, Any],
    counted: tuple[Mapping[str, int], int, float],
    stored: Stored,
) -> None:
    """Adds to the numbers of a piece."""
    requests, retries, waited = counted
    by_kind = dict(before.get("requests_by_kind", {}))
    for kind, number in requests.items():
        by_kind[kind] = by_kind.get(kind, 0) + number
    counts: dict[str, Any] = {
        name: before.get(name, 0) + number for name, number in asdict(stored).items()
    }
    counts["requests_by_kind"] = by_kind
    counts["retries"] = before.get("retries", 0) + retries
    counts["waited_seconds"] = before.get("waited_seconds", 0.0) + waited
    session.execute(update(WorkItem).where(WorkItem.id == taken.id).values(counts=counts))
