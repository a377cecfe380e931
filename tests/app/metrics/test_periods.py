"""Periods as they are written in an address, and the slots that come of them."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from app.errors import InvalidValueError
from app.metrics import get_indicator, periods
from app.metrics.calendar import Clock
from app.metrics.indicator import Grain

AGE = get_indicator("open_mr_age")
RATE = get_indicator("mr_rate")
UTC_ZONE = ZoneInfo("UTC")
# A Wednesday, half past nine.
CLOCK = Clock(UTC_ZONE, datetime(2024, 5, 15, 9, 30, tzinfo=UTC))
START = date(2023, 3, 10)


def labels(slots: list[periods.Slot]) -> list[str | None]:
    return [slot.label for slot in slots]


def test_a_day_and_a_month() -> None:
    assert periods.parse("2024-02-29", "from") == periods.Asked(
        date(2024, 2, 29), date(2024, 2, 29)
    )
    month = periods.parse("2024-02", "from")
    assert (month.first, month.last) == (date(2024, 2, 1), date(2024, 2, 29))
    assert str(month) == "2024-02"


@pytest.mark.parametrize(
    "text",
    ["2023-02-29", "2024-13", "2024-1-1", "24-01-01", "yesterday", "2024", "0001-01-01", "9999-12",
     "2024-01-01T00:00", "２０２４-01-01", "\x00", "2024-W10"],
)  # fmt: skip
def test_what_is_no_date_is_refused_with_the_field(text: str) -> None:
    with pytest.raises(InvalidValueError) as refusal:
        periods.parse(text, "from")
    assert refusal.value.field == "from"
    assert "from" in refusal.value.message


def test_grain_by_default_is_that_of_the_cadence() -> None:
    assert periods.parse_grain(None, AGE) is Grain.DAY
    assert periods.parse_grain(None, RATE) is Grain.MONTH
    assert periods.parse_grain("week", AGE) is Grain.WEEK


@pytest.mark.parametrize(("text", "indicator"), [("day", RATE), ("week", RATE), ("year", AGE)])
def test_a_grain_that_cannot_be_is_refused(text: str, indicator: object) -> None:
    with pytest.raises(InvalidValueError) as refusal:
        periods.parse_grain(text, AGE if indicator is AGE else RATE)
    assert refusal.value.field == "grain"


def test_the_range_is_the_last_13_months_unless_asked_for() -> None:
    today = CLOCK.today
    assert periods.bounds(None, None, today) == (date(2023, 5, 1), today)
    assert periods.bounds(None, "2024-01", today) == (date(2023, 1, 1), date(2024, 1, 31))
    assert periods.bounds("2024-01", None, today) == (date(2024, 1, 1), today)
    assert periods.bounds("2024-01-05", "2024-01-05", today)[0] == date(2024, 1, 5)


def test_from_after_to_is_refused_and_a_range_ahead_is_empty() -> None:
    with pytest.raises(InvalidValueError) as refusal:
        periods.bounds("2024-02-01", "2024-01-31", CLOCK.today)
    assert refusal.value.field == "from"
    first, last = periods.bounds("2030-01-01", None, CLOCK.today)
    assert periods.slots(AGE, Grain.DAY, first, last, CLOCK, START) == []


def test_days_are_clipped_to_history_and_to_the_running_day() -> None:
    slots = periods.slots(AGE, Grain.DAY, date(2023, 3, 8), date(2023, 3, 12), CLOCK, START)
    assert labels(slots) == ["2023-03-10", "2023-03-11", "2023-03-12"]
    slots = periods.slots(AGE, Grain.DAY, date(2024, 5, 14), date(2024, 7, 1), CLOCK, START)
    assert [(slot.label, slot.running) for slot in slots] == [
        ("2024-05-14", False),
        ("2024-05-15", True),
    ]


def test_weeks_are_labelled_by_their_sunday_and_the_running_one_stops_today() -> None:
    slots = periods.slots(AGE, Grain.WEEK, date(2024, 4, 28), date(2024, 5, 15), CLOCK, START)
    assert [(slot.label, slot.stored, slot.running) for slot in slots] == [
        ("2024-04-28", date(2024, 4, 28), False),
        ("2024-05-05", date(2024, 5, 5), False),
        ("2024-05-12", date(2024, 5, 12), False),
        ("2024-05-19", date(2024, 5, 15), True),
    ]


def test_a_week_is_in_the_range_if_its_last_day_is() -> None:
    slots = periods.slots(AGE, Grain.WEEK, date(2024, 4, 29), date(2024, 5, 11), CLOCK, START)
    assert labels(slots) == ["2024-05-05"]


def test_a_monday_to_sunday_week_across_a_new_year() -> None:
    slots = periods.slots(AGE, Grain.WEEK, date(2023, 12, 28), date(2024, 1, 9), CLOCK, START)
    assert labels(slots) == ["2023-12-31", "2024-01-07"]


def test_months_of_a_daily_indicator_stand_for_their_last_day() -> None:
    slots = periods.slots(AGE, Grain.MONTH, date(2024, 3, 20), date(2024, 5, 2), CLOCK, START)
    assert [(slot.label, slot.stored, slot.running) for slot in slots] == [
        ("2024-03", date(2024, 3, 31), False),
        ("2024-04", date(2024, 4, 30), False),
        ("2024-05", date(2024, 5, 15), True),
    ]


def test_months_of_a_monthly_indicator_begin_with_the_first_whole_one() -> None:
    slots = periods.slots(RATE, Grain.MONTH, date(2023, 1, 1), date(2023, 5, 1), CLOCK, START)
    assert labels(slots) == ["2023-04", "2023-05"]
    whole = periods.slots(
        RATE, Grain.MONTH, date(2023, 1, 1), date(2023, 4, 1), CLOCK, date(2023, 3, 1)
    )
    assert labels(whole) == ["2023-03", "2023-04"]
    assert [slot.stored for slot in whole] == [date(2023, 3, 1), date(2023, 4, 1)]


def test_the_latest_period() -> None:
    assert periods.latest(AGE, CLOCK, START).label == "2024-05-15"
    assert periods.latest(RATE, CLOCK, START).label == "2024-04"
    # Nothing is over yet.
    assert periods.latest(RATE, CLOCK, date(2024, 5, 1)).label == "2024-05"


@pytest.mark.parametrize(
    ("text", "daily", "monthly"),
    [
        ("2024-02-10", "2024-02-10", "2024-02"),
        ("2024-02", "2024-02-29", "2024-02"),
        ("2024-05", "2024-05-15", "2024-05"),
        ("2024-05-15", "2024-05-15", "2024-05"),
    ],
)
def test_one_period_serves_daily_and_monthly_indicators(
    text: str, daily: str, monthly: str
) -> None:
    asked = periods.parse(text, "period")
    assert periods.resolve(AGE, asked, CLOCK, START, CLOCK.today).label == daily
    assert periods.resolve(RATE, asked, CLOCK, START, CLOCK.today).label == monthly


@pytest.mark.parametrize("text", ["2024-05-16", "2024-06", "2023-03-09", "2023-02"])
def test_a_period_ahead_or_before_history_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError) as refusal:
        periods.resolve(AGE, periods.parse(text, "period"), CLOCK, START, CLOCK.today)
    assert refusal.value.field == "period"


def test_an_indicator_whose_data_end_earlier_shows_its_own_running_period() -> None:
    asked = periods.parse("2024-06-02", "period")
    newest = date(2024, 6, 3)
    assert periods.resolve(AGE, asked, CLOCK, START, newest).label == "2024-05-15"
    assert periods.resolve(RATE, asked, CLOCK, START, newest).label == "2024-05"


def test_the_period_before() -> None:
    assert periods.before(periods.day_slot(date(2024, 3, 1), CLOCK), CLOCK).label == "2024-02-29"
    assert periods.before(periods.month_slot(date(2024, 1, 1), CLOCK), CLOCK).label == "2023-12"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-05-01T10:00:00Z", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2024-05-01T10:00:00+02:00", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("2024-05-01T10:00:00 02:00", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("2024-05-01T10:00:00", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("2024-05-01", datetime(2024, 5, 1, 22, tzinfo=UTC)),
        ("2024-05", datetime(2024, 5, 31, 22, tzinfo=UTC)),
    ],
)
def test_an_instant_or_the_end_of_a_day(text: str, instant: datetime) -> None:
    assert periods.parse_instant(text, ZoneInfo("Europe/Berlin"), "as_known_at") == instant


@pytest.mark.parametrize("text", ["now", "2024-05-01T25:00", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError) as refusal:
        periods.parse_instant(text, UTC_ZONE, "as_known_at")
    assert refusal.value.field == "as_known_at"
