"""Load: many clients on the demo for minutes while it is collected and refreshed all the time.

The demo's company, with teams on top until there are sixty, served by `teamgauge serve`; `collect` and
`refresh` run beside it without a pause. What is told: failures, which must be none, the seconds of an
answer, and the memory of the server over time; status 1 where anything failed.

    python -m benchmarks.load [--seconds S] [--clients N] [--workers N] [--teams N] [--write]

`--write` puts the table into docs/performance.md. wrk makes the load (apt-get install wrk).
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from threading import Event, Thread

import httpx
import psutil

from benchmarks._document import brief, machine, made_by, table, write
from benchmarks._processes import ROOT, say
from benchmarks._web import Load, wrk
from demo.process import company

PROGRAM = Path(sys.executable).parent / "teamgauge"
PAGES = (
    "/",
    "/teams/checkout",
    "/indicators/mr_rate",
    "/indicators/open_mr_age/evidence",
    "/api/v1/indicators/open_mr_age/series",
    "/api/v1/teams",
)
BESIDE = (("collect",), ("refresh", "--all"))
"""What runs beside the load, again and again."""

LOOKS = 50
"""How often the server's memory is looked at."""

WARM = 5
"""After how many of these looks it counts as what the server needs."""


class Commands:
    """The product's commands in a folder. environment: without any other configuration."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        own = {key: value for key, value in os.environ.items() if not key.startswith("TEAMGAUGE_")}
        self._environment = own | {
            "TEAMGAUGE_CONFIG": str(folder / "teamgauge.toml"),
            "TEAMGAUGE_DATABASE__DATA_DIR": str(folder / "data"),
        }

    def run(self, *arguments: str) -> str | None:
        """Runs one to its end; what it said if it failed."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return None if done.returncode == 0 else f"{arguments[0]}: {done.stdout}{done.stderr}"

    @contextmanager
    def serving(self, workers: int) -> Iterator[tuple[str, psutil.Process]]:
        """The web server on a free port: its address and its process."""
        process = subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", "--workers", str(workers)],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            said = process.stdout.readline().split()
            address = next(word for word in said if word.startswith("http://"))
            yield address.rstrip("/"), psutil.Process(process.pid)
        finally:
            process.terminate()
            process.communicate()


@contextmanager
def again_and_again(commands: Commands, ended: dict[str, int], failed: list[str]) -> Iterator[None]:
    """Runs what runs beside, until the block ends. ended: counts the runs; failed: what they said."""
    over = Event()

    def go_on(arguments: Sequence[str]) -> None:
        while not over.is_set():
            if failure := commands.run(*arguments):
                failed.append(failure)
            ended[arguments[0]] = ended.get(arguments[0], 0) + 1

    threads = [Thread(target=go_on, args=(arguments,)) for arguments in BESIDE]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


@contextmanager
def watched(process: psutil.Process, seconds: float, seen: list[float]) -> Iterator[None]:
    """Notes the megabytes of a process and of its children every so often; Postgres, which may be a
    child as well, is not among them."""
    over = Event()

    def look() -> None:
        while not over.wait(seconds / LOOKS):
            total = 0
            for each in (process, *process.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    total += 0 if "postgres" in each.name() else each.memory_info().rss
            seen.append(total / 1024 / 1024)

    thread = Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class Stood:
    """What came of it. memory: megabytes of the server while it was looked at. runs: of what ran beside,
    by its name. failed: what that said."""

    load: Load
    memory: Sequence[float]
    runs: Mapping[str, int]
    failed: Sequence[str]


def add_teams(file: Path, teams: int) -> None:
    """Adds teams without anybody in them until there are so many, the organisation among them."""
    text = file.read_text(encoding="utf-8").rstrip("\n")
    have = text.count("slug:") + 1
    more = [f"\n- {{slug: more-{number}, name: More {number}}}" for number in range(have, teams)]
    file.write_text(f"{text}{''.join(more)}\n", encoding="utf-8")


def stood(*, seconds: int, clients: int, workers: int, teams: int) -> Stood:
    """Loads the demo. Raises RuntimeError where an answer was none."""
    with tempfile.TemporaryDirectory(prefix="teamgauge-load-") as name:
        folder = Path(name)
        commands = Commands(folder)
        say("making the company and collecting from it ...")
        with company(folder, folder / "teamgauge.toml", datetime.now(UTC).date()) as sections:
            sections()
            add_teams(folder / "teams.yaml", teams)
            if failure := commands.run("collect"):
                raise RuntimeError(failure)
            runs: dict[str, int] = {}
            failed: list[str] = []
            memory: list[float] = []
            with commands.serving(workers) as (address, process):
                for page in PAGES:
                    httpx.get(address + page, timeout=300).raise_for_status()
                say(f"{clients} clients for {seconds} seconds ...")
                with (
                    again_and_again(commands, runs, failed),
                    watched(process, seconds, memory),
                ):
                    load = wrk(address, clients, seconds, {}, paths=PAGES)
    return Stood(load, memory, runs, failed)


def part(found: Stood, clients: int, seconds: int, workers: int, teams: int) -> str:
    """The table of the document."""
    settled = found.memory[WARM:] or found.memory
    beside = ", ".join(f"{count} times `{name}`" for name, count in sorted(found.runs.items()))
    head = ("answers per second", "p50", "p99", "failures", "memory settled", "at the end", "most")
    row = (
        brief(found.load.per_second),
        f"{found.load.p50 * 1000:,.0f} ms",
        f"{found.load.p99 * 1000:,.0f} ms",
        str(len(found.failed)),
        *(f"{megabytes:,.0f} MB" for megabytes in (settled[0], settled[-1], max(settled))),
    )
    where = machine(None, "wrk, the servers and what runs beside them")
    asked = {"seconds": seconds, "clients": clients, "workers": workers, "teams": teams}
    made = made_by("load", [f"--{name}={value}" for name, value in asked.items()])
    return (
        f"{where} {made}\n\n"
        f"{clients} clients for {seconds} seconds on {workers} processes with {teams} teams, and"
        f" {beside} beside them:\n\n" + table((head[0], *head[1:]), [row])
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--teams", type=int, default=60)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
    if which("wrk") is None:
        say("LOUD: there is no wrk (apt-get install wrk): nothing was loaded")
        return 0
    found = stood(
        seconds=given.seconds, clients=given.clients, workers=given.workers, teams=given.teams
    )
    shown = part(found, given.clients, given.seconds, given.workers, given.teams)
    print(shown)
    for failure in found.failed:
        say(failure)
    if given.write:
        write({"load": shown}, ROOT / "docs" / "performance.md")
    return 1 if found.failed else 0


if __name__ == "__main__":
    sys.exit(main())
