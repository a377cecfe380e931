"""The jobs as the queue knows them: what the clock puts in, who gives way, and who is told to end."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from procrastinate import JobContext, SyncPsycopgConnector
from procrastinate.jobs import Job
from sqlalchemy import Engine

from app.errors import LockedError
from app.settings import Settings
from app.store.engine import advisory_lock
from collectors.queued.stop import Stop
from collectors.queued.tasks import LOCKED_ATTEMPTS, Tasks
from collectors.record import Batch
from collectors.retry import StoppedError
from collectors.source import Context, Source
from tests.collectors.made import rows


def fetch(context: Context) -> Iterator[Batch]:
    yield Batch()


def nobody() -> None:
    """Is told."""


def tasks(
    engine: Engine,
    alerts: dict[str, Any] | None = None,
    alert: Callable[[], None] = nobody,
    **worker: Any,
) -> Tasks:
    settings = Settings.model_validate(
        {"gitlab": {"groups": ["acme"]}, "alerts": alerts or {}, "worker": worker}
    )
    gitlab = Source(name="gitlab", title="GitLab", fetch=fetch, marked=fetch)
    return Tasks(engine, settings, [gitlab], Stop(), alert)


def job(attempts: int = 0) -> Job:
    return Job(
        id=1,
        lock=None,
        queueing_lock=None,
        task_name="collect",
        queue="runs",
        task_kwargs={},
        attempts=attempts,
    )


def context(made: Tasks, attempts: int = 0) -> JobContext:
    return JobContext(
        start_timestamp=0.0,
        app=made.register(SyncPsycopgConnector()),
        job=job(attempts),
        abort_reason=lambda: None,
    )


def waiting(engine: Engine) -> list[tuple[Any, ...]]:
    return rows(engine, "SELECT task_name, args FROM queue.procrastinate_jobs ORDER BY id")


def test_a_run_is_followed_by_one_refresh(engine: Engine) -> None:
    made = tasks(engine)
    made.collect(context(made), source="gitlab", full=True)
    made.read_marked(context(made), source="gitlab")
    assert rows(engine, "SELECT kind, outcome FROM runs ORDER BY id") == [
        ("full", "done"),
        ("marked", "done"),
    ]
    assert waiting(engine) == [("refresh", {})]
    made.refresh(context(made))
    assert rows(engine, "SELECT count(*) FROM refresh_state") == [(1,)]


def test_a_refresh_is_followed_by_one_look_at_what_is_to_be_told(engine: Engine) -> None:
    told: list[str] = []
    hook = {"webhook_url": "https://chat.example.com/T1"}
    made = tasks(engine, hook, lambda: told.append("once"))
    for _ in range(2):  # nobody has told yet of the one before
        made.refresh(context(made))
    assert waiting(engine) == [("alert", {})]
    made.alert(context(made))
    assert told == ["once"]


def test_where_nobody_is_to_be_told_nobody_looks(engine: Engine) -> None:
    made = tasks(engine)
    made.refresh(context(made))
    assert waiting(engine) == []


def test_a_source_that_this_machine_does_not_know_is_left_alone(engine: Engine) -> None:
    made = tasks(engine)
    made.collect(context(made), source="bamboohr", full=False)
    assert rows(engine, "SELECT count(*) FROM runs") == [(0,)]


def test_a_run_gives_way_to_another_one_and_tries_again_for_a_while(engine: Engine) -> None:
    made = tasks(engine, silent_seconds=30)
    task = made.register(SyncPsycopgConnector()).tasks["collect"]
    with advisory_lock(engine, "collect:gitlab", "the source gitlab"):
        with pytest.raises(LockedError) as caught:
            made.collect(context(made), source="gitlab", full=False)
        again = task.get_retry_exception(caught.value, job())
        assert again is not None
        at = again.retry_decision.retry_at
        assert at is not None
        assert timedelta(seconds=10) < at - datetime.now(UTC) < timedelta(seconds=16)
        made.collect(context(made, LOCKED_ATTEMPTS), source="gitlab", full=False)  # gives up
    assert rows(engine, "SELECT count(*) FROM runs") == [(0,)]
    assert task.get_retry_exception(ValueError("a mistake"), job()) is None
    at_once = task.get_retry_exception(StoppedError(), job())
    assert at_once is not None


def test_the_clock_puts_in_what_is_configured(engine: Engine) -> None:
    made = tasks(engine, collect_every="*/5 * * * *")
    app = made.register(SyncPsycopgConnector())
    [(name, _)] = app.periodic_registry.periodic_tasks
    assert name == "collect_all"
    made.collect_all(context(made), timestamp=0)
    made.collect_all(context(made), timestamp=300)  # the one before has not begun yet
    assert waiting(engine) == [("collect", {"source": "gitlab", "full": False})]
    assert not tasks(engine).register(SyncPsycopgConnector()).periodic_registry.periodic_tasks


class Ended:
    """Something under way that can be told to give up."""

    def __init__(self) -> None:
        self.told = 0

    def stop(self) -> None:
        self.told += 1


def test_everything_under_way_is_told_and_what_comes_later_at_once() -> None:
    stop, early, late, gone = Stop(), Ended(), Ended(), Ended()
    stop.register(early.stop)
    stop.register(gone.stop)
    del gone
    stop.tell()
    stop.register(late.stop)
    assert (early.told, late.told, stop.told.is_set()) == (1, 1, True)
