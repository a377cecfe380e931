"""The process around the jobs: takes them from the queue until it is told to end, and gives back those
of others that fell silent."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.worker import Worker
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from app.settings import Settings
from app.store import queue
from app.store.engine import sessions
from collectors.queued.stop import Stop
from collectors.queued.tasks import Tasks
from collectors.source import Source

log = structlog.get_logger()

RUNS_AT_ONCE = 4
"""Runs and refreshes in one process: nearly all they do is wait for their pieces."""

LOOK_AGAIN = 5.0
"""Seconds after which the queue is looked into without having been told to: nobody tells of jobs that
were given back."""


def work(
    engine: Engine,
    settings: Settings,
    sources: Sequence[Source],
    *,
    at_once: int,
    alert: Callable[[], None],
    begun: Callable[[], None] = lambda: None,
) -> None:
    """Does what is in the queue until SIGINT, SIGTERM or SIGHUP; then what is under way is given back.

    at_once: pieces of runs at a time. alert: see `Tasks`. begun: called when it listens. It waits for a
    database that went away.
    """
    asyncio.run(_Process(engine, settings, sources, at_once, alert).run(begun))


class _Process:
    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        sources: Sequence[Source],
        at_once: int,
        alert: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._silent = settings.worker.silent_seconds
        self._look_again = min(LOOK_AGAIN, self._silent / 3)
        self._at_once = at_once
        self._stop = Stop()
        self._ending = asyncio.Event()
        self._tasks = Tasks(engine, settings, sources, self._stop, alert)
        self._workers: list[Worker] = []

    async def run(self, begun: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        # A thread for each job, for a share of a refresh, and for giving back: nobody waits for whom
        # he keeps from running.
        threads = ThreadPoolExecutor(self._at_once + RUNS_AT_ONCE + 2, thread_name_prefix="worker")
        loop.set_default_executor(threads)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                loop.add_signal_handler(number, self._end)
        connector = PsycopgConnector(
            kwargs=queue.connection_arguments(self._engine), min_size=1, max_size=6
        )
        app = self._tasks.register(connector)
        try:
            async with app.open_async():
                begun()
                await asyncio.gather(
                    self._keep_working(app, queue.RUNS, RUNS_AT_ONCE),
                    self._keep_working(app, queue.ITEMS, self._at_once),
                    self._keep_working(app, queue.SHARES, 1),
                    self._keep_giving_back(),
                )
        finally:
            self._tasks.helping.close()

    def _end(self) -> None:
        log.info("worker.ending")
        self._ending.set()
        self._stop.tell()
        for worker in self._workers:
            worker.stop()  # type: ignore[no-untyped-call]

    async def _keep_working(self, app: App, name: str, at_once: int) -> None:
        """Takes jobs from one queue; where the database goes away, it begins again when it is back."""
        while not self._ending.is_set():
            worker = Worker(
                app,
                queues=[name],
                name=name,
                concurrency=at_once,
                fetch_job_polling_interval=self._look_again,
                delete_jobs="always",
                install_signal_handlers=False,
                update_heartbeat_interval=self._silent / 3,
                stalled_worker_timeout=self._silent,
            )
            self._workers.append(worker)
            try:
                await worker.run()  # type: ignore[no-untyped-call]
            except ConnectorException as error:
                log.warning("worker.interrupted", queue=name, reason=_reason(error))
            finally:
                self._workers.remove(worker)
            await self._pause(self._look_again)

    async def _keep_giving_back(self) -> None:
        """Lets others do what silent workers had begun."""
        while not self._ending.is_set():
            try:
                given = await asyncio.to_thread(self._give_back)
            except DBAPIError as error:
                log.warning("worker.interrupted", queue="", reason=_reason(error))
            else:
                if given:
                    log.warning("worker.gave_back", jobs=given)
            await self._pause(self._silent / 3)

    def _give_back(self) -> int:
        with sessions(self._engine).begin() as session:
            return queue.give_back(session, self._silent)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error
    return str(cause).strip().partition("\n")[0] or type(cause).__name__
