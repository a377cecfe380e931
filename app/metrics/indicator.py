"""The vocabulary of the metrics layer: what an indicator is, and the shapes of its answers.

An indicator is one frozen declaration (`Indicator`). The collectors know its key at most; refresh,
JSON API, pages, CSV and documentation are drawn from it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.metrics.stale import StalePeriods
    from app.metrics.workset import Workset
    from app.settings import Settings


class Unit(StrEnum):
    """The unit of a value, as the API names it."""

    DAYS = "days"
    PERCENT = "percent"
    MERGE_REQUESTS_PER_PERSON = "merge requests per person"


class Cadence(StrEnum):
    """How often an indicator has a value."""

    DAILY = "daily"
    MONTHLY = "monthly"


class Grain(StrEnum):
    """The periods of a series."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Better(StrEnum):
    """Which way is better."""

    LOWER = "lower"
    HIGHER = "higher"


class Status(StrEnum):
    """A value against its target."""

    ON_TARGET = "on_target"
    ATTENTION = "attention"
    PROBLEM = "problem"
    NO_TARGET = "no_target"
    NO_DATA = "no_data"
    SUPPRESSED = "suppressed"


class Reason(StrEnum):
    """Why a value is null."""

    NO_DATA = "no_data"
    SUPPRESSED = "suppressed"
    NOT_MEANINGFUL = "not_meaningful"


class Restated(StrEnum):
    """Why a stored value was superseded."""

    LATE_DATA = "late_data"
    MEMBERSHIP = "membership"
    CONFIGURATION = "configuration"
    DEFINITION = "definition"
    TIME_PASSED = "time_passed"


MERGE_REQUEST = "merge_request"
"""The kind of evidence of everything that counts merge requests."""


class Input(StrEnum):
    """What an indicator reads: a change of it makes the indicator stale, and no other."""

    WORK = "work"
    ATTRIBUTION = "attribution"
    OWNERSHIP = "ownership"
    MEMBERS = "members"
    EMPLOYMENT = "employment"
    RESPONDERS = "responders"
    PLAN = "plan"
    HIRING = "hiring"
    ATTRIBUTES = "attributes"


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One way to count an indicator; the first of an indicator is its default."""

    key: str
    title: str
    definition: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltInTarget:
    """A target that holds for everybody from the beginning, with who set it."""

    value: float
    source: str


class Value(NamedTuple):
    """A computed value, ready to be stored: one indicator, variant, team and period.

    `period` is the day, or the first day of the month. `reason` says why `value` is null. A tuple, for
    ten years of a company have half a million of them: what a frozen dataclass costs is seconds.
    """

    team_id: int
    period: date
    value: float | None
    n: int
    numerator: float | None = None
    denominator: float | None = None
    p25: float | None = None
    p75: float | None = None
    p95: float | None = None
    reason: Reason | None = None
    beside: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Covered:
    """How many merge requests of an indicator's population belong to a team, of all in the period."""

    period: date
    attributed: int
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Computed:
    """What one computation of an indicator gives: values by variant key, and the coverage."""

    values: Mapping[str, Iterable[Value]]
    coverage: Iterable[Covered]


