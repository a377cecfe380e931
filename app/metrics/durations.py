"""How long merge requests take: medians per month of time to merge, of review and of the first answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.calendar import MICROSECONDS_PER_DAY, microseconds
from app.metrics.flow import Floats, Happened, covered, happened_in, merged_in
from app.metrics.indicator import (
    Better,
    BuiltInTarget,
    Cadence,
    Computed,
    Contribution,
    EvidenceQuery,
    Indicator,
    Input,
    Reason,
    Unit,
    Value,
)
from app.metrics.open_sweep import QUANTILES
from app.metrics.stale import StalePeriods
from app.metrics.work_columns import NEVER, Integers
from app.metrics.workset import Workset

Beside = Callable[[int, int, int, int], Mapping[str, Any] | None]
"""What stands beside a value, of (team, month, how many there are, microseconds together)."""


def _medians(
    workset: Workset,
    periods: Sequence[date],
    happened: Happened,
    durations: Integers,
    beside: Beside = lambda team, month, n, total: None,
) -> Computed:
    """The medians by team and month. durations: of what happened, in microseconds."""
    teams, months = len(workset.team_ids), len(periods)
    key = happened.team * months + happened.month[happened.of_team]
    measured = durations[happened.of_team]
    order = np.lexsort((measured, key))
    ascending = measured[order]
    bounds = np.searchsorted(key[order], np.arange(teams * months + 1))
    sums = np.concatenate([[0], np.cumsum(ascending)])
    n = np.diff(bounds)
    totals = np.diff(sums[bounds]).tolist()
    quantiles = [_quantile(ascending, bounds, n, share).tolist() for share in QUANTILES]

    def values() -> Iterator[Value]:
        counts = n.tolist()
        for team, team_id in enumerate(workset.team_ids):
            for month, period in enumerate(periods):
                at = team * months + month
                count = counts[at]
                median, p25, p75, p95 = (each[at] if count else None for each in quantiles)
                yield Value(
                    team_id=team_id,
                    period=period,
                    value=median,
                    n=count,
                    p25=p25,
                    p75=p75,
                    p95=p95,
                    reason=None if count else Reason.NO_DATA,
                    beside=beside(team, month, count, totals[at]),
                )

    return Computed(values={"": values()}, coverage=covered(periods, happened))


def _quantile(ascending: Integers, bounds: Integers, n: Integers, share: float) -> Floats:
    """A quantile of each stretch of durations, in days; where one is empty it means nothing."""
    if not len(ascending):
        return np.zeros(len(n))
    rank = share * np.maximum(n - 1, 0)
    low = rank.astype(np.int64)
    at = np.minimum(bounds[:-1] + low, len(ascending) - 1)
    following = np.minimum(at + 1, len(ascending) - 1)
    step = np.where(low < rank, ascending[following] - ascending[at], 0)
    found: Floats = (ascending[at] + (rank - low) * step) / MICROSECONDS_PER_DAY
    return found


def _compute_time_to_merge(workset: Workset, stale: StalePeriods) -> Computed:
    periods = stale.periods
    work = workset.work
    merged = merged_in(workset, periods, work)

    def mean(_: int, __: int, n: int, total: int) -> Mapping[str, float] | None:
        return {"mean": total / n / MICROSECONDS_PER_DAY} if n else None

    taken = (work.merged_at - work.created_at)[merged.work]
    return _medians(workset, periods, merged, taken, mean)


def _compute_review_time_to_merge(workset: Workset, stale: StalePeriods) -> Computed:
    periods = stale.periods
    work = workset.work
    reviewed = np.where(work.review_started_at <= work.merged_at, work.merged_at, NEVER)
    merged = happened_in(workset, periods, work, reviewed)
    taken = (work.merged_at - work.review_started_at)[merged.work]
    return _medians(workset, periods, merged, taken)


def _compute_first_engagement_time(workset: Workset, stale: StalePeriods) -> Computed:
    periods = stale.periods
    work = workset.work
    is_answered = work.first_engaged_at <= microseconds(workset.clock.data_through)
    answered, waiting = (
        happened_in(workset, periods, work, np.where(which, work.review_started_at, NEVER))
        for which in (is_answered, ~is_answered)
    )
    unanswered = waiting.by_team().tolist()

    def beside(team: int, month: int, _: int, __: int) -> Mapping[str, int]:
        return {"unanswered": unanswered[team][month]}

    taken = (work.first_engaged_at - work.review_started_at)[answered.work]
    return _medians(workset, periods, answered, taken, beside)


def _evidence(
    session: Session, query: EvidenceQuery, *, start: str, end: str, month_of: str
) -> list[Contribution]:
    """The merge requests of the team and month with their duration in days.

    start, end: facts between which the time is measured. month_of: the fact that says in which
    month, and on which day for the author's team. All are names of our own, never input.
    """
    rows = session.execute(
        text(
            f"""
            SELECT f.merge_request_id,
                   (extract(epoch FROM f.{end} - f.{start}) * 1000000)::bigint AS duration,
                   bool_and(s.orphaned) AS orphaned
            FROM merge_request_facts f
            JOIN attribution_spans s ON s.account_id = f.author_id AND s.team_id = :team_id
                 AND s.first_day <= (f.{month_of} AT TIME ZONE :timezone)::date
                 AND s.end_day > (f.{month_of} AT TIME ZONE :timezone)::date
            WHERE f.counted AND f.{month_of} >= :since AND f.{month_of} <= :instant
              AND (f.{month_of} AT TIME ZONE :timezone)::date <= :last_day
              AND f.{start} <= f.{end} AND f.{end} <= :instant_of_data
            GROUP BY f.merge_request_id
            """  # noqa: S608 - our own column names
        ),
        {
            "team_id": query.team_id,
            "timezone": query.timezone,
            "since": query.since,
            "instant": query.instant,
            "instant_of_data": query.data_through,
            "last_day": query.last_day,
        },
    )
    return [
        Contribution(
            merge_request_id=row.merge_request_id,
            value=row.duration / MICROSECONDS_PER_DAY,
            orphaned=row.orphaned,
        )
        for row in rows
    ]


SOURCES = ("gitlab", "files", "bamboohr")
READS = frozenset({Input.WORK, Input.ATTRIBUTION})
OF_THE_MERGE = "The author’s team on the local day of the merge."
COUNTED = "No bots, projects in product scope."

REVIEW_TIME_TO_MERGE = Indicator(
    key="review_time_to_merge",
    title="Review Time to Merge",
    short_title="Review to merge",
    definition=(
        "Median, over the merge requests of the team that were merged in the month after a review was "
        "requested, of the time from that request to the merge."
    ),
    formula="median(merged_at − review_start)",
    unit=Unit.DAYS,
    cadence=Cadence.MONTHLY,
    better=Better.LOWER,
    target=BuiltInTarget(value=3.0, source="GitLab"),
    sources=SOURCES,
    reads=READS,
    attribution=OF_THE_MERGE,
    counts=f"Merge requests whose review was asked for before or at the merge. {COUNTED}",
    noun="reviewed and merged merge requests",
    supporting=True,
    says="The median merge request of {when} was merged [{value}] after its first review request",
    nothing=("none merged", "No reviewed merge request was merged {when}."),
    compute=_compute_review_time_to_merge,
    evidence=lambda session, query: _evidence(
        session, query, start="review_started_at", end="merged_at", month_of="merged_at"
    ),
)

FIRST_ENGAGEMENT_TIME = Indicator(
    key="first_engagement_time",
    title="Review Time to First Engagement",
    short_title="First engagement",
    definition=(
        "Median, over the merge requests of the team whose review was first requested in the month, of "
        "the time until somebody else than the author wrote a note or approved."
    ),
    formula="median(first_engagement − review_start)",
    unit=Unit.DAYS,
    cadence=Cadence.MONTHLY,
    better=Better.LOWER,
    target=None,
    sources=SOURCES,
    reads=READS,
    attribution="The author’s team on the local day of the first request for a review.",
    counts=(
        f"Merge requests that were answered; those without an answer are counted beside it. {COUNTED}"
    ),
    noun="merge requests with an answer",
    supporting=True,
    says="The median review request of {when} had its first answer after [{value}]",
    nothing=("none answered", "No review that was requested {when} was answered."),
    compute=_compute_first_engagement_time,
    evidence=lambda session, query: _evidence(
        session,
        query,
        start="review_started_at",
        end="first_engaged_at",
        month_of="review_started_at",
    ),
)

TIME_TO_MERGE = Indicator(
    key="time_to_merge",
    title="Time to Merge",
    short_title="Time to merge",
    definition=(
        "Median, over the merge requests of the team that were merged in the month, of the time from "
        "their creation to the merge. The mean stands beside it."
    ),
    formula="median(merged_at − created_at)",
    unit=Unit.DAYS,
    cadence=Cadence.MONTHLY,
    better=Better.LOWER,
    target=None,
    sources=SOURCES,
    reads=READS,
    attribution=OF_THE_MERGE,
    counts=COUNTED,
    noun="merged merge requests",
    supporting=True,
    says="The median merge request of {when} was merged [{value}] after it was created",
    nothing=("none merged", "No merge request was merged {when}."),
    compute=_compute_time_to_merge,
    evidence=lambda session, query: _evidence(
        session, query, start="created_at", end="merged_at", month_of="merged_at"
    ),
)
