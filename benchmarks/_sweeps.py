"""The sweep and everybody else who computes the same values, from the same rows of one run."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine

from benchmarks import company
from benchmarks._document import brief, table
from benchmarks._environments import python_with
from benchmarks._processes import address, say, told
from benchmarks._sweep_sql import in_sql, looped
from benchmarks._swept import CLOCKS, Difference, Values, difference, load_values

NAIVE_DAYS = 8
"""Days that the loop gets."""

PEERS = (
    ("DuckDB 2.0.1", "_peer_duckdb.py", ("duckdb==2.0.1", "numpy==2.4.6")),
    ("polars 2.1.0", "_peer_polars.py", ("polars==2.1.0", "numpy==2.4.6")),
)
"""Name, script beside this file, and what its environment has."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to the values. seconds: to the values of all days and both indicators.

    peak_mb: of its process, None: not measured. days: how many were really computed.
    differing: from teamgauge's values.
    """

    name: str
    seconds: float
    peak_mb: float | None
    days: int
    differing: Difference | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """What was measured of the sweep. reading, sweeping: seconds of teamgauge. open_rows: of all teams
    and days together, how many merge requests are open."""

    reading: float
    sweeping: float
    peak_mb: float
    open_rows: int
    from_database: Sequence[Contender]
    in_memory: Sequence[Contender]

    @property
    def seconds(self) -> float:
        """From the database to the values."""
        return self.reading + self.sweeping

    @property
    def differs(self) -> bool:
        """Whether anybody computed anything else."""
        return any(
            each.differing is not None and not each.differing.is_none
            for each in (*self.from_database, *self.in_memory)
        )


def our_sweep(engine: Engine, folder: Path) -> dict[str, Any]:
    """teamgauge's, in a process of its own; leaves its rows and values in the folder."""
    job = {"rows": str(folder / "rows.npz"), "values": str(folder / "ours.npz")}
    return told(
        [sys.executable, "-m", "benchmarks._sweeping"], {"database": address(engine), **job}
    )


def measure_sweep(engine: Engine, folder: Path, *, sql_rows: int, peers: bool) -> Sweep:
    """teamgauge beside everybody else, on the same rows."""
    own = our_sweep(engine, folder)
    ours = load_values(folder / "ours.npz")
    open_rows = max(int(values.n.sum()) for values in ours.values())
    say(f"sweep: {own['reading']:.2f} s to read, {own['sweeping']:.2f} s, {own['peak_mb']:.0f} MB")
    ratio = Contender("teamgauge", own["reading"] + own["sweeping"], own["peak_mb"], company.DAYS)
    in_memory = [Contender("teamgauge, one core", own["sweeping"], own["peak_mb"], company.DAYS)]
    for name, script, pins in PEERS if peers else ():
        python = python_with(pins, name)
        if python is not None:
            in_memory.append(_peer(name, script, python, folder, ours))
    return Sweep(
        own["reading"],
        own["sweeping"],
        own["peak_mb"],
        open_rows,
        [ratio, *_in_database(engine, ours, -(-open_rows // sql_rows))],
        in_memory,
    )


def _peer(name: str, script: str, python: Path, folder: Path, ours: dict[str, Values]) -> Contender:
    file = folder / f"{script}.npz"
    job = {"rows": str(folder / "rows.npz"), "values": str(file)}
    answer = told([python, Path(__file__).with_name(script)], job)
    theirs = load_values(file)
    differing = _most(difference(ours[clock], theirs[clock]) for clock in CLOCKS)
    say(f"sweep: {name}: {brief(answer['seconds'])} s, {answer['peak_mb']:.0f} MB")
    return Contender(name, answer["seconds"], answer["peak_mb"], company.DAYS, differing)


def _in_database(engine: Engine, ours: dict[str, Values], step: int) -> list[Contender]:
    found = in_sql(engine, CLOCKS, step)
    say(f"sweep: percentile_cont: {brief(found.seconds)} s, one day of {step}")
    days = slice(None, None, step)
    differing = _most(difference(ours[clock], found.values[clock], days) for clock in CLOCKS)
    count = -(-company.DAYS // step)
    sql = Contender("generate_series and percentile_cont", found.seconds, None, count, differing)
    chosen = np.linspace(0, company.DAYS - 1, NAIVE_DAYS).astype(int).tolist()
    loop = looped(engine, CLOCKS, chosen)
    differing = _most(
        difference(ours[clock], loop.values[clock][day], slice(day, day + 1))
        for clock in CLOCKS
        for day in chosen
    )
    return [sql, Contender("a loop in Python", loop.seconds, None, len(chosen), differing)]


def _most(differences: Iterable[Difference]) -> Difference:
    """All differences together."""
    several = list(differences)
    return Difference(sum(each.counts for each in several), max(each.days for each in several))


def sweep_table(contenders: Sequence[Contender]) -> str:
    """The first is teamgauge; the others' ratio is to it."""
    ours = contenders[0].seconds
    cells = []
    for each in contenders:
        whole = "" if each.days == company.DAYS else "~"
        same = ""
        if each.differing is not None:
            same = f"{each.differing.counts} counts, {each.differing.days:.0e} days"
        cells.append(
            (
                each.name,
                f"{whole}{brief(each.seconds)}",
                f"{whole}{each.seconds / ours:.1f}",
                f"{each.peak_mb:,.0f} MB" if each.peak_mb is not None else "",
                f"{each.days:,}",
                same,
            )
        )
    return table(
        ("", "seconds", "teamgauge is faster by", "peak memory", "days computed", "differs by"),
        cells,
    )
