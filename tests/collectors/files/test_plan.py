"""plan.csv: how many people each team is to have, from file to row."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.collectors.files.planning import desk, refusals

HEADER = "team,month,planned_headcount"
STORED = "SELECT team, month, planned_headcount FROM plan ORDER BY team, month"


def test_what_is_stored(tmp_path: Path, engine: Engine) -> None:
    files = desk(tmp_path, engine)
    files.write(
        "plan.csv", HEADER, "dev,2026-02,9", " backend , 2026-02 ,5", "", "backend,2026-03,0"
    )
    report = files.collect()
    assert (report.outcome, report.status) == ("done", 0)
    expected = [
        ("backend", date(2026, 2, 1), 5),
        ("backend", date(2026, 3, 1), 0),
        ("dev", date(2026, 2, 1), 9),
    ]
    assert files.rows(STORED) == expected
    before = files.stamps()
    again = files.collect()
    assert (again.rows_new, again.rows_changed, again.rows_deleted) == (0, 0, 0)
    assert files.stamps() == before


def test_a_changed_plan_changes_its_row_alone(tmp_path: Path, engine: Engine) -> None:
    files = desk(tmp_path, engine)
    files.write("plan.csv", HEADER, "dev,2026-02,9", "backend,2026-02,5")
    files.collect()
    files.write("plan.csv", HEADER, "dev,2026-02,9", "backend,2026-02,6", "backend,2026-04,7")
    report = files.collect()
    assert (report.rows_new, report.rows_changed, report.rows_deleted) == (1, 1, 0)
    assert files.rows(STORED)[:2] == [
        ("backend", date(2026, 2, 1), 6),
        ("backend", date(2026, 4, 1), 7),
    ]


@pytest.mark.parametrize("emptied", [True, False])
def test_an_emptied_or_absent_file_has_no_rows(
    tmp_path: Path, engine: Engine, emptied: bool
) -> None:
    files = desk(tmp_path, engine)
    files.write("plan.csv", HEADER, "dev,2026-02,9")
    files.collect()
    if emptied:
        files.write("plan.csv", HEADER)
    else:
        (tmp_path / "plan.csv").unlink()
    report = files.collect()
    assert (report.outcome, report.rows_deleted) == ("done", 1)
    assert files.rows(STORED) == []


def test_a_bad_row_stops_this_file_alone(tmp_path: Path, engine: Engine) -> None:
    files = desk(tmp_path, engine)
    files.write("plan.csv", HEADER, "dev,2026-02,9")
    files.collect()
    files.write("teams.yaml", "- {slug: dev, name: Renamed}", "- {slug: backend, name: Backend}")
    files.write("plan.csv", HEADER, "dev,2026-02,10", "sales,2026-02,3")
    files.write(
        "openings.csv",
        "opening_id,team,opened_on,target_start_on,closed_on,close_reason",
        "o1,dev,2026-01-05,,,",
    )
    report = files.collect()
    assert (report.outcome, report.status) == ("partial", 1)
    assert [str(each) for each in report.failures] == [
        "plan.csv, line 3, column 1 (team): there is no team sales."
    ]
    assert files.rows(STORED) == [("dev", date(2026, 2, 1), 9)]
    assert files.rows("SELECT name FROM teams WHERE slug = 'dev'") == [("Renamed",)]
    assert files.rows("SELECT opening_id FROM openings") == [("o1",)]
    # The plan that is stored is no longer the plan that holds.
    assert report.data_through is None


def test_a_plan_that_never_was_read_holds_nothing_back(tmp_path: Path, engine: Engine) -> None:
    files = desk(tmp_path, engine)
    files.write("plan.csv", HEADER, "sales,2026-02,3")
    report = files.collect()
    assert (report.outcome, report.data_through) == ("partial", report.started_at)


def test_a_mistake_elsewhere_does_not_stop_it(tmp_path: Path, engine: Engine) -> None:
    files = desk(tmp_path, engine)
    files.collect()
    files.write("people.csv", "person_id,name,email,gitlab_username,gender", "p1,,,,")
    files.write("plan.csv", HEADER, "backend,2026-02,5")
    report = files.collect()
    assert (report.outcome, report.status) == ("failed", 1)
    assert [str(each) for each in report.failures] == [
        "people.csv, line 2, column 2 (name): the cell is empty."
    ]
    assert files.rows(STORED) == [("backend", date(2026, 2, 1), 5)]


def test_a_team_that_only_another_source_knows(tmp_path: Path, engine: Engine) -> None:
    """With `team_from = "reports_to"` teams come from BambooHR; a plan may name them."""
    files = desk(tmp_path, engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO teams (slug, name, parent, source)"
            " VALUES ('ada-king', 'Ada King', 'organisation', 'bamboohr')"
        )
    files.write("plan.csv", HEADER, "ada-king,2026-02,4")
    assert files.collect().outcome == "done"
    assert files.rows(STORED) == [("ada-king", date(2026, 2, 1), 4)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("Backend,2026-02,3", "1 (team): there is no team Backend, perhaps backend is meant."),
        (",2026-02,3", "1 (team): the cell is empty."),
        ("dev,2026-13,3", '2 (month): "2026-13" is not a month, write it as 2026-01.'),
        ("dev,2026-02-01,3", '2 (month): "2026-02-01" is not a month, write it as 2026-01.'),
        ("dev,1812-02,3", '2 (month): "1812-02" is not a month, write it as 2026-01.'),
        ("dev,,3", "2 (month): the cell is empty."),
        ("dev,2026-02,", "3 (planned_headcount): the cell is empty."),
        ("dev,2026-02,2.5", '3 (planned_headcount): "2.5" is not a whole number of 0 or more.'),
        ("dev,2026-02,-1", '3 (planned_headcount): "-1" is not a whole number of 0 or more.'),
        ("dev,2026-02,six", '3 (planned_headcount): "six" is not a whole number of 0 or more.'),
        ("dev,2026-02,٣", '3 (planned_headcount): "٣" is not a whole number of 0 or more.'),
        ("dev,2026-01,3", "2 (month): dev already has a plan for 2026-01 (line 2)."),
    ],
)
def test_refused(tmp_path: Path, row: str, expected: str) -> None:
    found = refusals(tmp_path, "plan", [HEADER, "dev,2026-01,2", row])
    assert found == (f"plan.csv, line 3, column {expected}",)


def test_every_mistake_is_listed(tmp_path: Path) -> None:
    found = refusals(tmp_path, "plan", [HEADER, "sales,2026-1,x", "dev,2026-01"])
    assert found == (
        "plan.csv, line 2, column 1 (team): there is no team sales.",
        'plan.csv, line 2, column 2 (month): "2026-1" is not a month, write it as 2026-01.',
        'plan.csv, line 2, column 3 (planned_headcount): "x" is not a whole number of 0 or more.',
        "plan.csv, line 3: the row has 2 fields, the header has 3.",
    )


def test_an_unknown_column(tmp_path: Path) -> None:
    found = refusals(tmp_path, "plan", ["team,month,planned_count", "dev,2026-01,2"])
    assert found == (
        "plan.csv, line 1, column 3 (planned_count): the column is not known, perhaps "
        "planned_headcount is meant.",
    )
