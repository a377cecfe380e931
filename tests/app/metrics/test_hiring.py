"""Headcount against the plan: numbers worked out by hand, and what a later word about it restates."""

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session

from app.metrics import queries
from app.metrics.calendar import fiscal_year_start
from app.metrics.hiring import HIRING_VS_PLAN
from app.metrics.indicator import Reason, Status
from app.metrics.refresh import refresh
from app.metrics.targets import status_of
from app.settings import Settings
from app.store.tables import Employment, Offer, Opening, PeriodValue, PlannedHeadcount, Team

from .conftest import Store, at

KEY = "hiring_vs_plan"
MARCH, APRIL, MAY, JUNE = (date(2024, month, 1) for month in (3, 4, 5, 6))


@pytest.fixture
def settings() -> Settings:
    """Files alone; the fiscal year begins in February."""
    return Settings.model_validate(
        {
            "reporting": {"history_start": "2024-01-01"},
            "files": {"teams": "/nowhere/teams.yaml"},
        }
    )


def plan(session: Session, team: str, **months: int) -> None:
    """plan(session, "red", m2024_03=5)."""
    for name, planned in months.items():
        year, month = name.removeprefix("m").split("_")
        session.execute(
            insert(PlannedHeadcount).values(
                team=team, month=date(int(year), int(month), 1), planned_headcount=planned
            )
        )


def opening(
    session: Session, key: str, team: str | None, opened: date, closed: date | None
) -> None:
    session.execute(
        insert(Opening).values(opening_id=key, team=team, opened_on=opened, closed_on=closed)
    )


def offer(session: Session, key: str, team: str, accepted: date, starts: date | None) -> None:
    session.execute(
        insert(Offer).values(
            source="greenhouse",
            offer_id=key,
            team=team,
            status="Accepted",
            accepted_on=accepted,
            starts_on=starts,
        )
    )


def refreshed(store: Store, settings: Settings, written: str = "2024-06-10 12:00") -> datetime:
    now = store.collected(written, ["files"])
    refresh(store.session, settings, now)
    return now


@pytest.fixture
def company(store: Store) -> Store:
    """product ─ red, blue. Ann and Ben have been in red since 2023, Cal in blue."""
    store.team("product")
    store.team("red", "product")
    store.team("blue", "product")
    for person, team in (("ann", "red"), ("ben", "red"), ("cal", "blue")):
        store.person(person)
        store.employed(person, date(2023, 1, 1))
        store.member(person, team, date(2023, 1, 1))
    return store


def beside(store: Store, team: str, month: date) -> dict[str, Any]:
    found = store.shown(KEY, team, month).beside
    assert found is not None
    return found


def test_headcount_at_the_months_end_over_the_plan(company: Store, settings: Settings) -> None:
    plan(company.session, "red", m2024_03=4, m2024_04=2)
    company.person("dee")
    company.member("dee", "red", date(2024, 3, 31), date(2024, 4, 30))  # not in red at April's end
    refreshed(company, settings)
    march = company.shown(KEY, "red", MARCH)
    assert (march.value, march.n, march.numerator, march.denominator) == (75.0, 3, 3.0, 4.0)
    assert company.value(KEY, "red", APRIL) == (100.0, 2)
    # The running month is measured today; the plan of April still holds.
    june = company.shown(KEY, "red", JUNE)
    assert (june.value, june.partial) == (100.0, True)


def test_a_plan_holds_to_the_end_of_its_fiscal_year(company: Store, settings: Settings) -> None:
    plan(company.session, "red", m2023_05=4)
    refreshed(company, settings)
    assert company.value(KEY, "red", date(2024, 1, 1)) == (50.0, 2)
    february = company.shown(KEY, "red", date(2024, 2, 1))
    assert (february.value, february.reason) == (None, "no_data")
    assert (february.n, february.numerator, february.denominator) == (2, 2.0, None)
    assert february.beside is not None
    assert february.beside["planned_hires"] is None


def test_a_parent_without_a_row_takes_the_sum_of_its_children_if_each_has_a_plan(
    company: Store, settings: Settings
) -> None:
    plan(company.session, "red", m2024_03=2)
    plan(company.session, "blue", m2024_04=3)
    plan(company.session, "product", m2024_05=10)
    refreshed(company, settings)
    assert company.shown(KEY, "product", MARCH).reason == "no_data"  # blue has none yet
    assert company.value(KEY, "product", APRIL) == (60.0, 3)
    assert company.value(KEY, "organisation", APRIL) == (60.0, 3)  # through product
    assert company.value(KEY, "product", MAY) == (30.0, 3)  # its own row from May on
    assert company.value(KEY, "organisation", MAY) == (30.0, 3)


