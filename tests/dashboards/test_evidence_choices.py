"""What the list behind a number is narrowed to, what of it is taken along, and what is refused."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.errors import InvalidValueError
from app.metrics.answers import EvidenceRow
from app.metrics.indicator import Answering, Indicator

from .evidence_made import MIXED, chips_of, column, page, row
from .made import AGE, COMMUNITY, HIRING, NOW, RATE


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
