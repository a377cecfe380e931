"""Signal or noise: the limits of an XmR chart over whole months, and the points outside of them.

Limits need nearly independent points, so only whole months make them (for a daily indicator: the
value at the month's end); a day is judged against the limits of the last whole month before it.
"""

from collections.abc import Mapping
from datetime import date, timedelta
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


def limits_at(
    months: Mapping[date, float | None],
    month: date,
    possible: tuple[float | None, float | None] = (None, None),
) -> Limits | None:
    """The limits that a whole month is judged against; None with fewer than 8 values before it.

    months: value by first day of month; absent and null months are skipped. The baseline is the 24
    months before `month`, which is not part of it. possible: least and greatest possible value.
    """
    before = (months.get(months_back(month, back)) for back in range(BASELINE_MONTHS, 0, -1))
    baseline = [value for value in before if value is not None]
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
        """months: value by first day of month, whole months only."""
        self._months = months
        self._possible = possible
        self._limits: dict[date, Limits | None] = {}

    def limits(self, month: date) -> Limits | None:
        """The limits that a whole month is judged against."""
        if month not in self._limits:
            self._limits[month] = limits_at(self._months, month, self._possible)
        return self._limits[month]

    def is_month_signal(self, month: date) -> bool:
        """Whether a whole month is outside its limits, or the eighth or later of a run.

        The run is that of the months up to this one, back over its baseline, on one side of its
        own centre line.
        """
        value, limits = self._months.get(month), self.limits(month)
        if value is None or limits is None:
            return False
        if is_outside(limits, value):
            return True
        this_side = side(value, limits.centre)
        return this_side != 0 and self._run_length(month, limits.centre, this_side) >= RUN

    def is_day_signal(self, day: date, value: float | None) -> bool:
        """Whether a daily value is outside the limits of the last whole month before it."""
        limits = self.limits(last_whole_month_before(day))
        return value is not None and limits is not None and is_outside(limits, value)

    def _run_length(self, month: date, centre: float, wanted: int) -> int:
        length = 0
        for back in range(BASELINE_MONTHS + 1):
            value = self._months.get(months_back(month, back))
            if value is None:
                continue
            if side(value, centre) != wanted:
                break
            length += 1
        return length


def first_month_needed(first: date) -> date:
    """The first month whose value has a say in judging anything from `first` on."""
    return months_back(first - timedelta(days=1), BASELINE_MONTHS + 1)
