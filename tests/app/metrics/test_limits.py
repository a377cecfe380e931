"""XmR limits and signals: numbers worked out by hand, and a naive version in exact fractions."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.metrics.calendar import months, months_back
from app.metrics.limits import (
    MonthHistory,
    last_whole_month_before,
    last_whole_month_up_to,
    limits_at,
)

START = date(2024, 1, 1)


def by_month(values: Sequence[float | None]) -> dict[date, float | None]:
    return {months_back(START, -index): value for index, value in enumerate(values)}


def test_limits_of_eight_months_by_hand() -> None:
    # Moving ranges 2 2 2 2 2 2 2: mean 2; mean of the values 11.
    history = by_month([10, 12, 10, 12, 10, 12, 10, 12])
    limits = limits_at(history, date(2024, 9, 1))
    assert limits is not None
    assert limits.centre == 11
    assert limits.lower == pytest.approx(11 - 5.32)
    assert limits.upper == pytest.approx(11 + 5.32)


def test_seven_months_are_too_few() -> None:
    assert limits_at(by_month([10, 12, 10, 12, 10, 12, 10]), date(2024, 8, 1)) is None


def test_null_months_are_skipped_and_their_neighbours_make_the_moving_range() -> None:
    with_gap = by_month([10, 12, 10, None, 12, 10, 12, 10, 12])
    without = by_month([10, 12, 10, 12, 10, 12, 10, 12])
    assert limits_at(with_gap, date(2024, 10, 1)) == limits_at(without, date(2024, 9, 1))


def test_the_point_itself_and_what_is_older_than_24_months_have_no_say() -> None:
    values: list[float | None] = [1000.0, *[10.0] * 24, 500.0]
    limits = limits_at(by_month(values), months_back(START, -25))
    assert limits is not None
    assert (limits.lower, limits.centre, limits.upper) == (10, 10, 10)


def test_limits_are_clipped_to_what_is_possible() -> None:
    history = by_month([1, 99, 1, 99, 1, 99, 1, 99])
    limits = limits_at(history, date(2024, 9, 1), (0.0, 100.0))
    assert limits is not None
    assert (limits.lower, limits.centre, limits.upper) == (0, 50, 100)


def test_a_month_outside_its_limits_is_a_signal() -> None:
    quiet = [10.0, 12.0] * 4
    # 11 ± 5.32
    for value, expected in ((16.3, False), (16.4, True), (5.7, False), (5.6, True)):
        history = MonthHistory(by_month([*quiet, value]))
        assert history.is_month_signal(date(2024, 9, 1)) is expected


def test_equal_values_are_never_a_signal_whatever_the_doubles_say() -> None:
    history = MonthHistory(by_month([0.1 + 0.2] * 10 + [0.3]))
    assert not history.is_month_signal(date(2024, 11, 1))


def test_the_eighth_of_a_run_is_a_signal_and_the_seventh_is_not() -> None:
    # 12 noisy months at 10 ± 9, then quietly at 12: far inside the limits, always above the centre.
    values = [19.0, 1.0] * 6 + [12.0] * 9
    history = MonthHistory(by_month(values))
    assert not history.is_month_signal(months_back(START, -18))  # the seventh
    assert history.is_month_signal(months_back(START, -19))  # the eighth
    assert history.is_month_signal(months_back(START, -20))  # and later


def test_a_null_month_neither_counts_nor_breaks_a_run() -> None:
    values: list[float | None] = [19.0, 1.0] * 6 + [12.0] * 4 + [None] + [12.0] * 4
    history = MonthHistory(by_month(values))
    assert not history.is_month_signal(months_back(START, -19))
    assert history.is_month_signal(months_back(START, -20))


def test_a_day_is_judged_against_the_last_whole_month_before_it() -> None:
    # Limits of September: from the 8 months before. October's would be wider: September leapt.
    history = MonthHistory(by_month([*[10.0, 12.0] * 4, 40.0]))
    assert history.is_day_signal(date(2024, 10, 5), 20.0)
    assert not history.is_day_signal(date(2024, 10, 5), 12.0)
    assert not history.is_day_signal(date(2024, 11, 5), 20.0)
    assert not history.is_day_signal(date(2024, 10, 5), None)


def test_which_month_is_whole() -> None:
    assert last_whole_month_before(date(2024, 3, 31)) == date(2024, 2, 1)
    assert last_whole_month_up_to(date(2024, 3, 31)) == date(2024, 3, 1)
    assert last_whole_month_up_to(date(2024, 3, 30)) == date(2024, 2, 1)


def naive_is_signal(values: list[int | None], index: int) -> bool:
    """In exact fractions, point by point, with no memory."""
    value = values[index]
    baseline = [Fraction(v) for v in values[max(0, index - 24) : index] if v is not None]
    if value is None or len(baseline) < 8:
        return False
    centre = sum(baseline) / len(baseline)
    moves = [abs(baseline[i + 1] - baseline[i]) for i in range(len(baseline) - 1)]
    reach = Fraction(266, 100) * sum(moves) / len(moves)
    if value > centre + reach or value < max(centre - reach, Fraction(0)):
        return True
    run = 0
    for v in reversed([v for v in values[max(0, index - 24) : index + 1] if v is not None]):
        if (v > centre) != (value > centre) or v == centre or value == centre:
            break
        run += 1
    return run >= 8


@given(st.lists(st.none() | st.integers(0, 60), max_size=45))
def test_signals_agree_with_the_naive_version(values: list[int | None]) -> None:
    history = MonthHistory(
        by_month([None if value is None else float(value) for value in values]), (0.0, None)
    )
    for index, month in enumerate(months(START, months_back(START, 1 - len(values)))):
        assert history.is_month_signal(month) == naive_is_signal(values, index), month
