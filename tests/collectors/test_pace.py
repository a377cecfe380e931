"""The rate limit of a token in one row: who may begin, and when, whichever process asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from sqlalchemy import Engine, event, text

from collectors.pace import Pace, fingerprint

URL = "https://gitlab.example.com"
TOKEN = "glpat-SECRET-of-this-test"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
"""The source's present, which is not ours."""


def told(remaining: int, *, of: int = 10, left: int = 30) -> dict[str, str]:
    """What the headers of an answer tell of a window that ends so many seconds later."""
    return {
        "date": format_datetime(NOW, usegmt=True),
        "ratelimit-limit": str(of),
        "ratelimit-observed": str(of - remaining),
        "ratelimit-remaining": str(remaining),
        "ratelimit-reset": str(int(NOW.timestamp()) + left),
    }


@contextmanager
def queries(engine: Engine) -> Iterator[list[str]]:
    """The statements that are executed meanwhile."""
    seen: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def window_ends(engine: Engine) -> None:
    """Time passes to the end of the window."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE rate_limits SET resets_at = now()"))


def test_far_from_a_limit_nothing_is_looked_up(engine: Engine) -> None:
    pace = Pace(engine, URL, TOKEN)
    assert pace.before() == 0.0
    with queries(engine) as seen:
        for remaining in range(1999, 1899, -1):
            pace.noted(200, told(remaining, of=2000))
            assert pace.before() == 0.0
        for _ in range(20):
            pace.noted(200, {})  # a GitLab without limits
            assert pace.before() == 0.0
    assert seen == []


def test_two_processes_share_what_is_left(engine: Engine) -> None:
    one, other = Pace(engine, URL, TOKEN), Pace(engine, URL, TOKEN)
    one.noted(200, told(3))

    assert [one.before(), other.before(), one.before()] == [0.0, 0.0, 0.0]
    assert one.before() > 0
    assert other.before() > 0
    assert Pace(engine, URL, "another").before() == 0.0
    assert Pace(engine, "https://elsewhere.example.com", TOKEN).before() == 0.0


def test_an_answer_of_others_takes_away_and_none_gives_back(engine: Engine) -> None:
    pace = Pace(engine, URL, TOKEN)
    pace.noted(200, told(6))
    assert pace.before() == 0.0
    pace.noted(200, told(9))  # it was under way for long
    pace.noted(200, told(2))  # somebody else uses the token, too
    assert [pace.before(), pace.before()] == [0.0, 0.0]
    assert pace.before() > 0


def test_a_window_that_ended_begins_anew_with_a_little_less(engine: Engine) -> None:
    pace = Pace(engine, URL, TOKEN)
    pace.noted(200, told(0, of=40))
    assert pace.before() > 0
    window_ends(engine)
    begun = 0
    while pace.before() == 0.0:
        begun += 1
    assert begun == 38

    # An answer that comes late from the window before changes nothing, one of this window does.
    pace.noted(200, told(7, of=40))
    assert pace.before() > 0
    other = Pace(engine, URL, TOKEN)
    other.noted(200, told(35, of=40, left=60))
    assert other.before() > 0
    window_ends(engine)
    assert other.before() == 0.0
    other.noted(200, told(3, of=40, left=90))
    assert [other.before() for _ in range(3)] == [0.0, 0.0, 0.0]
    assert other.before() > 0


def test_a_refusal_without_a_word_on_the_limit_holds_for_all(engine: Engine) -> None:
    one = Pace(engine, URL, TOKEN)
    other = Pace(engine, URL, TOKEN, look_every=0.0)
    assert other.before() == 0.0
    one.noted(429, {"retry-after": "20"})
    assert one.before() > 0
    assert other.before() > 0
    with engine.begin() as connection:
        connection.execute(text("UPDATE rate_limits SET quiet_until = now()"))
    assert [one.before(), other.before()] == [0.0, 0.0]


def test_the_row_tells_neither_address_nor_token(engine: Engine) -> None:
    Pace(engine, URL, TOKEN).noted(200, told(3))
    with engine.connect() as connection:
        [row] = connection.execute(text("SELECT * FROM rate_limits")).all()
    assert row.fingerprint == fingerprint(URL, TOKEN)
    assert TOKEN not in repr(row)
    assert "gitlab" not in repr(row)
