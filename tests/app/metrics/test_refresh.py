"""Refresh: numbers worked out by hand, history where a period was over, nothing where nothing changed."""

from datetime import date, timedelta

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.orm import Session

from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.tables import Account, Membership, Project

from .conftest import Store, at

DAY = timedelta(days=1)


@pytest.fixture
def organisation(store: Store) -> Store:
    """product ─ checkout, search. Ann moved from checkout to search on 11 January."""
    store.team("product")
    store.team("checkout", "product", owns=["acme/checkout/**"])
    store.team("search", "product")
    store.person("ann", 1)
    store.person("ben", 2)
    store.account(9, "robo", bot=True)
    store.account(8, "eve")
    store.member("ann", "checkout", date(2024, 1, 1), date(2024, 1, 11))
    store.member("ann", "search", date(2024, 1, 11))
    store.member("ben", "checkout", date(2024, 1, 1), date(2024, 1, 16))
    store.project(1, "acme/checkout/web")
    store.project(2, "acme/other")
    return store


def history(session: Session, indicator: str, team: str, period: date) -> list[tuple[object, ...]]:
    """(value, superseded reason) of every row of a period, oldest first."""
    return [
        tuple(row)
        for row in session.execute(
            text(
                "SELECT v.value, v.superseded_reason FROM period_values v"
                " JOIN teams t ON t.id = v.team_id"
                " WHERE v.indicator = :i AND t.slug = :t AND v.period = :p AND v.variant IN ('', 'narrow')"
                " ORDER BY v.recorded_at"
            ),
            {"i": indicator, "t": team, "p": period},
        )
    ]


def test_ages_follow_the_author_through_a_move_and_stay_with_the_last_team(
    organisation: Store, session: Session, settings: Settings
) -> None:
    organisation.merge_request(1, "2024-01-05 00:00")
    organisation.merge_request(2, "2024-01-08 00:00")
    now = organisation.collected("2024-01-20 12:00")
    refresh(session, settings, now)
    value = organisation.value
    # End of 10 January: ann's is 6 days old, ben's 3; both in checkout.
    assert value("open_mr_age", "checkout", date(2024, 1, 10)) == (4.5, 2)
    # From the 11th on ann's belongs to search, though it was written in checkout.
    assert value("open_mr_age", "checkout", date(2024, 1, 11)) == (4.0, 1)
    assert value("open_mr_age", "search", date(2024, 1, 11)) == (7.0, 1)
    assert value("open_mr_age", "product", date(2024, 1, 11)) == (5.5, 2)
    # Ben left on the 16th; his work stays with checkout.
    assert value("open_mr_age", "checkout", date(2024, 1, 18)) == (11.0, 1)
    # The running day is measured at data_through.
    assert value("open_mr_age", "search", date(2024, 1, 20)) == (15.5, 1)
    # Created at the very instant that ends the 4th: inside [created_at, end), with age 0.
    assert value("open_mr_age", "checkout", date(2024, 1, 4)) == (0.0, 1)
    assert value("open_mr_age", "checkout", date(2024, 1, 3)) == (None, 0)


def test_review_time_starts_with_the_first_request_and_knows_bots(
    organisation: Store, session: Session, settings: Settings
) -> None:
    asked = organisation.merge_request(1, "2024-01-05 00:00")
    organisation.request_review(asked, "2024-01-06 00:00", "robo")
    organisation.request_review(asked, "2024-01-07 00:00", "ann")  # the author
    organisation.request_review(asked, "2024-01-08 00:00", "ben")
    organisation.merge_request(2, "2024-01-09 00:00", reviewers=[1])  # set at creation: no note
    organisation.merge_request(2, "2024-01-09 00:00", reviewers=[9])  # only a bot
    now = organisation.collected("2024-01-20 00:00")
    refresh(session, settings, now)
    assert organisation.value("open_mr_review_time", "checkout", date(2024, 1, 7)) == (0.0, 1)
    assert organisation.value("open_mr_review_time", "checkout", date(2024, 1, 6)) == (None, 0)
    assert organisation.value("open_mr_review_time", "checkout", date(2024, 1, 9)) == (1.5, 2)


