"""The benchmark of computing runs, and says so when the values are not equal."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks._swept import Difference, Values, difference
from benchmarks.company import DAYS, Size
from benchmarks.refresh import Measured, measure, measure_alone
from tests.databases import engine_on

SIZE = Size(merge_requests=10_000, teams=6, people=60)


@pytest.fixture(scope="module")
def measured(server_url: str, template: str) -> Measured:
    return measure(
        SIZE, lambda: engine_on(server_url, "benchmark", template), sql_rows=400_000, peers=False
    )


def test_all_ways_come_to_the_same_values(measured: Measured) -> None:
    assert not measured.differs
    sweep = measured.sweep
    ours, in_sql, loop = sweep.from_database
    assert ours.days == DAYS
    assert [each.differing is not None for each in (ours, in_sql, loop)] == [False, True, True]
    # Only some of the days were given to Postgres, so what it needs is scaled up.
    step = -(-sweep.open_rows // 400_000)
    assert step > 1
    assert in_sql.days == -(-DAYS // step)
    assert sweep.open_rows > SIZE.merge_requests * 10


def test_a_refresh_of_what_changed_leaves_nothing_to_a_whole_one(measured: Measured) -> None:
    refreshes = measured.refreshes
    assert refreshes.first.facts_changed == SIZE.merge_requests
    assert refreshes.all[1].written == 0
    (day, after_day), (hour, after_hour), (late, after_late) = refreshes.incremental
    assert day.facts_changed + late.facts_changed > 10
    assert hour.facts_changed > 5
    assert day.new
    assert late.restated
    assert (after_day.written, after_hour.written, after_late.written) == (0, 0, 0)
    assert refreshes.before.tables["daily_values"][0] > 2**20


def test_every_table_has_its_place_in_the_document(measured: Measured) -> None:
    text = (Path(__file__).parents[2] / "docs" / "performance.md").read_text(encoding="utf-8")
    parts = measured.parts()
    for part in parts:
        assert text.count(f"<!-- begin: {part} -->") == text.count(f"<!-- end: {part} -->") == 1
    assert "--scale=10000 --teams=6 --people=60`" in parts["refresh machine"]
    assert all("10,000" in part.splitlines()[0] for part in parts.values() if "Made by" not in part)
    assert "| ~" in parts["sweep"]
    assert parts["refresh"].count("everything again") == 3


def test_a_company_alone_is_a_part_of_the_document(server_url: str, template: str) -> None:
    size = Size(merge_requests=1_000, teams=2, people=10)
    part = measure_alone(size, lambda: engine_on(server_url, "benchmark_alone", template))
    assert "1,000 merge requests of 10 people in 2 teams" in part
    first, unchanged, day = part.splitlines()[-3:]
    assert first.startswith("| first, everything |")
    assert "| 1,000 |" in first
    assert "| 0 | 0 | 0 |" in unchanged
    assert day.startswith("| a day with 10 changes |")
    text = (Path(__file__).parents[2] / "docs" / "performance.md").read_text(encoding="utf-8")
    assert text.count("<!-- begin: refresh alone -->") == 1


def test_what_is_not_equal_is_said(measured: Measured) -> None:
    *others, last = measured.sweep.from_database
    wrong = replace(last, differing=Difference(1, 0.0))
    assert replace(measured.sweep, from_database=[*others, wrong]).differs
    (day, whole), *others_after = measured.refreshes.incremental
    left = (day, replace(whole, restated=1))
    assert replace(measured.refreshes, incremental=[left, *others_after]).differs


def two_days_of_two_teams() -> Values:
    """The second team has nothing open on the first day."""
    n = np.array([[2, 0], [1, 1]])
    return Values(n, tuple(np.array([[1.5, np.nan], [2.0, 3.0]]) for _ in range(4)))


def test_counts_are_compared_exactly_and_quantiles_to_a_billionth_of_a_day() -> None:
    ours, theirs = two_days_of_two_teams(), two_days_of_two_teams()
    assert difference(ours, theirs) == Difference(0, 0.0)
    theirs.quantiles[3][1, 1] += 1e-10
    assert difference(ours, theirs).is_none
    theirs.quantiles[3][1, 1] += 1e-8
    assert difference(ours, theirs).days == pytest.approx(1.01e-8)
    assert not difference(ours, theirs).is_none
    theirs.n[0, 0] = 3
    assert difference(ours, theirs).counts == 1
    theirs.quantiles[0][0, 1] = 1.0
    assert difference(ours, theirs).days == float("inf")
    assert difference(
        ours, Values(ours.n[1:], tuple(q[1:] for q in ours.quantiles)), slice(1, 2)
    ).is_none
