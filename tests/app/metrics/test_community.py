"""Response to the community: answers in time, too late, pending, and those that wait for their author."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, update

from app.metrics import queries
from app.metrics.business_time import BusinessTime
from app.metrics.calendar import microseconds
from app.metrics.community import Answered, Promise
from app.metrics.indicator import Answering
from app.metrics.refresh import refresh
from app.metrics.workset import CommunityWork, Days
from app.settings import Settings
from app.store.tables import Employment, PeriodValue, Person

from .conftest import Store, at

LABEL = ["community CONTRIBUTION"]
MARCH = date(2024, 3, 1)


@pytest.fixture
def company(store: Store) -> Store:
    """checkout owns acme/checkout/**; ann works there, ben has left in February; eve is from outside."""
    store.team("checkout", owns=["acme/checkout/**"])
    store.person("ann", 1)
    store.person("ben", 2)
    store.member("ann", "checkout", date(2024, 1, 1))
    store.employed("ann", date(2024, 1, 1))
    store.member("ben", "checkout", date(2024, 1, 1), date(2024, 2, 1))
    store.employed("ben", date(2024, 1, 1), date(2024, 1, 31), "voluntary")
    store.account(8, "eve")
    store.account(9, "robo", bot=True)
    store.project(1, "acme/checkout/api")
    store.project(2, "acme/other")
    return store


def beside(store: Store, team: str, month: date = MARCH) -> tuple[object, ...]:
    row = store.shown("community_response", team, month)
    assert row.beside is not None
    return (
        row.value,
        row.n,
        row.numerator,
        row.denominator,
        row.beside["pending"],
        row.beside["waiting_for_author"],
    )


def test_every_way_to_answer_by_hand(company: Store, settings: Settings) -> None:
    store, session = company, company.session
    # Monday 4 March 12:00; the deadline is Wednesday 6 March 12:00.
    start = "2024-03-04 12:00"

    def contribution(**more: object) -> int:
        return store.merge_request(8, start, labels=LABEL, **more)  # type: ignore[arg-type]

    store.note(contribution(), 1, "2024-03-06 12:00", "comment")  # met: on the dot
    store.note(contribution(), 1, "2024-03-06 12:01", "comment")  # missed
    store.note(contribution(), 1, "2024-03-05 09:00", "approved")  # met
    merged = contribution(merged="2024-03-05 10:00")
    store.change(merged, merge_user_id=1)  # met: the merge is the answer
    store.note(contribution(), 9, "2024-03-04 13:00", "comment")  # missed: only a bot
    store.note(contribution(), 8, "2024-03-04 13:00", "comment")  # missed: only the author
    store.note(contribution(), 2, "2024-03-04 13:00", "comment")  # missed: ben is employed no more
    at_once = contribution()
    store.note(at_once, 1, start, "comment")  # missed: not strictly after the start
    contribution(draft=True)  # waits for its author
    contribution(project=2)  # missed, and nobody's but the organisation's
    refresh(session, settings, store.collected("2024-03-20 12:00"))
    assert beside(store, "checkout") == (37.5, 8, 3, 8, 0, 1)
    assert beside(store, "organisation") == (pytest.approx(100 / 3), 9, 3, 9, 0, 1)
    found = queries.evidence(
        session, settings, "community_response", team="checkout", period="2024-03"
    )
    assert len(found.rows) == found.point.n == 8
    assert found.point.coverage == pytest.approx(8 / 9)
    told = [row.answering for row in found.rows if row.answering]
    due = at("2024-03-06 12:00")
    assert [(each.outcome, each.due_at, each.answered_at) for each in told] == [
        ("met", due, due),
        ("missed", due, at("2024-03-06 12:01")),
        ("met", due, at("2024-03-05 09:00")),
        ("met", due, at("2024-03-05 10:00")),
        *[("missed", due, None)] * 4,
    ]
    [waiting] = found.beside
    assert waiting.answering == Answering(
        outcome="waiting_for_author", due_at=None, answered_at=None
    )


def test_the_clock_starts_when_it_is_first_marked_as_ready(
    company: Store, settings: Settings
) -> None:
    store, session = company, company.session
    asked = store.merge_request(8, "2024-02-27 12:00", labels=LABEL, draft=True)
    store.note(asked, 1, "2024-02-28 12:00", "comment")  # before the clock starts
    store.note(asked, 8, "2024-03-11 12:00", "ready")
    store.note(asked, 8, "2024-03-12 12:00", "ready")
    store.note(asked, 1, "2024-03-13 11:00", "comment")
    refresh(session, settings, store.collected("2024-03-20 12:00"))
    assert beside(store, "checkout") == (100, 1, 1, 1, 0, 0)
    assert store.value("community_response", "checkout", date(2024, 2, 1)) == (None, 0)


def test_a_pending_answer_becomes_a_miss_as_time_passes(company: Store, settings: Settings) -> None:
    store, session = company, company.session
    store.merge_request(8, "2024-03-28 12:00", labels=LABEL)  # Thursday; due Monday 1 April 12:00
    refresh(session, settings, store.collected("2024-04-01 10:00"))
    assert beside(store, "checkout") == (None, 0, 0, 0, 1, 0)
    refresh(session, settings, store.collected("2024-04-01 13:00"))
    assert beside(store, "checkout") == (0, 1, 0, 1, 0, 0)
    superseded = session.query(PeriodValue).filter(
        PeriodValue.indicator == "community_response",
        PeriodValue.superseded_at.is_not(None),
    )
    assert {(row.period, row.superseded_reason) for row in superseded} == {(MARCH, "time_passed")}


def test_an_answer_that_comes_too_late_restates_nothing(company: Store, settings: Settings) -> None:
    store, session = company, company.session
    late = store.merge_request(8, "2024-03-04 12:00", labels=LABEL)
    refresh(session, settings, store.collected("2024-04-10 12:00"))
    before = store.shown("community_response", "checkout", MARCH).recorded_at
    store.note(late, 1, "2024-04-11 12:00", "comment")
    refresh(session, settings, store.collected("2024-04-12 12:00"))
    assert store.shown("community_response", "checkout", MARCH).recorded_at == before


def test_who_was_employed_decides_and_restates(company: Store, settings: Settings) -> None:
    store, session = company, company.session
    asked = store.merge_request(8, "2024-03-04 12:00", labels=LABEL)
    store.note(asked, 2, "2024-03-05 12:00", "comment")
    refresh(session, settings, store.collected("2024-04-10 12:00"))
    assert store.value("community_response", "checkout", MARCH) == (0, 1)
    # It turns out that ben stayed until the end of March.
    session.execute(
        update(Employment).where(Employment.person_id == "ben").values(end_date=date(2024, 3, 31))
    )
    refresh(session, settings, store.collected("2024-04-11 12:00"))
    assert store.value("community_response", "checkout", MARCH) == (100, 1)
    superseded = session.query(PeriodValue).filter(
        PeriodValue.indicator == "community_response",
        PeriodValue.superseded_at.is_not(None),
    )
    assert {row.superseded_reason for row in superseded} == {"membership"}


def test_without_people_anybody_answers(company: Store, settings: Settings) -> None:
    store, session = company, company.session
    session.execute(delete(Person))
    store.account(7, "mallory")
    store.note(
        store.merge_request(8, "2024-03-04 12:00", labels=LABEL), 7, "2024-03-05 12:00", "comment"
    )
    refresh(session, settings, store.collected("2024-03-20 12:00"))
    assert store.value("community_response", "organisation", MARCH) == (100, 1)


def test_holidays_and_days_are_configured(company: Store, settings: Settings) -> None:
    store, session = company, company.session
    asked = store.merge_request(8, "2024-03-04 12:00", labels=LABEL)
    store.note(asked, 1, "2024-03-07 11:00", "comment")
    refresh(session, settings, store.collected("2024-03-20 12:00"))
    assert store.value("community_response", "checkout", MARCH) == (0, 1)
    reporting = settings.reporting.model_copy(update={"holidays": (date(2024, 3, 5),)})
    changed = settings.model_copy(update={"reporting": reporting})
    refresh(session, changed, store.collected("2024-03-20 13:00"))
    assert store.value("community_response", "checkout", MARCH) == (100, 1)


START = datetime(2024, 3, 1, tzinfo=UTC)
hours = st.integers(0, 24 * 14)


@given(
    started=hours,
    responses=st.lists(st.tuples(hours, st.sampled_from([1, 2, 3])), max_size=6),
    through=hours,
    employed=st.none()
    | st.dictionaries(
        st.sampled_from([1, 2]),
        st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=2),
    ),
    waiting=st.booleans(),
)
def test_equals_the_definition_word_by_word(
    started: int,
    responses: list[tuple[int, int]],
    through: int,
    employed: dict[int, list[tuple[int, int]]] | None,
    waiting: bool,
) -> None:
    def instant(hour: int) -> datetime:
        return START + timedelta(hours=hour)

    first_day = START.date().toordinal()
    promise = Promise(
        BusinessTime(settings_zone := Settings().reporting.zone),
        2,
        None
        if employed is None
        else {
            who: [Days(first_day + first, first_day + end) for first, end in days]
            for who, days in employed.items()
        },
        microseconds(instant(through)),
    )
    work = CommunityWork(
        merge_request_id=1,
        project_id=1,
        started_at=microseconds(instant(started)),
        waiting=waiting,
        responses=sorted((microseconds(instant(at)), who) for at, who in responses if at > started),
    )

    deadline = BusinessTime(settings_zone).after(instant(started), 2)
    answers = [
        instant(at)
        for at, who in responses
        if at > started
        and at <= through
        and (
            employed is None or any(first <= at // 24 < end for first, end in employed.get(who, ()))
        )
    ]
    if waiting:
        expected = Answered.WAITING
    elif answers:
        expected = Answered.MET if min(answers) <= deadline else Answered.MISSED
    else:
        expected = Answered.MISSED if instant(through) > deadline else Answered.PENDING
    assert promise.judge(work) is expected
