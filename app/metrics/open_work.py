"""Medians of what is open, for all teams and days in one sweep: review time and age.

The order of open merge requests by their start never changes while days pass, so one sorted list
per team, with inserts and deletes, gives every quantile of every day.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.calendar import MICROSECONDS_PER_DAY, days, microseconds
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
from app.metrics.workset import Work, Workset

QUANTILES = (0.5, 0.25, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class OpenSpan:
    """A merge request in the list of a team: its clock's start (microseconds), and from which day
    up to, not including, which day (indices into the swept instants) it stands there."""

    start: int
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of the ages at one instant, in days; n merge requests, at least one."""

    n: int
    median: float
    p25: float
    p75: float
    p95: float


def quantile_of_ages(starts: Sequence[int], instant: int, share: float) -> float:
    """The age in days below which `share` of the merge requests lie, interpolated linearly.

    starts: ascending, so that ages descend; the rule is PostgreSQL's percentile_cont.
    """
    rank = share * (len(starts) - 1)
    low = int(rank)
    age = float(instant - starts[-1 - low])
    if low < rank:
        age += (rank - low) * (starts[-1 - low] - starts[-2 - low])
    return age / MICROSECONDS_PER_DAY


def sweep(spans: Iterable[OpenSpan], instants: Sequence[int]) -> Iterator[Quantiles | None]:
    """The quantiles at each instant in turn; None where nothing is open.

    instants: ascending, microseconds. One pass: each span is inserted and deleted once.
    """
    arriving: dict[int, list[int]] = defaultdict(list)
    leaving: dict[int, list[int]] = defaultdict(list)
    for span in spans:
        arriving[span.first].append(span.start)
        leaving[span.end].append(span.start)
    starts: list[int] = []
    for index, instant in enumerate(instants):
        for start in leaving.get(index, ()):
            del starts[bisect_left(starts, start)]
        new = arriving.get(index, ())
        if len(new) > 50:  # the first day brings everything that was open: sorting beats inserting
            starts = sorted([*starts, *new])
        else:
            for start in new:
                insort(starts, start)
        if not starts:
            yield None
            continue
        median, p25, p75, p95 = (quantile_of_ages(starts, instant, q) for q in QUANTILES)
        yield Quantiles(len(starts), median, p25, p75, p95)


def _open_days(work: Work, start: int, instants: Sequence[int]) -> tuple[int, int]:
    """The indices [first, end) of the instants inside [start, end of the open interval)."""
    first = bisect_left(instants, start)
    end = len(instants) if work.ended_at is None else bisect_left(instants, work.ended_at)
    return first, end


def _counts(stretches: Iterable[tuple[int, int]], length: int) -> list[int]:
    """How many of the stretches [first, end) contain each index below length."""
    change = [0] * (length + 1)
    for first, end in stretches:
        if first < end:
            change[first] += 1
            change[end] -= 1
    return list(accumulate(change[:-1]))


def _compute(
    workset: Workset, first_day: date, clock_start: Callable[[Work], int | None]
) -> Computed:
    first_day = max(first_day, workset.history_start)
    periods = list(days(first_day, workset.clock.today))
    instants = [microseconds(workset.clock.instant_of(day)) for day in periods]
    spans: dict[int, list[OpenSpan]] = defaultdict(list)
    stretches: list[tuple[int, int]] = []
    for work in workset.work:
        start = clock_start(work)
        if start is None:
            continue
        first, end = _open_days(work, start, instants)
        stretches.append((first, end))
        for team_days in workset.attribution.get(work.author_id or 0, ()):
            inside = max(first, team_days.first - first_day.toordinal())
            until = min(end, team_days.end - first_day.toordinal())
            if inside < until:
                spans[team_days.team_id].append(OpenSpan(start, inside, until))
    totals = _counts(stretches, len(instants))
    # Every attributed merge request belongs to the organisation, which holds each once.
    attributed = _counts(((s.first, s.end) for s in spans[workset.root_id]), len(instants))

    def values() -> Iterator[Value]:
        for team_id in workset.team_ids:
            quantiles = sweep(spans.pop(team_id, ()), instants)
            for day, found in zip(periods, quantiles, strict=True):
                yield _value(team_id, day, found)

    coverage = [
        Covered(period=day, attributed=attributed[index], total=totals[index])
        for index, day in enumerate(periods)
    ]
    return Computed(values={"": values()}, coverage=coverage)


