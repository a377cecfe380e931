"""Retention: numbers worked out by hand, months that count, and what a late termination restates."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from app.metrics import queries
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.tables import Employment, PeriodValue, Team

from .conftest import Store, at

KEY = "retention"
DAY = timedelta(days=1)


@pytest.fixture
def settings() -> Settings:
    """Files alone; history begins in 2022."""
    return Settings.model_validate(
        {
            "reporting": {"history_start": "2022-01-01"},
            "files": {"teams": "/nowhere/teams.yaml"},
        }
    )


def employ(
    store: Store,
    person: str,
    team: str,
    first: date,
    last: date | None = None,
    ending: str = "voluntary",
) -> None:
    """Somebody who is a member for as long as they are employed."""
    store.person(person)
    store.employed(person, first, last, ending if last else None)
    store.member(person, team, first, last + DAY if last else None)


def refreshed(store: Store, settings: Settings, written: str = "2024-06-10 12:00") -> None:
    refresh(store.session, settings, store.collected(written, ["files"]))


def month(year: int, number: int) -> date:
    return date(year, number, 1)


def beside(store: Store, team: str, period: date) -> dict[str, Any]:
    found = store.shown(KEY, team, period).beside
    assert found is not None
    return found


def test_one_leaver_of_six(store: Store, settings: Settings) -> None:
    store.team("red")
    for number in range(5):
        employ(store, f"p{number}", "red", date(2020, 1, 1))
    # The sixth left, and was succeeded the next day: six on every day.
    employ(store, "gone", "red", date(2020, 1, 1), date(2023, 7, 14))
    employ(store, "new", "red", date(2023, 7, 15))
    refreshed(store, settings)
    row = store.shown(KEY, "red", month(2024, 5))
    assert row.value == pytest.approx(83.3333, abs=1e-3)
    assert (row.n, row.numerator, row.denominator) == (1, 1.0, 6.0)
    assert row.beside == {"months": 12, "short_history": False, "other_endings": 0}
    # June 2023 to May 2024 are in the window of May; in July's last year the leaver still is, …
    assert store.value(KEY, "red", month(2023, 6)) == (100.0, 0)
    assert store.value(KEY, "red", month(2023, 7))[1] == 1


def test_the_average_is_of_first_and_last_days(store: Store, settings: Settings) -> None:
    store.team("red")
    for number in range(4):
        employ(store, f"p{number}", "red", date(2020, 1, 1))
    employ(store, "gone", "red", date(2020, 1, 1), date(2024, 3, 31), "involuntary")
    refreshed(store, settings)
    # On 31 March the leaver was still there: ten months with 5, April and May with 4.
    row = store.shown(KEY, "red", month(2024, 5))
    assert row.denominator == pytest.approx((10 * 5 + 2 * 4) / 12)
    assert row.value == pytest.approx(100 * (1 - 1 / (58 / 12)))


def test_who_is_a_leaver(store: Store, settings: Settings) -> None:
    store.team("product")
    store.team("red", "product")
    store.team("blue", "product")
    for team in ("red", "blue"):
        for number in range(3):
            employ(store, f"{team}{number}", team, date(2020, 1, 1))
    # A transfer is none; her later departure is blue's.
    store.person("ann")
    store.employed("ann", date(2020, 1, 1), date(2024, 2, 29), "voluntary")
    store.member("ann", "red", date(2020, 1, 1), date(2023, 10, 1))
    store.member("ann", "blue", date(2023, 10, 1), date(2024, 3, 1))
    # The end of a contract is shown, and counted as neither.
    employ(store, "ben", "red", date(2020, 1, 1), date(2024, 1, 31), "other")
    # Who left the team before the last day employed is nobody's leaver.
    store.person("cal")
    store.employed("cal", date(2020, 1, 1), date(2024, 4, 30), "voluntary")
    store.member("cal", "red", date(2020, 1, 1), date(2024, 4, 30))
    refreshed(store, settings)
    counted = {
        team: (store.value(KEY, team, month(2024, 5))[1], beside(store, team, month(2024, 5)))
        for team in ("red", "blue", "product", "organisation")
    }
    assert {team: n for team, (n, _) in counted.items()} == {
        "red": 0,
        "blue": 1,
        "product": 1,
        "organisation": 1,
    }
    assert {team: shown["other_endings"] for team, (_, shown) in counted.items()} == {
        "red": 1,
        "blue": 0,
        "product": 1,
        "organisation": 1,
    }


def test_a_shared_member_leaves_each_team_and_the_parent_once(
    store: Store, settings: Settings
) -> None:
    store.team("product")
    for team in ("red", "blue"):
        store.team(team, "product")
        for number in range(3):
            employ(store, f"{team}{number}", team, date(2020, 1, 1))
    employ(store, "ann", "red", date(2020, 1, 1), date(2024, 4, 30))
    store.member("ann", "blue", date(2022, 1, 1), date(2024, 5, 1), "manager")
    refreshed(store, settings)
    assert [store.value(KEY, team, month(2024, 4))[1] for team in ("red", "blue", "product")] == [
        1,
        1,
        1,
    ]
    assert store.shown(KEY, "product", month(2024, 4)).denominator == 7.0


def test_only_whole_months_count(store: Store, settings: Settings) -> None:
    store.team("red")
    store.team("green")
    employ(store, "ann", "red", date(2024, 2, 2))  # February is not whole
    employ(store, "ben", "green", date(2024, 2, 1))
    refreshed(store, settings)
    assert store.shown(KEY, "red", month(2024, 2)).reason == "no_data"
    row = store.shown(KEY, "red", month(2024, 1))
    assert (row.value, row.n, row.numerator, row.denominator) == (None, 0, None, None)
    assert beside(store, "red", month(2024, 3))["months"] == 1
    assert store.value(KEY, "red", month(2024, 3)) == (100.0, 0)
    assert beside(store, "red", month(2024, 3))["short_history"] is True
    assert beside(store, "green", month(2024, 2))["months"] == 1
    assert beside(store, "green", month(2024, 4))["months"] == 3
    # History itself began in 2022: the organisation's first year is short.
    employed = beside(store, "organisation", month(2024, 5))
    assert (employed["months"], employed["short_history"]) == (4, True)


def test_a_full_year_is_not_short(store: Store, settings: Settings) -> None:
    store.team("red")
    employ(store, "ann", "red", date(2020, 1, 1))
    refreshed(store, settings)
    assert beside(store, "red", month(2022, 11)) == {
        "months": 11,
        "short_history": True,
        "other_endings": 0,
    }
    assert beside(store, "red", month(2022, 12))["short_history"] is False


def test_the_running_month_counts_as_far_as_it_has_come(store: Store, settings: Settings) -> None:
    store.team("red")
    store.team("new")
    employ(store, "ann", "red", date(2020, 1, 1))
    employ(store, "ben", "red", date(2020, 1, 1), date(2024, 6, 5))
    employ(store, "cal", "red", date(2020, 1, 1), date(2024, 6, 20))  # has not left yet
    employ(store, "dee", "new", date(2024, 6, 1))
    refreshed(store, settings, "2024-06-10 12:00")
    june = store.shown(KEY, "red", month(2024, 6))
    assert (june.partial, june.n) == (True, 1)
    assert june.denominator == pytest.approx((11 * 3 + (3 + 2) / 2) / 12)
    # A team of this month has no whole month.
    assert store.shown(KEY, "new", month(2024, 6)).reason == "no_data"
    # On the evening of 30 June the month is not over; at midnight it is.
    refreshed(store, settings, "2024-07-01 00:00")
    assert store.value(KEY, "new", month(2024, 6)) == (100.0, 0)
    assert store.value(KEY, "red", month(2024, 6))[1] == 2


def test_what_is_not_meaningful(store: Store, settings: Settings) -> None:
    store.team("red")
    store.team("blue")
    # Three within one month, of whom none was there on its first or last day but one.
    for number, (first, last) in enumerate([(2, 10), (3, 12), (4, 20)]):
        employ(store, f"p{number}", "red", date(2024, 2, first), date(2024, 2, last))
    employ(store, "stays", "red", date(2024, 2, 1), date(2024, 3, 31), "other")
    employ(store, "gone", "blue", date(2022, 1, 1), date(2022, 3, 31))
    refreshed(store, settings)
    more = store.shown(KEY, "red", month(2024, 2))
    assert (more.value, more.reason, more.n) == (None, "not_meaningful", 3)
    assert (more.numerator, more.denominator) == (3.0, 1.0)
    nobody = store.shown(KEY, "blue", month(2023, 4))
    assert (nobody.value, nobody.reason) == (None, "not_meaningful")
    assert (nobody.numerator, nobody.denominator) == (0.0, 0.0)
    point = queries.series(store.session, settings, KEY, team="blue", from_="2023-04").points[0]
    assert point.status is None


def test_a_late_termination_restates_the_values_that_it_touches(
    store: Store, settings: Settings
) -> None:
    store.team("red")
    store.team("blue")
    for number in range(6):
        employ(store, f"p{number}", "red", date(2020, 1, 1))
        employ(store, f"q{number}", "blue", date(2020, 1, 1))
    refreshed(store, settings)
    session = store.session
    session.execute(
        update(Employment)
        .where(Employment.person_id == "p0")
        .values(end_date=date(2024, 4, 15), termination_type="voluntary")
    )
    session.execute(text("UPDATE memberships SET valid_to = '2024-04-16' WHERE person_id = 'p0'"))
    now = at("2024-06-10 13:00")
    refresh(session, settings, now)
    rows = session.execute(
        select(Team.slug, PeriodValue.period)
        .join(Team, Team.id == PeriodValue.team_id)
        .where(
            PeriodValue.indicator == KEY,
            PeriodValue.recorded_at == now,
            PeriodValue.superseded_at.is_(None),
            PeriodValue.partial.is_(False),
        )
    )
    assert {(slug, period) for slug, period in rows} == {
        (team, month(2024, number)) for team in ("red", "organisation") for number in (4, 5)
    }
    old = session.scalars(
        select(PeriodValue).where(PeriodValue.indicator == KEY, PeriodValue.superseded_at == now)
    ).all()
    assert {row.superseded_reason for row in old} == {"membership"}
    assert {row.value for row in old} == {100.0}