def test_an_unattributed_merge_request_lowers_the_coverage_only(
    organisation: Store, session: Session, settings: Settings
) -> None:
    organisation.merge_request(1, "2024-01-05 00:00")
    organisation.merge_request(8, "2024-01-05 00:00")
    organisation.merge_request(None, "2024-01-05 00:00")
    organisation.merge_request(9, "2024-01-05 00:00")  # a bot's: in no population
    refresh(session, settings, organisation.collected("2024-01-20 00:00"))
    assert organisation.value("open_mr_age", "organisation", date(2024, 1, 6))[1] == 1
    row = session.execute(
        text(
            "SELECT attributed, total FROM coverages"
            " WHERE indicator = 'open_mr_age' AND period = '2024-01-06'"
        )
    ).one()
    assert tuple(row) == (1, 3)


def test_gitlabs_example_of_the_three_rates(
    store: Store, session: Session, settings: Settings
) -> None:
    """5 people; 200 of their own, 100 by other teams, 50 by the community: 40, 10 and 70."""
    store.team("five", owns=["acme/five"])
    store.team("others")
    for number in range(1, 6):
        store.person(f"p{number}", number)
        store.member(f"p{number}", "five", date(2024, 1, 1))
    store.person("other", 6)
    store.member("other", "others", date(2024, 1, 1))
    store.account(7, "visitor")
    store.project(1, "acme/five")
    store.project(2, "acme/elsewhere")
    for number in range(200):
        store.merge_request(
            1 + number % 5, "2024-01-02 00:00", merged="2024-01-10 00:00", project=1 + number % 2
        )
    for _ in range(100):
        store.merge_request(6, "2024-01-02 00:00", merged="2024-01-10 00:00")
    for _ in range(50):
        store.merge_request(
            7, "2024-01-02 00:00", merged="2024-01-10 00:00", labels=["community contribution"]
        )
    refresh(session, settings, store.collected("2024-02-02 00:00"))
    january = date(2024, 1, 1)
    assert store.value("mr_rate", "five", january, "narrow") == (40.0, 200)
    assert store.value("mr_rate", "five", january, "wider") == (10.0, 50)
    assert store.value("mr_rate", "five", january, "overall") == (70.0, 350)
    # The organisation owns what no team owns.
    assert store.value("mr_rate", "organisation", january, "overall") == (350 / 6, 350)


def test_nothing_is_written_where_nothing_changed(
    organisation: Store, session: Session, settings: Settings
) -> None:
    organisation.merge_request(1, "2024-01-05 00:00", merged="2024-01-09 00:00")
    now = organisation.collected("2024-01-20 12:00")
    first = refresh(session, settings, now)
    assert first.written.new == first.written.total > 0
    again = refresh(session, settings, now + DAY)
    assert again.written.total == 0
    assert again.stale_since is None
    assert refresh(session, settings, now + DAY, everything=True).written.total == 0


def test_late_data_keeps_the_earlier_value_with_its_reason(
    organisation: Store, session: Session, settings: Settings
) -> None:
    key = organisation.merge_request(1, "2024-01-05 00:00")
    refresh(session, settings, organisation.collected("2024-01-09 12:00"))
    running = history(session, "open_mr_age", "checkout", date(2024, 1, 9))
    assert running == [(4.5, None)]
    # It was closed on the 8th, as we learn on the 10th.
    organisation.change(key, state="closed", closed_at=at("2024-01-08 12:00"))
    now = organisation.collected("2024-01-10 12:00")
    report = refresh(session, settings, now)
    assert report.facts_changed == 1
    assert report.stale_since == date(2024, 1, 1)  # the month of the 8th
    assert history(session, "open_mr_age", "checkout", date(2024, 1, 8)) == [
        (4.0, "late_data"),
        (None, None),
    ]
    assert history(session, "open_mr_age", "checkout", date(2024, 1, 7)) == [(3.0, None)]
    # The 9th was running when it was recorded: replaced without history.
    assert history(session, "open_mr_age", "checkout", date(2024, 1, 9)) == [(None, None)]


