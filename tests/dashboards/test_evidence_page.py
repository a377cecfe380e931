"""The merge requests behind one number: order, median row, filters, counts and pages."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.errors import InvalidValueError
from app.metrics.answers import Evidence, EvidenceRow
from app.metrics.indicator import Answering, Indicator
from app.metrics.left_out import REASONS
from dashboards import evidence, evidence_words
from dashboards.asked import Asked

from .made import AGE, COMMUNITY, HIRING, NOW, RATE, SETTINGS, TIME_TO_MERGE, point, target_of

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
    beside: Sequence[EvidenceRow] = (),
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
        beside=beside,
    )
    asked = Asked(path={"key": indicator.key}, query={"team": "checkout", **query})
    return evidence.context(made, ABOVE, NOW, SETTINGS, asked)


def column(shown: dict[str, Any], words: str) -> list[str]:
    """The cells below a head."""
    place = [head.words for head in shown["heads"]].index(words) - 2
    return [line.cells[place].text for line in shown["lines"]]


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
    shown = page(many(5), 3.0)
    assert [line.above_median for line in shown["lines"]] == [
        *(None, None),
        "Median: 3.0 days. The next row is the middle one of 5.",
        *(None, None),
    ]
    assert column(shown, "Open MR age, days") == ["5.0", "4.0", "3.0", "2.0", "1.0"]


def test_median_of_an_even_number_lies_between_two_rows() -> None:
    marks = [line.above_median for line in page(many(4), 2.5)["lines"]]
    assert marks == [
        *(None, None),
        "Median: 2.5 days. It lies between the row above and the row below.",
        None,
    ]


def test_median_is_marked_only_among_all_in_the_order_of_their_values() -> None:
    rows = [replace(each, draft=True) for each in many(5)]
    turned = [line.above_median is not None for line in page(rows, 3.0, sort="value")["lines"]]
    assert turned == [False, False, True, False, False]
    for other in (page(rows, 3.0, sort="-title"), page(rows, 3.0, state="draft")):
        assert [line.above_median for line in other["lines"]] == [None] * 5


def test_pages_of_25_keep_the_order_and_the_median() -> None:
    first, second = page(many(60), 30.5), page(many(60), 30.5, page="2")
    assert first["range"] == "1 to 25 of 60, oldest first"
    assert (first["previous"], first["next"]) == (
        None,
        "/indicators/open_mr_age/evidence?team=checkout&page=2",
    )
    assert column(second, "Open MR age, days")[0] == "35.0"
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


def chips_of(shown: dict[str, Any]) -> dict[str, int]:
    return {chip.words: chip.count for chip in shown["chips"]}


def test_filters_count_what_they_keep() -> None:
    shown = page(MIXED, 5.0)
    assert chips_of(shown) == {
        "All": 5,
        "In review": 3,
        "Not yet in review": 2,
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
    assert [chip.words for chip in kept["chips"] if chip.current] == ["In review"]
    assert (kept["range"], kept["out_of"]) == ("1 to 3 of 3, oldest first", "filtered from 5")
    # What is filtered is still the evidence of the same number.
    assert kept["headline"] == "5 merge requests behind 5.0 days"


def test_filters_go_together_and_each_can_be_taken_away() -> None:
    shown = page(MIXED, 5.0, state="in_review,draft", sort="title")
    assert [line.reference for line in shown["lines"]] == ["acme/payments!2"]
    address = "/indicators/open_mr_age/evidence?team=checkout"
    turned = {chip.words: chip.address for chip in shown["chips"]}
    assert turned["In review"] == f"{address}&state=draft&sort=title"
    assert turned["Draft"] == f"{address}&state=in_review&sort=title"
    assert turned["All"] == f"{address}&sort=title"
    # What would change nothing is not offered; what excludes another takes its place.
    assert "Orphaned" not in turned
    other = {chip.words: chip.address for chip in page(MIXED, 5.0, state="in_review")["chips"]}
    assert other["Not yet in review"] == f"{address}&state=not_in_review"
    assert other["Draft"] == f"{address}&state=in_review,draft"
    assert shown["everything"] == f"{address}&sort=title"


def test_projects_and_labels_are_menus_of_addresses() -> None:
    rows = [
        row(1, 9.0, labels=("bug", "<b>")),
        row(2, 7.0, project="acme/web", labels=("bug",)),
        row(3, 5.0, project="acme/web"),
    ]
    project, label = page(rows, 7.0)["menus"]
    address = "/indicators/open_mr_age/evidence?team=checkout"
    assert (project.label, label.label) == ("Project: all", "Label: all")
    assert project.links == [
        ("All", address, True),
        ("acme/web 2", f"{address}&project=acme/web", False),
        ("acme/payments 1", f"{address}&project=acme/payments", False),
    ]
    narrowed = page(rows, 7.0, project="acme/web", label="bug")
    assert [line.reference for line in narrowed["lines"]] == ["acme/web!2"]
    project, label = narrowed["menus"]
    assert (project.label, label.label) == ("Project: acme/web", "Label: bug")
    # Each menu counts what it would show beside the other.
    assert [words for words, _, _ in project.links] == ["All", "acme/payments 1", "acme/web 1"]
    assert page([row(1, 2.0)], 2.0)["menus"] == []
    assert page(rows, 7.0, label="<b>")["menus"][-1].links[2] == (
        "<b> 1",
        f"{address}&label=%3Cb%3E",
        True,
    )


def test_many_projects_are_the_options_of_a_form() -> None:
    rows = [row(number, 2.0, project=f"acme/p{number:02d}") for number in range(13)]
    [menu] = page(rows, 2.0, state="not_in_review", sort="title")["menus"]
    assert [words for words, _, _ in menu.links] == ["All"]
    assert [value for value, _, _ in menu.options] == [
        f"acme/p{number:02d}" for number in range(13)
    ]
    assert menu.hidden == {"team": "checkout", "state": "not_in_review", "sort": "title"}


def test_states_and_flags_are_words() -> None:
    left = NOW.date() - timedelta(days=53)
    shown = page([replace(MIXED[0], author_left_on=left), *MIXED[1:]], 5.0)
    assert column(shown, "State") == [
        "in review",
        "draft, in review",
        "in review",
        "not yet in review",
        "not yet in review",
    ]
    assert shown["lines"][0].flags == ["orphaned: author left 30 Sep"]
    assert shown["lines"][2].flags == ["end estimated", "review start inferred"]
    assert column(shown, "In review, days") == ["4.0", "2.0", "0.0", "–", "–"]
    earlier = [replace(MIXED[0], author_left_on=left.replace(year=2025))]
    assert page(earlier, 9.0)["lines"][0].flags == ["orphaned: author left 30 Sep 2025"]


def test_waiting_has_a_column_only_where_it_is_not_the_value_itself() -> None:
    same = [row(1, 2.0, review_started_at=NOW - timedelta(days=2))]
    for rows, told in ((MIXED, True), (same, False)):
        heads = [head.words for head in page(rows, 2.0)["heads"]]
        assert ("In review, days" in heads) == told


def test_heads_turn_round_and_no_person_can_be_sorted_by() -> None:
    heads = {head.words: head for head in page(MIXED, 5.0)["heads"]}
    assert heads["Open MR age, days"].direction == "descending"
    assert heads["Open MR age, days"].address.endswith("&sort=value")
    assert heads["Title"].address.endswith("&sort=-title")
    assert heads["Author"].address is None
    assert [words for words, head in heads.items() if head.address is None] == ["Author"]
    titles = [line.title for line in page(MIXED, 5.0, sort="title")["lines"]]
    assert titles == sorted(titles)
    # What has nothing to be sorted by comes last both ways.
    for sort in ("waited", "-waited"):
        assert column(page(MIXED, 5.0, sort=sort), "In review, days")[3:] == ["–", "–"]
    assert column(page(MIXED, 5.0, sort="waited"), "In review, days")[:3] == ["0.0", "2.0", "4.0"]
    with pytest.raises(InvalidValueError, match="sort 'author' is none of"):
        page(MIXED, 5.0, sort="author")


def test_what_was_left_out_is_counted_with_why_and_where_to_see_it() -> None:
    assert page(MIXED, 5.0)["left_out"] == []
    left = {"bot": 1902, "draft": 2, "quarantined": 1, "unattributed": 7, "not_in_review": 3}
    assert page(MIXED, 5.0, left_out=left, period="2026-11-20")["left_out"] == [
        ("1,902 by bots", "/data?finding=bot"),
        ("2 drafts, as configured", None),
        ("1 quarantined", "/data?finding=quarantined_merge_request"),
        ("7 by people in no team", "/data?finding=unmatched_identity"),
        (
            "3 without a review",
            "/indicators/open_mr_age/evidence?team=checkout&period=2026-11-20&state=not_in_review",
        ),
    ]
    assert set(REASONS) == set(evidence_words.LEFT_OUT)


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
    assert column(shown, "State") == ["merged", "merged"]
    assert column(shown, "Merged") == ["23 Oct 2026", "–"]
    assert list(chips_of(shown)) == ["All", "End estimated"]
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


def test_csv_has_exactly_the_rows_that_were_counted_and_says_where_it_has_fewer() -> None:
    address = "/api/v1/indicators/open_mr_age/evidence?team=checkout&period=2026-11-22"
    assert page(MIXED, 5.0, period="2026-11-22")["tables_csv"] == [
        ("CSV, 5 rows", f"{address}&format=csv")
    ]
    shown = page(MIXED, 5.0, state="draft", sort="title", period="2026-11-22")
    assert shown["tables_csv"] == [
        ("CSV, 1 row shown", f"{address}&state=draft&sort=title&format=csv"),
        ("CSV, all 5 rows", f"{address}&format=csv"),
    ]


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
    states = zip(shown["lines"], column(shown, "State"), strict=True)
    assert {line.reference[-1]: state for line, state in states} == {
        "1": "open",
        "2": "closed",
        "3": "merged",
        "4": "draft",
    }


def answered(number: int, outcome: str, due: float | None, at: float | None) -> EvidenceRow:
    """A community merge request; due, at: days before now."""

    def then(days: float | None) -> datetime | None:
        return None if days is None else NOW - timedelta(days=days)

    made = Answering(outcome=outcome, due_at=then(due), answered_at=then(at))
    return row(number, 30.0, value=None, state="merged", answering=made)


def test_every_answer_says_how_it_stands_and_those_not_due_yet_are_not_counted() -> None:
    counted = [answered(1, "met", 20.0, 21.0), answered(2, "missed", 25.0, None)]
    beside = [answered(3, "pending", -1.0, None), answered(4, "waiting_for_author", None, None)]
    shown = page(counted, 50.0, COMMUNITY, beside=beside)
    assert column(shown, "Answer") == ["met", "missed"]
    assert [line.cells[1].mark for line in shown["lines"]] == ["on_target", "problem"]
    assert column(shown, "Due") == ["2 Nov 2026, 06:10", "28 Oct 2026, 06:10"]
    assert column(shown, "Answered") == ["1 Nov 2026, 06:10", "–"]
    assert chips_of(shown) == {"All": 2, "Met": 1, "Missed": 1}
    assert [(chip.words, chip.count) for chip in shown["beside"]] == [
        ("Pending", 1),
        ("Waiting for author", 1),
    ]
    pending = page(counted, 50.0, COMMUNITY, beside=beside, answer="pending")
    assert column(pending, "Answer") == ["pending"]
    assert (pending["out_of"], pending["headline"]) == (
        "not counted",
        "2 merge requests behind 50%",
    )
    assert [words for words, _ in pending["tables_csv"]] == ["CSV, 1 row shown", "CSV, all 2 rows"]
    waiting = page(counted, 50.0, COMMUNITY, beside=beside, answer="waiting_for_author")
    assert column(waiting, "Due") == ["–"]


@pytest.mark.parametrize(
    ("indicator", "query", "field"),
    [
        (AGE, {"state": "merged"}, "state"),
        (AGE, {"state": "in_review,odd"}, "state"),
        (RATE, {"state": "in_review"}, "state"),
        (AGE, {"answer": "met"}, "answer"),
        (COMMUNITY, {"answer": "soon"}, "answer"),
        (RATE, {"sort": "value"}, "sort"),
        (AGE, {"sort": "--value"}, "sort"),
        (HIRING, {"state": "merged"}, "state"),
        (HIRING, {"project": "acme/web"}, "project"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_named(
    indicator: Indicator, query: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidValueError) as refusal:
        page([], None, indicator, **query)
    assert refusal.value.field == field


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
    assert column(shown, "State") == ["merged"] * 5
    assert shown["range"] == "1 to 5 of 5, longest first"
    assert "In review, days" not in [head.words for head in shown["heads"]]
    assert chips_of(shown) == {"All": 5}
    assert 'aria-label="Times of 5 merge requests from 1 to 5 days' in shown["strip"]
    assert page(rows, 3.0, TIME_TO_MERGE, sort="value")["range"].endswith("shortest first")
