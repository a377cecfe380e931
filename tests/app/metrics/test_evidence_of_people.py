"""What is listed behind hiring and retention: people, openings, offers and the plan."""

from datetime import date

import pytest
from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.metrics import queries
from app.metrics.answers import OccurrenceRow
from app.metrics.refresh import refresh
from app.settings import Settings

from .conftest import Store
from .test_hiring import offer, opening, plan


@pytest.fixture
def settings() -> Settings:
    """Files alone; the fiscal year begins in February."""
    return Settings.model_validate(
        {
            "reporting": {"history_start": "2024-01-01"},
            "files": {"teams": "/nowhere/teams.yaml"},
        }
    )


@pytest.fixture
def company(store: Store, settings: Settings) -> Store:
    """product ─ red, blue; Ben left on 15 April, Cal moved from blue to red on the 1st."""
    store.team("product")
    store.team("red", "product")
    store.team("blue", "product")
    for person, first, last in (
        ("ann", date(2023, 1, 1), None),
        ("ben", date(2023, 1, 1), date(2024, 4, 15)),
        ("cal", date(2023, 1, 1), None),
        ("dee", date(2024, 3, 4), None),
    ):
        store.person(person)
        store.employed(person, first, last, "involuntary" if last else None)
    store.member("ann", "red", date(2023, 1, 1))
    store.member("ben", "red", date(2023, 1, 1), date(2024, 4, 16))
    store.member("cal", "blue", date(2023, 1, 1), date(2024, 4, 1))
    store.member("cal", "red", date(2024, 4, 1))
    store.member("dee", "red", date(2024, 3, 4))
    session = store.session
    plan(session, "red", m2024_02=3)
    plan(session, "blue", m2024_03=2)
    opening(session, "REQ-1", "red", date(2024, 3, 31), None)
    opening(session, "REQ-2", "blue", date(2024, 3, 1), date(2024, 4, 30))
    offer(session, "77", "blue", date(2024, 4, 2), date(2024, 5, 13))
    refresh(session, settings, store.collected("2024-06-10 12:00", ["files"]))
    return store


def listed(
    session: Session, settings: Settings, key: str, team: str, period: str, kind: str | None = None
) -> list[OccurrenceRow]:
    found = queries.evidence(session, settings, key, team=team, period=period, kind=kind)
    assert found.rows == []
    assert found.left_out == {}
    return list(found.of_kind)


def test_the_members_come_first_and_are_as_many_as_n(company: Store, settings: Settings) -> None:
    rows = listed(company.session, settings, "hiring_vs_plan", "red", "2024-04")
    assert [(row.person_id, row.name, row.first_day, row.last_day) for row in rows] == [
        ("ann", "Ann", date(2023, 1, 1), None),
        ("cal", "Cal", date(2024, 4, 1), None),
        ("dee", "Dee", date(2024, 3, 4), None),
    ]
    march = listed(company.session, settings, "hiring_vs_plan", "red", "2024-03")
    assert [(row.person_id, row.last_day) for row in march] == [
        ("ann", None),
        ("ben", date(2024, 4, 15)),
        ("dee", None),
    ]


def test_what_stands_beside_the_headcount(company: Store, settings: Settings) -> None:
    def rows(kind: str, team: str = "product") -> list[OccurrenceRow]:
        return listed(company.session, settings, "hiring_vs_plan", team, "2024-04", kind)

    assert [(row.person_id, row.first_day) for row in rows("hire")] == [("dee", date(2024, 3, 4))]
    assert rows("transfer_in") == []
    assert [(row.person_id, row.first_day) for row in rows("transfer_in", "red")] == [
        ("cal", date(2024, 4, 1))
    ]
    assert [(row.person_id, row.last_day) for row in rows("leaver")] == [("ben", date(2024, 4, 15))]
    assert [(row.reference, row.team, row.value) for row in rows("opening")] == [
        ("REQ-1", "red", 30.0)
    ]
    assert [(row.reference, row.first_day, row.last_day, row.name) for row in rows("offer")] == [
        ("77", date(2024, 4, 2), date(2024, 5, 12), None)
    ]
    assert [(row.team, row.first_day, row.value) for row in rows("plan")] == [
        ("red", date(2024, 2, 1), 3.0),
        ("blue", date(2024, 3, 1), 2.0),
    ]
    beside = queries.evidence(
        company.session, settings, "hiring_vs_plan", team="product", period="2024-04"
    ).point.beside
    counts = {"hire": "hires", "leaver": "leavers", "transfer_in": "transfers_in"}
    counts |= {"opening": "open_openings", "offer": "offers_accepted_not_started"}
    assert {kind: len(rows(kind)) for kind in counts} == {
        kind: beside[name] for kind, name in counts.items()
    }


def test_the_leavers_of_the_window(company: Store, settings: Settings) -> None:
    rows = listed(company.session, settings, "retention", "red", "2024-05")
    assert [(row.kind, row.name, row.last_day) for row in rows] == [
        ("leaver", "Ben", date(2024, 4, 15))
    ]
    assert listed(company.session, settings, "retention", "red", "2024-03") == []
    assert listed(company.session, settings, "retention", "blue", "2024-05") == []


def test_a_kind_that_there_is_not(company: Store, settings: Settings) -> None:
    for key, kind in (("hiring_vs_plan", "salary"), ("diversity", "member"), ("mr_rate", "member")):
        with pytest.raises(NotFoundError) as refusal:
            queries.evidence(company.session, settings, key, kind=kind)
        assert refusal.value.field == "kind"
    assert queries.evidence(company.session, settings, "mr_rate", kind="merge_request").rows == []
