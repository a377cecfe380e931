"""Indicators and their points: series, compare and scorecard."""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from app.api.shapes.answer import Answer
from app.metrics import answers
from app.metrics import indicator as vocabulary


class VariantAnswer(Answer):
    """One way to count an indicator."""

    key: str
    """What `variant` is asked with."""
    title: str
    """Its name for a reader."""
    definition: str
    """What it counts, in a sentence."""


class IndicatorAnswer(Answer):
    """What an indicator is."""

    key: str
    """What it is called in addresses."""
    title: str
    """Its name for a reader."""
    definition: str
    """What it says, in a sentence."""
    unit: str
    """Of its values."""
    cadence: vocabulary.Cadence
    """How often it has a value."""
    better: vocabulary.Better | None
    """Which way is better; null where neither is."""
    variants: list[VariantAnswer]
    """The ways to count it, the default first; empty where there is only one."""
    target: float | None
    """The built-in target; null where there is none."""
    ours: str | None
    """Where the definition is our choice rather than GitLab's; null where it is not."""

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


class CategoryAnswer(Answer):
    """A category of a declared attribute."""

    category: str
    """As it was declared; `not_declared`, or `other` for those that are folded together."""
    share: float
    """In percent of the headcount."""


def _is_none(value: object) -> bool:
    return value is None


class PointAnswer(Answer):
    """The value of one period with what it takes to read it honestly."""

    period: str
    """The day (YYYY-MM-DD; of a week its last one) or the month (YYYY-MM)."""
    value: float | None
    """Unrounded, in the indicator's unit; null where there is none, see `reason`."""
    n: int | None
    """How many merge requests are behind it; null when suppressed."""
    numerator: float | None
    """Of a rate, also where its value is null; null of a median."""
    denominator: float | None
    """Of a rate, also where its value is null; null of a median."""
    p25: float | None
    """The lower quartile of a median's population, interpolated linearly; null of a rate."""
    p75: float | None
    """The upper quartile, as p25."""
    p95: float | None
    """The 95th percentile, as p25."""
    status: vocabulary.Status | None
    """Against the target in force; null of a month that is not over, and if not meaningful."""
    reason: vocabulary.Reason | None
    """Why the value is null; null where there is one."""
    partial: bool
    """Whether the period was not over at `data_through`."""
    coverage: float | None
    """Share from 0 to 1 of the whole organisation's merge requests that belong to a team."""
    recorded_at: datetime | None
    """When the value was computed; null where none is stored."""
    beside: dict[str, Any] = Field(default_factory=dict, exclude_if=lambda beside: not beside)
    """What the definition puts beside the value; absent where there is nothing."""
    categories: list[CategoryAnswer] | None = Field(default=None, exclude_if=_is_none)
    """Of diversity alone, whose value is null: the shares, none of them when suppressed."""
    suppressed: bool | None = Field(default=None, exclude_if=_is_none)
    """Of diversity alone: whether its shares are hidden."""

    @classmethod
    def fields_of(cls, point: vocabulary.Point) -> dict[str, Any]:
        """The fields of a point by name."""
        return {name: getattr(point, name) for name in PointAnswer.model_fields}


class LimitsAnswer(Answer):
    """The natural process limits of an XmR chart, from up to 24 whole months."""

    centre: float
    """The mean of the baseline."""
    lower: float
    """Centre − 2.66 × mean moving range, clipped to what is possible."""
    upper: float
    """Centre + 2.66 × mean moving range, clipped to what is possible."""


class TargetStepAnswer(Answer):
    """A target from a day on."""

    valid_from: date
    """The first day that it holds."""
    value: float | None
    """In the indicator's unit; null withdraws the target."""


class SeriesAnswer(Answer):
    """One indicator of one team over time."""

    indicator: str
    """The indicator's key."""
    team: str
    """The team's slug."""
    unit: str
    """Of the values."""
    grain: vocabulary.Grain
    """What one point stands for. A daily indicator's week or month: the value at its last day."""
    variant: str | None
    """Key of the variant; null where the indicator has none."""
    data_through: datetime | None
    """Up to when every source of the indicator was collected; null before the first refresh."""
    points: list[PointAnswer]
    """One for each period of the range that has begun, the oldest first."""
    limits: LimitsAnswer | None
    """Those of the last whole month; null with fewer than 8 months before it."""
    targets: list[TargetStepAnswer]
    """Every change of the target, the oldest first."""

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
    """The team's slug."""
    name: str
    """The team's name."""


class CompareAnswer(PointAnswer, OfTeam):
    """The point of a team beside the period before."""

    previous: float | None
    """The value of the day or month before; null where it has none."""
    signal: bool
    """Whether it differs from what came before by more than noise."""

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
    """The indicator's key."""
    title: str
    """Its name for a reader."""
    unit: str
    """Of the value."""
    variant: str | None
    """Key of the variant; null where the indicator has none."""


class ScorecardAnswer(PointAnswer, OfIndicator):
    """The point of an indicator and what it is judged against."""

    signal: bool
    """Whether it differs from what came before by more than noise."""
    target: float | None
    """The target in force in the period; null where there is none."""
    limits: LimitsAnswer | None
    """Those that the point is judged against; null with fewer than 8 months before it."""

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
