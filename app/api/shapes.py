"""The shapes of the JSON API, made from the answers of the metrics layer."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.metrics import answers
from app.metrics import indicator as vocabulary
from app.store.tables import Run


class Answer(BaseModel):
    """A JSON object with exactly these fields."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class VariantAnswer(Answer):
    """One way to count an indicator."""

    key: str
    title: str
    definition: str


class IndicatorAnswer(Answer):
    """What an indicator is. target: the built-in one. ours: where the choice is ours."""

    key: str
    title: str
    definition: str
    unit: str
    cadence: vocabulary.Cadence
    better: vocabulary.Better
    variants: list[VariantAnswer]
    target: float | None
    ours: str | None

    @classmethod
    def of(cls, indicator: vocabulary.Indicator) -> "IndicatorAnswer":
        """The answer for an indicator."""
        return cls(
            key=indicator.key,
            title=indicator.title,
            definition=indicator.definition,
            unit=indicator.unit,
            cadence=indicator.cadence,
            better=indicator.better,
            variants=[VariantAnswer.model_validate(each) for each in indicator.variants],
            target=indicator.target.value if indicator.target else None,
            ours=indicator.ours,
        )


class TeamRowAnswer(Answer):
    """A team in the tree. headcount: members on the running day."""

    slug: str
    name: str
    parent: str | None
    headcount: int

    @classmethod
    def of(cls, row: answers.TeamRow) -> "TeamRowAnswer":
        """The answer for a team."""
        return cls(slug=row.slug, name=row.name, parent=row.parent, headcount=row.headcount)


class CategoryAnswer(Answer):
    """A category of a declared attribute; share in percent of the headcount."""

    category: str
    share: float


def _is_none(value: object) -> bool:
    return value is None


class PointAnswer(Answer):
    """One value. beside: what the definition puts beside it; absent where there is nothing.

    categories, suppressed: of diversity alone, whose value is null.
    """

    period: str
    value: float | None
    n: int | None
    numerator: float | None
    denominator: float | None
    p25: float | None
    p75: float | None
    p95: float | None
    status: vocabulary.Status | None
    reason: vocabulary.Reason | None
    partial: bool
    coverage: float | None
    recorded_at: datetime | None
    beside: Annotated[dict[str, Any], Field(exclude_if=lambda beside: not beside)] = {}
    categories: Annotated[list[CategoryAnswer] | None, Field(exclude_if=_is_none)] = None
    suppressed: Annotated[bool | None, Field(exclude_if=_is_none)] = None

    @classmethod
    def fields_of(cls, point: vocabulary.Point) -> dict[str, Any]:
        """The fields of a point by name."""
        return {name: getattr(point, name) for name in PointAnswer.model_fields}


class LimitsAnswer(Answer):
    """Centre line and natural process limits."""

    centre: float
    lower: float
    upper: float


class TargetStepAnswer(Answer):
    """A target from a day on; null withdraws it."""

    valid_from: date
    value: float | None


class SeriesAnswer(Answer):
    """One indicator of one team over time. limits: null with fewer than 8 whole months before."""

    indicator: str
    team: str
    unit: str
    grain: vocabulary.Grain
    variant: str | None
    data_through: datetime | None
    points: list[PointAnswer]
    limits: LimitsAnswer | None
    targets: list[TargetStepAnswer]

    @classmethod
    def of(cls, series: vocabulary.Series) -> "SeriesAnswer":
        """The answer for a series."""
        return cls(
            indicator=series.indicator.key,
            team=series.team,
            unit=series.indicator.unit,
            grain=series.grain,
            variant=series.variant,
            data_through=series.data_through,
            points=[PointAnswer(**PointAnswer.fields_of(point)) for point in series.points],
            limits=LimitsAnswer.model_validate(series.limits) if series.limits else None,
            targets=[TargetStepAnswer.model_validate(step) for step in series.targets],
        )


class OfTeam(Answer):
    """Whose point it is."""

    team: str
    name: str


class CompareAnswer(PointAnswer, OfTeam):
    """The point of a team. previous: the value of the period before."""

    previous: float | None
    signal: bool

    @classmethod
    def of(cls, row: answers.CompareRow) -> "CompareAnswer":
        """The answer for a team."""
        return cls(
            team=row.team,
            name=row.name,
            previous=row.previous,
            signal=row.signal,
            **cls.fields_of(row.point),
        )


class OfIndicator(Answer):
    """Of which indicator a point is."""

    indicator: str
    title: str
    unit: str
    variant: str | None


class ScorecardAnswer(PointAnswer, OfIndicator):
    """The point of an indicator, the target in force then and the limits it is judged against."""

    signal: bool
    target: float | None
    limits: LimitsAnswer | None

    @classmethod
    def of(cls, row: answers.ScorecardRow) -> "ScorecardAnswer":
        """The answer for an indicator."""
        return cls(
            indicator=row.indicator.key,
            title=row.indicator.title,
            unit=row.indicator.unit,
            variant=row.variant,
            signal=row.point.signal,
            target=row.target,
            limits=LimitsAnswer.model_validate(row.limits) if row.limits else None,
            **cls.fields_of(row.point),
        )


