"""How long the collector waits, and when it gives up."""

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.errors import AppError
from collectors.retry import Patience, RetryPolicy, StoppedError, Transient, asked_wait

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        (
            {"retry-after": format_datetime(datetime.fromtimestamp(NOW + 90, UTC), usegmt=True)},
            90.0,
        ),
        ({"retry-after": "soon"}, None),
        ({"ratelimit-reset": str(int(NOW) + 12)}, 12.0),
        ({"ratelimit-reset": str(int(NOW) - 12)}, 0.0),
        ({"ratelimit-reset": "soon"}, None),
        ({"retry-after": "5", "ratelimit-reset": str(int(NOW) + 60)}, 5.0),
        ({}, None),
    ],
)
def test_what_an_answer_asks_to_wait(headers: dict[str, str], expected: float | None) -> None:
    assert asked_wait(headers, NOW, limited=True) == expected


def test_the_end_of_the_period_mends_a_limited_rate_only() -> None:
    """GitLab sends RateLimit-Reset with every answer, a stumbling server's too."""
    reset = {"ratelimit-reset": str(int(NOW) + 50)}

    assert asked_wait(reset, NOW, limited=False) is None
    assert asked_wait({**reset, "retry-after": "7"}, NOW, limited=False) == 7.0


@pytest.mark.parametrize("ahead", [-3600, 3600])
def test_instants_are_measured_by_the_clock_that_wrote_them(ahead: int) -> None:
    def date(seconds: float) -> str:
        return format_datetime(datetime.fromtimestamp(NOW + ahead + seconds, UTC), usegmt=True)

    headers = {"date": date(0)}

    assert asked_wait({**headers, "retry-after": date(40)}, NOW, limited=True) == 40.0
    reset = {**headers, "ratelimit-reset": str(int(NOW) + ahead + 20)}
    assert asked_wait(reset, NOW, limited=True) == 20.0


def test_the_backoff_doubles_up_to_its_cap_and_is_spread() -> None:
    policy = RetryPolicy(base=1.0, cap=8.0)

    waits = [[policy.backoff(attempt) for _ in range(50)] for attempt in (1, 2, 3, 4, 5, 9)]

    for attempt_waits, least in zip(waits, (1, 2, 4, 8, 8, 8), strict=True):
        assert all(least <= wait <= least * 1.5 for wait in attempt_waits)
        assert len(set(attempt_waits)) > 1


FINAL = AppError("It never came.")


class Calls:
    """Fails so many times, then answers."""

    def __init__(self, failures: int, **how: object) -> None:
        self.failures = failures
        self.how = how
        self.made = 0

    def __call__(self) -> str:
        self.made += 1
        if self.made <= self.failures:
            raise Transient(FINAL, **self.how)  # type: ignore[arg-type]
        return "answer"


def patience(waits: list[float] | None = None, **policy: float) -> Patience:
    return Patience(
        RetryPolicy(**{"base": 0.001, "cap": 0.002, **policy}),  # type: ignore[arg-type]
        (waits if waits is not None else []).append,
    )


def test_transient_failures_are_called_again_and_counted() -> None:
    waits: list[float] = []
    calls = Calls(3)

    assert patience(waits).call(calls) == "answer"
    assert calls.made == 4
    assert len(waits) == 3
    assert all(0.001 <= wait <= 0.003 for wait in waits)


def test_patience_ends_with_the_sentence() -> None:
    calls = Calls(100)
    asking = patience(attempts=6, first_attempts=3)

    with pytest.raises(AppError) as error:
        asking.call(calls)

    assert error.value is FINAL
    assert calls.made == 3  # nothing was ever answered: a wrong address is told soon


def test_once_something_was_answered_patience_is_longer() -> None:
    asking = patience(attempts=6, first_attempts=3)
    asking.call(Calls(0))
    calls = Calls(100)

    with pytest.raises(AppError):
        asking.call(calls)

    assert calls.made == 6


def test_where_less_can_be_asked_for_patience_is_shorter() -> None:
    asking = patience(attempts=6)
    asking.call(Calls(0))
    calls, lighter = Calls(100), Calls(100, lighter=True)

    for made in (calls, lighter):
        with pytest.raises(AppError):
            asking.call(made, attempts=2)

    assert (calls.made, lighter.made) == (6, 2)  # a server that is not there is waited for


def test_a_wait_that_proves_too_short_becomes_longer() -> None:
    waits: list[float] = []

    patience(waits, base=0.001, cap=0.016).call(Calls(6, limited=True, wait=0.0))

    assert waits[-1] >= 0.016


def test_a_limited_rate_has_a_patience_of_its_own() -> None:
    calls = Calls(10, limited=True, wait=0.0)

    assert patience(first_attempts=2, limited_attempts=30).call(calls, attempts=1) == "answer"
    assert calls.made == 11


def test_what_is_not_transient_travels_on_at_once() -> None:
    made = []

    def once() -> str:
        made.append(1)
        raise AppError("No.")

    with pytest.raises(AppError, match="No"):
        patience().call(once)
    assert made == [1]


def test_all_threads_keep_quiet_while_gitlab_asks_for_it() -> None:
    waits: list[float] = []
    asking = patience(waits, longest=0.2)
    first_failed = threading.Event()
    begun: list[float] = []

    def limited() -> str:
        if not first_failed.is_set():
            first_failed.set()
            raise Transient(FINAL, wait=60.0, limited=True)
        return "answer"

    def other() -> str:
        begun.append(time.monotonic())
        return "answer"

    start = time.monotonic()
    thread = threading.Thread(target=asking.call, args=(limited,))
    thread.start()
    first_failed.wait()
    while not waits:
        time.sleep(0.001)
    asking.call(other)
    thread.join()

    assert 0.2 <= waits[0] <= 0.4  # the longest wait, not the minute that was asked for
    assert begun[0] - start >= 0.19


def test_holding_delays_the_next_request_up_to_the_longest_wait() -> None:
    held = patience(longest=0.2)
    held.hold(3600)
    began = time.monotonic()
    assert held.call(Calls(0)) == "answer"
    assert 0.2 <= time.monotonic() - began < 5


def test_stopping_ends_a_wait() -> None:
    asking = patience(base=60.0, cap=60.0)
    failed = threading.Event()
    ended: list[BaseException] = []

    def once() -> str:
        failed.set()
        raise Transient(FINAL)

    def run() -> None:
        try:
            asking.call(once)
        except StoppedError as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    failed.wait()
    asking.stop()
    thread.join(timeout=5)

    assert not thread.is_alive()
    assert len(ended) == 1
    with pytest.raises(StoppedError):
        asking.call(Calls(0))


def test_a_date_without_a_zone_is_meant_in_gmt() -> None:
    at = datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=20)
    headers = {"retry-after": format_datetime(at.replace(tzinfo=None))}

    assert asked_wait(headers, NOW, limited=True) == 20.0
