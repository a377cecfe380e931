"""How numbers, dates and periods are written on a page; one rule each, so that no template decides.

A number is never rounded across its target: where the rounded number would have another status,
one more decimal is shown.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from app.metrics.calendar import DAY_PATTERN, last_of_month
from app.metrics.indicator import Better, Indicator, Limits, Unit

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
NO_VALUE = "–"
NO_BREAK = "\u00a0"
UP, DOWN = "↑", "↓"
ISO = re.compile(r"\b\d{4}-\d\d-\d\d(?P<time>T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?\b")
MOST_DECIMALS = 6


def borders(indicator: Indicator, target: float | None, tolerance: float) -> tuple[float, ...]:
    """The values at which the status changes: the target, and where attention becomes problem."""
    if target is None:
        return ()
    allowed = indicator.tolerated(tolerance)
    past = 1 + allowed if indicator.better is Better.LOWER else 1 - allowed
    return (target, target * past)


def decimals_of(indicator: Indicator, value: float) -> int:
    """Decimals of a value before any border is looked at: days from 100 on have none."""
    if indicator.unit is Unit.DAYS and abs(value) >= 99.95:
        return 0
    return indicator.decimals


def number(indicator: Indicator, value: float | None, at: Sequence[float] = ()) -> str:
    """A value without its unit; `at`: the borders that rounding must not cross."""
    if value is None:
        return NO_VALUE
    decimals = decimals_of(indicator, value)
    while decimals < MOST_DECIMALS and not _same_side(indicator.better, value, decimals, at):
        decimals += 1
    return f"{value:,.{decimals}f}"


def _same_side(better: Better | None, value: float, decimals: int, at: Sequence[float]) -> bool:
    shown = round(value, decimals)
    if better is Better.LOWER:
        return all((value <= border) == (shown <= border) for border in at)
    return all((value >= border) == (shown >= border) for border in at)


def short(indicator: Indicator, value: float | None, at: Sequence[float] = ()) -> str:
    """A value as it stands in a cell: percent with its sign, everything else bare."""
    text = number(indicator, value, at)
    return f"{text}%" if indicator.unit is Unit.PERCENT and value is not None else text


def full(indicator: Indicator, value: float | None, at: Sequence[float] = ()) -> str:
    """A value with its unit, for sentences and tips: `41.3 days`, `94%`, `8.1 per person`."""
    text = short(indicator, value, at)
    if value is None or indicator.unit is Unit.PERCENT:
        return text
    return f"{text} {unit_word(indicator)}"


def unit_word(indicator: Indicator) -> str:
    """What stands beside the large number; percent has its sign and needs no word."""
    return {
        Unit.DAYS: "days",
        Unit.PERCENT: "",
        Unit.MERGE_REQUESTS_PER_PERSON: "per person",
    }[indicator.unit]


def target(indicator: Indicator, value: float | None) -> str:
    """`≤ 21 days`, `≥ 90%`, `≥ 10`; empty without a target."""
    if value is None:
        return ""
    sign = "≤" if indicator.better is Better.LOWER else "≥"
    unit = {Unit.DAYS: " days", Unit.PERCENT: "%", Unit.MERGE_REQUESTS_PER_PERSON: ""}
    return f"{sign} {plain(value)}{unit[indicator.unit]}"


def plain(value: float) -> str:
    """A number that somebody wrote, such as a target, without trailing zeros."""
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def normal_range(
    indicator: Indicator, limits: Limits, joint: str = " to ", beside: float | None = None
) -> str:
    """`17 to 31`: the natural process limits with no more decimals than the value has.

    beside: the value in the same sentence; whether it lies inside must still be true of the digits.
    """
    decimals = indicator.decimals
    if indicator.unit is not Unit.MERGE_REQUESTS_PER_PERSON and limits.upper >= 10:
        decimals = 0
    if beside is not None:
        seen = round(beside, decimals_of(indicator, beside))
        while decimals < indicator.decimals and any(
            (beside > limit) != (seen > round(limit, decimals))
            for limit in (limits.lower, limits.upper)
        ):
            decimals += 1
    percent = "%" if indicator.unit is Unit.PERCENT and joint == " to " else ""
    lower = f"{limits.lower:,.{decimals}f}" if limits.lower else "0"
    return f"{lower}{joint}{limits.upper:,.{decimals}f}{percent}"


def change(indicator: Indicator, difference: float) -> str:
    """A change against the centre line: `↑ 17.4`, `↓ 9 pt`; points, never percent of percent."""
    size = abs(difference)
    decimals = decimals_of(indicator, size)
    while decimals < MOST_DECIMALS and size and not round(size, decimals):
        decimals += 1
    points = f"{NO_BREAK}pt" if indicator.unit is Unit.PERCENT else ""
    return f"{UP if difference > 0 else DOWN}{NO_BREAK}{size:,.{decimals}f}{points}"


def count(value: int | None) -> str:
    """A count with commas at thousands."""
    return NO_VALUE if value is None else f"{value:,}"


def people(value: float) -> str:
    """An average headcount: `11.0 people`; the headcount of a day: `1 person`."""
    if isinstance(value, int):
        return f"{value:,} {'person' if value == 1 else 'people'}"
    return f"{value:,.1f} people"


def counted(value: int, plural: str) -> str:
    """`1 open merge request`, `31 open merge requests`: the noun of an indicator with its number."""
    if value == 1:
        for many, one in (("requests", "request"), ("people", "person"), ("leavers", "leaver")):
            plural = plural.replace(many, one)
    return f"{value:,} {plural}"


def percent(share: float | None) -> str:
    """A share from 0 to 1 as a whole percentage; never 100% while something is missing, nor 0%."""
    if share is None:
        return NO_VALUE
    whole = round(share * 100)
    if whole == 100 and share < 1:
        return f"{int(share * 1000) / 10:.1f}%" if share < 0.9995 else "99.9%"
    if whole == 0 and share > 0:
        return "under 1%"
    return f"{whole}%"


def day(value: date) -> str:
    """`22 Nov 2026`."""
    return f"{value.day} {MONTHS[value.month - 1][:3]} {value.year}"


def month(value: date) -> str:
    """`October 2026`."""
    return f"{MONTHS[value.month - 1]} {value.year}"


def is_day(period: str) -> bool:
    """Whether a period is a day, not a month."""
    return DAY_PATTERN.fullmatch(period) is not None


def first_day(period: str) -> date:
    """The day of a period, or the first one of its month."""
    return date.fromisoformat(period if is_day(period) else f"{period}-01")


def last_day(period: str) -> date:
    """The day of a period, or the last one of its month."""
    return date.fromisoformat(period) if is_day(period) else last_of_month(first_day(period))


def period(value: str) -> str:
    """A period in words: `22 Nov 2026` or `October 2026`."""
    return day(first_day(value)) if is_day(value) else month(first_day(value))


def instant(value: datetime, zone: ZoneInfo) -> str:
    """`22 Nov 2026, 06:10`, local."""
    local = value.astimezone(zone)
    return f"{day(local.date())}, {local:%H:%M}"


def instant_with_zone(value: datetime, zone: ZoneInfo) -> str:
    """`22 Nov 2026, 06:10 UTC`: once on a page."""
    return f"{instant(value, zone)} {value.astimezone(zone):%Z}"


def in_words(text: str, zone: ZoneInfo) -> str:
    """A sentence of the API with its ISO days and instants as pages write them."""

    def reading(found: re.Match[str]) -> str:
        try:
            moment = datetime.fromisoformat(found[0])
        except ValueError:
            return found[0]  # digits that are no date
        return instant(moment, zone) if found["time"] else day(moment.date())

    return ISO.sub(reading, text)


def duration(seconds: float) -> str:
    """How long something took: `11 s`, `3 min 58 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def listed(names: Sequence[str], most: int = 6) -> str:
    """`a, b and c`; after `most` names the rest is counted."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most:,} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
