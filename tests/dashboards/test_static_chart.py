"""Charts that the server draws: to the pixel where it decides, and nothing but text from names."""

import re
from dataclasses import replace

from app.metrics.indicator import Status
from dashboards.static_chart import Dot, dot_plot, dots_domain, strip, trend_chart
from dashboards.trend import trend_of

from .made import AGE_LIMITS, RATE, months, series, weeks


def chart(*args: object, **more: object) -> str:
    trend = trend_of(series(*args, **more))  # type: ignore[arg-type]
    assert trend is not None
    return trend_chart(trend, height=150)


def test_line_spans_the_plot_and_stands_at_its_height() -> None:
    drawn = chart(weeks(10.0, 25.0), targets=[("2020-01-01", 25.0)])
    # 8 days from x 30 to 408; the axis ends at 25 × 1.12 = 28: 25 is 113.4 of 127 pixels high.
    assert '<path class="l" d="M30 87.6L360.8 19.6"/>' in drawn
    assert '<path class="t" d="M30.0 19.6H408.0"/>' in drawn
    assert '<text x="414" y="23.1">target 25</text>' in drawn
    assert '<circle class="o" cx="360.8" cy="19.6" r="2.6"/>' in drawn  # the day is not over


def test_band_and_its_label_are_pushed_from_the_target() -> None:
    drawn = chart(weeks(20.0, 21.0), limits=AGE_LIMITS, targets=[("2020-01-01", 25.0)])
    band = re.search(r'<rect class="b" x="30" y="([\d.]+)" width="378" height="([\d.]+)"/>', drawn)
    assert band is not None
    # 14.5 days of the 31.1 × 1.12 on 127 pixels.
    assert abs(float(band[2]) - 14.5 / (31.1 * 1.12) * 127) < 0.1
    heights = [float(y) for y in re.findall(r'<text x="414" y="([\d.]+)">', drawn)]
    assert len(heights) == 2
    assert round(abs(heights[0] - heights[1]), 1) == 11.0
    assert ">normal 17–31</text>" in drawn


def test_gap_is_not_bridged_and_a_lone_value_is_a_dot() -> None:
    drawn = chart(weeks(10.0, None, 20.0, None, 20.0, 21.0))
    line = re.search(r'<path class="l" d="([^"]+)"/>', drawn)
    assert line is not None
    assert line[1].count("M") == 3
    assert line[1].count("L") == 1
    assert drawn.count('r="1.4"') == 2


def test_running_month_is_dotted_and_signals_are_dots() -> None:
    points = months(9.0, 8.0, 5.5)
    points[1] = replace(points[1], signal=True)
    drawn = chart(points, RATE)
    assert re.search(r'<path class="l" d="M[^L"]+L[^L"]+"/>', drawn)
    assert re.search(r'<path class="p" d="M[^L"]+L[^L"]+"/>', drawn)
    assert drawn.count('class="q"') == 1


def dot(name: str, value: float, **other: object) -> Dot:
    made = Dot(
        name=name,
        value=value,
        shown=f"{value:.1f}",
        n=31,
        few=False,
        status=Status.ON_TARGET,
        low=None,
        high=None,
    )
    return replace(made, **other)  # type: ignore[arg-type]


def test_dot_plot_reaches_the_longest_middle_half_and_escapes_names() -> None:
    dots = [
        dot("A <b>", 40.0, status=Status.PROBLEM, low=20.0, high=60.0),
        dot("B", 20.0, n=8, few=True),
    ]
    assert dots_domain(dots, 30.0) == (0.0, 61.2)
    drawn = dot_plot(dots, 30.0, "target ≤ 30 days")
    assert "A &lt;b&gt;" in drawn
    assert "<b>" not in drawn
    # 460 pixels from x 150 for 61.2 days.
    assert '<rect class="h" x="300.3" y="30.5" width="300.7" height="4"/>' in drawn
    assert '<circle class="w ok u" cx="300.3" cy="57.5" r="4.5"/>' in drawn
    assert '<path class="w bad" d="M450.7 26.5 456.7 32.5' in drawn
    assert ">n 8, few</text>" in drawn
    assert ">target ≤ 30 days</text>" in drawn


def test_no_team_with_a_value_is_an_axis_to_1() -> None:
    assert dots_domain([], None) == (0.0, 1.0)


def test_strip_marks_median_target_and_middle_half() -> None:
    drawn = strip(
        [0.0, 10.0, 100.0],
        median=10.0,
        median_words="10.0",
        middle_half=(5.0, 55.0),
        target=30.0,
        label='3 "ages"',
    )
    # 1084 pixels from x 8 for 104 days.
    assert '<rect class="b" x="60.1" y="14" width="521.2" height="28"/>' in drawn
    assert '<path class="t" d="M320.7 10V42"/>' in drawn
    assert [f"{float(x):.1f}" for x in re.findall(r'class="d"[^>]* cx="([\d.]+)"', drawn)] == [
        *("8.0", "112.2", "1050.3"),
    ]
    assert ">median 10.0</text>" in drawn
    assert 'role="img" aria-label="3 &#34;ages&#34;"' in drawn


def test_strip_of_very_many_is_one_path() -> None:
    ages = [float(age % 97) for age in range(1_000)]
    drawn = strip(
        ages, median=48.0, median_words="48.0", middle_half=None, target=None, label="1,000 ages"
    )
    assert "<circle" not in drawn
    assert len(drawn) < 3_000
