"""The shapes that `queries` answers with; the JSON API and the pages draw the same objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.metrics.indicator import (
    MERGE_REQUEST,
    Answering,
    Grain,
    Indicator,
    Limits,
    Point,
    Series,
    TargetStep,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamRow:
    """A team in the tree. depth: 0 for the root. headcount: members on the asked day."""

    slug: str
    name: str
    parent: str | None
    depth: int
    headcount: int
    has_children: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareRow:
    """One team's point beside the value of the period before it."""

    team: str
    name: str
    point: Point
    previous: float | None
    signal: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The parent's row and one for each direct child."""

    indicator: Indicator
    variant: str | None
    period: str
    data_through: datetime | None
    parent: CompareRow
    children: Sequence[CompareRow]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScorecardRow:
    """One indicator of a team. target: the one in force in the period."""

    indicator: Indicator
    variant: str | None
    point: Point
    target: float | None
    limits: Limits | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Scorecard:
    """Every indicator of one team; `period` as it was asked for, None for the latest."""

    team: str
    name: str
    period: str | None
    items: Sequence[ScorecardRow]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownAbove:
    """The shares of a team above, where those of the asked one are hidden."""

    team: str
    name: str
    point: Point


@dataclass(frozen=True, kw_only=True, slots=True)
class Cards:
    """Every indicator of one team in one period and over time.

    series: by indicator key, each in the variant of its row. above: by the key of an indicator whose
    shares are hidden, those of the nearest team above that shows any in the same period.
    """

    scorecard: Scorecard
    series: Mapping[str, Series]
    above: Mapping[str, ShownAbove]


