"""`make bench`: one benchmark after the other, until one fails."""

import pytest

from benchmarks.__main__ import BENCHMARKS, main
from benchmarks._processes import ROOT


def test_none_is_left_out() -> None:
    programs = {
        file.stem
        for file in (ROOT / "benchmarks").glob("[a-z]*.py")
        if '__name__ == "__main__"' in file.read_text(encoding="utf-8")
    }
    assert set(BENCHMARKS) == programs


def test_how_long_each_took_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert main({"recorded": ("--histories", "none")}) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "== benchmarks/recorded.py"
    assert lines[1].startswith("Skipped: none.csv.gz")
    assert " seconds in all: recorded " in lines[2]


def test_none_runs_after_one_that_failed(capfd: pytest.CaptureFixture[str]) -> None:
    assert main({"serve": ("--scale", "none"), "recorded": ("--histories", "none")}) == 2
    told = capfd.readouterr()
    assert told.out == "== benchmarks/serve.py\n"
    assert "invalid int value: 'none'" in told.err
