"""A refresh that many machines compute: hands its shares out, does some itself, gathers the values.

The refresh stays one transaction of one process. What a share is computed from lies beside it, in rows
that are committed at once, and so do its values; who is killed takes nothing with him but time. The same
share has the same values whoever computes it: that two do is no harm.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from threading import Event
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, func, insert, or_, select, update
from sqlalchemy.exc import DBAPIError

from app import __version__
from app.errors import AppError
from app.metrics.indicator import Computed
from app.metrics.packed import pack, pack_values, unpack, unpack_values
from app.metrics.shares import Bounds, Share
from app.store import queue
from app.store.engine import sessions
from app.store.tables import RefreshItem
from collectors.retry import StoppedError

OF_WORKERS = Bounds(merge_requests=1_000_000, values=500_000)
"""What is handed out at a time. A refresh within these bounds is one share, and not handed out at all: its
seconds would be less than those of the way."""

LARGEST = 500_000_000
"""Bytes of a share that is handed out; Postgres takes a gigabyte in a value."""

SHORTEST, LONGEST = 0.05, 1.0
"""Seconds between two looks at what is done: the longer it takes, the seldomer."""


class Sharing:
    """Computes the shares of one refresh together with all workers; see `shares.Computing`.

    silent: seconds after which a share that somebody has begun is done here. stopping: set when this
    process is to end.
    """

    def __init__(
        self, engine: Engine, *, silent: float, stopping: Event, bounds: Bounds = OF_WORKERS
    ) -> None:
        self.bounds = bounds
        self._engine = engine
        self._silent = silent
        self._stopping = stopping
        self._handed: list[int] = []

    def __call__(self, shares: Iterator[Share]) -> Iterator[tuple[str, Computed]]:
        """Hands out all shares but the first, which needs most; the values come as they are computed.

        The answer raises StoppedError when this process is to end.
        """
        # Of refreshes that are over: this one holds the lock of all.
        self._forget(RefreshItem.id.is_not(None))
        here = list(islice(shares, 1))
        for share in shares:
            content = pack(share)
            if len(content) <= LARGEST:
                self._handed.append(self._put(content))
            else:
                here.append(share)
        return self._values(here)

    @contextmanager
    def clearing(self) -> Iterator[None]:
        """Takes back at the end of a refresh, however it ends, what nobody has to compute any more."""
        try:
            yield
        except BaseException:
            with suppress(DBAPIError):  # a database that is away is the error that is on its way
                self._forget(RefreshItem.id.in_(self._handed))
            raise
        self._forget(RefreshItem.id.in_(self._handed))

    def _forget(self, which: ColumnElement[bool]) -> None:
        with sessions(self._engine).begin() as session:
            session.execute(delete(RefreshItem).where(which))

    def _put(self, content: bytes) -> int:
        with sessions(self._engine).begin() as session:
            item: int = session.execute(
                insert(RefreshItem)
                .values(release=__version__, content=content)
                .returning(RefreshItem.id)
            ).scalar_one()
            queue.enqueue(session, queue.COMPUTE, [{"item": item}], queue=queue.SHARES)
        return item

    def _values(self, here: list[Share]) -> Iterator[tuple[str, Computed]]:
        while here:
            yield from here.pop(0).computed()
        waiting, pause = set(self._handed), SHORTEST
        while waiting:
            if self._stopping.is_set():
                raise StoppedError
            done = self._done(waiting)
            for item in done:
                yield from unpack_values(self._outcome(item))
            waiting.difference_update(done)
            taken = _take(self._engine, RefreshItem.id.in_(waiting), self._silent)
            if taken is not None:
                yield from unpack(taken.content).computed()
                waiting.discard(taken.id)
            if done or taken is not None:
                pause = SHORTEST
            elif waiting:
                self._stopping.wait(pause)
                pause = min(LONGEST, pause * 1.5)

    def _done(self, waiting: Collection[int]) -> list[int]:
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(RefreshItem.id, RefreshItem.outcome.is_not(None).label("done")).where(
                    RefreshItem.id.in_(waiting)
                )
            ).all()
        if len(rows) < len(waiting):
            raise AppError(
                "Another refresh has begun, which took back what this one had handed out.",
                "This process had lost its connection to the database.",
            )
        return [row.id for row in rows if row.done]

    def _outcome(self, item: int) -> bytes:
        with self._engine.connect() as connection:
            outcome = connection.scalar(select(RefreshItem.outcome).where(RefreshItem.id == item))
        assert isinstance(outcome, bytes), "it was there a moment ago"
        return outcome


def compute(engine: Engine, item: int, *, silent: float) -> None:
    """Does one share, unless it is done, under way, or of a refresh that is over.

    silent: seconds after which whoever has begun it before is not waited for.
    """
    taken = _take(engine, RefreshItem.id == item, silent)
    if taken is None:
        return
    try:
        outcome = pack_values(unpack(taken.content).computed())
    except Exception:
        # The refresh does it at once, meets the same and says so.
        _note(engine, item, begun_at=None)
        raise
    _note(engine, item, outcome=outcome)


def _note(engine: Engine, item: int, **values: Any) -> None:
    with sessions(engine).begin() as session:
        session.execute(update(RefreshItem).where(RefreshItem.id == item).values(values))


@dataclass(frozen=True, slots=True)
class _Taken:
    id: int
    content: bytes


def _take(engine: Engine, which: ColumnElement[bool], silent: float) -> _Taken | None:
    """Begins one of some shares that this release may do and nobody does; None: there is none."""
    open_one = (
        select(RefreshItem.id)
        .where(
            which,
            RefreshItem.release == __version__,
            RefreshItem.outcome.is_(None),
            or_(
                RefreshItem.begun_at.is_(None),
                RefreshItem.begun_at < func.now() - timedelta(seconds=silent),
            ),
        )
        .order_by(RefreshItem.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    with sessions(engine).begin() as session:
        row = session.execute(
            update(RefreshItem)
            .where(RefreshItem.id == open_one)
            .values(begun_at=func.now())
            .returning(RefreshItem.id, RefreshItem.content)
        ).one_or_none()
    return None if row is None else _Taken(row.id, row.content)
