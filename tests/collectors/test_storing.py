"""Batches in real Postgres: what is written, what is left alone, and what is marked as changed."""

from dataclasses import asdict
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.metrics.derive_facts import claim
from app.store.tables import Reviewer
from collectors.files.records import MembershipRecord, PersonRecord, TeamRecord
from collectors.gitlab.records import (
    GoneRecord,
    ReviewerRecord,
)
from collectors.record import Batch, Complete, Record
from tests.collectors.made import (
    LATER,
    NOW,
    account,
    collect,
    first_batch,
    merge_request,
    note,
    project,
    reviewer,
    rows,
    whole,
)


def clean(engine: Engine) -> None:
    """What a refresh does: takes the marks of change off."""
    with Session(engine) as session, session.begin():
        claim(session)


def dirty(engine: Engine) -> dict[str, list[int]]:
    """What the next refresh would look at."""
    with Session(engine) as session:
        claimed = claim(session)
        session.rollback()
    return {name: found.tolist() for name, found in asdict(claimed).items()}


def test_the_same_again_touches_no_row(engine: Engine) -> None:
    tables = ("accounts", "projects", "merge_requests", "notes", "reviewers", "positions")
    collect(engine, first_batch())
    before = [rows(engine, f"SELECT xmin::text, xmax::text, ctid::text FROM {t}") for t in tables]

    report = collect(engine, first_batch(), now=LATER)

    assert (report.rows_new, report.rows_changed, report.rows_deleted) == (0, 0, 0)
    after = [rows(engine, f"SELECT xmin::text, xmax::text, ctid::text FROM {t}") for t in tables]
    assert after == before


def test_only_what_differs_becomes_dirty(engine: Engine) -> None:
    collect(engine, first_batch())
    everything = dirty(engine)
    clean(engine)
    collect(engine, first_batch())
    unchanged = dirty(engine)

    batch = Batch(
        records=[
            merge_request(101, labels=("other",)),
            merge_request(102, state="merged", merged_at=NOW),
        ]
    )
    report = collect(engine, batch)

    assert everything == {"accounts": [1, 2], "projects": [7], "merge_requests": [101, 102]}
    assert unchanged == {"accounts": [], "projects": [], "merge_requests": []}
    assert report.rows_changed == 1
    assert dirty(engine) == {"accounts": [], "projects": [], "merge_requests": [101]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (account(1, "ada", name="Ada L."), {"accounts": []}),
        (account(1, "lovelace"), {"accounts": [1]}),
        (account(1, "ada", bot=True), {"accounts": [1]}),
        (project(path="acme/gear"), {"projects": [7]}),
        (project(archived=True), {"projects": [7]}),
        (merge_request(101, notes_count=5), {"merge_requests": []}),
        (merge_request(101, title="Another"), {"merge_requests": []}),
        (merge_request(101, labels=("bug",)), {"merge_requests": [101]}),
    ],
)
def test_the_mark_of_change_is_for_changes_that_decide_something(
    engine: Engine, change: Record, expected: dict[str, list[int]]
) -> None:
    collect(engine, first_batch())
    clean(engine)

    report = collect(engine, Batch(records=[change]))

    assert report.rows_changed == 1
    assert dirty(engine) == {
        "accounts": [],
        "projects": [],
        "merge_requests": [],
        **expected,
    }


def test_notes_and_reviewers_stir_their_merge_request(engine: Engine) -> None:
    collect(engine, first_batch())

    clean(engine)
    collect(engine, Batch(records=[note(1001, 101, "approved")]))
    changed = dirty(engine)["merge_requests"]
    clean(engine)
    collect(engine, Batch(records=[reviewer(102, 2)]))
    made = dirty(engine)["merge_requests"]
    clean(engine)
    report = collect(engine, Batch(complete=whole([101])))
    deleted = dirty(engine)["merge_requests"]

    assert (changed, made, deleted) == ([101], [102], [101])
    assert report.rows_deleted == 2
    assert rows(engine, "SELECT merge_request_id FROM reviewers") == [(102,)]


