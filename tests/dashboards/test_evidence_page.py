"""The merge requests behind one number: order, median row, filters, counts and pages."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.errors import InvalidValueError
from app.metrics.answers import Evidence, EvidenceRow
from app.metrics.indicator import Indicator
from dashboards import evidence
from dashboards.asked import Asked

from .made import AGE, COMMUNITY, NOW, RATE, SETTINGS, TIME_TO_MERGE, point, target_of

ABOVE = [("organisation", "Organisation"), ("product", "Product")]


def row(number: int, age: float, **other: Any) -> EvidenceRow:
    """A merge request that was created `age` days before now, and is not in review."""
    made = EvidenceRow(
        project="acme/payments",
        iid=number,
        title=f"Part {number}",
        web_url=f"https://gitlab.example/acme/payments/-/merge_requests/{number}",
        state="opened",
        draft=False,
        author_username="rafael",
        author_name="Rafael Stein",
        created_at=NOW - timedelta(days=age),
        merged_at=None,
        closed_at=None,
        review_started_at=None,
        value=age,
        flags=(),
    )
    return replace(made, **other)


def page(
    rows: Sequence[EvidenceRow],
    value: float | None,
    indicator: Indicator = AGE,
    left_out: dict[str, int] | None = None,
    **query: str,
) -> dict[str, Any]:
    daily = indicator is AGE
    period = "2026-11-22" if daily else "2026-10"
    made = Evidence(
        indicator=indicator,
        team="checkout",
        team_name="Checkout",
        period=period,
        variant=indicator.default_variant or None,
        point=point(period, value, indicator, len(rows), partial=daily),
        rows=rows,
        left_out=left_out or {},
        target=target_of(indicator),
        instant=NOW,
    )
    asked = Asked(path={"key": indicator.key}, query={"team": "checkout", **query})
    return evidence.context(made, ABOVE, NOW, SETTINGS, asked)


def many(count: int) -> list[EvidenceRow]:
    """Ages from `count` days down to 1."""
    return [row(number, float(count + 1 - number)) for number in range(1, count + 1)]


def test_headline_is_the_number_and_what_makes_it() -> None:
    shown = page(many(31), 16.0)
    assert shown["headline"] == "31 merge requests behind 16.0 days"
    assert shown["lede"] == (
        "Open MR Age of Checkout on 22 Nov 2026, 06:10 UTC (day not over). The value is the median "
        "of the ages below: 15 are older, 15 are younger."
    )
    assert page(many(1), 1.0)["headline"] == "1 merge request behind 1.0 days"
    assert page([], None)["headline"] == "0 merge requests, no value"


def test_median_of_an_odd_number_is_a_row() -> None:
    lines = page(many(5), 3.0)["lines"]
    assert [line.above_median for line in lines] == [
        *(None, None),
        "Median: 3.0 days. The next row is the middle one of 5.",
        *(None, None),
    ]
    assert [line.value for line in lines] == ["5.0", "4.0", "3.0", "2.0", "1.0"]


def test_median_of_an_even_number_lies_between_two_rows() -> None:
    marks = [line.above_median for line in page(many(4), 2.5)["lines"]]
    assert marks == [
        *(None, None),
        "Median: 2.5 days. It lies between the row above and the row below.",
        None,
    ]


def test_median_is_marked_only_among_all_oldest_first() -> None:
    rows = [replace(each, draft=True) for each in many(5)]
    for other in (page(rows, 3.0, sort="value"), page(rows, 3.0, state="draft")):
        assert [line.above_median for line in other["lines"]] == [None] * 5


def test_pages_of_25_keep_the_order_and_the_median() -> None:
    first, second = page(many(60), 30.5), page(many(60), 30.5, page="2")
    assert first["range"] == "1 to 25 of 60, oldest first"
    assert (first["previous"], first["next"]) == (
        None,
        "/indicators/open_mr_age/evidence?team=checkout&page=2",
    )
    assert second["lines"][0].value == "35.0"
    assert [line.above_median is not None for line in second["lines"]].index(True) == 5
    assert second["previous"] == "/indicators/open_mr_age/evidence?team=checkout"
    assert page(many(60), 30.5, page="3")["next"] is None
    with pytest.raises(InvalidValueError, match="there are 3"):
        page(many(60), 30.5, page="4")


MIXED = [
    row(1, 9.0, flags=("orphaned",), review_started_at=NOW - timedelta(days=4)),
    row(2, 7.0, draft=True, review_started_at=NOW - timedelta(days=2)),
    row(3, 5.0, flags=("end_estimated", "review_start_inferred"), review_started_at=NOW),
    row(4, 3.0, review_started_at=NOW + timedelta(hours=1)),
    row(5, 1.0),
]


def test_filters_count_what_they_keep() -> None:
    shown = page(MIXED, 5.0)
    assert {f.words: f.count for f in shown["filters"]} == {
        "All": 5,
        "In review": 3,
        "Draft": 1,
        "Orphaned": 1,
        "End estimated": 1,
        "Review start inferred": 1,
    }
    kept = page(MIXED, 5.0, state="in_review")
    assert [line.reference for line in kept["lines"]] == [
        "acme/payments!1",
        "acme/payments!2",
        "acme/payments!3",
    ]
    assert [f.words for f in kept["filters"] if f.current] == ["In review"]
    # What is filtered is still the evidence of the same number.
    assert kept["headline"] == "5 merge requests behind 5.0 days"


def test_states_and_flags_are_words() -> None:
    lines = page(MIXED, 5.0)["lines"]
    assert [line.state for line in lines] == [
        "in review",
        "draft",
        "in review",
        "not yet in review",
        "not yet in review",
    ]
    assert lines[0].flags == ["orphaned: author has left"]
    assert lines[2].flags == ["end estimated", "review start inferred"]
    assert [line.in_review for line in lines] == ["4.0", "2.0", "0.0", "–", "–"]


def test_waiting_has_a_column_only_where_it_is_not_the_value_itself() -> None:
    assert page(MIXED, 5.0)["waits"]
    same = [row(1, 2.0, review_started_at=NOW - timedelta(days=2))]
    assert not page(same, 2.0)["waits"]


def test_heads_turn_round_and_no_person_can_be_sorted_by() -> None:
    heads = {head.words: head for head in page(MIXED, 5.0)["heads"]}
    assert heads["Open MR age, days"].direction == "descending"
    assert heads["Open MR age, days"].address.endswith("&sort=value")
    assert heads["Title"].address.endswith("&sort=-title")
    assert heads["Author"].address is None
    titles = [line.title for line in page(MIXED, 5.0, sort="title")["lines"]]
    assert titles == sorted(titles)
    with pytest.raises(InvalidValueError, match="sort 'author' is none of"):
        page(MIXED, 5.0, sort="author")


def test_what_was_left_out_is_counted() -> None:
    assert page(MIXED, 5.0)["left_out"] == "Left out: none."
    left = {"bot": 1902, "draft": 0, "quarantined": 1}
    assert page(MIXED, 5.0, left_out=left)["left_out"] == (
        "Left out: 1,902 by bots, 1 quarantined."
    )


def test_rate_lists_what_was_merged_without_ages() -> None:
    merged = NOW - timedelta(days=30)
    rows = [
        row(1, 60.0, value=None, merged_at=merged, state="merged", review_started_at=merged),
        row(2, 70.0, value=None, state="merged", flags=("end_estimated",)),
    ]
    shown = page(rows, 0.2, RATE)
    assert shown["lede"] == (
        "Merge request rate (Narrow: by the team) of Checkout in October 2026. Each counts once; "
        "together they are divided by 11.0 people on average."
    )
    assert [line.state for line in shown["lines"]] == ["merged", "merged"]
    assert [line.merged for line in shown["lines"]] == ["23 Oct 2026", "–"]
    assert "In review" not in {f.words for f in shown["filters"]}
    assert shown["strip"] == ""
    assert [v[2] for v in shown["variants"]] == [True, False, False]


def test_address_that_a_browser_must_not_follow_is_text() -> None:
    made = page([row(1, 2.0, web_url="javascript:alert(1)")], 2.0)
    assert made["lines"][0].address is None


def test_strip_tells_the_ages_in_a_sentence() -> None:
    assert (
        'aria-label="Ages of 5 merge requests from 1 to 5 days; median 3.0, middle half 2 to 4; '
        'target 30"'
    ) in page(many(5), 3.0)["strip"]


def test_csv_has_exactly_the_rows_that_were_counted() -> None:
    shown = page(MIXED, 5.0, state="draft", sort="title", period="2026-11-22")
    assert shown["csv"] == (
        "/api/v1/indicators/open_mr_age/evidence?team=checkout&period=2026-11-22&format=csv"
    )


def test_answers_to_the_community_are_no_rate_of_people() -> None:
    rows = [
        row(1, 20.0, value=None, state="opened"),
        row(2, 21.0, value=None, state="closed"),
        row(3, 22.0, value=None, state="merged", merged_at=NOW - timedelta(days=20)),
        row(4, 22.0, value=None, state="opened", draft=True),
    ]
    shown = page(rows, 100 * 3 / 4, COMMUNITY)
    assert shown["headline"] == "4 merge requests behind 75%"
    assert shown["lede"] == (
        "Response to Community SLO of Checkout in October 2026. "
        "4 of 11 community merge requests had an answer in time."
    )
    assert {line.reference[-1]: line.state for line in shown["lines"]} == {
        "1": "open",
        "2": "closed",
        "3": "merged",
        "4": "draft",
    }


def test_times_of_a_month_are_no_ages_of_a_day() -> None:
    merged = NOW - timedelta(days=30)
    rows = [
        replace(each, state="merged", merged_at=merged, review_started_at=merged)
        for each in many(5)
    ]
    shown = page(rows, 3.0, TIME_TO_MERGE)
    assert shown["lede"] == (
        "Time to Merge of Checkout in October 2026. The value is the median of the times below: "
        "2 are longer, 2 are shorter."
    )
    assert [line.state for line in shown["lines"]] == ["merged"] * 5
    assert shown["range"] == "1 to 5 of 5, longest first"
    assert not shown["waits"]
    assert "In review" not in {f.words for f in shown["filters"]}
    assert 'aria-label="Times of 5 merge requests from 1 to 5 days' in shown["strip"]
    assert page(rows, 3.0, TIME_TO_MERGE, sort="value")["range"].endswith("shortest first")