class AuthorAnswer(Answer):
    """Who wrote a merge request, as GitLab names them now."""

    username: str
    name: str


class EvidenceAnswer(Answer):
    """A merge request. value: what it contributes in days, null for a rate."""

    project: str
    iid: int
    title: str
    web_url: str
    state: str
    draft: bool
    author: AuthorAnswer | None
    created_at: datetime
    merged_at: datetime | None
    closed_at: datetime | None
    review_started_at: datetime | None
    value: float | None
    flags: list[str]

    @classmethod
    def fields_of(cls, row: answers.EvidenceRow) -> dict[str, Any]:
        """The fields of a merge request by name."""
        own = set(EvidenceAnswer.model_fields) - {"author", "flags"}
        author = None
        if row.author_username is not None:
            author = AuthorAnswer(
                username=row.author_username, name=row.author_name or row.author_username
            )
        return {name: getattr(row, name) for name in own} | {
            "author": author,
            "flags": list(row.flags),
        }


class OfKind(Answer):
    """What sort of row it is: why something waits (`in_review`, `orphaned`), or which finding."""

    kind: str


class AttentionAnswer(EvidenceAnswer, OfKind):
    """A merge request that waits now. value: for how many days (in review; orphaned: open)."""


class PersonAnswer(Answer):
    """A member. username: that of GitLab, if known. role: member or manager."""

    person_id: str
    name: str
    username: str | None
    role: str


class TeamReferenceAnswer(Answer):
    """A team by slug and name."""

    slug: str
    name: str


class MembershipChangeAnswer(Answer):
    """Somebody joined or left; day: the first day that it holds."""

    day: date
    person: str
    kind: str
    team: str
    elsewhere: str | None


class TargetInForceAnswer(Answer):
    """A target and who set it."""

    indicator: str
    value: float
    valid_from: date
    source: str


class TeamAnswer(Answer):
    """One team on one day."""

    slug: str
    name: str
    parent: str | None
    ancestors: list[TeamReferenceAnswer]
    children: list[TeamReferenceAnswer]
    on: date
    headcount: int
    managers: list[PersonAnswer]
    people: list[PersonAnswer]
    owns: list[str]
    projects: list[str]
    membership_changes: list[MembershipChangeAnswer]
    targets: list[TargetInForceAnswer]

    @classmethod
    def of(cls, team: answers.Team) -> "TeamAnswer":
        """The answer for a team."""
        return cls(
            slug=team.slug,
            name=team.name,
            parent=team.parent,
            ancestors=[TeamReferenceAnswer(slug=slug, name=name) for slug, name in team.ancestors],
            children=[TeamReferenceAnswer(slug=slug, name=name) for slug, name in team.children],
            on=team.on,
            headcount=team.headcount,
            managers=[PersonAnswer.model_validate(person) for person in team.managers],
            people=[PersonAnswer.model_validate(person) for person in team.people],
            owns=list(team.owns),
            projects=list(team.projects),
            membership_changes=[
                MembershipChangeAnswer.model_validate(change) for change in team.membership_changes
            ],
            targets=[TargetInForceAnswer.model_validate(target) for target in team.targets],
        )


class RunAnswer(Answer):
    """A run of a collector or of the refresh; outcome: running, done, partial or failed."""

    id: int
    source: str
    kind: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    message: str
    data_through: datetime | None
    requests: int
    requests_by_kind: dict[str, int]
    rows_read: int
    rows_new: int
    rows_changed: int
    rows_deleted: int
    quarantined: int
    retries: int
    waited_seconds: float

    @classmethod
    def of(cls, run: Run) -> "RunAnswer":
        """The answer for a run."""
        return cls.model_validate(run)


class FindingItemAnswer(Answer):
    """One case. line: what to add to people.csv, where that is the remedy."""

    address: str
    text: str
    line: Annotated[str | None, Field(exclude_if=lambda line: line is None)] = None


class FindingAnswer(Answer):
    """One kind of finding. items: at most 500 of `count`; the CSV has all."""

    kind: str
    title: str
    count: int
    effect: str
    remedy: str
    items: list[FindingItemAnswer]

    @classmethod
    def of(cls, finding: answers.Finding) -> "FindingAnswer":
        """The answer for a kind of finding."""
        return cls(
            kind=finding.kind,
            title=finding.title,
            count=finding.count,
            effect=finding.effect,
            remedy=finding.remedy,
            items=[FindingItemAnswer.model_validate(item) for item in finding.items],
        )


class FindingRow(FindingItemAnswer, OfKind):
    """One case as a row of the CSV."""


class HealthAnswer(Answer):
    """status: `ok`."""

    status: str
