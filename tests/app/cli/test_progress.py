"""What is told while a run is under way: counts always, the remaining time when it can be known."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.estimate import Estimate, in_words
from tests.app.cli.conftest import read_to_its_end

STEPS = """
import sys
from app.cli import log, progress
from collectors.source import Progress
log.start(terminal=sys.stderr.isatty())
clock = iter(range(0, 10_000, 10))
progress.time.monotonic = lambda: float(next(clock))
with progress.following() as tell:
    def step(done, total, what="merge requests"):
        tell(Progress(source="gitlab", what=what, done=done, total=total, requests=18, rows_read=9,
                      rows_new=1_200, rows_changed=34))
    step(7, None, "pieces of work")
    step(150, None)
    for done in range(0, 2_001, 200):
        step(done, 2_001)
"""


def on_a_terminal(code: str) -> str:
    """What a process shows on a terminal of 140 columns."""
    outside, inside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"TERM": "xterm", "COLUMNS": "140"},
        cwd=Path(__file__).parents[3],
        stderr=inside,
    )
    os.close(inside)
    shown = read_to_its_end(outside)
    assert process.wait(60) == 0, shown
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


# Rich measures the time with the same clock, which would run away: it keeps its own.
ON_A_TERMINAL = STEPS.replace(
    "progress.time.monotonic = lambda: float(next(clock))",
    "import types; progress.time = types.SimpleNamespace(monotonic=lambda: float(next(clock)))",
)


def test_a_terminal_shows_counts_and_what_is_left() -> None:
    shown = on_a_terminal(ON_A_TERMINAL)
    assert "gitlab: merge requests" in shown
    assert "2,000 of 2,001, 18 requests, 1,234 rows new or changed" in shown
    assert "less than a minute left" in shown
    assert "?" not in shown


def test_elsewhere_every_line_is_an_event_with_its_counts() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STEPS],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert {event["event"] for event in events} == {"collect.progress"}
    assert events[0]["done"] == 150
    assert events[0]["total"] is None
    assert events[0]["seconds_left"] is None
    last = events[-1]
    assert (last["total"], last["requests"], last["read"], last["new"], last["changed"]) == (
        2_001,
        18,
        9,
        1_200,
        34,
    )
    left = [event["seconds_left"] for event in events if event["seconds_left"] is not None]
    assert left == sorted(left, reverse=True)
    assert 0 <= left[-1] <= 20


def test_nothing_is_said_without_a_total_or_too_early() -> None:
    estimate = Estimate()
    assert estimate.seconds_left(500, None, 0.0) is None
    assert estimate.seconds_left(500, 2_500, 10.0) is None
    assert estimate.seconds_left(900, 2_500, 12.0) is None
    # What was done before the total was known says nothing about the pace.
    assert estimate.seconds_left(1_500, 2_500, 20.0) == pytest.approx(10.0)
    assert Estimate().seconds_left(1, 1_000, 0.0) is None


def test_an_uneven_pace_does_not_make_it_jump() -> None:
    estimate = Estimate()
    estimate.seconds_left(0, 1_000, 0.0)
    told = []
    for now, done in [(10, 100), (20, 190), (30, 310), (40, 390), (50, 500)]:
        left = estimate.seconds_left(done, 1_000, now)
        assert left is not None
        told.append(left)
    assert told == sorted(told, reverse=True)
    # What is slower for good is told.
    late = estimate.seconds_left(520, 1_000, 100.0)
    assert late is not None
    assert late > 85
    assert estimate.seconds_left(1_000, 1_000, 200.0) == 0.0
    # And more than was expected leaves nothing to say.
    assert estimate.seconds_left(1_100, 1_000, 210.0) == 0.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.0, ""),
        (4.0, "less than a minute left"),
        (170.0, "about 3 min left"),
        (7_000.0, "about 2 h left"),
    ],
)
def test_the_longer_the_coarser(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words
