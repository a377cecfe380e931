"""The command as a user has it: a process of its own, in a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from demo.gitlab import GitLabFake, Request
from tests.app.cli.forked import can_be_forked, run_forked

PROGRAM = Path(sys.executable).parent / "teamgauge"
SECONDS = 120.0
"""How long a command may take that ends by itself."""

Finished = subprocess.CompletedProcess[str]
Running = subprocess.Popen[str]


def read_to_its_end(terminal: int) -> bytes:
    """What was written on a pseudo-terminal until nobody has its other end any more; closes it."""
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(terminal)
    return shown


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment without any configuration; nothing is written outside the test's folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TEAMGAUGE_")}
    for name in ("PORT", "DATA_DIR", "COLUMNS", "HTTP_PROXY", "HTTPS_PROXY"):
        kept.pop(name, None)
    return kept | {
        "HOME": str(tmp_path / "home"),
        "XDG_DATA_HOME": str(tmp_path / "home"),
        "TEAMGAUGE_DATABASE__DATA_DIR": str(tmp_path / "data"),
    }


@pytest.fixture
def teamgauge(tmp_path: Path, environment: dict[str, str]) -> Callable[..., Finished]:
    """Runs a command to its end in the test's folder; keyword arguments are environment variables.

    It is forked where that makes no difference, see `tests.app.cli.forked`; `program` never is.
    """

    def run(*arguments: str, **variables: str) -> Finished:
        its = environment | variables
        if not can_be_forked(its):
            return run_program(arguments, tmp_path, its)
        return run_forked(arguments, tmp_path, its, SECONDS)

    return run


@pytest.fixture
def program(tmp_path: Path, environment: dict[str, str]) -> Callable[..., Finished]:
    """As `teamgauge`, always with the program that is installed: for one run of each command that
    ends by itself, which then has to load all that it needs."""

    def run(*arguments: str, **variables: str) -> Finished:
        return run_program(arguments, tmp_path, environment | variables)

    return run


def run_program(arguments: Sequence[str], folder: Path, environment: dict[str, str]) -> Finished:
    """Runs the program to its end."""
    return subprocess.run(
        [str(PROGRAM), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Callable[..., Running]]:
    """Starts a command that goes on; what the test leaves running is stopped after it."""
    started: list[Running] = []

    def begin(*arguments: str, **variables: str) -> Running:
        process = subprocess.Popen(
            [str(PROGRAM), *arguments],
            cwd=tmp_path,
            env=environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.terminate()
    stubborn = []
    for process in started:
        try:
            process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            stubborn.append(process.args)
    assert not stubborn, "did not end when they were told to"


@contextmanager
def at_the_request(fake: GitLabFake, number: int) -> Iterator[Event]:
    """Holds this request of the next run, so that no more than it was asked for; sets the event then."""
    asked, killed = Event(), Event()
    count = 0

    def hold(_: Request) -> bool:
        nonlocal count
        count += 1
        if count >= number:
            asked.set()
            killed.wait(300)
        return False

    fake.fail_next(match=hold)
    try:
        yield asked
    finally:
        killed.set()  # first: who holds a request holds the list of faults
        fake.faults.clear()
