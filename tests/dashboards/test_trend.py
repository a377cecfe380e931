"""What a line chart draws: where points stand, which is not judged, how the target steps."""

from datetime import date

import pytest

from app.metrics.indicator import Limits
from dashboards.scale import apart, chart_domain, ticks
from dashboards.trend import TargetLine, trend_of

from .made import AGE, AGE_LIMITS, RATE, SHARE, TODAY, months, point, series, weeks


def test_running_day_is_hollow_and_the_axis_ends_a_little_later() -> None:
    trend = trend_of(series(weeks(20.0, 21.0, 22.0), limits=AGE_LIMITS), TODAY)
    assert trend is not None
    assert trend.days == [date(2026, 11, 8), date(2026, 11, 15), date(2026, 11, 22)]
    assert trend.hollow
    assert not trend.dotted
    assert (trend.first, trend.last) == (date(2026, 11, 8), date(2026, 11, 23))
    assert trend.domain == pytest.approx((0.0, 31.1 * 1.12))


def test_running_week_stands_at_the_running_day() -> None:
    points = [point("2026-11-15", 20.0), point("2026-11-22", 21.0, partial=True)]
    trend = trend_of(series(points), date(2026, 11, 18))
    assert trend is not None
    assert trend.days == [date(2026, 11, 15), date(2026, 11, 18)]


def test_running_month_is_dotted() -> None:
    trend = trend_of(series(months(9.0, 8.0, 5.5), RATE))
    assert trend is not None
    assert trend.dotted
    assert trend.hollow
    assert trend.days == [date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)]


def test_without_a_value_there_is_no_chart() -> None:
    assert trend_of(series(weeks(None, None))) is None
    assert trend_of(series([])) is None


def test_target_steps_where_it_changed_and_ends_where_it_is_withdrawn() -> None:
    steps = [("2020-01-01", 30.0), ("2026-11-12", 25.0), ("2026-11-20", None)]
    trend = trend_of(series(weeks(20.0, 21.0, 22.0), targets=steps))
    assert trend is not None
    assert trend.targets == [
        TargetLine(first=date(2026, 11, 8), last=date(2026, 11, 12), value=30.0),
        TargetLine(first=date(2026, 11, 12), last=date(2026, 11, 20), value=25.0),
    ]
    assert trend.target is None  # none is in force at the right edge
    kept = trend_of(series(weeks(20.0, 21.0, 22.0), targets=steps[:2]))
    assert kept is not None
    assert kept.target == 25.0


def test_time_axis_names_quarters_and_the_year_at_january() -> None:
    year = trend_of(series(weeks(*[20.0] * 54)))
    assert year is not None
    assert [label for _, label in year.dates] == ["Jan 2026", "Apr", "Jul", "Oct"]
    short = trend_of(series(weeks(*[20.0] * 8)))
    assert short is not None
    assert [label for _, label in short.dates] == ["Nov"]


def test_axes_start_at_0_but_percent_at_a_round_number() -> None:
    assert chart_domain(AGE, [50.0], [30.0], None) == pytest.approx((0.0, 56.0))
    assert chart_domain(AGE, [], [], None) == (0.0, 1.0)
    assert chart_domain(SHARE, [94.0, 81.0], [90.0], None) == (70.0, 101.0)
    assert chart_domain(SHARE, [30.0], [90.0], None) == (0.0, 101.0)
    limits = Limits(centre=20.0, lower=0.0, upper=100.0)
    assert chart_domain(AGE, [10.0], [], limits) == pytest.approx((0.0, 112.0))


def test_at_most_four_steps_of_gridlines() -> None:
    assert ticks((0.0, 34.8)) == [0, 10, 20, 30]
    assert ticks((0.0, 0.6)) == [0, 0.2, 0.4, 0.6]
    assert ticks((70.0, 101.0)) == [70, 80, 90, 100]


def test_labels_that_would_touch_are_pushed_apart() -> None:
    assert apart(50.0, 58.0, 14) == 64.0
    assert apart(50.0, 42.0, 14) == 36.0
    assert apart(50.0, 70.0, 14) == 70.0
