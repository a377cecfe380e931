"""The sweep's values by generate_series and percentile_cont, in the same Postgres; and by a plain loop."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from psycopg import sql
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.store.columns import BIGINT, DOUBLE, INTEGER, Array, Layout, read_columns
from app.store.engine import sessions
from benchmarks import company
from benchmarks._swept import SHARES, Values, arranged

GENEROUS = {"work_mem": "1GB", "max_parallel_workers_per_gather": "2"}
"""Settings that Postgres gets for this alone; everything else is as in every embedded database."""

# A row for each merge request, team and day, in the order in which the days are counted. Joining the
# days by range, as it is mostly written, compares each merge request with each day: five times slower.
QUERY = """
    CREATE TEMP TABLE in_sql ON COMMIT DROP AS
    SELECT team_id, day, count(*) AS n,
           percentile_cont(CAST(:shares AS double precision[]))
               WITHIN GROUP (ORDER BY day + 1 - start) AS quantiles
    FROM (
        SELECT s.team_id, f.start, greatest(f.first, s.first_day - :first_day) AS first,
               least(f.until, s.end_day - :first_day, :days) AS until
        FROM (
            SELECT author_id, start, ceil(start)::int - 1 AS first,
                   coalesce(ceil(ended)::int - 1, :days) AS until
            FROM (
                SELECT author_id,
                       extract(epoch FROM {clock} - :begin)::double precision / 86400 AS start,
                       extract(epoch FROM ended_at - :begin)::double precision / 86400 AS ended
                FROM merge_request_facts WHERE counted AND {clock} IS NOT NULL
            ) AS measured
        ) AS f
        JOIN attribution_spans s ON s.account_id = f.author_id
    ) AS stretches,
    generate_series((first + :step - 1) / :step * :step, until - 1, :step) AS day
    GROUP BY team_id, day
"""


@dataclass(frozen=True, slots=True)
class InSql:
    """What Postgres came to. step: each how many-th day; seconds: of all days, scaled up if not 1."""

    seconds: float
    step: int
    values: dict[str, Values]


def in_sql(engine: Engine, clocks: Sequence[str], step: int) -> InSql:
    """The values of each step-th day.

    What it costs to read and join, whatever the days, is measured apart and is not scaled up.
    """
    seconds, values = 0.0, {}
    with sessions(engine).begin() as session:
        team_ids = _team_ids(session)
        for name, value in GENEROUS.items():
            session.execute(text(f"SET LOCAL {name} = '{value}'"))
        for clock in clocks:
            took = _run(session, clock, company.DAYS, step)
            values[clock] = _fetched(session, team_ids, step)
            if step > 1:
                session.execute(text("DROP TABLE in_sql"))
                without_days = _run(session, clock, 0, step)
                took = without_days + (took - without_days) * step
            session.execute(text("DROP TABLE in_sql"))
            seconds += took
    return InSql(seconds, step, values)


def _team_ids(session: Session) -> list[int]:
    query = text("SELECT id FROM teams WHERE removed_at IS NULL ORDER BY id")
    return list(session.scalars(query))


def _run(session: Session, clock: str, days: int, step: int) -> float:
    asked = {
        "shares": list(SHARES),
        "begin": company.BEGIN,
        "first_day": company.FIRST_DAY,
        "days": days,
        "step": step,
    }
    before = perf_counter()
    session.execute(text(QUERY.format(clock=clock)), asked)
    return perf_counter() - before


def _fetched(session: Session, team_ids: Sequence[int], step: int) -> Values:
    """Its rows as matrices; a row for each day that was asked for."""
    layout: Layout = {
        "team_id": BIGINT,
        "day": INTEGER,
        "n": BIGINT,
        "quantiles": Array(DOUBLE, len(SHARES)),
    }
    found = read_columns(session, sql.SQL("SELECT team_id, day, n, quantiles FROM in_sql"), layout)
    shape = (-(-company.DAYS // step), len(team_ids))
    team = np.searchsorted(np.array(team_ids), found["team_id"])
    return arranged(shape, found["day"] // step, team, found["n"], list(found["quantiles"].T))


# The loop ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Looped:
    """What the loop came to. seconds: of all days and clocks, scaled up from these days."""

    seconds: float
    values: dict[str, dict[int, Values]]


def looped(engine: Engine, clocks: Sequence[str], days: Sequence[int]) -> Looped:
    """The values of some days in plain Python, by their definition and nothing else.

    Reading the rows is not part of its seconds.
    """
    with sessions(engine)() as session:
        place = {team_id: number for number, team_id in enumerate(_team_ids(session))}
        teams: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for account, team_id, first, end in session.execute(
            text("SELECT account_id, team_id, first_day, end_day FROM attribution_spans")
        ):
            teams[account].append((place[team_id], first.toordinal(), end.toordinal()))
        work = {
            clock: [
                (author, start, end)
                for author, start, end in session.execute(
                    text(
                        f"SELECT author_id,"
                        f" extract(epoch FROM {clock} - :begin)::double precision / 86400,"
                        " extract(epoch FROM ended_at - :begin)::double precision / 86400"
                        f" FROM merge_request_facts WHERE counted AND {clock} IS NOT NULL"
                    ),
                    {"begin": company.BEGIN},
                )
            ]
            for clock in clocks
        }
    before = perf_counter()
    values = {
        clock: {day: _on(work[clock], teams, day, len(place)) for day in days} for clock in clocks
    }
    return Looped((perf_counter() - before) * company.DAYS / len(days), values)


def _on(work: Sequence[Any], teams: dict[int, list[Any]], day: int, count: int) -> Values:
    """The values of one day: how old is what is open at its end, team by team."""
    instant, ordinal = day + 1, company.FIRST_DAY.toordinal() + day
    ages: dict[int, list[float]] = defaultdict(list)
    for author, start, end in work:
        if start <= instant and (end is None or end > instant):
            for team, first, until in teams.get(author, ()):
                if first <= ordinal < until:
                    ages[team].append(instant - start)
    there = sorted(ages)
    quantiles = [[_quantile(sorted(ages[team]), share) for team in there] for share in SHARES]
    counts = np.array([len(ages[team]) for team in there], np.int64)
    at = np.array(there, np.int64)
    return arranged((1, count), np.zeros_like(at), at, counts, [np.array(q) for q in quantiles])


def _quantile(ages: Sequence[float], share: float) -> float:
    """Linear between the two that stand next to it."""
    at = share * (len(ages) - 1)
    low = int(at)
    high = min(low + 1, len(ages) - 1)
    return ages[low] + (at - low) * (ages[high] - ages[low])
