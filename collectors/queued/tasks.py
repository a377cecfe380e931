"""The jobs of the queue, in one list: a run of a source and a refresh, their pieces, and the clock's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any

import structlog
from procrastinate import App, BaseConnector, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.jobs import Job
from sqlalchemy import Engine

from app.errors import AppError, LockedError
from app.metrics.operation import note_seconds
from app.metrics.refresh import refresh as recompute
from app.settings import Settings
from app.store import queue
from app.store.engine import sessions
from app.store.retention import delete_outdated
from collectors import runner
from collectors.pace import Pace
from collectors.queued.handing_out import HandingOut
from collectors.queued.helping import Helping
from collectors.queued.sharing import Sharing, compute
from collectors.queued.stop import Stop
from collectors.retry import StoppedError
from collectors.source import Context, Source
from collectors.storing import Stored

log = structlog.get_logger()

LOCKED_ATTEMPTS = 20
"""How often a run is begun again while another one of its source is under way: as long as a server
needs to notice that a machine is gone, and to free its lock."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A job's name and queue, what does it, and whether it is done again after an error."""

    name: str
    queue: str
    run: Callable[..., None]
    retry: BaseRetryStrategy
    cron: str = ""


class _Retry(BaseRetryStrategy):
    """Again at once where this process ended, later where it may be better by then, else never.

    pause: seconds. always: whatever the error; else only while another run is in the way.
    """

    def __init__(self, pause: float, *, always: bool) -> None:
        self._pause = pause
        self._always = always

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """When to begin the job again; None: it is given up."""
        del job
        if isinstance(exception, StoppedError):
            return RetryDecision(retry_at=datetime.now(UTC))
        if self._always or isinstance(exception, LockedError):
            return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=self._pause))
        return None


class Tasks:
    """What the jobs do, in one process.

    sources: those there are, by their names in `Source`. alert: tells what a refresh has brought to
    light, whatever goes wrong about it.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        sources: Sequence[Source],
        stop: Stop,
        alert: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._sources = {source.name: source for source in sources}
        self._stop = stop
        self._alert = alert
        self.helping = Helping(engine, settings, self._sources, stop.register)

    def collect(self, job: JobContext, *, source: str, full: bool) -> None:
        """One run of a source. Its pieces go through the queue, everything else is done here.

        Raises LockedError while another one is under way, StoppedError when this process is to end.
        """
        self._run(job, source, full=full, marked=False)

    def read_marked(self, job: JobContext, *, source: str) -> None:
        """What was marked of a source. Raises as `collect` does."""
        self._run(job, source, full=False, marked=True)

    def _run(self, job: JobContext, source: str, *, full: bool, marked: bool) -> None:
        if source not in self._settings.configured_sources():
            log.error("worker.not_configured", source=source)
            return

        def prepare(run_id: int, context: Context, total: Stored) -> None:
            context.on_stop = self._stop.register
            context.pace = partial(Pace, self._engine, look_every=1.0)
            if not marked:
                context.hand_out = HandingOut(
                    self._engine,
                    run_id,
                    context,
                    total,
                    silent=self._settings.worker.silent_seconds,
                    stopping=self._stop.told,
                )

        try:
            runner.run(
                self._engine,
                self._sources[source],
                self._settings,
                full=full,
                marked=marked,
                started_at=datetime.now(UTC),
                prepare=prepare,
            )
        except LockedError as error:
            if job.job.attempts < LOCKED_ATTEMPTS:
                raise
            log.warning("collect.locked", source=source, message=str(error))
            return
        except AppError as error:
            log.error("collect.failed", source=source, message=str(error))  # noqa: TRY400 - one sentence, no trace
            return
        with sessions(self._engine).begin() as session:
            queue.enqueue(session, queue.REFRESH, alone="refresh", waiting_once="refresh")

    def work(self, _: JobContext, *, item: int) -> None:
        """One piece of a run."""
        self.helping.work(item)

    def refresh(self, _: JobContext) -> None:
        """The indicators, from what is stored."""
        began = monotonic()
        computing = Sharing(
            self._engine,
            silent=self._settings.worker.silent_seconds,
            stopping=self._stop.told,
        )
        with computing.clearing(), sessions(self._engine).begin() as session:
            report = recompute(session, self._settings, datetime.now(UTC), computing=computing)
            note_seconds(session, monotonic() - began)
            if self._settings.alerts.tells_somebody:
                # With the values: who is killed now leaves it to another worker to tell of them.
                queue.enqueue(session, queue.ALERT, alone="alert", waiting_once="alert")
        log.info(
            "refresh.finished",
            new=report.written.new,
            replaced=report.written.replaced,
            restated=report.written.restated,
        )
        delete_outdated(self._engine, self._settings, datetime.now(UTC))

    def alert(self, _: JobContext) -> None:
        """What has changed since it was told last."""
        self._alert()

    def compute(self, _: JobContext, *, item: int) -> None:
        """One share of a refresh."""
        compute(self._engine, item, silent=self._settings.worker.silent_seconds)

    def collect_all(self, _: JobContext, *, timestamp: int) -> None:
        """Everything that is configured, when the clock says so."""
        del timestamp  # which the queue needs to have it done once
        with sessions(self._engine).begin() as session:
            for source in self._settings.configured_sources():
                if not queue.enqueue_run(session, source, full=False):
                    log.info("collect.waiting_already", source=source)

    def register(self, connector: BaseConnector) -> App:
        """The queue with these jobs."""
        app = App(connector=connector)
        pause = self._settings.worker.silent_seconds / 2
        later = _Retry(pause, always=False)
        tasks = [
            _Task(queue.COLLECT, queue.RUNS, self.collect, later),
            _Task(queue.READ_MARKED, queue.RUNS, self.read_marked, later),
            _Task(queue.WORK, queue.ITEMS, self.work, _Retry(min(pause, 5), always=True)),
            _Task(queue.REFRESH, queue.RUNS, self.refresh, later),
            _Task(queue.ALERT, queue.RUNS, self.alert, later),
            _Task(queue.COMPUTE, queue.SHARES, self.compute, later),
        ]
        if self._settings.worker.collect_every:
            every = _Task(queue.COLLECT_ALL, queue.RUNS, self.collect_all, later)
            tasks.append(replace(every, cron=self._settings.worker.collect_every))
        for task in tasks:
            made: Any = app.task(
                name=task.name,
                queue=task.queue,
                retry=task.retry,
                pass_context=True,
            )(task.run)
            if task.cron:
                app.periodic(cron=task.cron)(made)
        return app