def _value(team_id: int, day: date, found: Quantiles | None) -> Value:
    if found is None:
        return Value(team_id=team_id, period=day, value=None, n=0, reason=Reason.NO_DATA)
    return Value(
        team_id=team_id,
        period=day,
        value=found.median,
        n=found.n,
        p25=found.p25,
        p75=found.p75,
        p95=found.p95,
    )


def _evidence(session: Session, query: EvidenceQuery, column: str) -> list[Contribution]:
    """The merge requests open at the instant in the team, with their age in days.

    column: the fact in which the clock starts; a name of our own, never input.
    """
    rows = session.execute(
        text(
            f"""
            SELECT f.merge_request_id,
                   (extract(epoch FROM f.{column}) * 1000000)::bigint AS start,
                   s.orphaned
            FROM merge_request_facts f
            JOIN attribution_spans s ON s.account_id = f.author_id AND s.team_id = :team_id
                 AND s.first_day <= :day AND s.end_day > :day
            WHERE f.counted AND f.{column} <= :instant
                  AND (f.ended_at IS NULL OR f.ended_at > :instant)
            """  # noqa: S608
        ),
        {"team_id": query.team_id, "day": query.last_day, "instant": query.instant},
    )
    instant = microseconds(query.instant)
    return [
        Contribution(
            merge_request_id=row.merge_request_id,
            value=(instant - row.start) / MICROSECONDS_PER_DAY,
            orphaned=row.orphaned,
        )
        for row in rows
    ]


OPEN_MR_REVIEW_TIME = Indicator(
    key="open_mr_review_time",
    title="Open MR Review Time",
    short_title="Review time",
    definition=(
        "Median, over the merge requests of the team that are open and in review at the end of the "
        "day, of the time since a review was first requested."
    ),
    formula="median(instant − review_start)",
    unit=Unit.DAYS,
    cadence=Cadence.DAILY,
    better=Better.LOWER,
    target=BuiltInTarget(value=21.0, source="GitLab"),
    sources=("gitlab", "files", "bamboohr"),
    reads=frozenset({Input.WORK, Input.ATTRIBUTION}),
    attribution=(
        "The author’s team on that day. Work of people who left stays with their last team and is "
        "marked orphaned."
    ),
    counts="Drafts (unless the configuration excludes them), no bots, projects in product scope.",
    noun="open merge requests in review",
    ours=(
        "GitLab counts day boundaries, we count seconds. GitLab loses merge requests that were closed "
        "unmerged; ours keep them in the days they were open. The clock never pauses."
    ),
    says="The median merge request in review has waited [{value}]",
    nothing=("none in review", "There were no open merge requests in review {when}."),
    compute=lambda workset, day: _compute(workset, day, lambda work: work.review_started_at),
    evidence=lambda session, query: _evidence(session, query, "review_started_at"),
)

OPEN_MR_AGE = Indicator(
    key="open_mr_age",
    title="Open MR Age",
    short_title="Open MR age",
    definition=(
        "Median, over the merge requests of the team that are open at the end of the day, of the time "
        "since they were created."
    ),
    formula="median(instant − created_at)",
    unit=Unit.DAYS,
    cadence=Cadence.DAILY,
    better=Better.LOWER,
    target=BuiltInTarget(value=30.0, source="GitLab"),
    sources=("gitlab", "files", "bamboohr"),
    reads=frozenset({Input.WORK, Input.ATTRIBUTION}),
    attribution=OPEN_MR_REVIEW_TIME.attribution,
    counts=OPEN_MR_REVIEW_TIME.counts,
    noun="open merge requests",
    ours=(
        "GitLab counts day boundaries, we count seconds. GitLab loses merge requests that were closed "
        "unmerged; ours keep them in the days they were open."
    ),
    says="The median open merge request is [{value}] old",
    nothing=("none open", "There were no open merge requests {when}."),
    compute=lambda workset, day: _compute(workset, day, lambda work: work.created_at),
    evidence=lambda session, query: _evidence(session, query, "created_at"),
)
