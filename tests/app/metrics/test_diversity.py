"""Diversity: what is published when, that nothing else gives it away, and what restates it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.metrics import queries
from app.metrics.diversity import DIVERSITY, people_on
from app.metrics.indicator import Point, Reason, Status
from app.metrics.people import Stays
from app.metrics.refresh import refresh
from app.metrics.restatements import restatements
from app.settings import Settings
from app.store.tables import PeriodValue, Person, Target, Team

from .conftest import Store, at

KEY = "diversity"
MARCH, APRIL, MAY = (date(2024, month, 1) for month in (3, 4, 5))
FIRST = date(2023, 1, 1)


def configured(**diversity: object) -> Settings:
    return Settings.model_validate(
        {
            "reporting": {"history_start": "2024-01-01"},
            "files": {"teams": "/nowhere/teams.yaml"},
            "diversity": diversity,
        }
    )


@pytest.fixture
def settings() -> Settings:
    """Files alone; the fiscal year begins in February."""
    return configured()


def people(
    store: Store,
    team: str,
    gender: str | None,
    names: Sequence[str],
    first: date = FIRST,
    end: date | None = None,
) -> None:
    for name in names:
        attributes = {} if gender is None else {"gender": gender}
        store.session.execute(
            insert(Person).values(person_id=name, name=name, attributes=attributes)
        )
        store.member(name, team, first, end)


def named(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def refreshed(store: Store, settings: Settings, written: str = "2024-06-10 12:00") -> datetime:
    now = store.collected(written, ["files"])
    refresh(store.session, settings, now)
    return now


def point(
    session: Session, settings: Settings, team: str, month: date, known: str | None = None
) -> Point:
    label = f"{month:%Y-%m}"
    found = queries.series(
        session, settings, KEY, team=team, from_=label, to=label, as_known_at=known
    )
    return found.points[0]


def shares(of: Point) -> dict[str, float]:
    return {each.category: each.share for each in of.categories or ()}


def test_shares_of_the_members_at_the_months_end(store: Store, settings: Settings) -> None:
    store.team("red")
    people(store, "red", "Woman", named("w", 6))
    people(store, "red", " Man ", named("m", 8))  # written with spaces, meant without
    people(store, "red", None, named("n", 5))
    people(store, "red", "", ["n5"])  # an empty cell declares nothing
    people(store, "red", "Woman", ["gone"], end=date(2024, 3, 31))  # no member on the last day
    refreshed(store, settings)
    march = point(store.session, settings, "red", MARCH)
    assert shares(march) == {"Man": 40.0, "Woman": 30.0, "not_declared": 30.0}
    assert [each.category for each in march.categories or ()] == ["Man", "Woman", "not_declared"]
    assert (march.value, march.n, march.suppressed) == (None, 20, False)
    assert (march.status, march.reason) == (Status.NO_TARGET, None)
    assert (march.numerator, march.denominator, march.beside) == (None, None, {})
    assert store.shown(KEY, "red", MARCH).value is None


def test_small_teams_and_teams_of_nobody(store: Store, settings: Settings) -> None:
    store.team("red")
    store.team("empty")
    people(store, "red", "woman", named("w", 4))
    refreshed(store, settings)
    red = point(store.session, settings, "red", MARCH)
    assert (red.status, red.reason) == (Status.SUPPRESSED, Reason.SUPPRESSED)
    assert (red.suppressed, red.categories, red.n) == (True, (), None)
    empty = point(store.session, settings, "empty", MARCH)
    assert (empty.status, empty.reason) == (Status.NO_DATA, Reason.NO_DATA)
    assert (empty.suppressed, empty.categories, empty.n) == (True, (), 0)


def test_a_raised_minimum(store: Store) -> None:
    store.team("red")
    people(store, "red", "woman", named("w", 6))
    people(store, "red", "man", named("m", 9))
    higher = configured(minimum=7)
    refreshed(store, higher)
    assert shares(point(store.session, higher, "red", MARCH)) == {"other": 100.0}
    with pytest.raises(ValueError, match="greater than or equal to 5"):
        configured(minimum=4)


def test_another_attribute(store: Store) -> None:
    store.team("red")
    for number in range(12):
        attributes = {"gender": "woman", "site": "Bern" if number < 6 else "Oslo"}
        store.session.execute(
            insert(Person).values(person_id=f"p{number}", name="P", attributes=attributes)
        )
        store.member(f"p{number}", "red", FIRST)
    by_site = configured(attribute="site")
    refreshed(store, by_site)
    assert shares(point(store.session, by_site, "red", MARCH)) == {"Bern": 50.0, "Oslo": 50.0}


def test_quarters_publish_ends_of_fiscal_quarters_that_are_over(store: Store) -> None:
    store.team("red")
    people(store, "red", "woman", named("w", 6))
    quarterly = configured(every="quarter")
    refreshed(store, quarterly, "2024-07-20 12:00")
    found = queries.series(store.session, quarterly, KEY, team="red", from_="2024-01", to="2024-07")
    # The fiscal year begins in February: quarters end with January, April, July and October.
    assert {each.period for each in found.points if not each.suppressed} == {"2024-01", "2024-04"}
    running = found.points[-1]
    assert (running.period, running.partial, running.categories) == ("2024-07", True, ())
    hidden = found.points[1]
    assert (hidden.reason, hidden.status, hidden.n) == (Reason.SUPPRESSED, Status.SUPPRESSED, None)
    refreshed(store, quarterly, "2024-08-01 00:00")
    assert shares(point(store.session, quarterly, "red", date(2024, 7, 1))) == {"woman": 100.0}


def test_no_target_whatever_a_file_says(store: Store, settings: Settings) -> None:
    store.team("red")
    people(store, "red", "woman", named("w", 6))
    store.session.execute(
        insert(Target).values(indicator=KEY, team="red", valid_from=FIRST, value=50.0)
    )
    refreshed(store, settings)
    found = queries.series(store.session, settings, KEY, team="red", from_="2024-03")
    assert (found.targets, found.limits) == ((), None)
    assert {each.status for each in found.points if not each.partial} == {Status.NO_TARGET}
    assert DIVERSITY.better is None


def test_no_person_is_ever_listed(store: Store, settings: Settings) -> None:
    store.team("red")
    people(store, "red", "woman", named("w", 6))
    refreshed(store, settings)
    found = queries.evidence(store.session, settings, KEY, team="red", period="2024-03")
    assert (found.point.n, found.rows, found.occurrences) == (6, [], [])


def hidden_organisation(store: Store) -> None:
    """red shows nothing but other: its 3 women would be organisation's 10 less blue's 7."""
    store.team("red")
    store.team("blue")
    people(store, "blue", "woman", named("bw", 7))
    people(store, "blue", "man", named("bm", 7))
    people(store, "red", "woman", named("rw", 3))
    people(store, "red", "man", named("rm", 9))


def test_what_is_hidden_is_in_no_answer_and_not_even_stored(
    store: Store, settings: Settings
) -> None:
    hidden_organisation(store)
    now = refreshed(store, settings)
    session = store.session
    for team in ("red", "blue"):
        stored = store.shown(KEY, team, MARCH)
        assert stored.beside == {"categories": [], "suppressed": True}
        assert (stored.numerator, stored.denominator, stored.p25) == (None, None, None)
    answers = {
        "series": point(session, settings, "red", MARCH),
        "as known": point(session, settings, "red", MARCH, known=now.isoformat()),
        "compare": next(
            row.point
            for row in queries.compare(session, settings, KEY, period="2024-03").children
            if row.team == "red"
        ),
        "scorecard": next(
            row.point
            for row in queries.scorecard(session, settings, "red", period="2024-03").items
            if row.indicator is DIVERSITY
        ),
        "matrix": queries.matrix(session, settings, period="2024-03").cells["red", KEY].judged,
        "evidence": queries.evidence(session, settings, KEY, team="red", period="2024-03").point,
    }
    for name, answer in answers.items():
        assert (answer.categories, answer.suppressed, answer.n) == ((), True, None), name
        assert (answer.value, answer.beside, answer.reason) == (None, {}, Reason.SUPPRESSED), name
    trail = queries.matrix(session, settings).cells["red", KEY].trail
    assert all(each.suppressed and not each.categories for each in trail)


def test_a_corrected_month_is_not_shown_as_it_was(store: Store, settings: Settings) -> None:
    """Both versions together would tell what the corrected person declared."""
    store.team("red")
    people(store, "red", "woman", named("w", 6))
    people(store, "red", "man", named("m", 9))
    refreshed(store, settings)
    people(store, "red", "woman", ["late"], first=date(2024, 4, 2))
    before = "2024-06-10T12:30:00Z"
    refresh(store.session, settings, at("2024-06-10 13:00"))
    assert shares(point(store.session, settings, "red", APRIL))["woman"] == 100 * 7 / 16
    then = point(store.session, settings, "red", APRIL, known=before)
    assert (then.reason, then.suppressed, then.categories, then.n) == (
        Reason.SUPPRESSED,
        True,
        (),
        None,
    )
    # March was not touched: it is shown as it was, and is.
    assert shares(point(store.session, settings, "red", MARCH, known=before))["woman"] == 40.0
    for row in restatements(store.session, settings, from_="2024-06-01", to="2024-06-30"):
        assert row.indicator != KEY or (row.value, row.value_now) == (None, None)


def test_a_late_declaration_restates_the_months_it_touches(
    store: Store, settings: Settings
) -> None:
    store.team("red")
    store.team("blue")
    people(store, "red", "woman", named("w", 6))
    people(store, "red", "man", named("m", 8))
    people(store, "red", None, named("n", 6))
    people(store, "red", None, ["late"], first=date(2024, 4, 1))
    people(store, "blue", "woman", named("b", 7))
    refreshed(store, settings)
    session = store.session
    assert shares(point(session, settings, "red", APRIL)) == {
        "man": pytest.approx(800 / 21),
        "woman": pytest.approx(600 / 21),
        "not_declared": pytest.approx(700 / 21),
    }
    session.execute(
        update(Person).where(Person.person_id == "late").values(attributes={"gender": "man"})
    )
    now = at("2024-06-10 13:00")
    refresh(session, settings, now)
    rows = session.execute(
        select(Team.slug, PeriodValue.period)
        .join(Team, Team.id == PeriodValue.team_id)
        .where(
            PeriodValue.indicator == KEY,
            PeriodValue.superseded_at.is_(None),
            PeriodValue.recorded_at == now,
            PeriodValue.partial.is_(False),
        )
    )
    assert {(slug, period) for slug, period in rows} == {
        (team, month) for team in ("red", "organisation") for month in (APRIL, MAY)
    }
    assert shares(point(session, settings, "red", APRIL))["man"] == pytest.approx(900 / 21)
    reasons = session.scalars(
        select(PeriodValue.superseded_reason).where(
            PeriodValue.indicator == KEY, PeriodValue.superseded_at == now
        )
    )
    assert set(reasons) == {"late_data"}


PARENTS: Mapping[str, str | None] = {
    "organisation": None,
    "red": "organisation",
    "blue": "organisation",
}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 4),
            st.integers(0, 3),
            st.lists(st.integers(0, 9), min_size=2, max_size=4, unique=True).map(sorted),
        ),
        max_size=20,
    ),
    st.lists(st.sampled_from(["woman", "man", "not_declared"]), min_size=5, max_size=5),
    st.integers(0, 9),
)
def test_people_in_the_same_teams_are_counted_together(
    stayed: list[tuple[int, int, list[int]]], declared: list[str], day: int
) -> None:
    """stayed: person, team, and the days of which each second one ends a stay."""
    rows: dict[tuple[int, int], list[int]] = {(who, team): days for who, team, days in stayed}
    spans = [
        (who, team, first, end)
        for (who, team), days in sorted(rows.items())
        for first, end in zip(days[::2], days[1::2], strict=False)
    ]
    person, team, first, end = np.array(spans, np.int64).reshape(-1, 4).T
    team_ids = [7, 10, 20, 30]
    naive: Counter[tuple[frozenset[int], str]] = Counter()
    for who in range(5):
        own = frozenset(
            team_ids[t] for w, t, begin, over in spans if w == who and begin <= day < over
        )
        naive[own, declared[who]] += bool(own)
    stays = Stays([str(who) for who in range(5)], person, team, first, end)
    assert list(people_on(stays, team_ids, declared, [day])) == [+naive]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([("red",), ("blue",), ("red", "blue"), ("organisation",)]),
            st.sampled_from(["woman", "man", None]),
            st.integers(1, 9),
            st.integers(0, 8),
            st.one_of(st.none(), st.integers(9, 20)),
        ),
        max_size=6,
    )
)
@hypothesis_settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_stored_shares_equal_a_naive_count_wherever_they_are_shown(
    session: Session,
    settings: Settings,
    blocks: list[tuple[tuple[str, ...], str | None, int, int, int | None]],
) -> None:
    """blocks: teams, what they declared, how many, and the weeks of 2024 from and to which."""
    with session.begin_nested() as savepoint:
        store = Store(session)
        store.team("red")
        store.team("blue")
        everybody: list[tuple[set[str], str, date, date | None]] = []
        for index, (teams, gender, count, first, end) in enumerate(blocks):
            since = date.fromordinal(date(2024, 1, 1).toordinal() + 7 * first)
            until = (
                None if end is None else date.fromordinal(date(2024, 1, 1).toordinal() + 7 * end)
            )
            for number in range(count):
                name = f"{index}.{number}"
                attributes = {} if gender is None else {"gender": gender}
                session.execute(
                    insert(Person).values(person_id=name, name=name, attributes=attributes)
                )
                for team in teams:
                    store.member(name, team, since, until)
                inside = {*teams, "organisation"}
                everybody.append((inside, gender or "not_declared", since, until))
        refreshed(store, settings)
        for team in PARENTS:
            for month, last in ((MARCH, date(2024, 3, 31)), (APRIL, date(2024, 4, 30))):
                declared = [
                    category
                    for inside, category, since, until in everybody
                    if team in inside and since <= last and (until is None or until > last)
                ]
                row = store.shown(KEY, team, month)
                stored: Mapping[str, Any] = orjson.loads(orjson.dumps(row.beside))
                assert row.n == len(declared)
                if stored["suppressed"]:
                    assert stored["categories"] == []
                    continue
                assert sum(each["share"] for each in stored["categories"]) == pytest.approx(100)
                for each in stored["categories"]:
                    count = declared.count(each["category"])
                    if each["category"] != "other":
                        assert count >= 5
                        assert each["share"] == 100 * count / len(declared)
        savepoint.rollback()
