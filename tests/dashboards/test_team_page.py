"""The page of a team: of when its numbers are, what waits, who came and went."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from app.metrics.answers import (
    Attention,
    EvidenceRow,
    MembershipChange,
    Scorecard,
    Team,
    Waiting,
)
from dashboards import team
from dashboards.asked import Asked

from .made import AGE, NOW, RATE, SETTINGS, TODAY, months, scorecard_row, series, weeks

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


def page(
    orphaned: int = 0, changes: list[MembershipChange] | None = None, **query: str
) -> dict[str, Any]:
    daily, monthly = weeks(20.0, 21.0), months(9.0, 8.0, 5.5)
    scorecard = Scorecard(
        team="checkout",
        name="Checkout",
        period=None,
        items=[scorecard_row(daily[-1]), scorecard_row(monthly[1], RATE)],
    )
    return team.context(
        replace(CHECKOUT, membership_changes=changes or []),
        scorecard,
        {AGE.key: series(daily), RATE.key: series(monthly, RATE)},
        Attention(
            team="checkout",
            oldest_in_review=[],
            community=[],
            openings=[],
            orphaned=[Waiting(row=OLD, days=139.8)] * orphaned,
        ),
        NAMES,
        SETTINGS,
        Asked(path={"slug": "checkout"}, query=query),
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


def test_more_orphaned_work_than_fits_leads_to_its_evidence() -> None:
    assert page(orphaned=4)["all_orphaned"] is None
    many = page(orphaned=5)
    assert len(many["orphaned"]) == 4
    assert many["all_orphaned"] == ("/indicators/open_mr_age/evidence?team=checkout&state=orphaned")


def change(kind: str, where: str, elsewhere: str | None) -> MembershipChange:
    return MembershipChange(
        day=date(2026, 10, 1), person="Arjun Nair", kind=kind, team=where, elsewhere=elsewhere
    )


def test_changes_say_where_from_and_where_to() -> None:
    shown = page(
        changes=[
            change("joined", "checkout", "search"),
            change("joined", "checkout", None),
            change("left", "checkout", "product"),
            change("left", "search", None),
        ]
    )["changes"]
    assert [(one.words, one.detail) for one in shown] == [
        ("Arjun Nair joined", "from Search"),
        ("Arjun Nair joined", "new to the teams"),
        ("Arjun Nair left", "to Product"),
        ("Arjun Nair left", "Search, in no team since"),
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