def test_a_plan_of_nobody_gives_no_meaningful_value(company: Store, settings: Settings) -> None:
    plan(company.session, "red", m2024_03=0)
    refreshed(company, settings)
    row = company.shown(KEY, "red", MARCH)
    assert (row.value, row.reason, row.n) == (None, "not_meaningful", 2)
    assert (row.numerator, row.denominator) == (2.0, 0.0)
    point = queries.series(company.session, settings, KEY, team="red", from_="2024-03").points[0]
    assert (point.status, point.reason) == (None, Reason.NOT_MEANINGFUL)


def test_attention_begins_at_95_whatever_the_configured_tolerance() -> None:
    def status(value: float, target: float = 100.0, tolerance: float = 0.2) -> Status | None:
        return status_of(HIRING_VS_PLAN, value, None, target, tolerance)

    assert status(100.0) is Status.ON_TARGET
    assert status(99.9) is Status.ATTENTION
    assert status(95.0) is Status.ATTENTION
    assert status(94.9) is Status.PROBLEM
    assert status(95.0, tolerance=0.0) is Status.ATTENTION
    # A target of the file: 5 % of that one.
    assert status(85.5, target=90.0) is Status.ATTENTION
    assert status(85.4, target=90.0) is Status.PROBLEM


def test_a_hire_counts_on_its_start_date_and_a_transfer_is_none(
    company: Store, settings: Settings
) -> None:
    company.person("dee")
    company.employed("dee", date(2024, 3, 4))
    company.member("dee", "red", date(2024, 3, 4))
    # Cal moves from blue to red: a transfer in red, nothing in product.
    company.session.execute(
        text("UPDATE memberships SET valid_to = '2024-04-01' WHERE person_id = 'cal'")
    )
    company.member("cal", "red", date(2024, 4, 1))
    # Eve was hired elsewhere, worked there and came to the teams that we know of later.
    company.person("eve")
    company.employed("eve", date(2024, 2, 1))
    company.member("eve", "blue", date(2024, 4, 10))
    # Fay left and came back within the year: hired twice, one person.
    company.person("fay")
    for first, last in ((date(2024, 2, 1), date(2024, 2, 20)), (date(2024, 4, 2), None)):
        company.employed("fay", first, last, "voluntary" if last else None)
        company.member("fay", "blue", first, date(2024, 2, 21) if last else None)
    refreshed(company, settings)
    hires = {
        (team, month.month): beside(company, team, month)["hires"]
        for team in ("red", "blue", "product", "organisation")
        for month in (MARCH, APRIL)
    }
    assert hires == {
        ("red", 3): 1,
        ("red", 4): 1,  # to date: March's is still of this fiscal year
        ("blue", 3): 1,
        ("blue", 4): 1,
        ("product", 3): 2,
        ("product", 4): 2,
        ("organisation", 3): 2,
        ("organisation", 4): 2,
    }
    assert beside(company, "red", MARCH)["transfers_in"] == 0
    assert beside(company, "red", APRIL)["transfers_in"] == 1
    assert beside(company, "product", APRIL)["transfers_in"] == 0
    assert beside(company, "blue", APRIL)["leavers"] == 1
    # January is of the fiscal year before.
    assert beside(company, "red", date(2024, 1, 1))["hires"] == 0


def test_planned_hires_are_the_rises_of_the_plan(company: Store, settings: Settings) -> None:
    plan(company.session, "red", m2024_01=3, m2024_02=4, m2024_03=6, m2024_04=5, m2024_05=8)
    company.person("dee")
    company.employed("dee", date(2024, 3, 4))
    company.member("dee", "red", date(2024, 3, 4))
    refreshed(company, settings)
    found = {
        month: (
            beside(company, "red", month)["planned_hires"],
            beside(company, "red", month)["hires"],
        )
        for month in (date(2024, 1, 1), date(2024, 2, 1), MARCH, APRIL, MAY)
    }
    assert found == {
        date(2024, 1, 1): (0, 0),  # nothing before it to rise from
        date(2024, 2, 1): (1, 0),
        MARCH: (3, 1),
        APRIL: (3, 1),  # a fall is no negative hire
        MAY: (6, 1),
    }
    assert beside(company, "red", date(2024, 1, 1))["hires_vs_planned"] is None
    assert beside(company, "red", MARCH)["hires_vs_planned"] == pytest.approx(100 / 3)


