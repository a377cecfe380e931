"""Stretches of employment, worked out by hand."""

from itertools import permutations

import pytest

from collectors.bamboohr.employment import Stretch, kind_of_ending, stretches
from collectors.bamboohr.tables import StatusRow
from demo.bamboohr import INVOLUNTARY, OTHER, VOLUNTARY

from .conftest import Lab, day


def row(number: int, on: str, status: str = "Full-Time", kind: str = "") -> StatusRow:
    return StatusRow(employee="7", number=str(number), day=day(on), status=status, termination=kind)


def ended(number: int, on: str, kind: str = VOLUNTARY) -> StatusRow:
    return row(number, on, "Terminated", kind)


CASES = {
    "employed": ([row(1, "2024-03-01")], [("2024-03-01", None, None)]),
    "another status is the same stretch": (
        [row(1, "2024-03-01"), row(2, "2024-09-01", "Part-Time")],
        [("2024-03-01", None, None)],
    ),
    "left": (
        [row(1, "2024-03-01"), ended(2, "2024-12-31")],
        [("2024-03-01", "2024-12-31", "voluntary")],
    ),
    "came back": (
        [row(1, "2024-03-01"), ended(2, "2024-12-31", INVOLUNTARY), row(3, "2025-06-01")],
        [("2024-03-01", "2024-12-31", "involuntary"), ("2025-06-01", None, None)],
    ),
    "came back on the next day": (
        [row(1, "2024-03-01"), ended(2, "2024-12-31", OTHER), row(3, "2025-01-01")],
        [("2024-03-01", "2024-12-31", "other"), ("2025-01-01", None, None)],
    ),
    "taken back on the last day": (
        [row(1, "2024-03-01"), ended(2, "2024-12-31"), row(3, "2024-12-31")],
        [("2024-03-01", None, None)],
    ),
    "one day only": (
        [row(1, "2024-03-01"), ended(2, "2024-03-01", INVOLUNTARY)],
        [("2024-03-01", "2024-03-01", "involuntary")],
    ),
    "a correction of the same day": (
        [row(1, "2024-03-01"), ended(2, "2024-12-31"), ended(3, "2024-12-31", INVOLUNTARY)],
        [("2024-03-01", "2024-12-31", "involuntary")],
    ),
    "ended twice": (
        [row(1, "2024-03-01"), ended(2, "2024-12-31"), ended(3, "2025-02-01", INVOLUNTARY)],
        [("2024-03-01", "2024-12-31", "voluntary")],
    ),
    "ended before it was entered that it began": (
        [ended(1, "2024-12-31"), row(2, "2024-03-01")],
        [("2024-03-01", "2024-12-31", "voluntary")],
    ),
    "to come": ([row(1, "2099-03-01")], [("2099-03-01", None, None)]),
    "never began": ([ended(1, "2024-12-31")], []),
}


@pytest.mark.parametrize("case", CASES)
def test_stretches(case: str) -> None:
    rows, expected = CASES[case]
    for order in permutations(rows):
        found = [
            (str(each.start), str(each.last) if each.last else None, each.termination)
            for each in stretches(order)
        ]
        assert found == expected


def test_the_hire_date_is_the_beginning_where_no_row_is() -> None:
    assert stretches([ended(1, "2024-12-31")], hired=day("2020-05-04")) == [
        Stretch(day("2020-05-04"), day("2024-12-31"), "voluntary")
    ]
    assert stretches([ended(1, "2024-12-31")], hired=day("2025-05-04")) == []
    assert stretches([row(1, "2024-03-01")], hired=day("2020-05-04")) == [
        Stretch(day("2024-03-01"))
    ]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Resignation (Voluntary)", "voluntary"),
        ("RESIGNATION", "voluntary"),
        ("Voluntary", "voluntary"),
        ("Termination (Involuntary)", "involuntary"),
        ("Non-voluntary", "involuntary"),
        ("Forced resignation, involuntary", "involuntary"),
        ("End of contract", "other"),
        ("Death", "other"),
        ("Layoff", "other"),
        ("", "other"),
    ],
)
def test_kinds_of_endings(words: str, kind: str) -> None:
    assert kind_of_ending(words) == kind


def test_kinds_of_endings_are_stored(lab: Lab) -> None:
    for id, kind in enumerate((VOLUNTARY, INVOLUNTARY, OTHER, None), 1):
        employee = lab.hire(id, f"Ada {id}", "2024-01-01")
        lab.company.terminate(employee, day("2024-06-30"), kind)
    done = lab.collect()
    assert done.outcome == "done", done.failures
    assert lab.employment() == [
        ("1", "2024-01-01", "2024-06-30", "voluntary"),
        ("2", "2024-01-01", "2024-06-30", "involuntary"),
        ("3", "2024-01-01", "2024-06-30", "other"),
        ("4", "2024-01-01", "2024-06-30", "other"),
    ]
    # the last day employed is the last day of membership
    assert {row[4] for row in lab.memberships()} == {"2024-07-01"}


def test_an_ending_without_a_beginning(lab: Lab) -> None:
    lab.hire(1, "Ada Moss", "2024-01-01")
    for id in (2, 3):
        lost = lab.company.add("Ben", f"Vale{id}", id=id)
        lab.company.terminate(lost, day("2024-06-30"))
    done = lab.collect()
    assert done.outcome == "done"
    assert lab.employment() == [("1", "2024-01-01", None, None)]
    (sentence,) = done.remarks
    assert "2 employees with an ending and no beginning in employmentStatus" in sentence
    assert ": 2, 3." in sentence
    assert lab.rows("SELECT count(*) FROM people") == [(3,)]


def test_hidden_kinds_of_endings(lab: Lab) -> None:
    lab.company.terminate(lab.hire(1, "Ada Moss", "2024-01-01"), day("2024-06-30"))
    lab.fake.api.hidden.columns.add("terminationTypeId")
    done = lab.collect()
    assert lab.employment() == [("1", "2024-01-01", "2024-06-30", "other")]
    assert len(done.remarks) == 1
    assert "does not show the kinds of endings" in done.remarks[0]
