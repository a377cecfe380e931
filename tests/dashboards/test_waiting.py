"""Lines of what waits: for how long, whose it is, and of answers by when."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.metrics.answers import Due, EvidenceRow, OverdueOpening, Waiting
from dashboards.waiting import answer_of, opening_of, wait_of

from .made import NOW

ZURICH = ZoneInfo("Europe/Zurich")
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


def test_what_waits_is_told_with_its_days_and_whose_it_is() -> None:
    wait = wait_of(Waiting(row=OLD, days=139.8))
    assert (wait.title, wait.days) == ("Retry card authorisation", "140 days")
    assert wait.detail == "payments!7, oona"
    orphaned = Waiting(row=OLD, days=1.2, author_left_on=date(2026, 9, 30))
    assert wait_of(orphaned).days == "1 day"
    assert wait_of(orphaned).detail == "payments!7, oona, author left 30 Sep 2026"
    assert wait_of(orphaned, heading_says_left=True).detail == "payments!7, oona, left 30 Sep 2026"


@pytest.mark.parametrize(
    ("due_at", "when", "mark"),
    [
        # NOW is Sunday 22 November 2026, 06:10 UTC; in Zürich it is an hour later.
        (datetime(2026, 11, 20, 22, 30, tzinfo=UTC), "missed Fri 23:30", "problem"),
        (datetime(2026, 11, 20, 23, 30, tzinfo=UTC), "missed Sat 00:30", "problem"),
        (datetime(2026, 11, 22, 6, 10, tzinfo=UTC), "due Sun 07:10", "attention"),
        (datetime(2026, 11, 23, 6, 9, tzinfo=UTC), "due Mon 07:09", "attention"),
        (datetime(2026, 11, 23, 6, 10, tzinfo=UTC), "due Mon 07:10", ""),
        (datetime(2026, 11, 24, 10, 5, tzinfo=UTC), "due Tue 11:05", ""),
        # A weekday names one day only within a week.
        (datetime(2026, 11, 28, 7, 0, tzinfo=UTC), "due 28 Nov 2026", ""),
        (datetime(2026, 11, 12, 23, 30, tzinfo=UTC), "missed 13 Nov 2026", "problem"),
    ],
)
def test_answer_is_told_by_its_deadline_in_local_time(
    due_at: datetime, when: str, mark: str
) -> None:
    answer = answer_of(Due(row=OLD, due_at=due_at), NOW, ZURICH)
    assert (answer.when, answer.mark) == (when, mark)
    assert answer.detail == "payments!7, oona, no answer yet"
    assert answer.colour == ("bad" if mark == "problem" else "warn")


def test_answer_links_only_where_a_browser_may_follow() -> None:
    hostile = replace(OLD, web_url="javascript:alert(1)")
    assert answer_of(Due(row=hostile, due_at=NOW), NOW, ZURICH).address is None
    assert answer_of(Due(row=OLD, due_at=NOW), NOW, ZURICH).address == OLD.web_url


def test_opening_past_its_target_start_names_its_team() -> None:
    opening = OverdueOpening(
        opening_id="OP-1182",
        team="checkout",
        opened_on=date(2026, 8, 17),
        target_start_on=date(2026, 10, 31),
        days=22,
    )
    line = opening_of(opening, {"checkout": "Checkout"})
    assert (line.title, line.days, line.address) == ("Opening OP-1182", "22 days over", None)
    assert line.detail == "Checkout, open for 97 days, target start 31 Oct 2026"
    own = opening_of(opening, {"checkout": "Checkout"}, "checkout")
    assert own.detail == "open for 97 days, target start 31 Oct 2026"
    nowhere = opening_of(replace(opening, team=None, days=1), {})
    assert nowhere.days == "1 day over"
    assert nowhere.detail.startswith("no team, open for 76 days")
