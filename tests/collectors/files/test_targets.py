"""targets.csv: targets on top of the built-in ones, from file to row."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.metrics import INDICATORS
from tests.collectors.files.planning import desk, refusals

HEADER = "team,indicator,valid_from,value"
STORED = "SELECT team, indicator, valid_from, value FROM targets ORDER BY team, valid_from"


def test_what_is_stored(tmp_path: Path, engine: Engine) -> None:
    files = desk(tmp_path, engine)
    files.write(
        "targets.csv",
        HEADER,
        "organisation,open_mr_age,2026-01-01,25",
        "backend,mr_rate,2026-02-01,8.5",
        "backend,mr_rate,2026-06-01,",
    )
    assert files.collect().outcome == "done"
    assert files.rows(STORED) == [
        ("backend", "mr_rate", date(2026, 2, 1), 8.5),
        ("backend", "mr_rate", date(2026, 6, 1), None),
        ("organisation", "open_mr_age", date(2026, 1, 1), 25.0),
    ]
    before = files.stamps()
    again = files.collect()
    assert (again.rows_new, again.rows_changed, again.rows_deleted) == (0, 0, 0)
    assert files.stamps() == before
    (tmp_path / "targets.csv").unlink()
    assert files.collect().rows_deleted == 3


def test_a_bad_row_holds_no_value_back(tmp_path: Path, engine: Engine) -> None:
    files = desk(tmp_path, engine)
    files.write("targets.csv", HEADER, "backend,mr_rate,2026-02-01,8.5")
    files.collect()
    files.write("targets.csv", HEADER, "backend,mr_rate,2026-02-01,9", "backend,mr_rate,x,9")
    report = files.collect()
    assert (report.outcome, report.status) == ("partial", 1)
    assert report.data_through == report.started_at
    assert files.rows(STORED) == [("backend", "mr_rate", date(2026, 2, 1), 8.5)]


@pytest.mark.parametrize("indicator", [each.key for each in INDICATORS if each.key != "diversity"])
def test_every_indicator_can_have_one(tmp_path: Path, engine: Engine, indicator: str) -> None:
    files = desk(tmp_path, engine)
    files.write("targets.csv", HEADER, f"dev,{indicator},2026-01-01,3")
    assert files.collect().outcome == "done"
    assert files.rows(STORED) == [("dev", indicator, date(2026, 1, 1), 3.0)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("sales,mr_rate,2026-02-01,9", "1 (team): there is no team sales."),
        (
            "dev,mr_rates,2026-02-01,9",
            "2 (indicator): there is no indicator mr_rates, perhaps mr_rate is meant.",
        ),
        (
            "dev,Open_MR_Age,2026-02-01,9",
            "2 (indicator): there is no indicator Open_MR_Age, perhaps open_mr_age is meant.",
        ),
        ("dev,,2026-02-01,9", "2 (indicator): the cell is empty."),
        (
            "dev,diversity,2026-02-01,40",
            "2 (indicator): diversity never has a target, it would be a quota.",
        ),
        (
            "dev,mr_rate,2026-02,9",
            '3 (valid_from): "2026-02" is not a date, write it as 2026-01-31.',
        ),
        ("dev,mr_rate,2026-02-01,many", '4 (value): "many" is not a number, write it as 2.5.'),
        ("dev,mr_rate,2026-02-01,nan", '4 (value): "nan" is not a number, write it as 2.5.'),
        (
            "dev,mr_rate,2026-02-01,-1",
            "4 (value): -1 is below 0, the least that there can be.",
        ),
        (
            "backend,mr_rate,2026-01-01,9",
            "3 (valid_from): backend already has a target from 2026-01-01 on (line 2).",
        ),
    ],
)
def test_refused(tmp_path: Path, row: str, expected: str) -> None:
    found = refusals(tmp_path, "targets", [HEADER, "backend,mr_rate,2026-01-01,8", row])
    assert found == (f"targets.csv, line 3, column {expected}",)


def test_an_indicator_that_resembles_none(tmp_path: Path) -> None:
    (found,) = refusals(tmp_path, "targets", [HEADER, "dev,velocity,2026-02-01,9"])
    keys = ", ".join(each.key for each in INDICATORS)
    assert found == (
        f"targets.csv, line 2, column 2 (indicator): there is no indicator velocity, there are {keys}."
    )
