"""Series → Plotly figure; pure, and the only home of plotly and pandas.

A figure is built in the colours of the light theme, so that it is a valid Plotly figure by itself.
`spec` writes each of these colours as its name (`$accent`): the browser puts in those of its theme.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape as escape_html
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from app.metrics.indicator import Status
from dashboards import formatting
from dashboards.scale import apart, placed, ticks
from dashboards.sentences import few
from dashboards.sparkline import STATUS_CLASS
from dashboards.static_chart import Dot, dots_domain
from dashboards.trend import FEW, Trend

TEMPLATE: Mapping[str, Any] = json.loads(
    (Path(__file__).parent / "static" / "plotly_template.json").read_text(encoding="utf-8")
)
COLOURS: Mapping[str, str] = TEMPLATE["light"]["layout"]["meta"]
NAMES = {colour: f"${name}" for name, colour in COLOURS.items()}
SYMBOLS = {Status.ATTENTION: "triangle-up", Status.PROBLEM: "diamond"}
TREND_HEIGHT = 150
SILENT = {"hoverinfo": "skip"}
SPOKEN = {"hovertemplate": "%{text}<extra></extra>"}
DASHED = {"width": 1.25, "dash": "5px,3px"}
ROW = 25


def escape(text: str) -> str:
    """A name as Plotly's text: no markup, and no `$` that would be taken for a colour."""
    return escape_html(text).replace("$", "&#36;")


def frame(trend: Trend) -> pd.DataFrame:
    """A row for each point: value (NaN at a gap), n, signal, partial and the text of its tip.

    Index: the day of the point as `YYYY-MM-DD`.
    """
    points = trend.points
    table = pd.DataFrame(
        {
            "value": pd.array([point.value for point in points], dtype="Float64"),
            "n": pd.array([point.n for point in points], dtype="Int64"),
            "signal": [point.signal for point in points],
            "partial": [point.partial for point in points],
            "text": [_tip(trend, index) for index in range(len(points))],
        },
        index=pd.Index([day.isoformat() for day in trend.days], name="day"),
    )
    return table


def _tip(trend: Trend, index: int) -> str:
    point = trend.points[index]
    if point.value is None:
        return ""
    lines = [f"<b>{escape(formatting.full(trend.indicator, point.value))}</b>"]
    if point.n is not None:
        lines.append(f"n {point.n:,}{', few' if few(point, trend.indicator, FEW) else ''}")
    lines += ["signal"] * point.signal + ["period not over"] * point.partial
    return "<br>".join(lines)


def _values(table: pd.DataFrame) -> list[float | None]:
    return [None if pd.isna(value) else float(value) for value in table["value"]]


def trend_figure(trend: Trend) -> go.Figure:
    """A line over time: target steps, normal range, signals; the running period hollow."""
    table = frame(trend)
    line = table.iloc[:-1] if trend.dotted else table
    last = table.iloc[-1:]
    signals = table[table["signal"] & table["value"].notna()]
    tail = table.iloc[-2:]
    accent = COLOURS["accent"]
    figure = go.Figure()
    figure.add_scatter(
        x=list(line.index),
        y=_values(line),
        mode="lines",
        line={"color": accent},
        text=list(line["text"]),
        connectgaps=False,
        **SPOKEN,
    )
    if trend.dotted:
        figure.add_scatter(
            x=list(tail.index),
            y=_values(tail),
            mode="lines",
            line={"color": accent, "dash": "2px,3px", "width": 1.5},
            connectgaps=False,
            **SILENT,
        )
    if len(signals):
        figure.add_scatter(
            x=list(signals.index),
            y=_values(signals),
            mode="markers",
            marker={"size": 5, "color": COLOURS["ink"]},
            **SILENT,
        )
    figure.add_scatter(
        x=list(last.index),
        y=_values(last),
        mode="markers",
        marker={
            "size": 7,
            "color": COLOURS["bg"] if trend.hollow else accent,
            "line": {"color": accent, "width": 1.75},
        },
        text=list(last["text"]),
        **(SPOKEN if trend.dotted else SILENT),
    )
    low, high = trend.domain
    marks = trend.dates
    figure.update_layout(
        template=None,
        height=TREND_HEIGHT,
        xaxis={
            "type": "date",
            "range": [trend.first.isoformat(), trend.last.isoformat()],
            "tickvals": [day.isoformat() for day, _ in marks],
            "ticktext": [label for _, label in marks],
            "hoverformat": "%b %Y" if trend.dotted or _monthly(trend.days) else "%-d %b %Y",
        },
        yaxis={"range": [low, round(high, 3)], "tickvals": ticks(trend.domain)},
        shapes=_trend_shapes(trend),
        annotations=_trend_labels(trend),
    )
    return figure


