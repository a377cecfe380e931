"""28,812 recorded merge requests, collected and computed: how many requests, how many seconds.

Each figure stands beside the naive way of the same run: reading by REST with one request for the notes
of each merge request; reading everything again; computing everything again; and, with the last of the
histories alone, one request after another. GitLab is the demo's fake in a process of its own.

    python -m benchmarks.recorded [--histories NAME…] [--sample N] [--latency S]
"""

import argparse
import gc
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any

import gitlab
import structlog
from sqlalchemy import Engine, text

from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.engine import sessions
from benchmarks._database import Database, scratch_server
from benchmarks._processes import say
from benchmarks._serving import process_behind
from collectors import SOURCES
from collectors.runner import RunReport, run
from demo.gitlab import GitLabFake
from demo.history import load

RECORDED = Path(__file__).parent.parent.parent / "shared" / "data" / "mr-history"
HISTORIES = ("vtk", "cmake", "paraview")
PER_PAGE = 100
ERRORS_ONLY = 40
"""A level of the log."""


@dataclass(frozen=True, slots=True)
class Served:
    """The fake: its address, and the pipe to its process."""

    url: str
    token: str
    groups: tuple[str, ...]
    pipe: Connection

    def ask(self, what: str, value: float = 0.0) -> int:
        """`delay`: seconds before each answer from now on. Gives the requests since it was asked."""
        self.pipe.send((what, value))
        count: int = self.pipe.recv()
        return count


def _serve(pipe: Connection, paths: Sequence[Path], folder: Path) -> None:
    history = load(paths)
    history.write_files(folder)
    gc.freeze()
    fake = GitLabFake(history.world)
    with fake.serving() as url:
        pipe.send((url, fake.token, history.groups))
        while (asked := pipe.recv()) is not None:
            what, value = asked
            if what == "delay":
                fake.delay = value
            pipe.send(fake.count())
            fake.forget_requests()


@contextmanager
def serving(paths: Sequence[Path], folder: Path) -> Iterator[Served]:
    """Serves histories from a process of its own. folder: where the organisation's files go."""
    with process_behind(_serve, paths, folder) as pipe:
        url, token, groups = pipe.recv()
        yield Served(url, token, groups, pipe)


class Bench:
    """A database and a configuration; measures what is done with them."""

    def __init__(self, engine: Engine, served: Served, folder: Path, **gitlab: Any) -> None:
        self.engine = engine
        names = ("people", "employment", "memberships")
        files = {name: folder / f"{name}.csv" for name in names}
        access = {"url": served.url, "token": served.token, "groups": served.groups}
        self.settings = Settings.model_validate(
            {
                "reporting": {"history_start": "2015-01-01"},
                "gitlab": {**access, **gitlab},
                "files": {"teams": folder / "teams.yaml", **files},
            }
        )

    def collect(self, name: str = "gitlab", *, full: bool = False) -> tuple[RunReport, float]:
        """(what a run of a source did, seconds)."""
        [source] = [each for each in SOURCES if each.name == name]
        before = perf_counter()
        done = run(self.engine, source, self.settings, full=full, started_at=datetime.now(UTC))
        assert done.outcome == "done", done.failures
        return done, perf_counter() - before

    def refresh(self, *, everything: bool = False) -> float:
        """Seconds of a refresh."""
        before = perf_counter()
        with sessions(self.engine).begin() as session:
            refresh(session, self.settings, datetime.now(UTC), everything=everything)
        return perf_counter() - before

    def one(self, query: str) -> Any:
        """The single value of a query."""
        with self.engine.connect() as connection:
            return connection.scalar(text(query))


def read_by_rest(served: Served, path: str, number: int) -> tuple[int, int, float]:
    """The naive way: the list, then the notes of each, one after another.

    Gives (merge requests, requests, seconds) of the first `number` merge requests of a project.
    """
    client = gitlab.Gitlab(served.url, private_token=served.token)
    served.ask("count")
    before = perf_counter()
    read = 0
    listed = client.projects.get(path).mergerequests.list(
        iterator=True,
        per_page=PER_PAGE,
        scope="all",
        state="all",
        order_by="updated_at",
        sort="asc",
    )
    for merge_request in listed:
        merge_request.notes.list(get_all=True, per_page=PER_PAGE)
        read += 1
        if read == number:
            break
    seconds = perf_counter() - before
    return read, served.ask("count"), seconds


