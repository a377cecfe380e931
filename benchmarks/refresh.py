"""Computing a company of any size: the sweep beside SQL, DuckDB, polars and a loop; refreshes.

Each contender runs in a process of its own on the same rows of one run, and their values must be
equal: counts exactly, quantiles to 1e-9 days. Status 1 where they are not, or where a refresh of what
changed has left anything that a whole one would write.

    python -m benchmarks.refresh [--scale N] [--teams N] [--people N] [--sql-rows N] [--no-peers] [--write]
    python -m benchmarks.refresh --alone [--scale N] [--teams N] [--people N] [--write]

`--scale` is the number of merge requests (or SCALE in the environment; 100,000). `--write` puts the
tables into docs/performance.md. `--alone`: only the first refresh, one of nothing and one of a day, of a
company that is too large for everybody else.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from benchmarks import company
from benchmarks._database import Database, scratch_server, settle, sizes
from benchmarks._document import brief, machine, made_by, table, write
from benchmarks._processes import ROOT, say
from benchmarks._refreshes import (
    FIRST,
    Refreshed,
    Refreshes,
    measure_a_day,
    measure_refreshes,
    refresh_table,
    refreshed,
    size_table,
)
from benchmarks._sweeps import Sweep, measure_sweep, our_sweep, sweep_table
from benchmarks._swept import CLOCKS, TOLERANCE, load_values

DOCUMENT = ROOT / "docs" / "performance.md"
DEFAULT_SCALE = 100_000
SQL_ROWS_EACH = 40
"""Of each merge request, how many of its days in teams Postgres is given to sort: a third of them, so
that it gets each third day and its seconds are scaled up."""

SHARING = "Postgres and what is measured"


@dataclass(frozen=True, slots=True)
class Part:
    """Seconds of a size, for the growth."""

    merge_requests: int
    sweep: float
    refresh: float


def growth_table(small: Part, large: Part) -> str:
    """The ratio to linear: 1 is as many times the seconds as merge requests."""
    times = large.merge_requests / small.merge_requests
    cells = [
        (
            name,
            brief(one),
            brief(other),
            f"{other / one:.1f}",
            f"{other / one / times:.2f}",
        )
        for name, one, other in (
            ("the sweep, from the database to the values", small.sweep, large.sweep),
            ("the first refresh", small.refresh, large.refresh),
        )
    ]
    sized = [f"{each.merge_requests:,}: seconds" for each in (small, large)]
    return table(("merge requests", *sized, "times", "of linear"), cells)


# All of it --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that was measured, of one company and of one a tenth as large."""

    size: company.Size
    teams: int
    sweep: Sweep
    refreshes: Refreshes
    growth: tuple[Part, Part]
    machine: str

    @property
    def differs(self) -> bool:
        """Whether anything is not equal that has to be."""
        return self.sweep.differs or self.refreshes.differs

    def parts(self) -> dict[str, str]:
        """The tables by their places in the document."""
        head = (
            f"{self.size.merge_requests:,} merge requests, {self.size.people:,} people, ten years,"
            f" {self.size.teams:,} teams and {self.teams - self.size.teams:,} above them;"
            f" {self.sweep.open_rows:,} times a merge request is open at the end of a day in a team."
        )
        of = f"{self.size.merge_requests:,} merge requests, ten years of {self.teams:,} teams:"
        tables = {
            "sweep": sweep_table(self.sweep.from_database),
            "sweep in memory": sweep_table(self.sweep.in_memory),
            "refresh": refresh_table(self.refreshes.all, self.refreshes.whole),
            "size": size_table(self.refreshes),
        }
        return {
            "refresh machine": f"{self.machine} {made_by('refresh', _options(self.size))}\n\n{head}",
            **{name: f"{of}\n\n{part}" for name, part in tables.items()},
            "refresh growth": growth_table(*self.growth),
        }


def _options(size: company.Size) -> list[str]:
    """What the command line has for a size: its scale, and what is not as ever."""
    usual = company.Size(merge_requests=size.merge_requests)
    others = [name for name in ("teams", "people") if getattr(size, name) != getattr(usual, name)]
    return [
        f"--scale={size.merge_requests}",
        *(f"--{name}={getattr(size, name)}" for name in others),
    ]


def measure(
    size: company.Size,
    database: Database,
    *,
    sql_rows: int | None = None,
    peers: bool = True,
) -> Measured:
    """Everything. database: makes an empty one, once for the small company and once for the large."""
    small = company.Size(
        merge_requests=max(1, size.merge_requests // 10), teams=size.teams, people=size.people
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with database() as engine:
            first = _made(engine, small)
            own = our_sweep(engine, folder)
            seconds = own["reading"] + own["sweeping"]
            tenth = Part(small.merge_requests, seconds, first.seconds)
        with database() as engine:
            first = _made(engine, size)
            rows = sql_rows or SQL_ROWS_EACH * size.merge_requests
            sweep = measure_sweep(engine, folder, sql_rows=rows, peers=peers)
            teams = load_values(folder / "ours.npz")[CLOCKS[0]].n.shape[1]
            whole = Part(size.merge_requests, sweep.seconds, first.seconds)
            changes = max(10, size.merge_requests // 1_000)
            refreshes = measure_refreshes(engine, first, changes)
            return Measured(
                size,
                teams,
                sweep,
                refreshes,
                (tenth, whole),
                machine(engine, SHARING),
            )


def measure_alone(size: company.Size, database: Database) -> str:
    """The refreshes, with their memory, of a company that is too large for the peers."""
    with database() as engine:
        first = _made(engine, size)
        found = measure_a_day(engine, first, max(10, size.merge_requests // 1_000))
        head = (
            f"{machine(engine, SHARING)} {made_by('refresh', ['--alone', *_options(size)])}"
            f" {size.merge_requests:,} merge requests of"
            f" {size.people:,} people in {size.teams:,} teams and those above them, ten years;"
            f" {sizes(engine).database / 1024**3:.1f} GB in the database."
        )
        return f"{head}\n\n{refresh_table(found, first.seconds)}"


def _made(engine: Engine, size: company.Size) -> Refreshed:
    """A company, computed for the first time."""
    say(f"{size.merge_requests:,} merge requests: making the company ...")
    company.fill(engine, size)
    first = refreshed(engine, FIRST, everything=True)
    settle(engine)
    return first


def main() -> None:
    """Measures, prints, and writes into the document if told to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    scale = int(os.environ.get("SCALE") or DEFAULT_SCALE)
    parser.add_argument("--scale", type=int, default=scale, help="merge requests")
    parser.add_argument("--teams", type=int, default=500, help="without those above them")
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument(
        "--sql-rows", type=int, help="that Postgres is given at most (40 for each merge request)"
    )
    parser.add_argument("--no-peers", action="store_true", help="without DuckDB and polars")
    parser.add_argument("--alone", action="store_true", help="some refreshes, nothing beside them")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    asked = parser.parse_args()
    size = company.Size(merge_requests=asked.scale, teams=asked.teams, people=asked.people)
    if asked.alone:
        with scratch_server() as database:
            part = measure_alone(size, database)
        print(part)
        if asked.write:
            write({"refresh alone": part}, DOCUMENT)
        return
    with scratch_server() as database:
        found = measure(size, database, sql_rows=asked.sql_rows, peers=not asked.no_peers)
    print("\n\n".join(f"{name}:\n\n{part}" for name, part in found.parts().items()))
    if found.differs:
        sys.exit(f"The values are not equal (counts exactly, quantiles to {TOLERANCE:g} days).")
    if asked.write:
        write(found.parts(), DOCUMENT)


if __name__ == "__main__":
    main()