def _monthly(days: Sequence[date]) -> bool:
    return all(day.day == 1 for day in days) and len(days) > 1


def _trend_shapes(trend: Trend) -> list[dict[str, Any]]:
    shapes: list[dict[str, Any]] = []
    low, high = trend.domain
    if trend.limits:
        across = {"xref": "paper", "x0": 0, "x1": 1, "layer": "below"}
        shapes += [
            {
                "type": "rect",
                "y0": max(trend.limits.lower, low),
                "y1": min(trend.limits.upper, high),
                "fillcolor": COLOURS["band"],
                "line": {"width": 0},
                **across,
            },
            {
                "type": "line",
                "y0": trend.limits.centre,
                "y1": trend.limits.centre,
                "line": {"color": COLOURS["centre"], "width": 1},
                **across,
            },
        ]
    shapes += [
        {
            "type": "line",
            "x0": line.first.isoformat(),
            "x1": line.last.isoformat(),
            "y0": line.value,
            "y1": line.value,
            "line": {"color": COLOURS["target"], **DASHED},
        }
        for line in trend.targets
    ]
    return shapes


def _trend_labels(trend: Trend) -> list[dict[str, Any]]:
    def pixels(value: float) -> float:
        return (TREND_HEIGHT - 32) * (1 - placed(value, trend.domain))

    at_edge = {"x": 1, "xref": "paper", "xshift": 6}
    labels: list[dict[str, Any]] = []
    target = trend.target
    if target is not None:
        labels.append({"y": target, "text": f"target {formatting.plain(target)}", **at_edge})
    if trend.limits:
        centre = pixels(trend.limits.centre)
        moved = centre if target is None else apart(pixels(target), centre, 14)
        labels.append(
            {
                "y": trend.limits.centre,
                "yshift": round(centre - moved, 1),
                "text": f"normal {formatting.normal_range(trend.indicator, trend.limits, '–')}",
                **at_edge,
            }
        )
    return labels