def compare_collects(bench: Bench, served: Served, sample: int) -> None:
    """Prints the first collect against REST, and the second one against reading everything again."""
    first, first_seconds = bench.collect()
    stored = bench.one("SELECT count(*) FROM merge_requests")
    people = bench.one("SELECT count(*) FROM accounts")
    path = bench.one(
        "SELECT path FROM projects p JOIN merge_requests m ON m.project_id = p.id"
        " GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    )
    read, requests, seconds = read_by_rest(served, path, sample)
    # Whether a user is a bot is told of a single user only.
    rest = round(requests / read * stored) + people
    rest_seconds = seconds / requests * rest
    print(f"{stored} merge requests, {first.rows_new} rows")
    print(f"collect               {first.requests:6} requests {first_seconds:7.1f} s")
    print(
        f"REST one by one       {rest:6} requests {rest_seconds:7.1f} s"
        f"  (scaled up from {read} merge requests in {requests} requests and {seconds:.1f} s)"
    )
    print(
        f"ratio                 {rest / first.requests:6.1f}  times fewer requests,"
        f" {rest_seconds / first_seconds:.1f} times faster"
    )
    second, second_seconds = bench.collect()
    full, full_seconds = bench.collect(full=True)
    assert (second.rows_new, second.rows_changed, full.rows_new, full.rows_changed) == (0, 0, 0, 0)
    print(f"second collect        {second.requests:6} requests {second_seconds:7.1f} s")
    print(f"collect --full        {full.requests:6} requests {full_seconds:7.1f} s")
    print(
        f"ratio                 {full.requests / second.requests:6.1f}  times fewer requests,"
        f" {full_seconds / second_seconds:.1f} times faster"
    )


def compare_refreshes(bench: Bench) -> None:
    """Prints a refresh after nothing changed against one that computes all history again."""
    first = bench.refresh()
    bench.collect()
    again = bench.refresh()
    everything = bench.refresh(everything=True)
    values = bench.one("SELECT count(*) FROM indicator_values")
    print(f"refresh, first        {values:6} values   {first:7.1f} s")
    print(f"refresh --all                         {everything:7.1f} s")
    print(f"refresh, unchanged                    {again:7.1f} s")
    print(f"ratio                 {everything / again:6.1f}  times faster than computing all again")


def compare_concurrency(served: Served, database: Database, folder: Path, latency: float) -> None:
    """Prints a first collect with eight requests in flight against one after another."""
    seconds = {}
    stored = 0
    for concurrency in (8, 1):
        with database() as engine:
            bench = Bench(engine, served, folder, concurrency=concurrency)
            served.ask("delay", latency)
            seconds[concurrency] = bench.collect()[1]
            served.ask("delay")
            stored = bench.one("SELECT count(*) FROM merge_requests")
    print(f"collect {stored} of the merge requests with {latency * 1000:.0f} ms a request more")
    print(f"8 in flight                           {seconds[8]:7.1f} s")
    print(f"one after another                     {seconds[1]:7.1f} s")
    print(f"ratio                 {seconds[1] / seconds[8]:6.1f}  times faster")


def main() -> None:
    """Prints all comparisons; a sentence where the recorded histories are not there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", nargs="+", default=HISTORIES)
    parser.add_argument("--sample", type=int, default=500, help="merge requests to read by REST")
    parser.add_argument("--latency", type=float, default=0.1, help="seconds, for the concurrency")
    asked = parser.parse_args()
    paths = [RECORDED / f"{name}.csv.gz" for name in asked.histories]
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        print(
            f"Skipped: {', '.join(missing)} of the recorded histories (shared/data/mr-history beside"
            " this checkout) are not here; nothing was measured."
        )
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(ERRORS_ONLY))
    with tempfile.TemporaryDirectory() as name, scratch_server() as database:
        folder = Path(name)
        say(f"{', '.join(asked.histories)}: collecting ...")
        with serving(paths, folder) as served, database() as engine:
            bench = Bench(engine, served, folder)
            bench.collect("files")
            compare_collects(bench, served, asked.sample)
            say("computing ...")
            compare_refreshes(bench)
        say(f"{asked.histories[-1]}: one request after another ...")
        with serving(paths[-1:], folder) as served:
            compare_concurrency(served, database, folder, asked.latency)


if __name__ == "__main__":
    main()
