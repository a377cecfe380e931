"""Which merge requests a refresh looks at: those of whose facts the ground has changed; no mark is lost."""

import re

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from app.metrics.derive_facts import claim
from app.metrics.raw_work import RAW
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.tables import MergeRequest

from .conftest import Store

FIRST, SECOND = 1_000, 1_001


def make(session: Session) -> Store:
    """Two merge requests that a refresh has seen."""
    store = Store(session)
    for account, name in ((1, "ann"), (2, "ben")):
        store.account(account, name)
    for project, path in ((1, "acme/app"), (2, "acme/lib")):
        store.project(project, path)
    for _ in (FIRST, SECOND):
        store.merge_request(1, "2024-01-01 12:00")
    assert claimed(session) == [FIRST, SECOND]
    return store


def claimed(session: Session) -> list[int]:
    found: list[int] = claim(session).merge_requests.tolist()
    return found


def write(connection: Connection | Session, statement: str) -> None:
    connection.execute(text(statement.format(first=FIRST, second=SECOND)))


CHANGES = {
    "project_id": "2",
    "iid": "7",
    "author_id": "2",
    "title": "'Other'",
    "web_url": "'https://git.test/other'",
    "state": "'locked'",
    "draft": "true",
    "labels": "'{{bug}}'",
    "merge_user_id": "2",
    "changed_paths_read": "true",
    "notes_count": "7",
    "reviewer_rows_read": "NOT reviewer_rows_read",
    "dirty": "false",
}
"""Another value of each column that is no instant."""


def test_what_facts_are_derived_from_is_noted_when_it_changes(session: Session) -> None:
    """A column that the reader begins to read has to be among those that are noted."""
    make(session)
    read = {"labels", *re.findall(r"\w+", " ".join(query for query, _ in RAW.values()))}
    noted = {}
    for column in (each.name for each in MergeRequest.__table__.columns if each.name != "id"):
        value = CHANGES.get(column, "timestamptz '2024-02-01'")
        write(session, f"UPDATE merge_requests SET {column} = {value} WHERE id = {{first}}")
        noted[column] = claimed(session)
    assert {name: found == [FIRST] for name, found in noted.items()} == {
        name: name in read for name in noted
    }
    write(session, "UPDATE merge_requests SET project_id = 2, draft = true WHERE id = {first}")
    assert claimed(session) == []


PARTS = {
    "notes": (
        "(id, merge_request_id, kind, created_at) VALUES (1, {first}, 'comment', now())",
        "id = 1",
    ),
    "reviewers": ("(merge_request_id, account_id) VALUES ({first}, 2)", "account_id = 2"),
    "changed_paths": ("(merge_request_id, path) VALUES ({first}, 'a.md')", "path = 'a.md'"),
}


@pytest.mark.parametrize("table", PARTS)
def test_what_happens_on_a_merge_request_is_noted(session: Session, table: str) -> None:
    make(session)
    row, condition = PARTS[table]
    write(session, f"INSERT INTO {table} {row}")
    assert claimed(session) == [FIRST]
    write(session, f"UPDATE {table} SET merge_request_id = {{second}} WHERE {condition}")
    assert claimed(session) == [FIRST, SECOND]
    write(session, f"DELETE FROM {table} WHERE {condition}")
    assert claimed(session) == [SECOND]


@pytest.fixture
def committed(engine: Engine) -> Engine:
    with Session(engine) as session:
        make(session)
        session.commit()
    return engine


MERGE = "UPDATE merge_requests SET state = 'merged', merged_at = '2024-01-03' WHERE id = {first}"
LABEL = "UPDATE merge_requests SET labels = '{{bug}}' WHERE id = {first}"
NOTE = f"INSERT INTO notes {PARTS['notes'][0]}"


def test_what_ends_after_a_refresh_looked_is_left_to_the_next(
    committed: Engine, settings: Settings
) -> None:
    """A collector that began before the refresh and one that writes while it runs; none waits."""
    with Session(committed) as session:
        now = Store(session).collected("2024-01-05 12:00")
        session.commit()
    with (
        committed.connect() as before,
        committed.connect() as during,
        Session(committed) as refreshing,
    ):
        for connection in (before, during, refreshing):
            connection.execute(text("SET lock_timeout = '1s'"))
        write(refreshing, NOTE)
        refreshing.commit()
        write(before, LABEL)
        refresh(refreshing, settings, now)
        write(during, LABEL.replace("first", "second"))
        before.commit()
        refreshing.commit()
        during.commit()
        assert claimed(refreshing) == [FIRST, SECOND]
        refreshing.rollback()  # a refresh that fails leaves the marks
        assert claimed(refreshing) == [FIRST, SECOND]


def test_a_change_while_a_refresh_runs_is_seen_by_the_next(
    committed: Engine, settings: Settings
) -> None:
    with Session(committed) as first, committed.connect() as collector:
        store = Store(first)
        now = store.collected("2024-01-05 12:00")
        first.commit()
        write(collector, MERGE)
        refresh(first, settings, now)
        first.commit()
        collector.commit()
        ended = text(
            f"SELECT ended_at IS NOT NULL FROM merge_request_facts WHERE merge_request_id = {FIRST}"
        )
        assert first.scalar(ended) in (None, False)
        report = refresh(first, settings, now)
        first.commit()
        assert report.facts_changed == 1
        assert first.scalar(ended) is True
