"""openings.csv: the places to be filled, from file to row."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.collectors.files.planning import desk, refusals

HEADER = "opening_id,team,opened_on,target_start_on,closed_on,close_reason"
STORED = (
    "SELECT opening_id, team, opened_on, target_start_on, closed_on, close_reason FROM openings"
    " WHERE source = 'files' ORDER BY opening_id"
)


def test_what_is_stored(tmp_path: Path, engine: Engine) -> None:
    files = desk(tmp_path, engine)
    files.write(
        "openings.csv",
        HEADER,
        "o2,backend,2026-01-05,2026-04-01,,",
        "o1,dev,2025-03-01,,2025-09-30,Hired",
        "o3,dev,2025-03-01,,2025-03-01,",
    )
    assert files.collect().outcome == "done"
    assert files.rows(STORED) == [
        ("o1", "dev", date(2025, 3, 1), None, date(2025, 9, 30), "Hired"),
        ("o2", "backend", date(2026, 1, 5), date(2026, 4, 1), None, None),
        ("o3", "dev", date(2025, 3, 1), None, date(2025, 3, 1), None),
    ]
    before = files.stamps()
    again = files.collect()
    assert (again.rows_new, again.rows_changed, again.rows_deleted) == (0, 0, 0)
    assert files.stamps() == before


def test_a_row_that_is_gone_is_removed_but_not_greenhouses(tmp_path: Path, engine: Engine) -> None:
    files = desk(tmp_path, engine)
    files.write("openings.csv", HEADER, "o1,dev,2025-03-01,,,", "o2,dev,2025-03-01,,,")
    files.collect()
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO openings (source, opening_id, team, opened_on)"
            " VALUES ('greenhouse', 'o1', 'backend', '2025-04-01'),"
            " ('greenhouse', '77', 'backend', '2025-04-01')"
        )
    effective = "SELECT opening_id, team, source FROM effective_openings ORDER BY opening_id"
    assert files.rows(effective) == [
        ("77", "backend", "greenhouse"),
        ("o1", "backend", "greenhouse"),
        ("o2", "dev", "files"),
    ]
    files.write("openings.csv", HEADER, "o1,dev,2025-03-01,,,")
    assert files.collect().rows_deleted == 1
    (tmp_path / "openings.csv").unlink()
    assert files.collect().rows_deleted == 1
    assert files.rows(STORED) == []
    assert len(files.rows(effective)) == 2


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("o1,dev,2026-01-05,,,", "1 (opening_id): o1 is already there (line 2)."),
        (",dev,2026-01-05,,,", "1 (opening_id): the cell is empty."),
        ("o2,sales,2026-01-05,,,", "2 (team): there is no team sales."),
        ("o2,,2026-01-05,,,", "2 (team): the cell is empty."),
        ("o2,dev,,,,", "3 (opened_on): the cell is empty."),
        ("o2,dev,2026-02-30,,,", "3 (opened_on): there is no day 2026-02-30."),
        (
            "o2,dev,2026-01-05,soon,,",
            '4 (target_start_on): "soon" is not a date, write it as 2026-01-31.',
        ),
        (
            "o2,dev,2026-01-05,,2026-01-04,",
            "5 (closed_on): 2026-01-04 is before the opened_on 2026-01-05.",
        ),
        (
            "o2,dev,2026-01-05,,,Hired",
            "6 (close_reason): there is one, but the closed_on is empty.",
        ),
    ],
)
def test_refused(tmp_path: Path, row: str, expected: str) -> None:
    found = refusals(tmp_path, "openings", [HEADER, "o1,dev,2026-01-01,,,", row])
    assert found == (f"openings.csv, line 3, column {expected}",)