def dots_figure(
    dots: Sequence[Dot], target: float | None, target_words: str, axis_title: str
) -> go.Figure:
    """Many teams now, first at the top: the value in its status shape, and the middle half."""
    table = pd.DataFrame(dots)[::-1].reset_index(drop=True)
    spread = table.dropna(subset=["low", "high"])
    colours = [
        COLOURS[STATUS_CLASS[s] if s in SYMBOLS or s == Status.ON_TARGET else "muted"]
        for s in table["status"]
    ]
    figure = go.Figure()
    if len(spread):
        figure.add_scatter(
            x=[
                x
                for low, high in zip(spread["low"], spread["high"], strict=True)
                for x in (round(low, 2), round(high, 2), None)
            ],
            y=[y for row in spread.index for y in (int(row), int(row), None)],
            mode="lines",
            line={"color": COLOURS["range"], "width": 4},
            connectgaps=False,
            **SILENT,
        )
    figure.add_scatter(
        x=[round(value, 3) for value in table["value"]],
        y=[int(row) for row in table.index],
        mode="markers",
        marker={
            "size": [11 if status in SYMBOLS else 9 for status in table["status"]],
            "symbol": [SYMBOLS.get(status, "circle") for status in table["status"]],
            "opacity": 1,
            "color": [
                COLOURS["bg"] if few else colour
                for few, colour in zip(table["few"], colours, strict=True)
            ],
            "line": {"width": 1.75, "color": colours},
        },
        text=[_dot_tip(dot) for dot in reversed(dots)],
        **SPOKEN,
    )
    height = len(dots) * ROW + 58
    figure.update_layout(
        template=None,
        height=height,
        hovermode="closest",
        margin={"l": 150, "r": 110, "t": 20, "b": 38},
        xaxis={
            "type": "linear",
            "range": list(dots_domain(dots, target)),
            "tickvals": ticks(dots_domain(dots, target)),
            "showgrid": True,
            "gridcolor": COLOURS["grid"],
            "showline": False,
            "ticks": "",
            "showspikes": False,
            "hoverformat": "",
            "title": {"text": axis_title, "font": {"size": 11}, "standoff": 8},
        },
        yaxis={
            "showgrid": False,
            "range": [-0.7, len(dots) - 0.3],
            "tickvals": [int(row) for row in table.index],
            "ticktext": [escape(name) for name in table["name"]],
            "tickfont": {"size": 12, "color": COLOURS["ink"]},
            "ticklabelstandoff": 12,
        },
        shapes=_dot_targets(dots, target),
        annotations=_dot_labels(dots, target, target_words),
    )
    return figure


def _dot_targets(dots: Sequence[Dot], target: float | None) -> list[dict[str, Any]]:
    """The target across all teams, and a stroke in the row of each that has another."""
    ink = {"color": COLOURS["target"]}
    across = {"yref": "paper", "y0": 0, "y1": 1, "line": {**ink, **DASHED}}
    shapes: list[dict[str, Any]] = []
    if target is not None:
        shapes.append({"type": "line", "x0": target, "x1": target, **across})
    for row, dot in enumerate(reversed(dots)):
        if dot.own_target is not None:
            at = {"x0": dot.own_target, "x1": dot.own_target, "y0": row - 0.36, "y1": row + 0.36}
            shapes.append({"type": "line", "line": {**ink, "width": DASHED["width"]}, **at})
    return shapes


def _dot_tip(dot: Dot) -> str:
    lines = [f"<b>{escape(dot.name)}: {escape(dot.shown)}</b>", dot.count]
    if dot.low is not None and dot.high is not None:
        lines.append(f"middle half {dot.low:.1f} to {dot.high:.1f}")
    if dot.own_target is not None:
        lines.append(f"its own target {formatting.plain(dot.own_target)}")
    return "<br>".join(lines)


def _dot_labels(dots: Sequence[Dot], target: float | None, words: str) -> list[dict[str, Any]]:
    labels: list[dict[str, Any]] = []
    for row, dot in enumerate(reversed(dots)):
        at = {"x": 1, "xref": "paper", "y": row}
        ink = {"size": 12, "color": COLOURS["ink"]}
        labels.append({**at, "xshift": 8, "text": dot.shown, "font": ink})
        labels.append({**at, "xshift": 48, "text": dot.count})
    if target is not None:
        labels.append(
            {
                "x": target,
                "y": 1,
                "yref": "paper",
                "yanchor": "bottom",
                "xanchor": "center",
                "text": escape(words),
            }
        )
    return labels


NARROW_DOTS = {"margin": {"l": 132, "r": 96, "t": 20, "b": 38}}


def spec(figure: go.Figure, narrow: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """`{data, layout, narrow}` as the page carries it; colours by name, `narrow` for small screens."""
    plain = figure.to_plotly_json()
    out = {"data": _named(plain["data"]), "layout": _named(plain["layout"])}
    return {**out, "narrow": dict(narrow)} if narrow else out


def _named(part: Any, key: str = "") -> Any:
    if isinstance(part, Mapping):
        return {name: _named(value, name) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [_named(value, key) for value in part]
    return NAMES.get(part, part) if key.endswith("color") else part
