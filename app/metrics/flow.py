"""What flows through in a month: merge requests merged per person."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.calendar import Clock, days, last_of_month, microseconds
from app.metrics.headcount import average_headcount
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
from app.metrics.stale import StalePeriods
from app.metrics.work_columns import Flags, Integers, WorkColumns, count_by
from app.metrics.workset import Workset

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened to merge requests, month by month, up to now; columns of two lengths.

    work: the merge requests to which it happened, as indices, each once. month: the index of its
    month, of each of them. of_team: places in `work`, once for each team of the author on the local
    day; team: that team's index.
    """

    months: int
    teams: int
    work: Integers
    month: Integers
    of_team: Integers
    team: Integers

    @property
    def totals(self) -> Integers:
        """How many there were, by month."""
        return np.bincount(self.month, minlength=self.months)

    @property
    def attributed(self) -> Integers:
        """How many of them belong to a team, by month."""
        belongs = np.zeros(len(self.work), np.bool_)
        belongs[self.of_team] = True
        return np.bincount(self.month[belongs], minlength=self.months)

    def by_team(self, where: Flags | None = None) -> Integers:
        """How many each team (rows) had in each month (columns). where: of which pairs of merge
        request and team; None: of all."""
        chosen = slice(None) if where is None else where
        team, month = self.team[chosen], self.month[self.of_team[chosen]]
        return count_by((team, self.teams), (month, self.months))


def happened_in(
    workset: Workset, periods: Sequence[date], work: WorkColumns, at: Integers
) -> Happened:
    """What happened in the months so far. at: when, of each merge request; NEVER: it did not."""
    teams = len(workset.team_ids)
    if not periods:
        nothing = np.empty(0, np.int64)
        return Happened(0, teams, nothing, nothing, nothing, nothing)
    clock = workset.clock
    own = [(index, day) for index, month in enumerate(periods) for day in _days_of(month, clock)]
    month_of_day = np.array([index for index, _ in own], np.int64)
    ordinals = np.array([day.toordinal() for _, day in own], np.int64)
    begins, ends = (
        np.array([microseconds(clock.start_of(day + step)) for _, day in own], np.int64)
        for step in (timedelta(), timedelta(days=1))
    )
    through = min(microseconds(clock.data_through), int(ends[-1]) - 1)
    happened = np.flatnonzero((begins[0] <= at) & (at <= through))
    day = np.searchsorted(begins, at[happened], "right") - 1
    inside = at[happened] < ends[day]  # the months need not follow one another
    happened, day = happened[inside], day[inside]
    of_team, team = workset.attribution.on(work.author[happened], ordinals[day])
    return Happened(len(periods), teams, happened, month_of_day[day], of_team, team)


def _days_of(month: date, clock: Clock) -> Iterator[date]:
    """The days of a month, so far."""
    return days(month, min(last_of_month(month), clock.today))


def merged_in(workset: Workset, periods: Sequence[date], work: WorkColumns) -> Happened:
    """What was merged in the months so far."""
    return happened_in(workset, periods, work, work.merged_at)


def _owners(workset: Workset, project: Integers) -> tuple[Integers, Flags]:
    """(for each merge request's project its place among the projects, which team owns which project).

    The second has a row for each project and a column for each team; the organisation owns all.
    """
    projects, place = np.unique(project, return_inverse=True)
    index = {team_id: number for number, team_id in enumerate(workset.team_ids)}
    owns = np.zeros((len(projects), len(workset.team_ids)), np.bool_)
    for row, project_id in enumerate(projects.tolist()):
        owns[row, [index[team] for team in workset.owners_of(project_id) if team in index]] = True
    return place, owns


def _compute_rate(workset: Workset, stale: StalePeriods) -> Computed:
    periods = stale.periods
    work = workset.work
    merged = merged_in(workset, periods, work)
    project, owns = _owners(workset, work.project[merged.work])

    def into_owned(where: Flags) -> Integers:
        """How many were merged into the projects of each team, by month."""
        counts = count_by((project[where], len(owns)), (merged.month[where], len(periods)))
        owned: Integers = owns.T.astype(np.int64) @ counts
        return owned

    all_of_them = np.ones(len(merged.work), np.bool_)
    of_both = owns[project[merged.of_team], merged.team]
    narrow = merged.by_team()
    counts = {
        "narrow": narrow,
        "wider": into_owned(work.community[merged.work]),
        # What the team wrote and what it owns, and what is both only once.
        "overall": narrow + into_owned(all_of_them) - merged.by_team(of_both),
    }
    headcount = average_headcount(workset, periods)
    return Computed(
        values={
            variant: _rates(workset, periods, found, headcount) for variant, found in counts.items()
        },
        coverage=covered(periods, merged),
    )


def _rates(
    workset: Workset, periods: Sequence[date], counts: Integers, headcount: Floats
) -> Iterator[Value]:
    """Merge requests per person. counts, headcount: by team (rows) and month (columns)."""
    for team_id, own, people in zip(
        workset.team_ids, counts.tolist(), headcount.tolist(), strict=True
    ):
        for month, count, average in zip(periods, own, people, strict=True):
            yield Value(
                team_id=team_id,
                period=month,
                value=count / average if average else None,
                n=count,
                numerator=float(count),
                denominator=average,
                reason=None if average else Reason.NO_DATA,
            )


def covered(periods: Sequence[date], happened: Happened) -> list[Covered]:
    """The coverage of each month."""
    return [
        Covered(period=month, attributed=attributed, total=total)
        for month, attributed, total in zip(
            periods, happened.attributed.tolist(), happened.totals.tolist(), strict=True
        )
    ]


def _compute_handbook(workset: Workset, stale: StalePeriods) -> Computed:
    periods = stale.periods
    merged = merged_in(workset, periods, workset.handbook)
    headcount = average_headcount(workset, periods)
    return Computed(
        values={"": _rates(workset, periods, merged.by_team(), headcount)},
        coverage=covered(periods, merged),
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
            """  # noqa: S608 - conditions of our own
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
