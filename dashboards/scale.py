"""Axes shared by the charts that the server draws and those that Plotly draws: the same digits in both."""

import math
from collections.abc import Iterable, Sequence

from app.metrics.indicator import Indicator, Limits, Unit

STEPS = (0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000, 5000)
MOST_GRIDLINES = 4
Domain = tuple[float, float]


def ticks(domain: Domain) -> list[float]:
    """At most four round numbers (and the first) inside the domain, ascending."""
    low, high = domain
    step = next((s for s in STEPS if (high - low) / s <= MOST_GRIDLINES + 0.01), STEPS[-1] * 10)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 4) for index in range(first, last + 1)]


def chart_domain(
    indicator: Indicator,
    values: Iterable[float | None],
    targets: Iterable[float | None],
    limits: Limits | None,
) -> Domain:
    """The value axis of one chart.

    Durations, rates and counts start at 0; percent may start at a named round number. Everything
    that is drawn fits in, with air above.
    """
    shown = [value for value in (*values, *targets) if value is not None]
    shown += [limits.upper, limits.lower] if limits else []
    if not shown:
        return (0.0, 1.0)
    top = max(shown)
    if indicator.unit is Unit.PERCENT:
        return (_percent_start(min(shown)), max(101.0, top * 1.02))
    return (0.0, top * 1.12 if top > 0 else 1.0)


def _percent_start(least: float) -> float:
    return next((start for start in (70.0, 60.0, 50.0) if least >= start + 5), 0.0)


def column_domain(values: Sequence[float], targets: Sequence[float]) -> Domain:
    """One scale for the sparklines of a column, so that equal height is equal value.

    Everything fits but far outliers (more than 1.6 times what 95 % reach): they are clamped, the tip
    has the number. Every target fits.
    """
    if not values:
        return (0.0, 1.0)
    ordered = sorted(values)
    usual = ordered[math.ceil(0.95 * (len(ordered) - 1))]
    low = min([ordered[0], *targets])
    high = max([min(ordered[-1], usual * 1.6), *targets])
    air = (high - low) * 0.08 or abs(high) * 0.1 or 0.5
    return (low - air, high + air)


def placed(value: float, domain: Domain) -> float:
    """Where a value lies between the ends of a domain, from 0 to 1; outside is clamped."""
    low, high = domain
    return (min(max(value, low), high) - low) / (high - low)


def apart(first: float, second: float, distance: float) -> float:
    """The second position, moved away from the first until their labels do not touch."""
    if abs(first - second) >= distance:
        return second
    return first + (distance if second >= first else -distance)
