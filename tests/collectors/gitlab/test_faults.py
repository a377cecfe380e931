"""Each fault at every request of a small collection in turn: nothing is lost, and nothing in silence.

A few requests of each in `make test`, all of them in `make test-faults`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx
import pytest

from collectors.gitlab import client
from demo.gitlab import GitLabFake
from tests.collectors.gitlab.course import (
    ALL,
    TOKEN,
    Course,
    courses,
    places,
    wrong_after,
    wrong_with,
)
from tests.databases import engines

HTML = "<!DOCTYPE html><html><body>GitLab is not responding</body></html>"
ODD = {"data": {"group": None, "project": None}, "errors": [{"message": "Internal server error"}]}


@dataclass(frozen=True, slots=True)
class Trouble:
    """strike: switches it on, so many requests being let through before. passes: patience or smaller
    pages are enough for it, so that the run ends `done`; None: for some requests."""

    name: str
    strike: Callable[[GitLabFake, int], Any]
    passes: bool | None


def answers(status: int, times: int | None = 1, **how: Any) -> Callable[[GitLabFake, int], Any]:
    return lambda fake, skip: fake.fail_next(status, times=times, skip=skip, **how)


def said(*messages: str) -> dict[str, Any]:
    return {"errors": [{"message": message} for message in messages]}


def refused(fake: GitLabFake, skip: int) -> None:
    """From then on GitLab allows less."""
    left = skip

    def count(_: Any) -> bool:
        nonlocal left
        left -= 1
        if left < 0:
            fake.max_complexity = 120
        return False

    fake.fail_next(times=None, match=count)


TROUBLES = (
    Trouble("429 with Retry-After", answers(429, headers={"Retry-After": "0"}), True),
    Trouble("429 with RateLimit-Reset", answers(429, headers={"RateLimit-Reset": "1"}), True),
    Trouble("a burst of bare 429", answers(429, 3), True),
    Trouble("429 for ever", answers(429, None), False),
    Trouble("plain text", answers(200, body="upstream connect error"), True),
    Trouble("plain text for ever", answers(200, None, body="upstream connect error"), False),
    Trouble("a page instead of JSON", answers(200, body=HTML), True),
    Trouble("an empty body", answers(200, body=b"\n"), True),
    Trouble("null", answers(200, body="null"), True),
    *(Trouble(f"{status} once", answers(status, body=HTML), True) for status in range(500, 505)),
    *(
        Trouble(f"{status} for ever", answers(status, None, body=HTML), False)
        for status in range(500, 505)
    ),
    Trouble("a reset in the middle", lambda fake, skip: fake.drop_next(skip=skip), True),
    Trouble("resets for ever", lambda fake, skip: fake.drop_next(times=None, skip=skip), False),
    Trouble("a truncated body", lambda fake, skip: fake.truncate_next(skip=skip), True),
    Trouble(
        "truncated bodies for ever",
        lambda fake, skip: fake.truncate_next(times=None, skip=skip),
        False,
    ),
    Trouble("errors beside data", answers(200, body=ODD, only="graphql"), True),
    Trouble("errors beside data for ever", answers(200, None, body=ODD, only="graphql"), None),
    Trouble(
        "a refused complexity",
        answers(
            200,
            body=said("Query has complexity of 255, which exceeds max complexity of 250"),
            only="graphql",
        ),
        None,
    ),
    Trouble("less complexity from then on", refused, None),
    Trouble("a timeout of a query", lambda fake, skip: fake.time_out_next(skip=skip), None),
    Trouble(
        "timeouts of queries for ever",
        lambda fake, skip: fake.time_out_next(skip=skip, times=None),
        None,
    ),
    Trouble("the token expires", lambda fake, skip: fake.expire_token_after(skip, TOKEN), False),
    Trouble("403 once", answers(403, body={"message": "403 Forbidden"}), None),
    Trouble("404 once", answers(404, body={"message": "404 Not found"}), None),
)


SHORT = tuple(each for each in TROUBLES if each.passes)
"""What patience alone gets over."""


@pytest.fixture(scope="module")
def pair(server_url: str, template: str) -> Iterator[tuple[Course, Course]]:
    with engines(server_url, "test", template) as make, courses(make) as made:
        yield made


@pytest.mark.parametrize(
    "trouble", TROUBLES, ids=[each.name.replace(" ", "-") for each in TROUBLES]
)
def test_a_fault_at_each_request(pair: tuple[Course, Course], trouble: Trouble) -> None:
    """In `make test` each at the first, a middle or the last request of one of the two runs."""
    number = TROUBLES.index(trouble)
    few = [(0.0, 0.5, 1.0)[number % 3]]
    found = []
    for course in pair if ALL else [pair[number % 2]]:
        for place in places(course, few):
            course.restore()
            trouble.strike(course.fake, place)
            report = course.collect()
            wrong = wrong_with(course, report)
            if trouble.passes is not None and (report.outcome == "done") is not trouble.passes:
                wrong.append(f"it ends {report.outcome}: {[str(each) for each in report.failures]}")
            course.mend()
            if report.outcome != "done" or report.remarks != course.remarks:
                wrong += wrong_after(course)
            if wrong:
                operation = course.requests[place].operation
                found.append(f"at request {place} ({operation}): " + "; ".join(wrong[:4]))
    assert not found, "\n".join(found)


def test_a_token_that_expires_is_named_and_what_was_read_is_kept(
    pair: tuple[Course, Course],
) -> None:
    course = pair[0]
    course.restore()
    course.fake.expire_token_after(len(course.requests) - 2, TOKEN)

    report = course.collect()

    assert report.outcome == "failed"
    assert "does not accept the token of gitlab.token" in str(report.failures[-1])
    assert len(course.contents()["merge_requests"]) > len(course.whole["merge_requests"]) // 2
    assert len(course.fake.requests) == len(course.requests) - 1


def test_answers_that_do_not_come_in_time(
    pair: tuple[Course, Course], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "TIMEOUT", httpx.Timeout(10.0, read=1.0))
    course = pair[1]
    for place in places(course, [0.4]):
        course.restore()
        course.fake.delay_next(1.5, skip=place)

        report = course.collect()

        assert (report.outcome, wrong_with(course, report)) == ("done", []), place
        assert report.retries >= 1


def test_many_threads_meet_many_faults(pair: tuple[Course, Course]) -> None:
    """As it is in life: eight requests in flight, and now one of them is lost, now another."""
    course = pair[0]
    for number in range(20 if ALL else 1):
        course.restore()
        dice = Random(number)
        for place in range(len(course.requests)):
            if dice.random() < 0.4:
                dice.choice(SHORT).strike(course.fake, place)

        report = course.collect(concurrency=8)

        wrong = wrong_with(course, report)
        if report.outcome != "done":  # so many in a row that it gave up
            wrong += wrong_after(course)
        assert wrong == [], number
