"""The page of a team: of when its numbers are, what waits, who came and went."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from app.metrics.answers import (
    Attention,
    Cards,
    Due,
    EvidenceRow,
    MembershipChange,
    OverdueOpening,
    Scorecard,
    Team,
    Waiting,
)
from app.metrics.indicator import Point
from dashboards import team
from dashboards.asked import Asked

from .made import (
    AGE,
    HIRING,
    NOW,
    RATE,
    SETTINGS,
    TODAY,
    months,
    point,
    scorecard_row,
    series,
    weeks,
)

NAMES = {"checkout": "Checkout", "search": "Search", "product": "Product"}
CHECKOUT = Team(
    slug="checkout",
    name="Checkout",
    parent="product",
    ancestors=[("organisation", "Organisation"), ("product", "Product")],
    children=[],
    on=TODAY,
    headcount=11,
    managers=[],
    people=[],
    owns=[],
    projects=[],
    membership_changes=[],
    targets=[],
)
OLD = EvidenceRow(
    project="acme/payments",
    iid=7,
    title="Retry card authorisation",
    web_url="https://gitlab.example/acme/payments/-/merge_requests/7",
    state="opened",
    draft=False,
    author_username="oona",
    author_name=None,
    created_at=NOW - timedelta(days=140),
    merged_at=None,
    closed_at=None,
    review_started_at=None,
    value=139.8,
    flags=("orphaned",),
)


DUE = Due(row=replace(OLD, flags=()), due_at=NOW + timedelta(hours=27))
OVERDUE = OverdueOpening(
    opening_id="OP-1182",
    team="search",
    opened_on=date(2026, 8, 17),
    target_start_on=date(2026, 10, 31),
    days=22,
)
BESIDE = {
    "hires": 2,
    "planned_hires": 3,
    "hires_vs_planned": 200 / 3,
    "transfers_in": 1,
    "leavers": 0,
    "open_openings": 2,
    "open_openings_median_age": 63.5,
    "offers_accepted_not_started": 1,
}


def page(
    orphaned: int = 0,
    changes: list[MembershipChange] | None = None,
    hiring: Point | None = None,
    running: Sequence[Point] = (),
    due: int = 0,
    oldest: int = 0,
    now: datetime = NOW,
    **query: str,
) -> dict[str, Any]:
    daily, monthly = weeks(20.0, 21.0), months(9.0, 8.0, 5.5)
    left = [
        Waiting(row=replace(OLD, iid=number, title=f"Change {number}"), days=139.8)
        for number in range(orphaned)
    ]
    beside = [(HIRING, hiring)] if hiring else []
    scorecard = Scorecard(
        team="checkout",
        name="Checkout",
        period=None,
        items=[
            scorecard_row(daily[-1]),
            scorecard_row(monthly[1], RATE),
            *(scorecard_row(made, indicator) for indicator, made in beside),
        ],
    )
    return team.context(
        replace(CHECKOUT, membership_changes=changes or []),
        Cards(
            scorecard=scorecard,
            series={
                AGE.key: series(daily),
                RATE.key: series(monthly, RATE),
                **{
                    indicator.key: series([made, *running], indicator) for indicator, made in beside
                },
            },
            above={},
        ),
        Attention(
            team="checkout",
            oldest_in_review=left[:oldest],
            community=[DUE] * due,
            openings=[OVERDUE] * due,
            orphaned=left,
        ),
        NAMES,
        SETTINGS,
        Asked(path={"slug": "checkout"}, query=query),
        now,
    )


def test_page_says_of_when_its_numbers_are() -> None:
    assert page()["as_of"] == (
        "As of 22 Nov 2026, 06:10 UTC, day not over; monthly indicators for October 2026, "
        "the last whole month."
    )
    # Of a period that was asked for nobody has to be told that it is the last one.
    assert page(period="2026-10")["as_of"].endswith("monthly indicators for October 2026.")


def test_day_of_the_members_is_that_of_the_period() -> None:
    through = [series([])]
    assert team.day_shown(SETTINGS, None, through) == TODAY
    assert team.day_shown(SETTINGS, "2026-10", through) == date(2026, 10, 31)
    assert team.day_shown(SETTINGS, "2026-11", through) == TODAY  # the month is not over
    assert team.day_shown(SETTINGS, "2026-03-09", through) == date(2026, 3, 9)


def hired(period: str, **other: Any) -> Point:
    made = replace(point(period, 100 * 11 / 12, HIRING), numerator=11.0, denominator=12.0)
    return replace(made, beside=BESIDE, **other)


def test_headcount_and_hiring_of_the_fiscal_year() -> None:
    # The fiscal year begins in February: October 2026 is in FY27, which ends in January 2027.
    assert page(hiring=hired("2026-10"))["hiring"] == [
        ("Planned for October 2026", "12"),
        ("Hires, FY27 to date", "2 of 3 planned"),
        ("Transfers in, FY27", "1"),
        ("Leavers, FY27", "0"),
        ("Open openings", "2"),
        ("Median age of openings", "64 days"),
        ("Accepted, not started", "1"),
    ]


def test_hiring_is_that_of_the_running_month_unless_a_period_was_asked_for() -> None:
    def planned(period: str = "") -> tuple[str, str]:
        running = replace(hired("2026-11"), denominator=13.0)
        shown = page(hiring=hired("2026-10"), running=[running], period=period)
        told: list[tuple[str, str]] = shown["hiring"]
        return told[0]

    assert planned() == ("Planned for November 2026", "13")
    assert planned("2026-10") == ("Planned for October 2026", "12")


def test_stale_sources_are_said_where_their_numbers_stand() -> None:
    late = NOW + timedelta(days=2)
    assert page(hiring=hired("2026-10"))["hiring_stops"] is None
    assert page(hiring=hired("2026-10"), now=late)["hiring_stops"] == "22 Nov 2026"
    assert page(hiring=hired("2026-10"), now=late, period="2026-10")["hiring_stops"] is None
    assert {card.when for card in page(now=late)["cards"]} == {"stops at 22 Nov 2026"}


@pytest.mark.parametrize(
    ("period", "start", "year"),
    [
        ("2027-01", 2, "FY27"),
        ("2027-02", 2, "FY28"),
        ("2026-12", 1, "FY26"),
        ("2026-06", 7, "FY26"),
        ("2026-07", 7, "FY27"),
        ("2099-07", 7, "FY00"),
    ],
)
def test_fiscal_year_is_named_after_the_year_in_which_it_ends(
    period: str, start: int, year: str
) -> None:
    reporting = SETTINGS.reporting.model_copy(update={"fiscal_year_start_month": start})
    settings = SETTINGS.model_copy(update={"reporting": reporting})
    assert team.fiscal_year(period, settings) == year


def test_without_a_plan_or_openings_nothing_is_invented() -> None:
    beside = {**BESIDE, "planned_hires": None, "open_openings": 0, "open_openings_median_age": None}
    told = dict(page(hiring=replace(hired("2026-10"), denominator=None, beside=beside))["hiring"])
    assert told["Planned for October 2026"] == "–"
    assert told["Hires, FY27 to date"] == "2"
    assert told["Open openings"] == "0"
    assert "Median age of openings" not in told
    assert page()["hiring"] == []
    assert page(hiring=hired("2026-10", recorded_at=None))["hiring"] == []


def test_answers_due_and_openings_overdue_are_listed() -> None:
    shown = page(due=5)
    assert [(each.when, each.mark) for each in shown["due"]] == [("due Mon 09:10", "")] * 4
    assert [(each.title, each.days) for each in shown["overdue"]] == [
        ("Opening OP-1182", "22 days over")
    ] * 4
    assert shown["overdue"][0].detail.startswith("Search, open for 97 days")
    assert (page()["due"], page()["overdue"]) == ([], [])


def test_more_orphaned_work_than_fits_leads_to_its_evidence() -> None:
    assert page(orphaned=4)["all_orphaned"] is None
    many = page(orphaned=5)
    assert len(many["orphaned"]) == 4
    assert many["all_orphaned"] == ("/indicators/open_mr_age/evidence?team=checkout&state=orphaned")


def test_what_is_among_the_oldest_is_not_listed_once_more() -> None:
    shown = page(orphaned=3, oldest=1)
    assert [each.title for each in shown["oldest"]] == ["Change 0"]
    assert [each.title for each in shown["orphaned"]] == ["Change 1", "Change 2"]
    assert shown["all_orphaned"] is not None


def change(kind: str, where: str, elsewhere: str | None, **other: Any) -> MembershipChange:
    made = MembershipChange(
        day=date(2026, 10, 1), person="Arjun Nair", kind=kind, team=where, elsewhere=elsewhere
    )
    return replace(made, **other)


def test_changes_say_where_from_and_where_to() -> None:
    shown = page(
        changes=[
            change("joined", "checkout", "search"),
            change("joined", "checkout", None),
            change("left", "checkout", "product"),
            change("left", "search", None),
            change("joined", "checkout", None, employment="began"),
            change("left", "checkout", None, employment="ended", orphaned=1),
            change("left", "checkout", None, orphaned=12),
        ]
    )["changes"]
    assert [(one.words, one.detail) for one in shown] == [
        ("Arjun Nair joined", "from Search; earlier work stays with Search"),
        ("Arjun Nair joined", "new to the teams"),
        ("Arjun Nair left", "to Product"),
        ("Arjun Nair left", "Search, in no team since"),
        ("Arjun Nair joined", "new hire"),
        ("Arjun Nair left", "left the company; 1 open merge request is orphaned"),
        ("Arjun Nair left", "in no team since; 12 open merge requests are orphaned"),
    ]


def test_choices_keep_the_rest_of_the_address() -> None:
    shown = page(period="2026-10", grain="month", variant="wider")
    assert shown["grains"] == [
        ("By week", "/teams/checkout?period=2026-10&variant=wider", False),
        ("By day", "/teams/checkout?period=2026-10&grain=day&variant=wider", False),
        ("By month", "/teams/checkout?period=2026-10&grain=month&variant=wider", True),
    ]
    assert shown["crumbs"][1] == (
        "Product",
        "/teams/product?period=2026-10&grain=month&variant=wider",
    )
    assert shown["picker"].earlier.address == (
        "/teams/checkout?period=2026-09&grain=month&variant=wider"
    )
