"""What flows through in a month: merge requests merged per person."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.calendar import first_of_month, last_of_month, microseconds, months, next_month
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
    Variant,
)
from app.metrics.workset import Work, Workset


def months_from(workset: Workset, first_day: date) -> list[date]:
    """The months to compute: from first_day's month, none that began before history_start."""
    start = max(first_of_month(first_day), first_of_month(workset.history_start))
    if start < workset.history_start:
        start = next_month(start)
    return list(months(start, workset.clock.today))


def person_days(workset: Workset, team_id: int, month: date) -> tuple[int, int]:
    """(days that members spent in the team, elapsed days) of a month; the running day has elapsed."""
    first = month.toordinal()
    end = min(last_of_month(month), workset.clock.today).toordinal() + 1
    spent = sum(
        max(0, min(days.end, end) - max(days.first, first))
        for days in workset.members.get(team_id, ())
    )
    return spent, end - first


def average_headcount(workset: Workset, team_id: int, month: date) -> float:
    """Mean of the daily headcount over the elapsed days of a month."""
    spent, elapsed = person_days(workset, team_id, month)
    return spent / elapsed


def author_teams(workset: Workset, work: Work, day: int) -> frozenset[int]:
    """The teams (ancestors included) to which a merge request belongs on a day (an ordinal)."""
    return frozenset(
        days.team_id
        for days in workset.attribution.get(work.author_id or 0, ())
        if days.first <= day < days.end
    )


def merged_in(
    workset: Workset, periods: Sequence[date]
) -> Iterator[tuple[date, Work, frozenset[int]]]:
    """(month, merge request, its author's teams on the local day of the merge), merged so far."""
    if not periods:
        return
    last = workset.clock.today
    first_days = [periods[0] + timedelta(days=n) for n in range((last - periods[0]).days + 1)]
    starts = [microseconds(workset.clock.start_of(day)) for day in first_days]
    through = microseconds(workset.clock.data_through)
    for work in workset.work:
        if work.merged_at is None or not starts[0] <= work.merged_at <= through:
            continue
        day = first_days[bisect_right(starts, work.merged_at) - 1]
        yield first_of_month(day), work, author_teams(workset, work, day.toordinal())


def _compute_rate(workset: Workset, first_day: date) -> Computed:
    periods = months_from(workset, first_day)
    counts: dict[str, dict[tuple[int, date], int]] = {
        variant.key: defaultdict(int) for variant in MR_RATE_VARIANTS
    }
    attributed: dict[date, int] = defaultdict(int)
    totals: dict[date, int] = defaultdict(int)
    for month, work, teams in merged_in(workset, periods):
        owners = workset.owners_of(work.project_id)
        for team_id in teams:
            counts["narrow"][team_id, month] += 1
        if work.community:
            for team_id in owners:
                counts["wider"][team_id, month] += 1
        for team_id in owners | teams:
            counts["overall"][team_id, month] += 1
        totals[month] += 1
        attributed[month] += bool(teams)
    headcounts = {
        (team_id, month): average_headcount(workset, team_id, month)
        for team_id in workset.team_ids
        for month in periods
    }

    def values(merged: Mapping[tuple[int, date], int]) -> Iterator[Value]:
        for key, headcount in headcounts.items():
            count = merged.get(key, 0)
            yield Value(
                team_id=key[0],
                period=key[1],
                value=count / headcount if headcount else None,
                n=count,
                numerator=float(count),
                denominator=headcount,
                reason=None if headcount else Reason.NO_DATA,
            )

    return Computed(
        values={variant: values(merged) for variant, merged in counts.items()},
        coverage=[
            Covered(period=month, attributed=attributed[month], total=totals[month])
            for month in periods
        ],
    )


# The author's team on the local day of the merge; a day is local in the asked time zone.
OF_THE_TEAM = """
    EXISTS (SELECT 1 FROM attribution_spans s
            WHERE s.account_id = f.author_id AND s.team_id = :team_id
              AND s.first_day <= (f.merged_at AT TIME ZONE :timezone)::date
              AND s.end_day > (f.merged_at AT TIME ZONE :timezone)::date)
"""
# The organisation owns every project; its id is the one without a parent.
OWNED = """
    (EXISTS (SELECT 1 FROM project_owners o
             WHERE o.project_id = f.project_id AND o.team_id = :team_id)
     OR EXISTS (SELECT 1 FROM teams t WHERE t.id = :team_id AND t.parent IS NULL))
"""
CONDITIONS = {
    "narrow": OF_THE_TEAM,
    "wider": f"f.community AND {OWNED}",
    "overall": f"({OWNED} OR {OF_THE_TEAM})",
}


def _rate_evidence(session: Session, query: EvidenceQuery) -> list[Contribution]:
    """The merge requests merged in the month that count for the team in the variant."""
    rows = session.execute(
        text(
            f"""
            SELECT f.merge_request_id, coalesce(
                       (SELECT bool_and(s.orphaned) FROM attribution_spans s
                        WHERE s.account_id = f.author_id AND s.team_id = :team_id
                          AND s.first_day <= (f.merged_at AT TIME ZONE :timezone)::date
                          AND s.end_day > (f.merged_at AT TIME ZONE :timezone)::date),
                       false) AS orphaned
            FROM merge_request_facts f
            WHERE f.counted AND f.merged_at >= :since AND f.merged_at <= :instant
              AND (f.merged_at AT TIME ZONE :timezone)::date <= :last_day
              AND {CONDITIONS[query.variant]}
            """  # noqa: S608
        ),
        {
            "team_id": query.team_id,
            "timezone": query.timezone,
            "since": query.since,
            "instant": query.instant,
            "last_day": query.last_day,
        },
    )
    return [
        Contribution(merge_request_id=row.merge_request_id, value=None, orphaned=row.orphaned)
        for row in rows
    ]


MR_RATE_VARIANTS = (
    Variant(
        key="narrow",
        title="Narrow: by the team",
        definition="Merge requests that members of the team wrote, wherever they were merged.",
    ),
    Variant(
        key="wider",
        title="Wider: by the community",
        definition="Community merge requests merged into projects that the team owns.",
    ),
    Variant(
        key="overall",
        title="Overall",
        definition=(
            "Everything merged into projects that the team owns, whoever wrote it, and what the team "
            "merged elsewhere, each once."
        ),
    ),
)

MR_RATE = Indicator(
    key="mr_rate",
    title="Merge request rate",
    short_title="MR rate",
    definition=(
        "Merge requests of the team that were merged in the month, divided by the average headcount "
        "of the month. It says nothing about any one person."
    ),
    formula="merged merge requests ÷ average headcount",
    unit=Unit.MERGE_REQUESTS_PER_PERSON,
    cadence=Cadence.MONTHLY,
    better=Better.HIGHER,
    target=BuiltInTarget(value=10.0, source="GitLab 2022"),
    sources=("gitlab", "files", "bamboohr"),
    reads=frozenset({Input.WORK, Input.ATTRIBUTION, Input.OWNERSHIP, Input.MEMBERS}),
    attribution=(
        "Narrow: the author’s team on the local day of the merge. Wider and overall: the team that owns "
        "the target project."
    ),
    counts="Drafts never merge; no bots, projects in product scope. The manager counts as a person.",
    noun="merged merge requests",
    variants=MR_RATE_VARIANTS,
    compute=_compute_rate,
    evidence=_rate_evidence,
)
