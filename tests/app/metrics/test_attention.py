"""What waits now: answers to the community by their deadline, and openings past their target start."""

from datetime import date

import pytest
from sqlalchemy import insert

from app.metrics import queries
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.tables import Opening

from .conftest import Store, at

LABEL = ["Community contribution"]


@pytest.fixture
def company(store: Store) -> Store:
    """product ─ checkout owns acme/checkout/**; ann works there; eve is from outside."""
    store.team("product")
    store.team("checkout", "product", owns=["acme/checkout/**"])
    store.person("ann", 1)
    store.member("ann", "checkout", date(2024, 1, 1))
    store.account(8, "eve")
    store.project(1, "acme/checkout/api")
    store.project(2, "acme/other")
    return store


def test_answers_that_are_due_come_by_their_deadline(company: Store, settings: Settings) -> None:
    store = company
    overdue = store.merge_request(8, "2024-03-14 12:00", labels=LABEL)  # due Monday 18th, 12:00
    ahead = store.merge_request(8, "2024-03-19 12:00", labels=LABEL)  # due Thursday 21st, 12:00
    answered = store.merge_request(8, "2024-03-14 12:00", labels=LABEL)
    store.note(answered, 1, "2024-03-19 09:00", "comment")  # too late, but answered
    store.merge_request(8, "2024-03-14 12:00", labels=LABEL, draft=True)
    store.merge_request(8, "2024-03-14 12:00", labels=LABEL, closed="2024-03-15 12:00")
    elsewhere = store.merge_request(8, "2024-03-15 12:00", labels=LABEL, project=2)
    refresh(store.session, settings, store.collected("2024-03-20 12:00"))
    found = queries.attention(store.session, settings, "product")
    assert [(each.row.iid, each.due_at, each.row.value) for each in found.community] == [
        (overdue, at("2024-03-18 12:00"), 2.0),
        (ahead, at("2024-03-21 12:00"), -1.0),
    ]
    everywhere = queries.attention(store.session, settings, None, limit=None)
    assert [each.row.iid for each in everywhere.community] == [overdue, elsewhere, ahead]
    first = queries.attention(store.session, settings, None, limit=1)
    assert [each.row.iid for each in first.community] == [overdue]


def test_openings_past_their_target_start(company: Store, settings: Settings) -> None:
    store = company

    def opening(key: str, team: str | None, target: date | None, **more: object) -> None:
        values = {"opening_id": key, "team": team, "opened_on": date(2024, 1, 1), **more}
        store.session.execute(insert(Opening).values(target_start_on=target, **values))

    opening("late", "checkout", date(2024, 3, 1))
    opening("today", "checkout", date(2024, 3, 20))
    opening("filled", "checkout", date(2024, 3, 1), closed_on=date(2024, 3, 10))
    opening("closes later", "checkout", date(2024, 3, 10), closed_on=date(2024, 4, 1))
    opening("no target", "checkout", None)
    opening("nobody's", None, date(2024, 2, 1))
    refresh(store.session, settings, store.collected("2024-03-20 12:00"))
    found = queries.attention(store.session, settings, "product")
    assert [(each.opening_id, each.team, each.days) for each in found.openings] == [
        ("late", "checkout", 19),
        ("closes later", "checkout", 10),
    ]
    everywhere = queries.attention(store.session, settings, None)
    assert [each.opening_id for each in everywhere.openings] == ["nobody's", "late", "closes later"]


def test_what_waited_at_the_end_of_a_day(company: Store, settings: Settings) -> None:
    store = company
    answered = store.merge_request(8, "2024-03-11 12:00", labels=LABEL)  # due Wednesday, 12:00
    store.note(answered, 1, "2024-03-14 09:00", "comment")
    merged = store.merge_request(1, "2024-03-10 12:00", merged="2024-03-16 12:00")
    store.request_review(merged, "2024-03-11 12:00", "somebody")
    store.session.execute(
        insert(Opening).values(
            opening_id="filled",
            team="checkout",
            opened_on=date(2024, 1, 1),
            target_start_on=date(2024, 3, 1),
            closed_on=date(2024, 3, 15),
        )
    )
    refresh(store.session, settings, store.collected("2024-03-20 12:00"))

    def waited(on: date | None) -> list[tuple[object, object]]:
        found = queries.attention(store.session, settings, "product", on=on)
        return [
            *((each.row.iid, each.days) for each in found.oldest_in_review),
            *((each.row.iid, each.row.value) for each in found.community),
            *((each.opening_id, each.days) for each in found.openings),
        ]

    assert waited(date(2024, 3, 13)) == [(merged, 2.5), (answered, 0.5), ("filled", 12)]
    assert waited(date(2024, 3, 14)) == [(merged, 3.5), ("filled", 13)]
    assert waited(date(2024, 3, 20)) == waited(None) == []


def test_orphaned_work_says_since_when_its_author_is_gone(
    company: Store, settings: Settings
) -> None:
    store = company
    store.person("ben", 2)
    store.member("ben", "checkout", date(2024, 1, 1), date(2024, 3, 10))
    store.merge_request(2, "2024-03-01 12:00")
    store.merge_request(1, "2024-03-02 12:00")
    refresh(store.session, settings, store.collected("2024-03-20 12:00"))
    found = queries.attention(store.session, settings, "product")
    assert [each.author_left_on for each in found.orphaned] == [date(2024, 3, 9)]
