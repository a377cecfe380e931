"""What flows through in a month: merge requests merged per person."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.calendar import first_of_month, last_of_month, microseconds, months_from
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


def happened_in(
    workset: Workset,
    periods: Sequence[date],
    works: Iterable[Work],
    instant: Callable[[Work], int | None],
) -> Iterator[tuple[date, Work, frozenset[int]]]:
    """(month, merge request, its author's teams on the local day) of what happened so far.

    instant: when it happened to a merge request, in microseconds; None: it did not.
    """
    if not periods:
        return
    last = workset.clock.today
    first_days = [periods[0] + timedelta(days=n) for n in range((last - periods[0]).days + 1)]
    starts = [microseconds(workset.clock.start_of(day)) for day in first_days]
    through = microseconds(workset.clock.data_through)
    for work in works:
        at = instant(work)
        if at is None or not starts[0] <= at <= through:
            continue
        day = first_days[bisect_right(starts, at) - 1]
        yield first_of_month(day), work, author_teams(workset, work, day.toordinal())


def merged_in(
    workset: Workset, periods: Sequence[date], works: Iterable[Work]
) -> Iterator[tuple[date, Work, frozenset[int]]]:
    """(month, merge request, its author's teams on the local day of the merge), merged so far."""
    return happened_in(workset, periods, works, lambda work: work.merged_at)


def _compute_rate(workset: Workset, first_day: date) -> Computed:
    periods = months_from(first_day, workset.history_start, workset.clock.today)
    counts: dict[str, dict[tuple[int, date], int]] = {
        variant.key: defaultdict(int) for variant in MR_RATE_VARIANTS
    }
    attributed: dict[date, int] = defaultdict(int)
    totals: dict[date, int] = defaultdict(int)
    for month, work, teams in merged_in(workset, periods, workset.work):
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
    return Computed(
        values={variant: _rates(workset, periods, merged) for variant, merged in counts.items()},
        coverage=_coverage(periods, attributed, totals),
    )


def _rates(
    workset: Workset, periods: Sequence[date], merged: Mapping[tuple[int, date], int]
) -> Iterator[Value]:
    """Merged merge requests per person; merged: how many by team and month."""
    for team_id in workset.team_ids:
        for month in periods:
            headcount = average_headcount(workset, team_id, month)
            count = merged.get((team_id, month), 0)
            yield Value(
                team_id=team_id,
                period=month,
                value=count / headcount if headcount else None,
                n=count,
                numerator=float(count),
                denominator=headcount,
                reason=None if headcount else Reason.NO_DATA,
            )


def _coverage(
    periods: Sequence[date], attributed: Mapping[date, int], totals: Mapping[date, int]
) -> list[Covered]:
    return [
        Covered(period=month, attributed=attributed.get(month, 0), total=totals.get(month, 0))
        for month in periods
    ]


def _compute_handbook(workset: Workset, first_day: date) -> Computed:
    periods = months_from(first_day, workset.history_start, workset.clock.today)
    merged: dict[tuple[int, date], int] = defaultdict(int)
    attributed: dict[date, int] = defaultdict(int)
    totals: dict[date, int] = defaultdict(int)
    for month, _, teams in merged_in(workset, periods, workset.handbook):
        for team_id in teams:
            merged[team_id, month] += 1
        totals[month] += 1
        attributed[month] += bool(teams)
    return Computed(
        values={"": _rates(workset, periods, merged)},
        coverage=_coverage(periods, attributed, totals),
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


def merged_evidence(session: Session, query: EvidenceQuery, condition: str) -> list[Contribution]:
    """The merge requests merged in the month that fulfil a condition of our own SQL, without value."""
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
            WHERE f.merged_at >= :since AND f.merged_at <= :instant
              AND (f.merged_at AT TIME ZONE :timezone)::date <= :last_day
              AND {condition}
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


def _rate_evidence(session: Session, query: EvidenceQuery) -> list[Contribution]:
    """The merge requests merged in the month that count for the team in the variant."""
    return merged_evidence(session, query, f"f.counted AND {CONDITIONS[query.variant]}")


def _handbook_evidence(session: Session, query: EvidenceQuery) -> list[Contribution]:
    """The team's merge requests that were merged into handbook scope in the month."""
    in_scope = "f.handbook AND (f.counted OR f.left_out = 'out_of_scope')"
    return merged_evidence(session, query, f"{in_scope} AND {OF_THE_TEAM}")


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
    says="Each person merged [{number} merge requests] in {when} on average",
    nothing=("no people", "Nobody was a member of this team {when}."),
    compute=_compute_rate,
    evidence=_rate_evidence,
)

HANDBOOK_UPDATE_RATE = Indicator(
    key="handbook_update_rate",
    title="Handbook Update Frequency",
    short_title="Handbook updates",
    definition=(
        "Merge requests of the team that were merged into the handbook in the month, divided by the "
        "average headcount of the month."
    ),
    formula="merged handbook merge requests ÷ average headcount",
    unit=Unit.MERGE_REQUESTS_PER_PERSON,
    cadence=Cadence.MONTHLY,
    better=Better.HIGHER,
    target=BuiltInTarget(value=0.55, source="GitLab Engineering"),
    sources=("gitlab", "files", "bamboohr"),
    reads=frozenset({Input.WORK, Input.ATTRIBUTION, Input.MEMBERS}),
    attribution="The author’s team on the local day of the merge.",
    counts=(
        "Merge requests into the configured handbook projects, where path globs are given only those "
        "that changed a matching file, whatever the product scope says; no bots, each once."
    ),
    noun="merged handbook merge requests",
    ours="GitLab’s query does not check that the author is in the team; ours does.",
    decimals=2,
    says="Each person merged [{number} handbook changes] in {when} on average",
    nothing=("no people", "Nobody was a member of this team {when}."),
    compute=_compute_handbook,
    evidence=_handbook_evidence,
)
