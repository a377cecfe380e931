"""The periods of an answer: what is written in an address → the days and months that are read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.errors import InvalidValueError
from app.metrics.calendar import (
    DAY_PATTERN,
    MONTH_PATTERN,
    Clock,
    days,
    first_of_month,
    last_of_month,
    local_midnight,
    month_label,
    months,
    months_back,
    months_from,
)
from app.metrics.indicator import Cadence, Grain, Indicator

SERIES_MONTHS = 13
"""Months of a series without `from`, the running one included."""

# Calendar arithmetic on the years 1 and 9999 overflows; no organisation needs them.
FIRST_YEAR, LAST_YEAR = 1900, 2200

# A space stands where an unencoded plus was sent.
OFFSET_AFTER_SPACE = re.compile(r" (\d{2}:?\d{2})$")


@dataclass(frozen=True, slots=True)
class Asked:
    """A day or a month as it was written: its first and its last day."""

    first: date
    last: date

    @property
    def is_month(self) -> bool:
        """Whether a month was written."""
        return self.first != self.last

    def __str__(self) -> str:
        return month_label(self.first) if self.is_month else self.first.isoformat()


@dataclass(frozen=True, slots=True)
class Slot:
    """One period of an answer.

    label: as it is shown. None: the day whose value is shown.
    first, last: its local days, both inclusive; the last one lies ahead while it is running.
    stored: the period under which its value is stored. since: the first such period that may stand
        in for a running one whose own has no value.
    running: it is not over.
    month: it is a month, which has no status while it runs.
    """

    label: str | None
    first: date
    last: date
    stored: date
    since: date
    running: bool
    month: bool


def parse(text: str, field: str) -> Asked:
    """`YYYY-MM-DD` or `YYYY-MM`. Raises InvalidValueError that names the field."""
    try:
        if DAY_PATTERN.fullmatch(text):
            first = last = date.fromisoformat(text)
        elif MONTH_PATTERN.fullmatch(text):
            first = date.fromisoformat(f"{text}-01")
            last = last_of_month(first)
        else:
            raise ValueError
    except ValueError:
        raise InvalidValueError(
            f"{field} {text!r:.40} is not a date.",
            field,
            "Write a day as 2026-11-22 or a month as 2026-11.",
        ) from None
    _require_our_times(first.year, text, field)
    return Asked(first, last)


def _require_our_times(year: int, text: str, field: str) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise InvalidValueError(
            f"{field} {text!r:.40} lies outside of the years {FIRST_YEAR} to {LAST_YEAR}.", field
        )


def parse_grain(text: str | None, indicator: Indicator) -> Grain:
    """The grain of a series, by default that of the indicator's cadence.

    Raises InvalidValueError (field `grain`) for an unknown one, and for days of a monthly indicator.
    """
    monthly = indicator.cadence is Cadence.MONTHLY
    if text is None:
        return Grain.MONTH if monthly else Grain.DAY
    try:
        grain = Grain(text)
    except ValueError:
        raise InvalidValueError(
            f"grain {text!r:.40} is none of day, week and month.", "grain"
        ) from None
    if monthly and grain is not Grain.MONTH:
        raise InvalidValueError(
            f"{indicator.key} is measured by the month, it has no value of a {grain}.",
            "grain",
            "Ask for grain=month.",
        )
    return grain


def parse_instant(text: str, zone: ZoneInfo, field: str) -> datetime:
    """An ISO instant (without an offset: local time), or the end of a day or month.

    Raises InvalidValueError that names the field.
    """
    if DAY_PATTERN.fullmatch(text) or MONTH_PATTERN.fullmatch(text):
        return local_midnight(parse(text, field).last + timedelta(days=1), zone)
    try:
        instant = datetime.fromisoformat(OFFSET_AFTER_SPACE.sub(r"+\1", text))
    except ValueError:
        raise InvalidValueError(
            f"{field} {text!r:.40} is not an instant.",
            field,
            "Write it as 2026-11-22T06:10:00Z or as a day, 2026-11-22.",
        ) from None
    _require_our_times(instant.year, text, field)
    return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)


def bounds(from_: str | None, to: str | None, today: date) -> tuple[date, date]:
    """The first and last day that are asked for; by default the last 13 months up to today.

    Raises InvalidValueError for what is no date, and where `from` lies after `to`.
    """
    last = parse(to, "to").last if to is not None else today
    first = (
        parse(from_, "from").first
        if from_ is not None
        else months_back(min(last, today), SERIES_MONTHS - 1)
    )
    if first > last:
        if to is None:
            return first, first  # all of it lies ahead: nothing to show yet
        raise InvalidValueError(
            f"from {from_!r:.40} lies after to {to!r:.40}.", "from", "Exchange the two."
        )
    return first, last


def slots(
    indicator: Indicator, grain: Grain, first: date, last: date, clock: Clock, history_start: date
) -> list[Slot]:
    """Every period from first to last that has begun, none before the start of history.

    A day means its month where months are asked for. A week is in the range if its last day is, the
    running week if today is.
    """
    if indicator.cadence is Cadence.MONTHLY:
        started = _first_whole_month(history_start)
        begin = max(first_of_month(first), started)
        return [month_slot(month, clock) for month in months(begin, min(last, clock.today))]
    if grain is Grain.DAY:
        begin, end = max(first, history_start), min(last, clock.today)
        return [day_slot(day, clock) for day in days(begin, end)]
    if grain is Grain.MONTH:
        begin = max(first_of_month(first), first_of_month(history_start))
        end = min(last, clock.today)
        return [_month_end_slot(month, clock, history_start) for month in months(begin, end)]
    return list(_week_slots(first, last, clock, history_start))


def computed_periods(indicator: Indicator, clock: Clock, history_start: date) -> list[date]:
    """The periods for which an indicator has values: days, or first days of months, up to now."""
    if indicator.cadence is Cadence.DAILY:
        return list(days(history_start, clock.today))
    return months_from(history_start, history_start, clock.today)


def _first_whole_month(history_start: date) -> date:
    """The first month that a monthly indicator is computed for."""
    return months_back(history_start - timedelta(days=1), -1)


def day_slot(day: date, clock: Clock) -> Slot:
    """The period of a daily indicator."""
    running = clock.is_partial_day(day)
    return Slot(day.isoformat(), day, day, stored=day, since=day, running=running, month=False)


def month_slot(month: date, clock: Clock) -> Slot:
    """The period of a monthly indicator; month is its first day."""
    return Slot(
        month_label(month),
        month,
        last_of_month(month),
        stored=month,
        since=month,
        running=clock.is_partial_month(month),
        month=True,
    )


def _month_end_slot(month: date, clock: Clock, history_start: date) -> Slot:
    """A month of a daily indicator: its last day so far."""
    stored = min(last_of_month(month), clock.today)
    running = clock.is_partial_month(month)
    return Slot(
        month_label(month),
        month,
        last_of_month(month),
        stored=stored,
        since=max(month, history_start) if running else stored,
        running=running,
        month=True,
    )


def _week_slots(first: date, last: date, clock: Clock, history_start: date) -> Iterator[Slot]:
    """ISO weeks of a daily indicator, labelled by their Sunday: the last day so far."""
    monday = first - timedelta(days=first.weekday())
    while monday <= clock.today:
        sunday = monday + timedelta(days=6)
        running = clock.is_partial_day(sunday)
        stored = min(sunday, clock.today)
        if stored > last:
            return
        if stored >= history_start:
            since = max(monday, history_start) if running else stored
            yield Slot(sunday.isoformat(), monday, sunday, stored, since, running, month=False)
        monday += timedelta(days=7)


def latest(indicator: Indicator, clock: Clock, history_start: date, *, known: bool = False) -> Slot:
    """The period that is judged unless another is asked for: the running day, the last whole month.

    Where no month is over yet, the running month. known: the clock was put back, so that the value
    of the running day may be lost; then the last day of a week that has one is taken.
    """
    if indicator.cadence is Cadence.DAILY:
        slot = day_slot(clock.today, clock)
        since = max(clock.today - timedelta(days=6), history_start)
        return replace(slot, label=None, since=since) if known else slot
    last_whole = months_back(clock.today, 1)
    if last_whole < _first_whole_month(history_start):
        return month_slot(first_of_month(clock.today), clock)
    return month_slot(last_whole, clock)


def resolve(
    indicator: Indicator, asked: Asked, clock: Clock, history_start: date, newest: date
) -> Slot:
    """The period that is asked for: one address serves daily and monthly indicators alike.

    A day means its month for a monthly indicator; a month means its last day (the running day) for a
    daily one. newest: the running day of the freshest indicator beside it; where this one's data
    end earlier, its own running period stands. Raises InvalidValueError (field `period`) for what
    lies ahead or before the start of history.
    """
    if asked.first > max(newest, clock.today):
        raise InvalidValueError(
            f"period {asked} has not begun: the data reach to {max(newest, clock.today)}.",
            "period",
        )
    if asked.last < history_start:
        raise InvalidValueError(
            f"period {asked} lies before the start of history, {history_start}.",
            "period",
            "reporting.history_start decides how far back values are computed.",
        )
    if indicator.cadence is Cadence.MONTHLY:
        return month_slot(first_of_month(min(asked.first, clock.today)), clock)
    return day_slot(min(asked.last, clock.today), clock)


def before(slot: Slot, clock: Clock) -> Slot:
    """The period before one of `day_slot` or `month_slot`."""
    if slot.month:
        return month_slot(months_back(slot.first, 1), clock)
    return day_slot(slot.first - timedelta(days=1), clock)
