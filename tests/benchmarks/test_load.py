"""The benchmark of load runs: a few clients for some seconds, with wrk where it is installed."""

from pathlib import Path
from shutil import which

import pytest
import yaml

from benchmarks import load
from benchmarks._web import Load


def test_teams_are_added_up_to_a_number(tmp_path: Path) -> None:
    file = tmp_path / "teams.yaml"
    file.write_text("- slug: one\n  name: One\n- slug: two\n  name: Two\n  parent: one\n")
    load.add_teams(file, 6)
    teams = yaml.safe_load(file.read_text())
    assert [each["slug"] for each in teams] == ["one", "two", "more-3", "more-4", "more-5"]


def test_what_is_told() -> None:
    found = load.Stood(
        load=Load(per_second=1234.5, p50=0.0101, p99=0.0509),
        memory=[100.0, 200.0, 300.0, 300.0, 300.0, 310.0, 320.0, 315.0],
        runs={"collect": 3, "refresh": 4},
        failed=[],
    )
    told = load.part(found, clients=200, seconds=600, workers=2, teams=60)
    assert "3 times `collect`, 4 times `refresh`" in told
    assert "| 1,234 | 10 ms | 51 ms | 0 | 310 MB | 315 MB | 320 MB |" in told


def test_the_demo_is_loaded() -> None:
    if which("wrk") is None:
        pytest.skip("LOUD: there is no wrk: nothing was loaded")
    found = load.stood(seconds=3, clients=4, workers=1, teams=20)
    assert not found.failed
    assert found.load.per_second > 0
    assert min(found.runs.values()) >= 1
    assert max(found.memory) > 50
