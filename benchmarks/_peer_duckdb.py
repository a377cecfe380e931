"""A peer: DuckDB computes the sweep's values from rows in its memory, on all cores.

Each merge request becomes a row for each of its days and teams; grouped by team and day, all quantiles
in one call. A join of the days by range is five times slower. Runs in an environment of its own.
"""

import json
import sys
from pathlib import Path
from time import perf_counter

import duckdb  # type: ignore[import-not-found] # is in the peer's environment alone
import numpy as np
from _peak import peak_mb  # type: ignore[import-not-found] # beside this script
from _swept import (  # type: ignore[import-not-found] # beside this script
    CLOCKS,
    DAY,
    SHARES,
    arranged,
    load_rows,
    save_values,
)

# Ages fall as starts rise: the quantile of an age is that of the starts from the other end.
QUERY = """
    CREATE TABLE {clock}_values AS
    SELECT team, day, count(*) AS n, quantile_cont(start, {shares}) AS quantiles
    FROM (
        SELECT team, start, unnest(range(first, until))::SMALLINT AS day
        FROM (
            SELECT team, {clock}::DOUBLE AS start,
                   greatest(({clock} - {begin} + {day} - 1) // {day} - 1, "first" - {first_day})
                       AS first,
                   least((least(ended_at, {over}) - {begin} + {day} - 1) // {day} - 1,
                         "end" - {first_day}) AS until
            FROM work JOIN spans ON account = author
            WHERE {clock} < {over}
        )
        WHERE first < until
    )
    GROUP BY team, day
"""


def main() -> None:
    """Reads a JSON job on standard input, prints a JSON answer."""
    job = json.load(sys.stdin)
    rows = load_rows(Path(job["rows"]))
    over = rows.begin + (rows.days + 1) * DAY
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false")
    work = {name: getattr(rows, name) for name in ("author", "ended_at", *CLOCKS)}
    spans = {name: getattr(rows, name) for name in ("account", "first", "end")}
    spans["team"] = rows.team.astype(np.int16)
    connection.execute("CREATE TABLE work AS SELECT * FROM work")
    connection.execute("CREATE TABLE spans AS SELECT * FROM spans")
    del work, spans
    before = perf_counter()
    for clock in CLOCKS:
        connection.execute(
            QUERY.format(
                clock=clock,
                shares=[round(1 - share, 2) for share in SHARES],
                begin=rows.begin,
                day=DAY,
                first_day=rows.first_day,
                over=over,
            )
        )
    seconds, peak = perf_counter() - before, peak_mb()
    values = {}
    for clock in CLOCKS:
        columns = ", ".join(f"quantiles[{number}] AS q{number}" for number in (1, 2, 3, 4))
        found = connection.execute(
            f"SELECT team, day, n, {columns} FROM {clock}_values"
        ).fetchnumpy()
        ends = rows.begin + (found["day"].astype(np.int64) + 1) * DAY
        values[clock] = arranged(
            (rows.days, rows.teams),
            found["day"],
            found["team"],
            found["n"],
            [(ends - found[f"q{number}"]) / DAY for number in (1, 2, 3, 4)],
        )
    save_values(Path(job["values"]), values)
    print(json.dumps({"seconds": seconds, "peak_mb": peak}))


if __name__ == "__main__":
    main()
