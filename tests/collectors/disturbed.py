"""What may go wrong with any source that speaks HTTP, switched on at each request of a run in turn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Engine, text

from collectors.runner import RunReport
from demo.gitlab.faults import Fault, Faults, Kind
from tests.collectors.gitlab.course import ALL

HTML = b"<!DOCTYPE html><html><body>Not now</body></html>"


@dataclass(frozen=True, slots=True)
class Trouble:
    """passes: whether asking again is enough, so that the run ends `done`; None: for some requests."""

    name: str
    make: Callable[[int], Fault]
    passes: bool | None


def _answer(status: int, times: int | None, **headers: str) -> Callable[[int], Fault]:
    told = {"X-Fake-Content-Type": "text/html", **headers}
    return lambda skip: Fault(
        Kind.ANSWER, times, skip, status=status, headers=told, body=b"" if status == 401 else HTML
    )


TROUBLES = (
    Trouble("429", _answer(429, 1, **{"Retry-After": "0"}), True),
    Trouble("429 for ever", _answer(429, None, **{"Retry-After": "0"}), False),
    *(Trouble(f"{status}", _answer(status, 1), True) for status in (500, 502, 503, 504)),
    Trouble("500 for ever", _answer(500, None), False),
    Trouble("503 for ever", _answer(503, None), False),
    Trouble("a reset", lambda skip: Fault(Kind.DROP, 1, skip), True),
    Trouble("resets for ever", lambda skip: Fault(Kind.DROP, None, skip), False),
    Trouble("a page instead of JSON", _answer(200, 1), None),
    Trouble("401 once", _answer(401, 1), None),
    Trouble("401 for ever", _answer(401, None), False),
    Trouble("403 once", _answer(403, 1), None),
    Trouble("404 once", _answer(404, 1), None),
)


def kept(engine: Engine, tables: Sequence[str]) -> Callable[[], None]:
    """Keeps what is stored, and gives the function that puts it back. tables: parents first."""
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA ground"))
        for name in tables:
            connection.execute(text(f"CREATE TABLE ground.{name} AS TABLE public.{name}"))

    def restore() -> None:
        with engine.begin() as connection:
            for name in reversed(tables):
                connection.execute(text(f"DELETE FROM {name}"))
            for name in tables:
                connection.execute(text(f"INSERT INTO {name} SELECT * FROM ground.{name}"))

    return restore


class _Fake(Protocol):
    faults: Faults
    requests: list[Any]


def wrong_at_each_request(
    fake: _Fake,
    put_back: Callable[[], None],
    collect: Callable[[], RunReport],
    contents: Callable[[], Any],
) -> list[str]:
    """Makes the same run again and again with another fault, and one after it; says what went wrong.

    put_back: what was stored before the run; see `kept`. In `make test` each fault is met by one request.
    """

    def restore() -> None:
        fake.faults.clear()
        put_back()

    restore()
    assert collect().outcome == "done"
    whole, last = contents(), len(fake.requests) - 1
    found = []
    for number, trouble in enumerate(TROUBLES):
        for place in range(last + 1) if ALL else [number % (last + 1)]:
            restore()
            fake.faults.add(trouble.make(place))
            report = collect()
            wrong = []
            if trouble.passes is not None and (report.outcome == "done") is not trouble.passes:
                wrong.append(f"it ends {report.outcome}: {[str(each) for each in report.failures]}")
            if report.outcome == "done" and contents() != whole:
                wrong.append("done, but something is not there")
            if report.outcome != "done" and not (report.failures or report.quarantined):
                wrong.append("not done, and says nothing")
            fake.faults.clear()
            again = collect()
            if again.outcome != "done" or contents() != whole:
                wrong.append(f"the next run does not mend it: {again}")
            if wrong:
                found.append(f"{trouble.name} at request {place}: {'; '.join(wrong)}")
    return found
