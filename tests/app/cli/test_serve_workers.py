"""`serve --workers`: several processes on one socket, watched over by the one that was started."""

import json
import os
import re
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest

from app.cli.processes import tell_that_it_answers

from .test_serve import Running, Start, Teamgauge, address


def numbers(process: Running, count: int) -> list[int]:
    """The numbers of so many processes that begin to answer, as the log tells them."""
    assert process.stderr is not None
    found: list[int] = []
    while len(found) < count:
        line = process.stderr.readline()
        assert line, "ended"
        if started := re.search(r"Started server process \[(\d+)\]", line):
            found.append(int(started[1]))
    return found


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end, "It did not come to pass."
        sleep(0.05)


def is_there(number: int) -> bool:
    """Whether a process is there; one that has ended and was not asked about yet is not."""
    with suppress(ProcessLookupError):
        os.kill(number, 0)
        stat = Path(f"/proc/{number}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_one_that_dies_is_replaced_and_all_end_together(start: Start, tmp_path: Path) -> None:
    process = start("serve", "--workers", "2", "--port", "0")
    base = address(process)
    one, other = numbers(process, 2)
    assert httpx.get(f"{base}readyz", timeout=120).status_code == 200
    os.kill(one, signal.SIGKILL)
    for _ in range(3):  # the other one answers meanwhile
        assert httpx.get(f"{base}healthz", timeout=120).status_code == 200
    [another] = numbers(process, 1)
    assert another not in (one, other)
    # What reaches one of them from outside is meant for all, and the first one sees to it.
    os.kill(other, signal.SIGTERM)
    assert httpx.get(base, timeout=120).status_code == 200
    assert is_there(other)
    process.terminate()
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0
    assert not is_there(other)
    assert not is_there(another)
    assert "serve.killed" not in stderr
    assert not list((tmp_path / "data").rglob(".s.PGSQL.*[0-9]")), "the database has ended as well"
    for line in stderr.splitlines():
        assert "event" in json.loads(line)


def test_who_is_told_to_end_while_it_begins_ends_without_a_word() -> None:
    """The pipe is closed before it has told that it answers: that is how it is told to end."""
    ours, theirs = Pipe()
    tell_that_it_answers(theirs)
    assert ours.recv() is True
    ours.close()
    with pytest.raises(BrokenPipeError):
        theirs.send(True)
    tell_that_it_answers(theirs)
    theirs.close()


def test_none_is_left_behind(start: Start, database_url: str) -> None:
    process = start("serve", "--workers", "2", "--port", "0", TEAMGAUGE_DATABASE__URL=database_url)
    line = process.stdout.readline() if process.stdout else ""
    assert line.endswith(" in 2 processes (Ctrl-C ends them)\n")
    both = numbers(process, 2)
    process.kill()
    process.wait()
    until(lambda: not any(map(is_there, both)))


def test_what_several_processes_count_is_told_by_any_of_them(
    start: Start, database_url: str
) -> None:
    def counted() -> float:
        told = httpx.get(f"{base}metrics", timeout=120).text
        found = re.search(
            r'^teamgauge_http_requests_total{method="GET",route="/healthz",status="200"} ([\d.]+)$',
            told,
            re.MULTILINE,
        )
        return float(found[1]) if found else 0.0

    process = start("serve", "--workers", "2", "--port", "0", TEAMGAUGE_DATABASE__URL=database_url)
    base = address(process)
    one, _ = numbers(process, 2)
    for _ in range(20):  # each on a connection of its own, which either of them takes
        assert httpx.get(f"{base}healthz", timeout=120).status_code == 200
    assert [counted() for _ in range(4)] == [20] * 4
    os.kill(one, signal.SIGKILL)
    numbers(process, 1)
    assert httpx.get(f"{base}healthz", timeout=120).status_code == 200
    assert [counted() for _ in range(4)] == [21] * 4, "who takes a place goes on with its counts"


def test_requests_are_still_taken_while_a_load_balancer_takes_notice(
    start: Start, database_url: str
) -> None:
    for workers in ("1", "2"):
        process = start(
            "serve",
            f"--workers={workers}",
            "--port=0",
            TEAMGAUGE_DATABASE__URL=database_url,
            TEAMGAUGE_SERVER__DRAIN_SECONDS="300",
        )
        base = address(process)
        assert httpx.get(f"{base}readyz", timeout=120).status_code == 200
        process.terminate()
        until(lambda base=base: httpx.get(f"{base}readyz", timeout=120).status_code == 503)  # type: ignore[misc]
        assert httpx.get(f"{base}readyz", timeout=120).json()["reason"] == "draining"
        assert httpx.get(base, timeout=120).status_code == 200
        process.terminate()  # who says it twice does not want to wait
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_the_database_has_room_for_others(teamgauge: Teamgauge, database_url: str) -> None:
    done = teamgauge("serve", "--workers=64", "--port=0", TEAMGAUGE_DATABASE__URL=database_url)
    assert done.returncode == 2
    assert re.fullmatch(
        r"--workers 64 needs 276 connections to the database, which allows \d+\. Take fewer workers, "
        r"or raise max_connections of the database\.\n",
        done.stderr,
    )


@pytest.mark.parametrize("number", ["0", "65", "many"])
def test_a_number_that_cannot_be_meant(teamgauge: Teamgauge, number: str) -> None:
    done = teamgauge("serve", "--workers", number)
    assert done.returncode == 2
    assert "--workers" in done.stderr