@dataclass(frozen=True, kw_only=True, slots=True)
class Indicator:
    """One indicator: what it says to a reader, and how it is computed.

    compute: from the workset (everything derived, in memory) to the values of the stale periods, of
        the stale teams at least, and the coverage of these periods.
    evidence: the ids of the merge requests behind one point with what each contributes (days, or
        None for a rate), in no particular order; or the people, openings and moves behind it.
    evidence_kinds: of what kinds its evidence is, n counts those of the first; none: it has no list.
    evidence_note: what the reader of that list has to know about it.
    says: a value of the default variant as the beginning of a sentence, what is in brackets marked
        strong; `{value}` with its unit, `{number}` without, `{part}` (19 of 20), `{when}` (October 2026,
        …, so far), `{end}` and `{at_the_end}` (of it), `{months}` of the window; empty: by the unit.
    nothing: why there is no value where there is no data, in at most three words; and as a sentence
        with `{when}` in it.
    better: None where neither way is.
    tolerance: share of a target by which a value may miss it and be `attention`, whatever the
        configuration says; None: as configured.
    reads: what its values are computed from, so that refresh knows what makes them stale.
    together: whether the value of one team depends on those of the others, so that one stale team makes
        all of them stale.
    version: raised when the definition changes, so that refresh restates with reason `definition`.
    unsettled: key in `beside` of a count of what the passing of time alone may still change; the
        organisation's holds that of every team.
    categorical: whether it gives shares of categories (in `beside`) in place of a value.
    supporting: whether it stands beside the eight: in the API and on its own page, not in the overview.
    possible: least and greatest possible value, to clip limits and axes.
    """

    key: str
    title: str
    short_title: str
    definition: str
    formula: str
    unit: Unit
    cadence: Cadence
    better: Better | None
    target: BuiltInTarget | None
    sources: tuple[str, ...]
    """The sources that feed it, as far as they are configured. Without GitLab among them it is
    computed as soon as one of them is there; with GitLab only if GitLab is."""
    reads: frozenset[Input]
    together: bool = False
    attribution: str
    counts: str
    noun: str
    """What n counts, in the plural: "open merge requests in review"."""
    ours: str | None = None
    """Where GitLab's text is silent or contradicts itself and the choice is ours; None: nowhere."""
    variants: tuple[Variant, ...] = ()
    decimals: int = 1
    possible: tuple[float | None, float | None] = (0.0, None)
    version: int = 1
    has_limits: bool = True
    unsettled: str | None = None
    categorical: bool = False
    supporting: bool = False
    tolerance: float | None = None
    evidence_kinds: tuple[str, ...] = (MERGE_REQUEST,)
    evidence_note: str = ""
    says: str = ""
    nothing: tuple[str, str] = ("no data", "There was nothing to measure {when}.")
    compute: "Callable[[Workset, StalePeriods], Computed]"
    evidence: "Callable[[Session, EvidenceQuery], Sequence[Contribution | Occurrence]]"

    @property
    def default_variant(self) -> str:
        """Key of the default variant; empty without variants."""
        return self.variants[0].key if self.variants else ""

    @property
    def counts_merge_requests(self) -> bool:
        """Whether merge requests stand behind its points."""
        return self.evidence_kinds == (MERGE_REQUEST,)

    def tolerated(self, configured: float) -> float:
        """The share of a target by which a value may miss it and be `attention`."""
        return configured if self.tolerance is None else self.tolerance


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceQuery:
    """Which point's records are asked for.

    first_day, last_day: the local days of the period, both inclusive (equal for a daily indicator).
    since: first instant of first_day. instant: the instant the period is measured at: the end of
    last_day, or data_through where that is earlier. data_through: how far the data reach, for what
    is judged as of now in past periods too. timezone: IANA name of reporting.timezone, in
    which days are local.
    """

    team_id: int
    variant: str
    first_day: date
    last_day: date
    since: datetime
    instant: datetime
    data_through: datetime
    timezone: str
    settings: "Settings"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answering:
    """How it stands with the answer to a community merge request.

    outcome: met, missed, pending or waiting_for_author. due_at: until when it is to be answered; None
    while it waits for its author. answered_at: when it was answered first, in time or not.
    """

    outcome: str
    due_at: datetime | None
    answered_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Contribution:
    """A merge request behind a point; value in days, None for a rate.

    counts: whether it is one of the point's n; False: it stands beside them.
    """

    merge_request_id: int
    value: float | None
    orphaned: bool
    answering: Answering | None = None
    counts: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Occurrence:
    """Something else behind a point: a member, a hire, a move, a leaver, an opening, an offer, a
    row of the plan.

    kind: one of the indicator's evidence_kinds. person_id: of whom it tells. reference: the id of an
    opening or offer in its source. team: slug, of what is of one team. first_day, last_day: since
    when, and the last day that it held; None while it does. value: days that an opening is open,
    planned people; None for a person, who counts as one.
    """

    kind: str
    person_id: str | None = None
    reference: str | None = None
    team: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    value: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Category:
    """A category of a categorical indicator; share in percent."""

    category: str
    share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One value as it is shown: field by field what the API sends, but for `restated`.

    period: `YYYY-MM-DD` or `YYYY-MM`. value in the indicator's unit, unrounded. coverage 0 to 1.
    categories, suppressed: of a categorical indicator, None for the others.
    signal: whether the point is an XmR signal (compare, pages).
    restated: why it was superseded since, of a point as it was known earlier.
    """

    period: str
    value: float | None
    n: int | None
    numerator: float | None
    denominator: float | None
    p25: float | None
    p75: float | None
    p95: float | None
    status: Status | None
    reason: Reason | None
    partial: bool
    coverage: float | None
    recorded_at: datetime | None
    beside: Mapping[str, Any] = field(default_factory=dict)
    signal: bool = False
    categories: "Sequence[Category] | None" = None
    suppressed: bool | None = None
    restated: Restated | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Centre line and natural process limits of an XmR chart, in the indicator's unit."""

    centre: float
    lower: float
    upper: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetStep:
    """A target in force from a day on; a null value withdraws it."""

    valid_from: date
    value: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One indicator of one team over time: what the API sends and the charts draw."""

    indicator: Indicator
    team: str
    team_name: str
    grain: Grain
    variant: str | None
    data_through: datetime | None
    points: Sequence[Point]
    limits: Limits | None
    targets: Sequence[TargetStep]
