"""A re-organisation, a move and a new name restate the values that they touch, and no other."""

from datetime import date

import pytest
from sqlalchemy import delete, insert, select, update

from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.tables import Membership, PeriodValue, PlannedHeadcount, Team

from .conftest import Store, at

FIRST = date(2024, 1, 1)


@pytest.fixture
def company(store: Store, settings: Settings) -> Store:
    """organisation ─ product ─ red (ann), blue (ben); platform ─ green (cid). Until 10 May 2024."""
    for slug, parent in (
        ("product", "organisation"),
        ("platform", "organisation"),
        ("red", "product"),
        ("blue", "product"),
        ("green", "platform"),
    ):
        store.team(slug, parent)
    for number, (person, team) in enumerate((("ann", "red"), ("ben", "blue"), ("cid", "green")), 1):
        store.person(person, number)
        store.member(person, team, FIRST)
        store.employed(person, FIRST)
        store.session.execute(
            insert(PlannedHeadcount).values(team=team, month=date(2024, 2, 1), planned_headcount=1)
        )
    store.project(1, "acme/api")
    for author in (1, 2, 3):
        store.merge_request(author, "2024-01-10 12:00")
        store.merge_request(author, "2024-02-10 12:00", merged="2024-02-20 12:00")
    refresh(store.session, settings, store.collected("2024-05-10 12:00"))
    return store


def restated(store: Store) -> set[tuple[str, str, str]]:
    """(team, indicator, reason) of what was superseded."""
    rows = store.session.execute(
        select(Team.slug, PeriodValue.indicator, PeriodValue.superseded_reason)
        .join(Team, Team.id == PeriodValue.team_id)
        .where(PeriodValue.superseded_at.is_not(None))
    )
    return {(slug, key, str(reason)) for slug, key, reason in rows}


def recorded_anew(store: Store, since: str) -> set[str]:
    """Teams with a value of a period that was over, recorded since an instant."""
    return set(
        store.session.scalars(
            select(Team.slug)
            .join(PeriodValue, PeriodValue.team_id == Team.id)
            .where(PeriodValue.recorded_at >= at(since), ~PeriodValue.partial)
        )
    )


def test_a_team_that_hangs_elsewhere_restates_the_teams_above_it_alone(
    company: Store, settings: Settings
) -> None:
    company.session.execute(update(Team).where(Team.slug == "red").values(parent="platform"))
    refresh(company.session, settings, company.collected("2024-05-10 13:00"))
    found = restated(company)
    assert {team for team, _, _ in found} == {"product", "platform"}
    assert {key for _, key, _ in found} == {
        "open_mr_age",
        "hiring_vs_plan",
        "mr_rate",
        "diversity",  # its headcount, for the shares are hidden
        "handbook_update_rate",
        "retention",
        "time_to_merge",
    }
    assert {reason for _, _, reason in found} <= {"membership", "configuration"}
    assert recorded_anew(company, "2024-05-10 13:00") == {"product", "platform"}


def test_somebody_who_moved_restates_the_two_teams_from_that_day(
    company: Store, settings: Settings
) -> None:
    session = company.session
    session.execute(delete(Membership).where(Membership.person_id == "ann"))
    company.member("ann", "red", FIRST, date(2024, 3, 1))
    company.member("ann", "blue", date(2024, 3, 1))
    refresh(session, settings, company.collected("2024-05-10 13:00"))
    assert {team for team, _, _ in restated(company)} == {"red", "blue"}
    assert {reason for _, _, reason in restated(company)} == {"membership"}
    first = session.scalar(
        select(PeriodValue.period)
        .where(PeriodValue.superseded_at.is_not(None))
        .order_by(PeriodValue.period)
        .limit(1)
    )
    assert first == date(2024, 3, 1)


def test_a_new_name_restates_nothing(company: Store, settings: Settings) -> None:
    company.session.execute(update(Team).where(Team.slug == "red").values(name="Scarlet"))
    report = refresh(company.session, settings, company.collected("2024-05-10 13:00"))
    assert restated(company) == set()
    assert (report.written.restated, report.written.new) == (0, 0)
    assert recorded_anew(company, "2024-05-10 13:00") == set()


def test_a_new_slug_is_a_new_team_and_the_old_values_stay(
    company: Store, settings: Settings
) -> None:
    session = company.session
    company.team("scarlet", "product")
    session.execute(update(Membership).where(Membership.team == "red").values(team="scarlet"))
    session.execute(
        update(Team).where(Team.slug == "red").values(removed_at=at("2024-05-10 13:00"))
    )
    refresh(session, settings, company.collected("2024-05-10 13:00"))
    # Who is in product did not change, nor what they did; the plan of it and of all lost a part.
    assert {(team, key) for team, key, _ in restated(company)} == {
        ("product", "hiring_vs_plan"),
        ("organisation", "hiring_vs_plan"),
    }
    assert company.value("mr_rate", "scarlet", date(2024, 2, 1), "narrow") == (1, 1)
    assert company.value("mr_rate", "red", date(2024, 2, 1), "narrow") == (1, 1)
