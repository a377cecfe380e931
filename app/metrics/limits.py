"""Signal or noise: the limits of an XmR chart over whole months, and the points outside of them.

Limits need nearly independent points, so only whole months make them (for a daily indicator: the
value at the month's end); a day is judged against the limits of the last whole month before it.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from math import fsum, isclose

from app.metrics.calendar import first_of_month, last_of_month, months_back
from app.metrics.indicator import Limits

BASELINE_MONTHS = 24
LEAST_MONTHS = 8
RUN = 8
FACTOR = 2.66
"""3 standard deviations, estimated from the mean moving range of two neighbours: 3 / 1.128."""

# A mean of equal doubles can differ from them in the last bit: that is not a change.
TOLERANCE = 1e-9


def month_index(month: date) -> int:
    """Months since year 0: neighbours differ by one."""
    return month.year * 12 + month.month


def limits_at(
    months: Mapping[date, float | None],
    month: date,
    possible: tuple[float | None, float | None] = (None, None),
) -> Limits | None:
    """The limits that a whole month is judged against; None with fewer than 8 values before it.

    months: value by first day of month; absent and null months are skipped. The baseline is the 24
    months before `month`, which is not part of it. possible: least and greatest possible value.
    """
    return MonthHistory(months, possible).limits(month)


def _limits_of(
    baseline: Sequence[float], possible: tuple[float | None, float | None]
) -> Limits | None:
    if len(baseline) < LEAST_MONTHS:
        return None
    centre = fsum(baseline) / len(baseline)
    ranges = [abs(b - a) for a, b in pairwise(baseline)]
    reach = FACTOR * fsum(ranges) / len(ranges)
    least, greatest = possible
    lower = centre - reach if least is None else max(centre - reach, least)
    upper = centre + reach if greatest is None else min(centre + reach, greatest)
    return Limits(centre=centre, lower=lower, upper=upper)


def side(value: float, line: float) -> int:
    """1 above the line, -1 below it, 0 on it."""
    if isclose(value, line, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
        return 0
    return 1 if value > line else -1


def is_outside(limits: Limits, value: float) -> bool:
    """Whether a value lies above the upper or below the lower limit."""
    return side(value, limits.upper) > 0 or side(value, limits.lower) < 0


def last_whole_month_before(day: date) -> date:
    """The first day of the month whose limits a day is judged against."""
    return months_back(day, 1)


def last_whole_month_up_to(day: date) -> date:
    """The first day of the last month that is over at the end of a day."""
    return first_of_month(day) if day == last_of_month(day) else months_back(day, 1)


class MonthHistory:
    """The whole months of one series, and what is a signal in the light of them."""

    def __init__(
        self,
        months: Mapping[date, float | None],
        possible: tuple[float | None, float | None] = (None, None),
    ) -> None:
        """months: value by first day of month, whole months only; null and absent are the same."""
        self._values = {
            month_index(month): value for month, value in months.items() if value is not None
        }
        self._possible = possible
        self._limits: dict[int, Limits | None] = {}

    def limits(self, month: date) -> Limits | None:
        """The limits that a whole month is judged against."""
        index = month_index(month)
        if index not in self._limits:
            baseline = self._present(index - BASELINE_MONTHS, index)
            self._limits[index] = _limits_of(baseline, self._possible)
        return self._limits[index]

    def _present(self, first: int, end: int) -> list[float]:
        """The values from one month up to, not including, another."""
        values = self._values
        return [values[index] for index in range(first, end) if index in values]

    def is_month_signal(self, month: date) -> bool:
        """Whether a whole month is outside its limits, or the eighth or later of a run.

        The run is that of the months up to this one, back over its baseline, on one side of its
        own centre line.
        """
        index = month_index(month)
        value, limits = self._values.get(index), self.limits(month)
        if value is None or limits is None:
            return False
        if is_outside(limits, value):
            return True
        this_side = side(value, limits.centre)
        latest = self._present(index - BASELINE_MONTHS, index + 1)[-RUN:]
        return (
            this_side != 0
            and len(latest) == RUN
            and all(side(each, limits.centre) == this_side for each in latest)
        )

    def is_day_signal(self, day: date, value: float | None) -> bool:
        """Whether a daily value is outside the limits of the last whole month before it."""
        limits = self.limits(last_whole_month_before(day))
        return value is not None and limits is not None and is_outside(limits, value)
