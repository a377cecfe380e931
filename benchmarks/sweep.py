"""Open merge request age of every team and day: one sweep in memory against percentile_cont in SQL.

Both read the same rows of the same Postgres in the same run; the ratio is what counts, since the
machine is shared. `python -m benchmarks.sweep [--merge-requests N] [--teams T] [--days D]`
"""

import argparse
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter

from psycopg.types.json import Jsonb
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.metrics.calendar import Clock
from app.metrics.open_work import OPEN_MR_AGE
from app.metrics.workset import load
from app.settings import DatabaseSettings, ReportingSettings, Settings
from app.store.database import open_database
from app.store.engine import copy_rows

START = date(2020, 1, 1)
AUTHORS_PER_TEAM = 8

PEER = """
SELECT s.team_id, d.day::date, count(*),
       percentile_cont(array[0.25, 0.5, 0.75, 0.95]) WITHIN GROUP (
           ORDER BY extract(epoch FROM d.day + interval '1 day' - f.created_at) / 86400)
FROM generate_series(:first, :last, interval '1 day') AS d(day)
JOIN merge_request_facts f
  ON f.created_at <= d.day + interval '1 day'
     AND (f.ended_at IS NULL OR f.ended_at > d.day + interval '1 day')
JOIN attribution_spans s
  ON s.account_id = f.author_id AND s.first_day <= d.day::date AND s.end_day > d.day::date
WHERE f.counted
GROUP BY 1, 2
"""


@contextmanager
def scratch_database() -> Iterator[Engine]:
    """An embedded database of this benchmark alone."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # the server's own account has to pass through
        settings = Settings(database=DatabaseSettings(data_dir=Path(folder) / "data"))
        with open_database(settings) as engine:
            yield engine


def fill(session: Session, merge_requests: int, teams: int, days: int) -> None:
    """Lognormal open times with a median of 3 days and a heavy tail; 1.5 % are still open."""
    source = random.Random(7)
    copy_rows(
        session,
        "teams",
        ("slug", "name", "parent"),
        ((f"team-{n}", f"Team {n}", "organisation") for n in range(teams)),
    )
    ids = list(session.scalars(text("SELECT id FROM teams WHERE parent IS NOT NULL ORDER BY id")))
    root = session.scalar(text("SELECT id FROM teams WHERE parent IS NULL"))
    authors = range(1, teams * AUTHORS_PER_TEAM + 1)
    copy_rows(
        session,
        "attribution_spans",
        ("account_id", "team_id", "first_day", "end_day", "orphaned"),
        (
            (author, team, START, date.max, False)
            for author in authors
            for team in (ids[author % teams], root)
        ),
    )
    copy_rows(
        session,
        "projects",
        ("id", "path", "name", "web_url", "archived"),
        [(1, "a/b", "b", "", False)],
    )
    copy_rows(
        session,
        "accounts",
        ("id", "username", "name", "bot"),
        ((author, f"user-{author}", "", False) for author in authors),
    )
    begin = datetime.combine(START, datetime.min.time(), UTC)
    rows = []
    for key in range(1, merge_requests + 1):
        created = begin + timedelta(days=source.random() * days)
        open_for = timedelta(days=min(3 * source.lognormvariate(0, 1.6), 3000))
        ended = None if source.random() < 0.015 else created + open_for
        rows.append((key, source.choice(authors), created, ended))
    raw = ("id", "project_id", "iid", "author_id", "title", "web_url", "state", "draft", "labels")
    copy_rows(
        session,
        "merge_requests",
        (*raw, "created_at", "updated_at"),
        (
            (key, 1, key, author, "", "", "merged" if ended else "opened", False, [], at, at)
            for key, author, at, ended in rows
        ),
    )
    flags = ("counted", "draft", "handbook", "community", "end_estimated", "review_start_inferred")
    copy_rows(
        session,
        "merge_request_facts",
        (
            "merge_request_id",
            "project_id",
            "author_id",
            "created_at",
            "ended_at",
            "responses",
            *flags,
        ),
        (
            (key, 1, author, at, ended, Jsonb([]), True, *[False] * (len(flags) - 1))
            for key, author, at, ended in rows
        ),
    )
    session.commit()
    session.execute(text("ANALYZE"))
    session.commit()


def compare(engine: Engine, merge_requests: int, teams: int, days: int) -> int:
    """Prints seconds of both and their ratio; answers how many values differ."""
    with Session(engine) as session:
        fill(session, merge_requests, teams, days)
        last = START + timedelta(days=days)
        through = datetime.combine(last, datetime.min.time(), UTC)
        clock = Clock(ReportingSettings().zone, through)

        before = perf_counter()
        workset = load(session, clock, Settings(), START)
        read = perf_counter()
        values = {
            (value.team_id, value.period): value
            for value in OPEN_MR_AGE.compute(workset, START).values[""]
        }
        swept = perf_counter()
        asked = {"first": START, "last": last - timedelta(days=1)}
        peer = session.execute(text(PEER), asked).all()
        asked_at = perf_counter()

        differing = sum(
            1
            for team_id, day, n, quantiles in peer
            if values[team_id, day].n != n
            or abs((values[team_id, day].value or 0) - quantiles[1]) > 1e-6
        )
        ours, theirs = swept - before, asked_at - swept
        print(f"{merge_requests} merge requests, {teams} teams, {days} days, {len(values)} values")
        print(f"sweep           {ours:8.2f} s  (reading {read - before:.2f} s)")
        print(f"percentile_cont {theirs:8.2f} s")
        print(f"ratio           {theirs / ours:8.1f}  times faster; {differing} values differ")
        return differing


def main() -> None:
    """Compares both on a database of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--merge-requests", type=int, default=100_000)
    parser.add_argument("--teams", type=int, default=50)
    parser.add_argument("--days", type=int, default=1_095)
    size = parser.parse_args()
    with scratch_database() as engine:
        compare(engine, size.merge_requests, size.teams, size.days)


if __name__ == "__main__":
    main()