def test_the_last_of_several_records_for_one_row_holds(engine: Engine) -> None:
    report = collect(engine, Batch(records=[account(1, "ada"), account(1, "lovelace")]))

    assert rows(engine, "SELECT username FROM accounts") == [("lovelace",)]
    assert report.rows_new == 1


def test_a_record_for_known_rows_only_makes_none(engine: Engine) -> None:
    collect(engine, first_batch())
    clean(engine)

    batch = Batch(
        records=[GoneRecord(id=101, deleted_at=LATER), GoneRecord(id=999, deleted_at=LATER)]
    )
    report = collect(engine, batch)

    assert (report.rows_new, report.rows_changed) == (0, 1)
    assert rows(engine, "SELECT id, title, deleted_at FROM merge_requests ORDER BY id") == [
        (101, "Add a thing", LATER),
        (102, "Add a thing", None),
    ]
    assert dirty(engine)["merge_requests"] == [101]


def organisation(
    teams: list[TeamRecord], people: list[str], memberships: list[tuple[str, str]]
) -> Batch:
    return Batch(
        records=[
            *(
                MembershipRecord(
                    person_id=person,
                    team=team,
                    valid_from=date(2026, 1, 1),
                    valid_to=None,
                    role="member",
                )
                for person, team in memberships
            ),
            *(
                PersonRecord(person_id=one, name=one, email=None, attributes={"gender": "x"})
                for one in people
            ),
            *teams,
        ],
        complete=[
            Complete(record=PersonRecord),
            Complete(record=TeamRecord, spare=["organisation"]),
            Complete(record=MembershipRecord),
        ],
    )


def team(slug: str, parent: str | None = "organisation") -> TeamRecord:
    return TeamRecord(slug=slug, name=slug.title(), parent=parent, owns=["acme/**"])


def test_complete_lists_delete_or_retire_what_vanished(engine: Engine) -> None:
    def teams() -> list[tuple[Any, ...]]:
        return rows(engine, "SELECT slug, parent, removed_at FROM teams ORDER BY slug")

    # The child comes before its parent in the batch.
    collect(
        engine,
        organisation([team("db", "core"), team("core")], ["a", "b"], [("a", "db"), ("b", "core")]),
    )
    both = teams()
    gone = collect(engine, organisation([team("core")], ["a"], [("a", "core")]), now=LATER)
    retired = teams()
    again = collect(engine, organisation([team("core"), team("db")], ["a"], [("a", "core")]))

    assert both == [
        ("core", "organisation", None),
        ("db", "core", None),
        ("organisation", None, None),
    ]
    assert retired == [
        ("core", "organisation", None),
        ("db", "core", LATER),
        ("organisation", None, None),
    ]
    # b, both old memberships and the retired team; the new membership of a.
    assert (gone.rows_new, gone.rows_changed, gone.rows_deleted) == (1, 0, 4)
    assert teams() == [
        ("core", "organisation", None),
        ("db", "organisation", None),
        ("organisation", None, None),
    ]
    assert (again.rows_new, again.rows_changed, again.rows_deleted) == (0, 1, 0)
    assert rows(engine, "SELECT person_id, attributes FROM people") == [("a", {"gender": "x"})]
    assert rows(engine, "SELECT person_id, team FROM memberships") == [("a", "core")]


def test_the_organisation_again_touches_no_row(engine: Engine) -> None:
    batch = organisation([team("core")], ["a"], [("a", "core")])
    collect(engine, batch)
    before = rows(engine, "SELECT xmin::text, ctid::text FROM teams")

    report = collect(engine, batch)

    assert (report.rows_new, report.rows_changed, report.rows_deleted) == (0, 0, 0)
    assert rows(engine, "SELECT xmin::text, ctid::text FROM teams") == before


def test_identities_follow_the_primary_key_of_their_table() -> None:
    assert ReviewerRecord.identity() == ("merge_request_id", "account_id")
    assert TeamRecord.identity() == ("slug",)
    assert ReviewerRecord.table is Reviewer
