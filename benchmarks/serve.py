"""Serving: a series beside SQL at request time, the overview beside a trivial endpoint, and 304.

On a company of any size, computed into a database of this benchmark's own. The values of both ways
must be equal: counts exactly, medians to 1e-9 days; status 1 where they are not.

    python -m benchmarks.serve [--scale N] [--teams N] [--seconds S] [--clients N] [--write]

`--scale` is the number of merge requests (or SCALE in the environment; 100,000). `--write` puts the
table into docs/performance.md. The overview is loaded by wrk; without it nothing is written.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import which
from statistics import median
from time import perf_counter
from typing import Any

import httpx
from sqlalchemy import Engine, text

from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.engine import sessions
from benchmarks import company
from benchmarks._database import scratch_server, settle
from benchmarks._document import brief, machine, made_by, table, write
from benchmarks._processes import ROOT, address, say
from benchmarks._web import Load, product, trivial, wrk

DEFAULT_SCALE = 100_000
TEAMS = 54
"""With the departments and the division above them, 60."""
ASKED = 15
"""How often the series is asked for; what is told is the median."""
IN_SQL = 3
TOLERANCE = 1e-9
TEAM = "team-003"
SERIES = (
    f"/api/v1/indicators/open_mr_age/series?team={TEAM}&grain=day"
    f"&from={company.FIRST_DAY}&to={company.END - timedelta(days=1)}"
)

# What the series says, asked of the same rows at the time of the request.
PEER = text(
    """
    SELECT d.day::date::text, count(*), percentile_cont(0.5) WITHIN GROUP (
               ORDER BY extract(epoch FROM d.day + interval '1 day' - f.created_at) / 86400)
    FROM generate_series(CAST(:first AS timestamptz), :last, interval '1 day') AS d(day)
    JOIN merge_request_facts f
      ON f.created_at <= d.day + interval '1 day'
         AND (f.ended_at IS NULL OR f.ended_at > d.day + interval '1 day')
    JOIN attribution_spans s
      ON s.account_id = f.author_id AND s.first_day <= d.day::date AND s.end_day > d.day::date
    JOIN teams t ON t.id = s.team_id AND t.slug = :team
    WHERE f.counted
    GROUP BY 1
    """
)


@dataclass(frozen=True, slots=True)
class Series:
    """Seconds of the series. kept: asked for again; anew: drawn from what is stored; sql: of the rows.
    differing: days on which both ways do not say the same."""

    kept: float
    anew: float
    sql: float
    differing: int


@dataclass(frozen=True, slots=True)
class Pages:
    """What the servers stood. bytes: of the overview. teams: on it. trivial: an endpoint of that size;
    kept: the overview; anew: each time drawn again; unchanged: 304."""

    bytes: int
    teams: int
    trivial: Load
    kept: Load
    anew: Load
    unchanged: Load


def filled(engine: Engine, settings: Settings, size: company.Size) -> None:
    """Makes the company and computes it."""
    company.fill(engine, size)
    at = datetime.combine(company.END, datetime.min.time(), UTC) + timedelta(minutes=5)
    with sessions(engine).begin() as session:
        refresh(session, settings, at)
    settle(engine)


def series(engine: Engine, site: str, asked: int = ASKED) -> Series:
    """Asks for ten years of days of one team, so many times, and for the same in SQL."""
    with httpx.Client(base_url=site, timeout=300) as client:

        def ask(host: str) -> tuple[float, Any]:
            before = perf_counter()
            answer = client.get(SERIES, headers={"Host": host})
            took = perf_counter() - before
            answer.raise_for_status()
            return took, answer.json()

        _, found = ask("127.0.0.1")
        kept = median(ask("127.0.0.1")[0] for _ in range(asked))
        # Under another name it is another answer, which nobody has asked for yet.
        anew = median(ask(f"127.0.0.1:{number}")[0] for number in range(1, asked + 1))
    took = []
    for _ in range(IN_SQL):
        before = perf_counter()
        rows = in_sql(engine)
        took.append(perf_counter() - before)
    return Series(kept, anew, median(took), differing(found["points"], rows))


def in_sql(engine: Engine) -> dict[str, tuple[int, float]]:
    """Count and median by day, of the days that have any."""
    day = timedelta(days=1)
    asked = {
        "team": TEAM,
        "first": _midnight(company.FIRST_DAY),
        "last": _midnight(company.END - day),
    }
    with engine.connect() as connection:
        return {on: (count, value) for on, count, value in connection.execute(PEER, asked)}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


def differing(points: Sequence[dict[str, Any]], rows: dict[str, tuple[int, float]]) -> int:
    """On how many days a series and SQL do not say the same."""
    count = len(rows.keys() - {point["period"] for point in points})
    for point in points:
        n, value = rows.get(point["period"], (0, None))
        same = point["n"] == n and (point["value"] is None) == (value is None)
        count += not same or (value is not None and abs(point["value"] - value) > TOLERANCE)
    return count


def pages(engine: Engine, site: str, clients: int, seconds: int) -> Pages:
    """Loads the overview in every way, and the trivial endpoint between."""
    plain = {"Accept-Encoding": "identity"}
    page = httpx.get(site, headers=plain, timeout=300)
    page.raise_for_status()
    size = len(page.content)

    def load(of: str, **headers: str) -> Load:
        return wrk(f"{of}/", clients, seconds, headers, anew=False)

    kept = load(site)
    with trivial(size) as other:
        small = load(other)
    unchanged = load(site, **{"If-None-Match": page.headers["etag"]})
    # Two of them take turns already.
    anew = wrk(f"{site}/", 2, seconds, {}, anew=True)
    with engine.connect() as connection:
        teams = connection.scalar(text("SELECT count(*) FROM teams WHERE parent IS NOT NULL")) or 0
    return Pages(size, teams, small, kept, anew, unchanged)


def series_table(found: Series) -> str:
    """The series beside SQL."""
    rows = [
        ("asked for again", found.kept),
        ("drawn anew", found.anew),
        ("computed in SQL at the time of the request", found.sql),
    ]
    return table(
        ["ten years of days of one team", "milliseconds", "SQL takes"],
        [
            [name, brief(took * 1_000), f"{brief(found.sql / took)} times as long"]
            for name, took in rows
        ],
    )


def pages_table(found: Pages) -> str:
    """The overview beside the trivial endpoint."""
    rows = [
        (f"trivial endpoint, {found.bytes:,} bytes", found.trivial),
        (f"overview of {found.teams} teams", found.kept),
        ("overview, unchanged: 304", found.unchanged),
        ("overview, drawn anew for each of 2 clients", found.anew),
    ]
    return table(
        ["", "answers a second", "of the trivial", "p50, ms", "p99, ms", "of the trivial"],
        [
            [
                name,
                brief(load.per_second),
                f"{load.per_second / found.trivial.per_second:.1%}",
                brief(load.p50 * 1_000),
                brief(load.p99 * 1_000),
                f"{brief(load.p99 / found.trivial.p99)} times",
            ]
            for name, load in rows
        ],
    )


def sentence(found: Pages) -> str:
    """How 304 stands to the page in both its ways."""
    whole, kept = (
        found.unchanged.per_second / each.per_second for each in (found.anew, found.kept)
    )
    return (
        f"304 is answered {brief(whole)} times as often as the page is drawn, and {brief(kept)} times as"
        " often as the page goes out as it was drawn before."
    )


def main() -> int:
    """Measures everything and prints it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    default = int(os.environ.get("SCALE", DEFAULT_SCALE))
    parser.add_argument("--scale", type=int, default=default)
    parser.add_argument("--teams", type=int, default=TEAMS)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    loaded = which("wrk") is not None
    if not loaded:
        say("LOUD: there is no wrk (apt-get install wrk): the overview is not loaded")
    size = company.Size(
        merge_requests=asked.scale, teams=asked.teams, people=max(20 * asked.teams, 100)
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        scratch_server() as database,
        database() as engine,
    ):
        settings = company.settings(Path(folder))
        say(f"making and computing {size.merge_requests:,} merge requests in {size.teams} teams")
        filled(engine, settings, size)
        with product(settings, address(engine)) as site:
            say("asking for the series")
            one = series(engine, site)
            parts = [series_table(one)]
            if loaded:
                say(f"loading the overview, four times {asked.seconds} s")
                found = pages(engine, site, asked.clients, asked.seconds)
                parts += [pages_table(found), sentence(found)]
        where = machine(engine, "Postgres, wrk and the server")
    options = [
        f"--{name}={getattr(asked, name)}" for name in ("scale", "teams", "seconds", "clients")
    ]
    part = "\n\n".join(
        [
            f"{where} {made_by('serve', options)} {asked.scale:,} merge requests, {asked.clients} clients,"
            f" {asked.seconds} s each.",
            *parts,
        ]
    )
    print(part)
    if asked.write and loaded:
        write({"serve": part}, ROOT / "docs" / "performance.md")
    if one.differing:
        say(f"The series and SQL differ on {one.differing} days.")
    return 1 if one.differing else 0


if __name__ == "__main__":
    sys.exit(main())
