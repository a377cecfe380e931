"""Sparklines to the pixel: 2 px from each edge, nothing drawn over a gap."""

from dataclasses import replace

from dashboards.sparkline import CELL, path, sparkline

from .made import months, weeks


def test_path_lifts_the_pen_over_a_gap() -> None:
    assert path([(0, 0), (1.3, 2), None, (3, 3), (4, 4.04)]) == "M0 0L1.3 2M3 3L4 4"
    assert path([None, None]) == ""


def test_line_target_and_judged_point_stand_where_they_belong() -> None:
    drawn = sparkline(weeks(0.0, 10.0, 20.0), 2, (0.0, 20.0), 10.0)
    # 64 − 4 pixels for two steps; 28 − 4 pixels for 20 days.
    assert '<path class="t" d="M0 14H64"/>' in drawn
    assert '<path class="l" d="M2 26L32 14L62 2"/>' in drawn
    assert '<circle class="r ok" cx="62" cy="2"/>' in drawn
    assert 'class="s"' not in drawn
    assert 'aria-hidden="true"' in drawn


def test_running_month_is_dotted_and_hollow_behind_the_judged_one() -> None:
    drawn = sparkline(months(8.0, 10.0, 4.0), 1, (0.0, 20.0), None)
    assert '<path class="l" d="M2 16.4L32 14"/>' in drawn
    assert '<path class="p" d="M32 14L62 21.2"/>' in drawn
    assert '<circle class="o" cx="62" cy="21.2"/>' in drawn
    assert '<circle class="d ok" cx="32" cy="14"/>' in drawn


def test_signal_has_a_ring_and_outliers_are_clamped() -> None:
    trail = weeks(10.0, 500.0)
    trail[1] = replace(trail[1], signal=True)
    drawn = sparkline(trail, 1, (0.0, 20.0), None, CELL)
    assert '<circle class="s" cx="62" cy="2"/>' in drawn


def test_gap_is_no_line_and_no_zero() -> None:
    drawn = sparkline(weeks(10.0, None, 20.0), 2, (0.0, 20.0), None)
    assert '<path class="l" d="M2 14M62 2"/>' in drawn
    assert "26" not in drawn