def test_openings_and_offers_at_the_months_end(company: Store, settings: Settings) -> None:
    session = company.session
    opening(session, "o1", "red", date(2024, 3, 1), None)
    opening(session, "o2", "red", date(2024, 3, 21), date(2024, 4, 30))  # closed: no longer open
    opening(session, "o3", "blue", date(2024, 4, 30), None)
    opening(session, "o4", None, date(2024, 3, 1), None)  # of no team: nobody's
    offer(session, "1", "red", date(2024, 3, 31), date(2024, 5, 1))
    offer(session, "2", "blue", date(2024, 4, 1), None)
    refreshed(company, settings)
    march, april = beside(company, "red", MARCH), beside(company, "red", APRIL)
    assert (march["open_openings"], march["open_openings_median_age"]) == (2, 20.0)  # 30 and 10
    assert (april["open_openings"], april["open_openings_median_age"]) == (1, 60.0)
    product = beside(company, "product", APRIL)
    assert (product["open_openings"], product["open_openings_median_age"]) == (2, 30.0)
    assert march["offers_accepted_not_started"] == 1
    assert product["offers_accepted_not_started"] == 2
    assert beside(company, "product", MAY)["offers_accepted_not_started"] == 1
    blue = beside(company, "blue", MARCH)
    assert (blue["open_openings"], blue["open_openings_median_age"]) == (0, None)


def test_somebody_in_two_teams_counts_once_above_them(company: Store, settings: Settings) -> None:
    company.member("ann", "blue", date(2024, 1, 1), role="manager")
    plan(company.session, "product", m2024_03=3)
    refreshed(company, settings)
    assert company.value(KEY, "product", MARCH) == (100.0, 3)
    assert company.value(KEY, "blue", MARCH)[1] == 2


def _touched(session: Session, now: datetime) -> set[tuple[str, str, date]]:
    """The past values that were recorded at an instant: (indicator, team, month)."""
    rows = session.execute(
        select(PeriodValue.indicator, Team.slug, PeriodValue.period)
        .join(Team, Team.id == PeriodValue.team_id)
        .where(
            PeriodValue.superseded_at.is_(None),
            PeriodValue.recorded_at == now,
            PeriodValue.partial.is_(False),
            PeriodValue.indicator.in_([KEY, "retention", "diversity"]),
        )
    )
    return {(key, slug, period) for key, slug, period in rows}


def test_a_changed_plan_restates_its_values_alone(company: Store, settings: Settings) -> None:
    session = company.session
    plan(session, "red", m2024_02=2, m2024_04=4)
    plan(session, "blue", m2024_02=1)
    refreshed(company, settings)
    session.execute(
        update(PlannedHeadcount)
        .where(PlannedHeadcount.team == "red", PlannedHeadcount.month == APRIL)
        .values(planned_headcount=5)
    )
    now = at("2024-06-10 13:00")
    refresh(session, settings, now)
    assert _touched(session, now) == {
        (KEY, team, month) for team in ("red", "product", "organisation") for month in (APRIL, MAY)
    }
    reasons = session.scalars(
        select(PeriodValue.superseded_reason).where(PeriodValue.superseded_at.is_not(None))
    )
    assert set(reasons) == {"configuration"}
    assert company.value(KEY, "red", APRIL) == (40.0, 2)


def test_a_withdrawn_plan_row_restates_too(company: Store, settings: Settings) -> None:
    session = company.session
    plan(session, "red", m2024_02=2, m2024_04=4)
    refreshed(company, settings)
    session.execute(delete(PlannedHeadcount).where(PlannedHeadcount.month == APRIL))
    refresh(session, settings, at("2024-06-10 13:00"))
    assert company.value(KEY, "red", APRIL) == (100.0, 2)
    assert company.value(KEY, "red", MAY) == (100.0, 2)


def test_a_late_termination_restates_from_its_day_on(company: Store, settings: Settings) -> None:
    session = company.session
    refreshed(company, settings)
    # We learn in June that Ben's last day was 15 April; his membership is closed with it.
    session.execute(
        update(Employment)
        .where(Employment.person_id == "ben")
        .values(end_date=date(2024, 4, 15), termination_type="voluntary")
    )
    session.execute(text("UPDATE memberships SET valid_to = '2024-04-16' WHERE person_id = 'ben'"))
    now = at("2024-06-10 13:00")
    refresh(session, settings, now)
    touched = {(team, month) for key, team, month in _touched(session, now) if key == KEY}
    assert touched == {
        (team, month) for team in ("red", "product", "organisation") for month in (APRIL, MAY)
    }
    assert company.value(KEY, "red", APRIL)[1] == 1
    assert beside(company, "red", APRIL)["leavers"] == 1


def test_the_fiscal_year_of_a_day() -> None:
    assert fiscal_year_start(date(2024, 1, 31), 2) == date(2023, 2, 1)
    assert fiscal_year_start(date(2024, 2, 1), 2) == date(2024, 2, 1)
    assert fiscal_year_start(date(2024, 12, 5), 1) == date(2024, 1, 1)
