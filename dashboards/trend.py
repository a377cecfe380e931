"""Series → what a line chart draws, once for the server's SVG and for Plotly."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from app.metrics.indicator import Cadence, Indicator, Limits, Point, Series
from dashboards import formatting
from dashboards.scale import Domain, chart_domain

FEW = 10  # on charts; a median of fewer merge requests is drawn hollow
QUARTER_STARTS = (1, 4, 7, 10)


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetLine:
    """A stretch of time with one target."""

    first: date
    last: date
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """One line chart.

    days: where each point stands: its day, or the first of its month. dotted: the last point is a
    running month, which is joined by a dotted line and never judged. hollow: the last point is
    partial. first, last: ends of the time axis.
    """

    indicator: Indicator
    points: Sequence[Point]
    days: Sequence[date]
    limits: Limits | None
    targets: Sequence[TargetLine]
    domain: Domain
    dotted: bool
    hollow: bool
    first: date
    last: date

    @property
    def values(self) -> list[float | None]:
        """The values in order, None at a gap."""
        return [point.value for point in self.points]

    @property
    def signals(self) -> list[int]:
        """Indices of the points that are signals."""
        return [
            index
            for index, point in enumerate(self.points)
            if point.signal and point.value is not None
        ]

    @property
    def target(self) -> float | None:
        """The target at the right edge."""
        at_the_edge = [line.value for line in self.targets if line.last == self.last]
        return at_the_edge[-1] if at_the_edge else None

    @property
    def dates(self) -> list[tuple[date, str]]:
        """Where the time axis is labelled: quarters, or months where less than five are shown."""
        months = (date(year, month, 1) for year, month in _months(self.first, self.last))
        every = range(1, 13) if (self.last - self.first).days < 150 else QUARTER_STARTS
        return [
            (day, f"{formatting.MONTHS[day.month - 1][:3]}{f' {day.year}' * (day.month == 1)}")
            for day in months
            if day.month in every and self.first <= day <= self.last
        ]


def _months(first: date, last: date) -> list[tuple[int, int]]:
    start, end = first.year * 12 + first.month - 1, last.year * 12 + last.month - 1
    return [(index // 12, index % 12 + 1) for index in range(start, end + 1)]


def trend_of(series: Series, today: date | None = None) -> Trend | None:
    """The chart of a series; None where no point has a value: a sentence replaces the chart.

    today: the running day, at which the point of a running week stands.
    """
    points = list(series.points)
    if all(point.value is None for point in points):
        return None
    days = [formatting.first_day(point.period) for point in points]
    if today is not None:
        days = [min(day, today) for day in days]
    hollow = points[-1].partial
    span = max((days[-1] - days[0]).days, 1)
    last = days[-1] + timedelta(days=max(1, round(span * (0.03 if hollow else 0.01))))
    targets = _target_lines(series, days[0], last)
    return Trend(
        indicator=series.indicator,
        points=points,
        days=days,
        limits=series.limits,
        targets=targets,
        domain=chart_domain(
            series.indicator,
            [point.value for point in points],
            [line.value for line in targets],
            series.limits,
        ),
        dotted=hollow and series.indicator.cadence is Cadence.MONTHLY and len(points) > 1,
        hollow=hollow,
        first=days[0],
        last=last,
    )


def _target_lines(series: Series, first: date, last: date) -> list[TargetLine]:
    lines = []
    for step, following in pairwise([*series.targets, None]):
        assert step is not None
        start, stop = max(step.valid_from, first), last
        if following is not None:
            stop = min(following.valid_from, last)
        if step.value is not None and start < stop:
            lines.append(TargetLine(first=start, last=stop, value=step.value))
    return lines
