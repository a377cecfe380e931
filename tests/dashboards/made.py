"""Answers made by hand for the tests of the pages, without a database: a point, and what holds points."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.metrics import get_indicator
from app.metrics.answers import MatrixCell, ScorecardRow, TeamRow
from app.metrics.indicator import (
    Cadence,
    Category,
    Grain,
    Indicator,
    Limits,
    Point,
    Reason,
    Series,
    TargetStep,
    Unit,
)
from app.metrics.targets import status_of
from app.settings import Settings

NOW = datetime(2026, 11, 22, 6, 10, tzinfo=UTC)
TODAY = NOW.date()
SETTINGS = Settings.model_validate(
    {"gitlab": {"groups": ["acme"]}, "reporting": {"history_start": "2024-01-01"}}
)
AGE = get_indicator("open_mr_age")
RATE = get_indicator("mr_rate")
COMMUNITY = get_indicator("community_response")
HIRING = get_indicator("hiring_vs_plan")
RETENTION = get_indicator("retention")
DIVERSITY = get_indicator("diversity")
TIME_TO_MERGE = get_indicator("time_to_merge")
SHARE = replace(RATE, key="share", title="Share", unit=Unit.PERCENT, decimals=0, variants=())
"""An indicator in percent: the rules for it are there before the first one is."""
AGE_LIMITS = Limits(centre=23.9, lower=16.6, upper=31.1)
RATE_LIMITS = Limits(centre=9.1, lower=7.0, upper=11.2)


def target_of(indicator: Indicator) -> float | None:
    """The built-in target: 30 days, 10 per person."""
    return indicator.target.value if indicator.target else None


def point(
    period: str, value: float | None, indicator: Indicator = AGE, n: int = 31, **other: Any
) -> Point:
    """A point with its status against the built-in target; a rate is of 11 people."""
    monthly = indicator.cadence is Cadence.MONTHLY
    reason = Reason.NO_DATA if value is None else None
    made = Point(
        period=period,
        value=value,
        n=0 if value is None else n,
        numerator=float(n) if monthly else None,
        denominator=11.0 if monthly else None,
        p25=None if monthly or value is None else value - 1,
        p75=None if monthly or value is None else value + 1,
        p95=None if monthly or value is None else value + 2,
        status=status_of(
            indicator,
            value,
            reason,
            target_of(indicator),
            0.2,
            partial_month=monthly and bool(other.get("partial")),
        ),
        reason=reason,
        partial=False,
        coverage=0.96,
        recorded_at=NOW + timedelta(minutes=4),
    )
    return replace(made, **other)


def shares(period: str = "2026-10", n: int = 20, **percent: float) -> Point:
    """The point of a month with these shares; hidden without any."""
    hidden = None if percent else Reason.SUPPRESSED
    return replace(
        point(period, None, DIVERSITY),
        numerator=None,
        denominator=None,
        n=n if percent else None,
        status=status_of(DIVERSITY, None, hidden, None, 0.2),
        reason=hidden,
        coverage=None,
        categories=[Category(category=name, share=share) for name, share in percent.items()],
        suppressed=not percent,
    )


def weeks(*values: float | None, indicator: Indicator = AGE) -> list[Point]:
    """Points of daily indicators on the Sundays that end with 22 November 2026, the running day."""
    last = len(values) - 1
    return [
        point(str(TODAY - timedelta(weeks=last - index)), value, indicator, partial=index == last)
        for index, value in enumerate(values)
    ]


def months(*values: float | None, indicator: Indicator = RATE) -> list[Point]:
    """Points of a monthly indicator in the months that end with November 2026, the running month."""
    last = len(values) - 1
    return [
        point(
            f"{2026 if index + 11 > last else 2025}-{(11 - last + index - 1) % 12 + 1:02d}",
            value,
            indicator,
            89,
            partial=index == last,
        )
        for index, value in enumerate(values)
    ]


def series(
    points: Sequence[Point],
    indicator: Indicator = AGE,
    limits: Limits | None = None,
    targets: Sequence[tuple[str, float | None]] = (),
) -> Series:
    """A series of the team Checkout. targets: (first day, value)."""
    return Series(
        indicator=indicator,
        team="checkout",
        team_name="Checkout",
        grain=Grain.WEEK if indicator.cadence is Cadence.DAILY else Grain.MONTH,
        variant=indicator.default_variant or None,
        data_through=NOW,
        points=points,
        limits=limits,
        targets=[
            TargetStep(valid_from=date.fromisoformat(day), value=value) for day, value in targets
        ],
    )


def scorecard_row(
    judged: Point, indicator: Indicator = AGE, limits: Limits | None = None
) -> ScorecardRow:
    """A point as a row of a scorecard, with the built-in target."""
    return ScorecardRow(
        indicator=indicator,
        variant=indicator.default_variant or None,
        point=judged,
        target=target_of(indicator),
        limits=limits,
    )


def cell(
    trail: Sequence[Point],
    indicator: Indicator = AGE,
    limits: Limits | None = None,
    judged: int = -1,
) -> MatrixCell:
    """A cell of the overview; judged: which point of the trail, by default the last one."""
    index = judged % len(trail)
    return MatrixCell(
        team="checkout",
        indicator=indicator,
        judged=trail[index],
        trail=trail,
        judged_index=index,
        limits=limits,
        target=target_of(indicator),
    )


def team_row(
    slug: str, parent: str | None = "organisation", depth: int = 1, *, above: bool = False
) -> TeamRow:
    """A team of 11 people; above: it has teams below it."""
    return TeamRow(
        slug=slug,
        name=slug.title(),
        parent=parent,
        depth=depth,
        headcount=11,
        has_children=above,
    )