def test_a_corrected_membership_restates_from_its_first_day(
    organisation: Store, session: Session, settings: Settings
) -> None:
    organisation.merge_request(1, "2024-01-05 00:00")
    refresh(session, settings, organisation.collected("2024-01-20 12:00"))
    session.execute(delete(Membership).where(Membership.person_id == "ann"))
    organisation.member("ann", "checkout", date(2024, 1, 1), date(2024, 1, 13))
    organisation.member("ann", "search", date(2024, 1, 13))
    refresh(session, settings, at("2024-01-20 13:00"))
    assert history(session, "open_mr_age", "search", date(2024, 1, 12)) == [
        (8.0, "membership"),
        (None, None),
    ]
    assert history(session, "open_mr_age", "checkout", date(2024, 1, 10)) == [(6.0, None)]


def test_a_changed_setting_restates_as_configuration(
    organisation: Store, session: Session, settings: Settings
) -> None:
    organisation.merge_request(1, "2024-01-05 00:00")
    organisation.merge_request(1, "2024-01-07 00:00", draft=True)
    refresh(session, settings, organisation.collected("2024-01-20 12:00"))
    stricter = settings.model_copy(
        update={"gitlab": settings.gitlab.model_copy(update={"exclude_drafts": True})}
    )
    refresh(session, stricter, at("2024-01-20 13:00"))
    assert history(session, "open_mr_age", "checkout", date(2024, 1, 8)) == [
        (3.0, "configuration"),
        (4.0, None),
    ]


def test_an_account_that_turns_out_to_be_a_bot_leaves_every_population(
    organisation: Store, session: Session, settings: Settings
) -> None:
    organisation.merge_request(1, "2024-01-05 00:00")
    refresh(session, settings, organisation.collected("2024-01-20 12:00"))
    session.execute(update(Account).where(Account.id == 1).values(bot=True, dirty=True))
    refresh(session, settings, at("2024-01-20 13:00"))
    assert organisation.value("open_mr_age", "checkout", date(2024, 1, 8)) == (None, 0)


def test_a_moved_project_changes_hands_in_all_history(
    organisation: Store, session: Session, settings: Settings
) -> None:
    organisation.merge_request(8, "2024-01-05 00:00", merged="2024-01-10 00:00", project=2)
    refresh(session, settings, organisation.collected("2024-02-05 12:00"))
    assert organisation.value("mr_rate", "checkout", date(2024, 1, 1), "overall")[1] == 0
    session.execute(
        update(Project).where(Project.id == 2).values(path="acme/checkout/other", dirty=True)
    )
    refresh(session, settings, at("2024-02-05 13:00"))
    assert organisation.value("mr_rate", "checkout", date(2024, 1, 1), "overall")[1] == 1


def test_the_average_headcount_counts_each_person_once_and_every_day(
    organisation: Store, session: Session, settings: Settings
) -> None:
    organisation.member("ann", "product", date(2024, 1, 1), role="manager")  # twice below product
    organisation.merge_request(1, "2024-01-02 00:00", merged="2024-01-03 00:00")
    refresh(session, settings, organisation.collected("2024-02-05 12:00"))
    row = session.execute(
        text(
            "SELECT v.numerator, v.denominator FROM period_values v"
            " JOIN teams t ON t.id = v.team_id"
            " WHERE v.indicator = 'mr_rate' AND v.variant = 'narrow' AND t.slug = 'product'"
            " AND v.period = '2024-01-01'"
        )
    ).one()
    assert row.numerator == 1
    assert row.denominator == pytest.approx((31 + 15) / 31, abs=1e-12)


def test_no_value_before_every_source_was_collected(
    organisation: Store, session: Session, settings: Settings
) -> None:
    organisation.merge_request(1, "2024-01-05 00:00")
    now = organisation.collected("2024-01-20 12:00", ["gitlab"])
    report = refresh(session, settings, now)
    assert report.not_computed["open_mr_age"] == "files"
    assert session.scalar(text("SELECT count(*) FROM period_values")) == 0
    organisation.collected("2024-01-20 11:00", ["files"])
    refresh(session, settings, now)
    # Measured at the earlier of the two.
    assert organisation.value("open_mr_age", "search", date(2024, 1, 20)) == (
        15 + 11 / 24,
        1,
    )
