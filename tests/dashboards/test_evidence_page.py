"""The merge requests behind one number: headline, order, median row, counts and pages."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.errors import InvalidValueError
from app.metrics.left_out import REASONS
from dashboards import evidence_words

from .evidence_made import MIXED, chips_of, column, many, page, row
from .made import COMMUNITY, NOW, RATE, TIME_TO_MERGE


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
