"""Deadlines in business days: weekends, holidays, clocks put forward and back."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.metrics.business_time import BusinessTime

BERLIN = ZoneInfo("Europe/Berlin")


def local(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=BERLIN)


CASES = {
    "Monday morning: Wednesday morning": ("2026-11-16 09:20", "2026-11-18 09:20"),
    "Friday 15:00: Tuesday 15:00": ("2026-11-20 15:00", "2026-11-24 15:00"),
    "Saturday starts Monday 00:00": ("2026-11-21 11:00", "2026-11-25 00:00"),
    "Sunday at its last second too": ("2026-11-22 23:59:59", "2026-11-25 00:00"),
    "Monday 00:00 is inside": ("2026-11-23 00:00", "2026-11-25 00:00"),
    "a holiday does not count": ("2026-12-24 10:00", "2026-12-29 10:00"),
    "a holiday starts the next business day": ("2026-12-25 10:00", "2026-12-30 00:00"),
    "the clock is put forward at the weekend": ("2026-03-27 15:00", "2026-03-31 15:00"),
    "the clock is put back at the weekend": ("2026-10-23 15:00", "2026-10-27 15:00"),
}


@pytest.mark.parametrize("case", CASES)
def test_two_business_days_later(case: str) -> None:
    time = BusinessTime(BERLIN, {date(2026, 12, 25)})
    start, expected = CASES[case]
    assert time.after(local(start), 2) == local(expected)


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.integers(1, 10),
    st.frozensets(st.dates(date(2024, 1, 1), date(2027, 1, 1)), max_size=20),
)
def test_equals_the_count_day_by_day(start: datetime, days: int, holidays: frozenset[date]) -> None:
    """As many business days begin after the start, up to the deadline, as were promised."""
    time = BusinessTime(ZoneInfo("UTC"), holidays)
    end = time.after(start, days)
    assert end > start
    midnights = [
        day
        for offset in range((end.date() - start.date()).days + 1)
        if time.is_business_day(day := start.date() + timedelta(days=offset))
        and datetime(day.year, day.month, day.day, tzinfo=UTC) > start
    ]
    if time.is_business_day(start.date()):
        assert len(midnights) == days
        assert end.time() == start.time()
    else:
        assert len(midnights) == days + 1
        assert end.time() == datetime.min.time()
    assert time.is_business_day(end.date())