@dataclass(frozen=True, kw_only=True, slots=True)
class MatrixCell:
    """One team and indicator of the overview.

    judged: the point whose status counts (daily: the running day; monthly: the last whole month, or
    the asked period). trail: up to 13 points that end with the running period: for daily indicators
    month ends (labelled `YYYY-MM`) and the judged day (`YYYY-MM-DD`), for monthly ones months, the
    running month last and partial; they end with the asked period where one is asked for. Only the
    judged one tells whether it is a signal. judged_index: where `judged` stands in trail.
    """

    team: str
    indicator: Indicator
    judged: Point
    trail: Sequence[Point]
    judged_index: int
    limits: Limits | None
    target: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """All teams against all indicators. cells: by (team slug, indicator key)."""

    period: str | None
    data_through: datetime | None
    recorded_at: datetime | None
    teams: Sequence[TeamRow]
    indicators: Sequence[Indicator]
    cells: Mapping[tuple[str, str], MatrixCell]


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A member as the team's page names them: HR's name and, if known, the GitLab username."""

    person_id: str
    name: str
    username: str | None
    role: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MembershipChange:
    """Somebody joined or left a team or one below it. elsewhere: the team they came from or went to.

    day: the first day of the new state; who left was a member up to the day before. A move within
    the asked team is told once, as joined. employment: `began` with it or in the month before,
    `ended` with it; None: it did neither, or is not known. orphaned: how many merge requests of
    somebody who left are open now.
    """

    day: date
    person: str
    kind: str
    """joined or left."""
    team: str
    elsewhere: str | None
    employment: str | None = None
    orphaned: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetInForce:
    """The target of an indicator for a team on a day. source: who set it."""

    indicator: str
    value: float
    valid_from: date
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Team:
    """One team on one day."""

    slug: str
    name: str
    parent: str | None
    ancestors: Sequence[tuple[str, str]]
    """(slug, name) from the root down to the parent."""
    children: Sequence[tuple[str, str]]
    on: date
    headcount: int
    managers: Sequence[Person]
    people: Sequence[Person]
    owns: Sequence[str]
    """Globs of the teams file."""
    projects: Sequence[str]
    """Paths of the collected projects that the team or one below it owns."""
    membership_changes: Sequence[MembershipChange]
    targets: Sequence[TargetInForce]


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceRow:
    """A merge request behind a point; value in days, None for a rate."""

    project: str
    iid: int
    title: str
    web_url: str
    state: str
    draft: bool
    author_username: str | None
    author_name: str | None
    created_at: datetime
    merged_at: datetime | None
    closed_at: datetime | None
    review_started_at: datetime | None
    value: float | None
    flags: Sequence[str]
    """Out of orphaned, end_estimated, review_start_inferred."""
    labels: Sequence[str] = ()
    author_left_on: date | None = None
    """Of orphaned work: the last day on which its author was in any team."""
    answering: Answering | None = None
    """Of the community's, where its answer is what is measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OccurrenceRow:
    """A person, an opening, an offer or a row of the plan behind a point; see `Occurrence`.

    name: HR's name of the person; None for what is no person.
    """

    kind: str
    person_id: str | None
    name: str | None
    reference: str | None
    team: str | None
    first_day: date | None
    last_day: date | None
    value: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The merge requests behind one point, oldest first; their count is the point's n.

    kind: what is asked for out of the indicator's kinds of evidence. occurrences: where the indicator
    counts no merge requests, everything behind its point, of all kinds; as many as its n are of the
    first kind. left_out: how many of the team's merge requests of the period do not count, by reason;
    see `app.metrics.left_out`. beside: merge requests of the period that need no answer yet, which are
    told beside the value.
    """

    indicator: Indicator
    team: str
    team_name: str
    period: str
    variant: str | None
    point: Point
    rows: Sequence[EvidenceRow]
    left_out: Mapping[str, int]
    target: float | None
    instant: datetime
    kind: str | None = MERGE_REQUEST
    occurrences: Sequence[OccurrenceRow] = ()
    beside: Sequence[EvidenceRow] = ()

    @property
    def of_kind(self) -> Sequence[OccurrenceRow]:
        """The occurrences that are asked for."""
        return [row for row in self.occurrences if row.kind == self.kind]


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A merge request that waits now. author_left_on: the author's last day in any team."""

    row: EvidenceRow
    days: float
    author_left_on: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A community merge request that nobody has answered; its value is the days past due_at,
    negative while the deadline lies ahead."""

    row: EvidenceRow
    due_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class OverdueOpening:
    """An opening past its target start by some days. team: None where its source names no team."""

    opening_id: str
    team: str | None
    opened_on: date
    target_start_on: date
    days: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Attention:
    """What waits now in a team: longest in review first; answers to the community by their deadline;
    openings past their target start; open work whose author has left."""

    team: str
    oldest_in_review: Sequence[Waiting]
    community: Sequence[Due]
    openings: Sequence[OverdueOpening]
    orphaned: Sequence[Waiting]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One kind of data-quality finding with what it does and what to do.

    items: see `app.metrics.check.Item`. heads: what stands in the columns of its list, the address
    first.
    """

    kind: str
    title: str
    count: int
    effect: str
    remedy: str
    items: Sequence[Mapping[str, object]]
    heads: Sequence[str] = ("Where",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Freshness:
    """How fresh a source is. state: fresh, stale or never. records: that it told of, None where they were
    not counted. projects: how many were collected, of GitLab."""

    source: str
    title: str
    state: str
    data_through: datetime | None
    last_started_at: datetime | None
    last_finished_at: datetime | None
    last_outcome: str | None
    message: str
    records: int | None
    feeds: Sequence[str]
    command: str
    projects: int | None = None


__all__ = [
    "Attention",
    "Cards",
    "CompareRow",
    "Comparison",
    "Due",
    "Evidence",
    "EvidenceRow",
    "Finding",
    "Freshness",
    "Grain",
    "Matrix",
    "MatrixCell",
    "MembershipChange",
    "OccurrenceRow",
    "OverdueOpening",
    "Person",
    "Scorecard",
    "ScorecardRow",
    "ShownAbove",
    "TargetInForce",
    "TargetStep",
    "Team",
    "TeamRow",
    "Waiting",
]
