"""How long merge requests take: medians per month of time to merge, of review and of the first answer."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from math import fsum
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.calendar import MICROSECONDS_PER_DAY, microseconds, months_from
from app.metrics.flow import happened_in, merged_in
from app.metrics.indicator import (
    Better,
    BuiltInTarget,
    Cadence,
    Computed,
    Contribution,
    Covered,
    EvidenceQuery,
    Indicator,
    Input,
    Reason,
    Unit,
    Value,
)
from app.metrics.quantiles import percentile_cont
from app.metrics.workset import Work, Workset

Key = tuple[int, date]
"""Team and month."""


class Durations:
    """The durations of one indicator, in microseconds by team and month, and their coverage."""

    def __init__(self, periods: Sequence[date]) -> None:
        self._periods = periods
        self._found: dict[Key, list[int]] = defaultdict(list)
        self._attributed: Counter[date] = Counter()
        self._totals: Counter[date] = Counter()

    def add(self, month: date, teams: frozenset[int], duration: int) -> None:
        """One merge request of some teams; of none, it lowers the coverage."""
        for team_id in teams:
            self._found[team_id, month].append(duration)
        self._totals[month] += 1
        self._attributed[month] += bool(teams)

    def computed(
        self,
        team_ids: Sequence[int],
        beside: Callable[[Key, Sequence[int]], Mapping[str, Any] | None],
    ) -> Computed:
        """The medians. beside: what stands beside the value of a team and month."""

        def values() -> Iterator[Value]:
            for team_id in team_ids:
                for month in self._periods:
                    found = sorted(self._found.get((team_id, month), ()))
                    yield _value(team_id, month, found, beside((team_id, month), found))

        return Computed(
            values={"": values()},
            coverage=[
                Covered(period=month, attributed=self._attributed[month], total=self._totals[month])
                for month in self._periods
            ],
        )


def _value(
    team_id: int, month: date, found: Sequence[int], beside: Mapping[str, Any] | None
) -> Value:
    if not found:
        return Value(
            team_id=team_id, period=month, value=None, n=0, reason=Reason.NO_DATA, beside=beside
        )
    median, p25, p75, p95 = (
        percentile_cont(found, share) / MICROSECONDS_PER_DAY for share in (0.5, 0.25, 0.75, 0.95)
    )
    return Value(
        team_id=team_id,
        period=month,
        value=median,
        n=len(found),
        p25=p25,
        p75=p75,
        p95=p95,
        beside=beside,
    )


def _compute_time_to_merge(workset: Workset, first_day: date) -> Computed:
    periods = months_from(first_day, workset.history_start, workset.clock.today)
    durations = Durations(periods)
    for month, work, teams in merged_in(workset, periods, workset.work):
        assert work.merged_at is not None
        durations.add(month, teams, work.merged_at - work.created_at)

    def mean(_: Key, found: Sequence[int]) -> Mapping[str, float] | None:
        return {"mean": fsum(found) / len(found) / MICROSECONDS_PER_DAY} if found else None

    return durations.computed(workset.team_ids, mean)


def _compute_review_time_to_merge(workset: Workset, first_day: date) -> Computed:
    periods = months_from(first_day, workset.history_start, workset.clock.today)
    durations = Durations(periods)
    for month, work, teams in merged_in(workset, periods, workset.work):
        assert work.merged_at is not None
        if work.review_started_at is not None and work.review_started_at <= work.merged_at:
            durations.add(month, teams, work.merged_at - work.review_started_at)
    return durations.computed(workset.team_ids, lambda key, found: None)


def _compute_first_engagement_time(workset: Workset, first_day: date) -> Computed:
    periods = months_from(first_day, workset.history_start, workset.clock.today)
    through = microseconds(workset.clock.data_through)
    durations = Durations(periods)
    unanswered: Counter[Key] = Counter()

    def started(work: Work) -> int | None:
        return work.review_started_at

    for month, work, teams in happened_in(workset, periods, workset.work, started):
        assert work.review_started_at is not None
        if work.first_engaged_at is not None and work.first_engaged_at <= through:
            durations.add(month, teams, work.first_engaged_at - work.review_started_at)
        else:
            unanswered.update((team_id, month) for team_id in teams)
    return durations.computed(workset.team_ids, lambda key, found: {"unanswered": unanswered[key]})


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
            """  # noqa: S608
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
