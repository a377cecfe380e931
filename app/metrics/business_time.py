"""Business time: 24 hours a day from Monday to Friday, without holidays, in the reporting time zone."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SATURDAY = 5
"""The first weekday, counted from Monday as 0, that is no business day."""


@dataclass(frozen=True, slots=True)
class BusinessTime:
    """Which days are business days. holidays: local days on which nobody is expected to work."""

    zone: ZoneInfo
    holidays: Collection[date] = frozenset()

    def is_business_day(self, day: date) -> bool:
        """Whether business time runs on a local day."""
        return day.weekday() < SATURDAY and day not in self.holidays

    def next_business_day(self, day: date) -> date:
        """The first business day after a day."""
        day += timedelta(days=1)
        while not self.is_business_day(day):
            day += timedelta(days=1)
        return day

    def after(self, start: datetime, days: int) -> datetime:
        """The instant `days` business days after a start, in UTC.

        It is the same wall-clock time, whatever the clocks are put to in between. From a moment
        outside business time it is counted from the next business midnight.
        """
        local = start.astimezone(self.zone)
        day, at = local.date(), local.time()
        if not self.is_business_day(day):
            day, at = self.next_business_day(day), time.min
        for _ in range(days):
            day = self.next_business_day(day)
        return datetime.combine(day, at.replace(fold=0), self.zone).astimezone(UTC)
