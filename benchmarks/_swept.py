"""What a sweep begins with and what it ends with, as files between processes.

Needs nothing but numpy, so that the peers' scripts can use it in environments of their own.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

DAY = 86_400_000_000
"""Microseconds."""

SHARES = (0.5, 0.25, 0.75, 0.95)
"""The quantiles, in the order in which they always stand."""

CLOCKS = ("created_at", "review_started_at")
"""Where the clocks of the two indicators start; columns of `Rows`."""

TOLERANCE = 1e-9
"""Days by which two quantiles may differ: a ten-thousandth of a second."""

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Merge requests, and the teams of their authors, in memory.

    Of one length: author, created_at, review_started_at, ended_at (microseconds since 1970, the
    greatest number where it did not happen). Of another: account, in order; team, from 0 on; first and
    end, days as ordinals. begin: of the first day, in microseconds. first_day: its ordinal.
    days, teams: how many. Every day has 24 hours.
    """

    author: Array
    created_at: Array
    review_started_at: Array
    ended_at: Array
    account: Array
    team: Array
    first: Array
    end: Array
    begin: int
    first_day: int
    days: int
    teams: int


@dataclass(frozen=True, slots=True)
class Values:
    """Of each day (rows) and team (columns): n, and the quantiles of SHARES in days, NaN for none."""

    n: Array
    quantiles: tuple[Array, ...]


def save_rows(path: Path, rows: Rows) -> None:
    """Writes rows into a file."""
    arrays: dict[str, Any] = asdict(rows)
    np.savez(path, **arrays)


def load_rows(path: Path) -> Rows:
    """Reads what `save_rows` wrote."""
    with np.load(path) as file:
        found: dict[str, Any] = dict(file)
    for name in ("begin", "first_day", "days", "teams"):
        found[name] = int(found[name])
    return Rows(**found)


def save_values(path: Path, values: dict[str, Values]) -> None:
    """Writes values by their clock into a file."""
    arrays: dict[str, Any] = {}
    for clock, found in values.items():
        arrays[f"{clock} n"] = found.n
        for share, quantile in zip(SHARES, found.quantiles, strict=True):
            arrays[f"{clock} {share}"] = quantile
    np.savez(path, **arrays)


def load_values(path: Path) -> dict[str, Values]:
    """Reads what `save_values` wrote."""
    with np.load(path) as file:
        return {
            clock: Values(file[f"{clock} n"], tuple(file[f"{clock} {share}"] for share in SHARES))
            for clock in CLOCKS
        }


def arranged(
    shape: tuple[int, int], day: Array, team: Array, n: Array, quantiles: Sequence[Array]
) -> Values:
    """Rows of (day, team, n, quantiles) as matrices of a shape."""
    counts = np.zeros(shape, np.int64)
    counts[day, team] = n
    matrices = []
    for quantile in quantiles:
        matrix = np.full(shape, np.nan)
        matrix[day, team] = quantile
        matrices.append(matrix)
    return Values(counts, tuple(matrices))


@dataclass(frozen=True, slots=True)
class Difference:
    """How two of Values differ. counts: in how many places n does. days: the most by which a quantile
    does; infinite where only one of the two has one."""

    counts: int
    days: float

    @property
    def is_none(self) -> bool:
        """Whether they are equal: counts exactly, quantiles to TOLERANCE."""
        return self.counts == 0 and self.days <= TOLERANCE


def difference(one: Values, other: Values, days: slice = slice(None)) -> Difference:
    """How two differ on some of the days; the other's rows are these days alone."""
    counts = int(np.count_nonzero(one.n[days] != other.n))
    most = 0.0
    for here, there in zip(one.quantiles, other.quantiles, strict=True):
        mine = here[days]
        nothing = np.isnan(mine)
        if (nothing != np.isnan(there)).any():
            return Difference(counts, float("inf"))
        apart = np.abs(mine - there)[~nothing]
        most = max(most, float(apart.max(initial=0.0)))
    return Difference(counts, most)
