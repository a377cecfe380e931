"""Medians of what is open, for all teams and days: review time and age."""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.calendar import MICROSECONDS_PER_DAY, microseconds
from app.metrics.daily import DailyValues
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
    Unit,
)
from app.metrics.open_sweep import Integers, Spans, present, sweep
from app.metrics.stale import StalePeriods
from app.metrics.work_columns import Attribution
from app.metrics.workset import Workset


@dataclass(frozen=True, slots=True)
class _Open:
    """Merge requests as columns: their clock's start, and from which of the swept days up to, not
    including, which one they are open."""

    author: Integers
    start: Integers
    first: Integers
    end: Integers


def _compute(workset: Workset, stale: StalePeriods, starts: Integers) -> Computed:
    """starts: when the clock of each merge request of the workset began."""
    days = np.array([day.toordinal() for day in stale.periods], np.int64)
    instants = np.array(
        [microseconds(workset.clock.instant_of(day)) for day in stale.periods], np.int64
    )
    # The open interval and the clock both hold their begin and not their end.
    first = np.searchsorted(instants, starts)
    end = np.maximum(np.searchsorted(instants, workset.work.ended_at), first)
    work = _Open(workset.work.author, starts, first, end)
    asked = counted = stale.cells
    root = workset.team_ids.index(workset.root_id) if workset.root_id in workset.team_ids else None
    if root is not None:
        counted = asked.copy()
        counted[:, root] = True
    spans = _spans(workset.attribution, work, days).within(counted)
    swept = sweep(spans, instants, asked)
    median, p25, p75, p95 = swept.quantiles
    coverage: list[Covered] = []
    if root is not None:
        # Every attributed merge request belongs to the organisation, which holds each once.
        attributed = swept.n[:, root]
        totals = present(first, end, len(instants))
        coverage = [
            Covered(period=day, attributed=int(attributed[row]), total=int(totals[row]))
            for row, day in enumerate(stale.periods)
        ]
    return Computed(
        values={
            "": DailyValues(workset.team_ids, stale.periods, asked, swept.n, median, p25, p75, p95)
        },
        coverage=coverage,
    )


def _spans(attribution: Attribution, work: _Open, days: Integers) -> Spans:
    """What is open in the lists of the teams. days: ordinals."""
    pairs = attribution.pairs(work.author)
    begun, over = np.searchsorted(days, attribution.first), np.searchsorted(days, attribution.end)
    first = np.maximum(work.first[pairs.work], begun[pairs.span])
    end = np.minimum(work.end[pairs.work], over[pairs.span])
    there = first < end
    return Spans(
        attribution.team[pairs.span[there]],
        work.start[pairs.work[there]],
        first[there],
        end[there],
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
            """  # noqa: S608 - our own column names
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
    compute=lambda workset, stale: _compute(workset, stale, workset.work.review_started_at),
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
    compute=lambda workset, stale: _compute(workset, stale, workset.work.created_at),
    evidence=lambda session, query: _evidence(session, query, "created_at"),
)
