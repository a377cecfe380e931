"""A peer: polars computes the sweep's values from rows in its memory, on all cores.

Each merge request becomes a row for each of its days; a team after the other is grouped by day, all
teams in one call. Grouped by team and day in one piece it needs ten times as long and all the memory.
Runs in an environment of its own.
"""

import json
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl  # type: ignore[import-not-found] # is in the peer's environment alone
from _peak import peak_mb  # type: ignore[import-not-found] # beside this script
from _swept import (  # type: ignore[import-not-found] # beside this script
    CLOCKS,
    DAY,
    SHARES,
    Rows,
    Values,
    arranged,
    load_rows,
    save_values,
)


def sweep(work: pl.DataFrame, spans: pl.DataFrame, rows: Rows, clock: str) -> pl.DataFrame:
    """Of each team and day: n, and the quantiles of the starts."""
    over = rows.begin + (rows.days + 1) * DAY

    def day_of(instant: pl.Expr) -> pl.Expr:
        return (instant - rows.begin + DAY - 1) // DAY - 1

    stretches = (
        work.lazy()
        .filter(pl.col(clock) < over)
        .join(spans.lazy(), left_on="author", right_on="account")
        .select(
            "team",
            start=pl.col(clock).cast(pl.Float64),
            first=pl.max_horizontal(day_of(pl.col(clock)), pl.col("first") - rows.first_day),
            until=pl.min_horizontal(
                day_of(pl.min_horizontal("ended_at", pl.lit(over))), pl.col("end") - rows.first_day
            ),
        )
        .filter(pl.col("first") < pl.col("until"))
        .sort("start")
        .collect()
    )
    # Ages fall as starts rise: the quantile of an age is that of the starts from the other end.
    quantiles = [
        pl.col("start").quantile(1 - share, "linear").alias(str(share)) for share in SHARES
    ]
    parts = [
        own.lazy()
        .select("start", day=pl.int_ranges("first", "until", dtype=pl.Int16))
        .explode("day")
        .group_by("day")
        .agg(pl.len().alias("n"), *quantiles)
        .with_columns(team=pl.lit(team))
        for (team,), own in stretches.group_by("team")
    ]
    return pl.concat(pl.collect_all(parts))


def as_values(found: pl.DataFrame, rows: Rows) -> Values:
    """What was found as matrices of ages."""
    day = found["day"].to_numpy()
    ends = rows.begin + (day.astype(np.int64) + 1) * DAY
    ages = [(ends - found[str(share)].to_numpy()) / DAY for share in SHARES]
    team, n = found["team"].to_numpy(), found["n"].to_numpy()
    return arranged((rows.days, rows.teams), day, team, n, ages)


def main() -> None:
    """Reads a JSON job on standard input, prints a JSON answer."""
    job = json.load(sys.stdin)
    rows = load_rows(Path(job["rows"]))
    work = pl.DataFrame({name: getattr(rows, name) for name in ("author", "ended_at", *CLOCKS)})
    spans = pl.DataFrame(
        {name: getattr(rows, name) for name in ("account", "team", "first", "end")}
    )
    before = perf_counter()
    found = {clock: sweep(work, spans, rows, clock) for clock in CLOCKS}
    seconds, peak = perf_counter() - before, peak_mb()
    values = {clock: as_values(each, rows) for clock, each in found.items()}
    save_values(Path(job["values"]), values)
    print(json.dumps({"seconds": seconds, "peak_mb": peak}))


if __name__ == "__main__":
    main()
