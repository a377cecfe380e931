"""The run's side: puts pieces of it into the queue, waits until all are done, and takes the results over."""

import time
from collections.abc import Sequence
from threading import Event

import structlog
from sqlalchemy import Engine, bindparam, delete, insert, select, text, update

from app.errors import AppError
from app.store import queue
from app.store.engine import sessions
from app.store.tables import WorkItem
from collectors.retry import StoppedError
from collectors.source import Context, Handed
from collectors.storing import Stored

log = structlog.get_logger()

AT_ONCE = 1_000
"""Pieces put into the queue in one transaction."""

SHORTEST, LONGEST = 0.05, 1.0
"""Seconds between two looks at what is done: the longer it takes, the seldomer."""


class HandingOut:
    """Has pieces of one run done by whoever has time; see `Context.hand_out`.

    total: what the run has stored, to which the pieces' numbers are added. silent: seconds after which
    pieces that nobody will do any more are looked for. stopping: set when this process is to end.
    """

    def __init__(
        self,
        engine: Engine,
        run_id: int,
        context: Context,
        total: Stored,
        *,
        silent: float,
        stopping: Event,
    ) -> None:
        self._engine = engine
        self._run_id = run_id
        self._context = context
        self._total = total
        self._silent = silent
        self._stopping = stopping

    def __call__(self, pieces: Sequence[Handed]) -> None:
        """Comes back when all pieces are done.

        Raises AppError when one of them ended the run, StoppedError when this process is to end; then
        nobody stores anything of the others any more.
        """
        if not pieces:
            return
        try:
            for start in range(0, len(pieces), AT_ONCE):
                self._put(pieces[start : start + AT_ONCE])
            ended_run = self._wait(len(pieces))
        finally:
            # With an error those that are not done are given up; without one there are none.
            self._take_over()
        if ended_run is not None:
            raise AppError(ended_run)

    def _put(self, pieces: Sequence[Handed]) -> None:
        with sessions(self._engine).begin() as session:
            ids = session.scalars(
                insert(WorkItem).returning(WorkItem.id, sort_by_parameter_order=True),
                [
                    {"run_id": self._run_id, "kind": each.kind, "fields": dict(each.fields)}
                    for each in pieces
                ],
            ).all()
            jobs = queue.enqueue(
                session, queue.WORK, [{"item": item} for item in ids], queue=queue.ITEMS
            )
            session.connection().execute(
                update(WorkItem)
                .where(WorkItem.id == bindparam("item"))
                .values(job_id=bindparam("job")),
                [{"item": item, "job": job} for item, job in zip(ids, jobs, strict=True)],
            )

    def _wait(self, expected: int) -> str | None:
        """Waits for the end of all pieces; answers the sentence of one that ended the run."""
        pause = SHORTEST
        looked = time.monotonic()
        while True:
            with self._engine.connect() as connection:
                there, done, ended_run = connection.execute(
                    text(
                        "SELECT count(*), count(finished_at), min(ended_run) FROM work_items"
                        " WHERE run_id = :run_id"
                    ),
                    {"run_id": self._run_id},
                ).one()
            if there < expected:
                raise AppError(
                    "Another run of the source has begun, which took back what was handed out.",
                    "This process had lost its connection to the database.",
                )
            self._context.tell("pieces of work", done, expected)
            if ended_run is not None or done == there:
                return str(ended_run) if ended_run is not None else None
            if self._stopping.wait(pause):
                raise StoppedError
            pause = min(LONGEST, pause * 1.5)
            if time.monotonic() - looked >= self._silent:
                looked = time.monotonic()
                self._put_lost()

    def _put_lost(self) -> None:
        """Puts pieces into the queue again whose job is gone though they are not done."""
        with sessions(self._engine).begin() as session:
            lost = queue.lost_items(session, self._run_id)
            if not lost:
                return
            log.warning("collect.lost_work", run=self._run_id, pieces=len(lost))
            jobs = queue.enqueue(
                session, queue.WORK, [{"item": item} for item in lost], queue=queue.ITEMS
            )
            for item, job in zip(lost, jobs, strict=True):
                session.execute(update(WorkItem).where(WorkItem.id == item).values(job_id=job))

    def _take_over(self) -> None:
        """Adds what the pieces counted and noted to the run, and takes them all back."""
        with sessions(self._engine).begin() as session:
            items = session.scalars(
                select(WorkItem)
                .where(WorkItem.run_id == self._run_id)
                .order_by(WorkItem.id)
                .with_for_update()
            ).all()
            session.execute(delete(WorkItem).where(WorkItem.run_id == self._run_id))
        for item in items:
            counts = dict(item.counts)
            self._context.counters.add(
                counts.pop("requests_by_kind", {}),
                counts.pop("retries", 0),
                counts.pop("waited_seconds", 0.0),
            )
            self._total.add(Stored(**counts))
            for noted in item.failures:
                error = AppError(noted["message"], noted["hint"], noted["status"])
                self._context.fail(error, holds_back=noted["holds_back"])
            for sentence in item.remarks:
                self._context.remark(sentence)
