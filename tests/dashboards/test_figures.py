"""Plotly's figures as the page carries them: JSON in which every colour is a name."""

import json
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go

from app.metrics.indicator import Limits, Point, Status
from dashboards import figures
from dashboards.static_chart import Dot
from dashboards.trend import trend_of

from .made import AGE, AGE_LIMITS, RATE, RATE_LIMITS, months, series, weeks


def drawn(
    points: list[Point],
    limits: Limits | None = None,
    targets: tuple[tuple[str, float | None], ...] = (),
    monthly: bool = False,
) -> dict[str, Any]:
    made = series(points, RATE if monthly else AGE, limits, targets)
    trend = trend_of(made)
    assert trend is not None
    spec: dict[str, Any] = json.loads(json.dumps(figures.spec(figures.trend_figure(trend))))
    return spec


def test_line_carries_the_exact_values() -> None:
    line, end = drawn(weeks(20.0, 21.123456789, 22.0))["data"]
    assert line["x"] == ["2026-11-08", "2026-11-15", "2026-11-22"]
    assert line["y"] == [20.0, 21.123456789, 22.0]
    assert line["line"]["color"] == "$accent"
    assert line["text"][1] == "<b>21.1 days</b><br>n 31"
    assert (end["x"], end["y"]) == (["2026-11-22"], [22.0])


def test_gap_is_null_and_is_not_bridged() -> None:
    line = drawn(weeks(20.0, None, 22.0))["data"][0]
    assert line["y"] == [20.0, None, 22.0]
    assert line["connectgaps"] is False
    assert line["text"][1] == ""


def test_target_is_a_dashed_step_with_a_label() -> None:
    layout = drawn(weeks(20.0, 21.0), targets=(("2020-01-01", 30.0), ("2026-11-18", 25.0)))[
        "layout"
    ]
    steps = [(s["x0"], s["x1"], s["y0"], s["y1"]) for s in layout["shapes"]]
    assert steps == [
        ("2026-11-15", "2026-11-18", 30.0, 30.0),
        ("2026-11-18", "2026-11-23", 25.0, 25.0),
    ]
    assert {(s["line"]["color"], s["line"]["dash"]) for s in layout["shapes"]} == {
        ("$target", "5px,3px")
    }
    assert [a["text"] for a in layout["annotations"]] == ["target 25"]


def test_limits_are_a_band_with_a_centre_line_below_everything() -> None:
    layout = drawn(weeks(20.0, 21.0), AGE_LIMITS)["layout"]
    band, centre = layout["shapes"]
    assert (band["type"], band["y0"], band["y1"]) == ("rect", 16.6, 31.1)
    assert (band["fillcolor"], band["layer"]) == ("$band", "below")
    assert (centre["y0"], centre["y1"], centre["line"]["color"]) == (23.9, 23.9, "$centre")
    assert [a["text"] for a in layout["annotations"]] == ["normal 17–31"]


def test_running_day_is_hollow_and_a_day_that_is_over_is_not() -> None:
    assert drawn(weeks(20.0, 21.0))["data"][-1]["marker"]["color"] == "$bg"
    over = [replace(each, partial=False) for each in weeks(20.0, 21.0)]
    assert drawn(over)["data"][-1]["marker"]["color"] == "$accent"


def test_running_month_is_joined_by_dots() -> None:
    line, dots, end = drawn(months(9.0, 8.0, 5.5), RATE_LIMITS, monthly=True)["data"]
    assert line["y"] == [9.0, 8.0]
    assert (dots["y"], dots["line"]["dash"]) == ([8.0, 5.5], "2px,3px")
    assert (end["y"], end["marker"]["color"]) == ([5.5], "$bg")
    assert end["text"] == ["<b>5.5 per person</b><br>n 89<br>period not over"]


def test_signals_are_small_dots_of_ink() -> None:
    points = weeks(20.0, 41.0, 22.0)
    points[1] = replace(points[1], signal=True)
    marks = drawn(points)["data"][1]
    assert (marks["x"], marks["y"]) == (["2026-11-15"], [41.0])
    assert marks["marker"]["color"] == "$ink"


def test_few_cases_are_told_in_the_tip() -> None:
    points = [replace(each, n=9) for each in weeks(20.0, 21.0)]
    assert drawn(points)["data"][0]["text"][0] == "<b>20.0 days</b><br>n 9, few"


DOTS = [
    Dot(
        name="<b>Search</b> $5",
        value=41.3,
        shown="41.3",
        n=31,
        few=False,
        status=Status.PROBLEM,
        low=18.0,
        high=62.0,
    ),
    Dot(
        name="Docs",
        value=14.9,
        shown="14.9",
        n=8,
        few=True,
        status=Status.ON_TARGET,
        low=None,
        high=None,
    ),
]


def test_dot_plot_has_the_first_team_at_the_top_in_its_status_shape() -> None:
    figure = figures.dots_figure(DOTS, 30.0, "target ≤ 30 days", "days")
    spec = json.loads(json.dumps(figures.spec(figure, figures.NARROW_DOTS)))
    spread, marks = spec["data"]
    assert (spread["x"], spread["y"]) == ([18.0, 62.0, None], [1, 1, None])
    assert (marks["x"], marks["y"]) == ([14.9, 41.3], [0, 1])
    assert marks["marker"]["symbol"] == ["circle", "diamond"]
    assert marks["marker"]["color"] == ["$bg", "$bad"]  # few cases: hollow
    assert marks["marker"]["line"]["color"] == ["$ok", "$bad"]
    assert [a["text"] for a in spec["layout"]["annotations"]] == [
        *("14.9", "n 8, few", "41.3", "n 31"),
        "target ≤ 30 days",
    ]
    assert spec["narrow"]["margin"]["l"] == 132


def test_names_are_neither_markup_nor_colours() -> None:
    spec = figures.spec(figures.dots_figure(DOTS, None, "", "days"))
    names = spec["layout"]["yaxis"]["ticktext"]
    assert names == ["Docs", "&lt;b&gt;Search&lt;/b&gt; &#36;5"]
    assert spec["data"][1]["text"][1].startswith("<b>&lt;b&gt;Search&lt;/b&gt; &#36;5: 41.3</b>")


def test_both_themes_know_every_colour_and_are_valid_templates() -> None:
    light, dark = (figures.TEMPLATE[name]["layout"]["meta"] for name in ("light", "dark"))
    assert set(light) == set(dark)
    assert len(set(light.values())) == len(light)  # a colour stands for one name
    for name in ("light", "dark"):
        go.Figure(layout={"template": figures.TEMPLATE[name]})
