"""What tells two states of the database apart: every change does, and nothing else."""

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from app.store.changes import state_of
from app.store.engine import copy_rows
from app.store.tables import Base

SILENT = {
    "changes",
    "changed_merge_requests",
    "work_items",
    "refresh_items",
    "rate_limits",
    "marks",
    "forgotten_key",
    "forgotten_traces",
    "sessions",
    "api_tokens",
    "audit_events",
    "alert_states",
}
"""Tables that no answer is drawn from that is kept; they change all the time while somebody collects,
or looks."""

NEW_TEAM = text("INSERT INTO teams (slug, name, parent) VALUES (:slug, :slug, 'organisation')")


@pytest.fixture
def other(engine: Engine) -> Iterator[Connection]:
    """A connection that writes beside the one that looks."""
    with engine.connect() as connection:
        yield connection


def state(engine: Engine) -> str:
    with engine.connect() as connection:
        return state_of(connection)


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM changes")) or 0)


def test_every_table_that_answers_are_drawn_from_tells_of_its_changes(engine: Engine) -> None:
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT tgrelid::regclass::text, tgtype FROM pg_trigger WHERE tgname = 'note_change'"
            )
        )
        # After each statement that inserts, deletes, updates or truncates.
        assert dict(found.all()) == dict.fromkeys(
            set(Base.metadata.tables) - SILENT, 4 + 8 + 16 + 32
        )


def test_what_is_written_shows_when_it_is_committed(engine: Engine, other: Connection) -> None:
    before = state(engine)
    other.execute(NEW_TEAM, {"slug": "one"})
    assert state(engine) == before
    other.commit()
    after = state(engine)
    assert after not in (before, "")
    for statement in (
        "UPDATE teams SET name = 'Other' WHERE slug = 'one'",
        "DELETE FROM teams WHERE slug = 'one'",
        "TRUNCATE notes",
    ):
        other.execute(text(statement))
        other.commit()
        after, before = state(engine), after
        assert after != before, statement
    with Session(other) as session:
        columns = ("id", "path", "name", "web_url", "archived")
        copy_rows(session, "projects", columns, [(1, "a", "a", "a", False)])
        session.commit()
    assert state(engine) != after


def test_what_is_rolled_back_or_only_read_leaves_no_trace(
    engine: Engine, other: Connection
) -> None:
    before = state(engine)
    other.execute(NEW_TEAM, {"slug": "one"})
    other.rollback()
    other.execute(text("SELECT * FROM teams"))
    other.execute(text("INSERT INTO marks VALUES ('gitlab', 1, 1, now())"))
    other.commit()
    with other.begin(), other.begin_nested() as part:
        other.execute(NEW_TEAM, {"slug": "one"})
        part.rollback()
    assert state(engine) == before


def test_transactions_that_overlap_show_one_by_one_and_do_not_wait(engine: Engine) -> None:
    with engine.connect() as first, engine.connect() as second, engine.connect() as third:
        seen = [state(engine)]
        for connection, slug in ((first, "one"), (second, "two"), (third, "three")):
            connection.execute(NEW_TEAM, {"slug": slug})
        # The one that began last ends first, the one in the middle last.
        for connection in (third, first, second):
            connection.commit()
            seen.append(state(engine))
    assert len(set(seen)) == 4


def test_rows_do_not_pile_up(engine: Engine, other: Connection) -> None:
    seen = set()
    for number in range(20):
        other.execute(NEW_TEAM, {"slug": f"team-{number}"})
        other.commit()
        seen.add(state(engine))
    assert len(seen) == 20
    # The tests' other databases are on the same server: while a transaction of theirs is under way,
    # nothing is removed. It ends some time.
    deadline = time.monotonic() + 120
    while rows(engine) >= 20 and time.monotonic() < deadline:
        time.sleep(0.1)
        number += 1
        other.execute(NEW_TEAM, {"slug": f"team-{number}"})
        other.commit()
    assert rows(engine) < 20


def test_a_stricter_transaction_is_no_obstacle(engine: Engine, other: Connection) -> None:
    """Rows that another one removed meanwhile would be an error for it."""
    strict = engine.execution_options(isolation_level="SERIALIZABLE")
    with strict.begin() as connection:
        connection.execute(text("SELECT count(*) FROM teams"))
        other.execute(NEW_TEAM, {"slug": "one"})
        other.commit()
        before = state(engine)
        connection.execute(text("INSERT INTO projects VALUES (1, 'a', 'a', 'a', false)"))
    assert state(engine) != before
