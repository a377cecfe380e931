"""teamgauge's sweep in a process of its own: rows of the database to values that are ready to be stored.

Reads a JSON job on standard input: `database` (address), `rows` and `values` (files that it writes for
the peers, after everything was measured). Prints one JSON answer.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np

from app.metrics.calendar import Clock, microseconds
from app.metrics.daily import DailyValues
from app.metrics.indicator import Computed
from app.metrics.open_sweep import QUANTILES
from app.metrics.open_work import OPEN_MR_AGE, OPEN_MR_REVIEW_TIME
from app.metrics.periods import computed_periods
from app.metrics.shares import OF_A_PROCESS, Here, shares
from app.metrics.stale import StalePeriods
from app.metrics.stretches import Stretch
from app.metrics.workset import Workset, load
from app.store.engine import make_engine, reading_sessions
from benchmarks import company
from benchmarks._peak import peak_mb
from benchmarks._swept import CLOCKS, Rows, Values, save_rows, save_values

THROUGH = datetime.combine(company.END, datetime.min.time(), UTC)


def main() -> None:
    """Both indicators of all teams and days."""
    job = json.load(sys.stdin)
    settings = company.settings(Path())
    clock = Clock(settings.reporting.zone, THROUGH)
    engine = make_engine(job["database"])
    with reading_sessions(engine)() as session:
        before = perf_counter()
        everything = [Stretch(company.FIRST_DAY, clock.today)]
        workset = load(session, clock, settings, dict.fromkeys(OPEN_MR_AGE.reads, everything))
        read = perf_counter()
        days = computed_periods(OPEN_MR_AGE, clock, company.FIRST_DAY)
        whole = StalePeriods.all_of(workset.team_ids, days)
        values = {each.key: _nothing(whole) for each in (OPEN_MR_AGE, OPEN_MR_REVIEW_TIME)}
        made = shares(workset, dict.fromkeys(values, whole), OF_A_PROCESS)
        for key, computed in Here()(made):
            _take(values[key], workset, computed)
        swept = perf_counter()
    engine.dispose()
    answer = {"reading": read - before, "sweeping": swept - read, "peak_mb": peak_mb()}
    save_rows(Path(job["rows"]), _rows(workset))
    save_values(Path(job["values"]), dict(zip(CLOCKS, map(_over, values.values()), strict=True)))
    print(json.dumps(answer))


def _rows(workset: Workset) -> Rows:
    work, attribution = workset.work, workset.attribution
    return Rows(
        author=work.author,
        created_at=work.created_at,
        review_started_at=work.review_started_at,
        ended_at=work.ended_at,
        account=attribution.account,
        team=attribution.team,
        first=attribution.first,
        end=attribution.end,
        begin=microseconds(company.BEGIN),
        first_day=company.FIRST_DAY.toordinal(),
        days=company.DAYS,
        teams=len(workset.team_ids),
    )


def _nothing(whole: StalePeriods) -> Values:
    shape = whole.cells.shape
    return Values(np.zeros(shape, np.int64), tuple(np.full(shape, np.nan) for _ in QUANTILES))


def _take(values: Values, workset: Workset, computed: Computed) -> None:
    """Puts the values of some teams in their places."""
    found = computed.values[""]
    assert isinstance(found, DailyValues)
    teams = np.searchsorted(workset.team_ids, found.team_ids)
    values.n[:, teams] = found.n
    measures = (found.value, found.p25, found.p75, found.p95)
    for every, some in zip(values.quantiles, measures, strict=True):
        every[:, teams] = some


def _over(values: Values) -> Values:
    """Without the day that is running."""
    over = slice(company.DAYS)
    return Values(values.n[over], tuple(measure[over] for measure in values.quantiles))


if __name__ == "__main__":
    main()
