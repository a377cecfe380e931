"""Local days and months: where each begins, which one is running, how a period is written."""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY_PATTERN = re.compile(r"\d{4}-\d{2}-\d{2}")
MICROSECONDS_PER_DAY = 86_400_000_000
MONTH_PATTERN = re.compile(r"\d{4}-\d{2}")


def microseconds(instant: datetime) -> int:
    """An aware instant as whole microseconds since 1970."""
    seconds = int(instant.replace(microsecond=0).timestamp())
    return seconds * 1_000_000 + instant.microsecond


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC.

    Where midnight does not exist (a clock put forward at 00:00) it is the first instant after the gap.
    """
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The local day in which an instant lies."""
    return instant.astimezone(zone).date()


def first_measured_day(instant: datetime, zone: ZoneInfo) -> date:
    """The first day whose own instant (its end) is not before this one.

    What happens at a midnight is already seen by the day that it ends.
    """
    return local_day(instant - timedelta(microseconds=1), zone)


def first_of_month(day: date) -> date:
    """The first day of a day's month."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """The first day of the month after a day's month."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def months_back(day: date, count: int) -> date:
    """The first day of the month `count` months before a day's month."""
    index = day.year * 12 + day.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)


def fiscal_year_start(day: date, start_month: int) -> date:
    """The first day of the fiscal year of a day; start_month: the month in which one begins."""
    return months_back(day, (day.month - start_month) % 12)


def last_of_month(day: date) -> date:
    """The last day of a day's month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def days(first: date, last: date) -> Iterator[date]:
    """Each day from first to last, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def months(first: date, last: date) -> Iterator[date]:
    """The first day of each month from first's month to last's month."""
    month = first_of_month(first)
    while month <= last:
        yield month
        month = next_month(month)


def months_from(first_day: date, history_start: date, today: date) -> list[date]:
    """The months to compute: from first_day's month, none that began before history_start."""
    start = max(first_of_month(first_day), first_of_month(history_start))
    if start < history_start:
        start = next_month(start)
    return list(months(start, today))


def month_label(day: date) -> str:
    """`YYYY-MM`."""
    return f"{day.year:04d}-{day.month:02d}"


@dataclass(frozen=True, slots=True)
class Clock:
    """Days as the organisation counts them, up to `data_through`."""

    zone: ZoneInfo
    data_through: datetime

    @property
    def today(self) -> date:
        """The running day: the one in which data_through lies."""
        return local_day(self.data_through, self.zone)

    def start_of(self, day: date) -> datetime:
        """The first instant of a day."""
        return local_midnight(day, self.zone)

    def instant_of(self, day: date) -> datetime:
        """The instant a day is measured at: its end, or data_through for the running day."""
        return min(local_midnight(day + timedelta(days=1), self.zone), self.data_through)

    def is_partial_day(self, day: date) -> bool:
        """Whether the day was not over at data_through."""
        return local_midnight(day + timedelta(days=1), self.zone) > self.data_through

    def is_partial_month(self, month: date) -> bool:
        """Whether the month was not over at data_through."""
        return local_midnight(next_month(month), self.zone) > self.data_through
