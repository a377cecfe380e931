"""Charts that the server draws as SVG: first paint, without script and in print. Plotly replaces them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup, escape

from app.metrics.indicator import Status
from dashboards import formatting
from dashboards.scale import Domain, apart, placed, ticks
from dashboards.sparkline import STATUS_CLASS, path
from dashboards.trend import Trend

LEFT, RIGHT, TOP, BOTTOM = 30, 92, 6, 17
MOST_DOTS = 300


def trend_chart(trend: Trend, width: int = 500, height: int = 150) -> Markup:
    """A line over time with its target, normal range and signals."""
    right = width - RIGHT
    days = (trend.last - trend.first).days

    def x(day: date) -> float:
        return LEFT + (right - LEFT) * (day - trend.first).days / days

    def y(value: float) -> float:
        return TOP + (height - TOP - BOTTOM) * (1 - placed(value, trend.domain))

    out = [f'<svg class="fig" viewBox="0 0 {width} {height}" aria-hidden="true">']
    if trend.limits:
        top, bottom = y(trend.limits.upper), y(trend.limits.lower)
        out.append(
            f'<rect class="b" x="{LEFT}" y="{top:.1f}" width="{right - LEFT}" '
            f'height="{max(bottom - top, 0):.1f}"/>'
            f'<path class="m" d="M{LEFT} {y(trend.limits.centre):.1f}H{right}"/>'
        )
    out += [
        f'<path class="g" d="M{LEFT} {y(tick):.1f}H{right}"/>'
        f'<text class="e" x="{LEFT - 5}" y="{y(tick) + 3.5:.1f}">{formatting.plain(tick)}</text>'
        for tick in ticks(trend.domain)
    ]
    out += [
        f'<path class="t" d="M{x(line.first):.1f} {y(line.value):.1f}H{x(line.last):.1f}"/>'
        for line in trend.targets
    ]
    out += _line(trend, x, y)
    for day, label in trend.dates:
        out.append(f'<text class="c" x="{x(day):.1f}" y="{height - 4}">{label}</text>')
    out += _edge_labels(trend, right + 6, y)
    return Markup("".join(out) + "</svg>")  # noqa: S704 - numbers and our own words only


def _line(trend: Trend, x: Callable[[date], float], y: Callable[[float], float]) -> list[str]:
    spots = [
        None if value is None else (x(day), y(value))
        for day, value in zip(trend.days, trend.values, strict=True)
    ]
    whole = len(spots) - 1 if trend.dotted else len(spots)
    out = [f'<path class="l" d="{path(spots[:whole])}"/>']
    if trend.dotted:
        out.append(f'<path class="p" d="{path(spots[whole - 1 :])}"/>')
    # A value between two gaps has no line to be seen by.
    for index, spot in enumerate(spots[:-1]):
        alone = (index == 0 or spots[index - 1] is None) and spots[index + 1] is None
        if spot and alone:
            out.append(f'<circle class="d" cx="{spot[0]:.1f}" cy="{spot[1]:.1f}" r="1.4"/>')
    for index in trend.signals:
        spot = spots[index]
        if spot:
            out.append(f'<circle class="q" cx="{spot[0]:.1f}" cy="{spot[1]:.1f}" r="2.4"/>')
    last = spots[-1]
    if last:
        shape = "o" if trend.hollow else "d"
        out.append(f'<circle class="{shape}" cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="2.6"/>')
    return out


def _edge_labels(trend: Trend, left: float, y: Callable[[float], float]) -> list[str]:
    out, target = [], trend.target
    if target is not None:
        out.append(
            f'<text x="{left}" y="{y(target) + 3.5:.1f}">target {formatting.plain(target)}</text>'
        )
    if trend.limits:
        at = y(trend.limits.centre)
        if target is not None:
            at = apart(y(target), at, 11)
        spread = formatting.normal_range(trend.indicator, trend.limits, "–")
        out.append(f'<text x="{left}" y="{at + 3.5:.1f}">normal {spread}</text>')
    return out


@dataclass(frozen=True, kw_only=True, slots=True)
class Dot:
    """One team of a dot plot. low, high: the middle half, where the indicator has one. own_target:
    what it is judged against, where that is not the target that is drawn."""

    name: str
    value: float
    shown: str
    n: int
    few: bool
    status: Status | None
    low: float | None
    high: float | None
    own_target: float | None = None

    @property
    def count(self) -> str:
        """What stands at the right edge: `n 8, few`."""
        return f"n {self.n:,}{', few' if self.few else ''}"


def dots_domain(dots: Sequence[Dot], target: float | None) -> Domain:
    """From 0 to what the largest middle half needs."""
    targets = [target or 0, *(dot.own_target or 0 for dot in dots)]
    top = max([dot.value if dot.high is None else dot.high for dot in dots] + targets)
    return (0.0, top * 1.02 if top > 0 else 1.0)


MARKS = {
    Status.ATTENTION: "M{x:.1f} {a:.1f} {r:.1f} {b:.1f}H{l:.1f}z",
    Status.PROBLEM: "M{x:.1f} {a:.1f} {r:.1f} {y:.1f} {x:.1f} {c:.1f} {l:.1f} {y:.1f}z",
}


def dot_plot(dots: Sequence[Dot], target: float | None, target_words: str) -> Markup:
    """Many teams now, in the given order: the value in its status shape, and the middle half."""
    width, row, left, right, top = 720, 25, 150, 110, 20
    height = top + row * len(dots) + 22
    domain = dots_domain(dots, target)

    def x(value: float) -> float:
        return left + placed(value, domain) * (width - left - right)

    out = [f'<svg class="fig dots" viewBox="0 0 {width} {height}" aria-hidden="true">']
    out += [
        f'<path class="g" d="M{x(tick):.1f} {top}V{height - 20}"/>'
        f'<text class="c" x="{x(tick):.1f}" y="{height - 6}">{formatting.plain(tick)}</text>'
        for tick in ticks(domain)
    ]
    if target is not None:
        out.append(
            f'<path class="t" d="M{x(target):.1f} {top}V{height - 20}"/>'
            f'<text class="c" x="{x(target):.1f}" y="{top - 7}">{escape(target_words)}</text>'
        )
    for index, dot in enumerate(dots):
        y = top + row * (index + 0.5)
        out.append(f'<text class="e k" x="{left - 12}" y="{y + 4:.1f}">{escape(dot.name)}</text>')
        if dot.low is not None and dot.high is not None:
            wide = x(dot.high) - x(dot.low)
            out.append(
                f'<rect class="h" x="{x(dot.low):.1f}" y="{y - 2:.1f}" '
                f'width="{wide:.1f}" height="4"/>'
            )
        if dot.own_target is not None:
            out.append(f'<path class="t" d="M{x(dot.own_target):.1f} {y - 9:.1f}v18"/>')
        out.append(_mark(dot, x(dot.value), y))
        out.append(
            f'<text class="k" x="{width - right + 10}" y="{y + 4:.1f}">{dot.shown}</text>'
            f'<text x="{width - right + 50}" y="{y + 4:.1f}">{dot.count}</text>'
        )
    return Markup("".join(out) + "</svg>")  # noqa: S704 - names are escaped


def _mark(dot: Dot, x: float, y: float) -> str:
    colour = STATUS_CLASS[dot.status] if dot.status else "none"
    outline = MARKS.get(dot.status) if dot.status else None
    few = " u" if dot.few else ""
    if outline is None:
        return f'<circle class="w {colour}{few}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
    shape = outline.format(x=x, y=y, a=y - 6, b=y + 5, c=y + 6, l=x - 6, r=x + 6)
    return f'<path class="w {colour}{few}" d="{shape}"/>'


def strip(
    ages: Sequence[float],
    *,
    median: float,
    median_words: str,
    middle_half: tuple[float, float] | None,
    target: float | None,
    label: str,
) -> Markup:
    """Every age as a dot on one line, with the median, the middle half and the target.

    label: the sentence that stands for the picture.
    """
    width, height = 1100, 64
    top_age = max([*ages, target or 0]) * 1.04 or 1.0

    def x(age: float) -> float:
        return 8 + age / top_age * (width - 16)

    out = [
        f'<svg class="fig" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">'
    ]
    if middle_half:
        low, high = (x(age) for age in middle_half)
        out.append(f'<rect class="b" x="{low:.1f}" y="14" width="{high - low:.1f}" height="28"/>')
    if target is not None:
        out.append(f'<path class="t" d="M{x(target):.1f} 10V42"/>')
    out.append(f'<path class="g" d="M8 42H{width - 8}"/>')
    out += _ages(sorted(x(age) for age in ages))
    out.append(f'<path class="l" d="M{x(median):.1f} 10V42"/>')
    out += _strip_labels(x, median, median_words, target)
    for tick in ticks((0, top_age)) if top_age < 40 else _tens(top_age):
        name = f"{formatting.plain(tick)} days" if tick == 0 else formatting.plain(tick)
        anchor = "c" if tick else "s"
        out.append(
            f'<text class="{anchor}" x="{x(tick) - (0 if tick else 4):.1f}" y="56">{name}</text>'
        )
    return Markup("".join(out) + "</svg>")  # noqa: S704 - the label is escaped


def _ages(spots: Sequence[float]) -> list[str]:
    """One dot each, piled where they touch; very many become hairlines, one per place."""
    if len(spots) > MOST_DOTS:
        places = sorted({round(spot * 2) / 2 for spot in spots})
        return [f'<path class="l" opacity=".5" d="{"".join(f"M{at:g} 26V42" for at in places)}"/>']
    radius, apart_by, rows = (3.6, 8.5, 3) if len(spots) <= 60 else (2.2, 5.2, 4)
    out, pile = [], 0
    for index, at in enumerate(spots):
        pile = pile + 1 if index and at - spots[index - 1 - pile] < apart_by else 0
        out.append(
            f'<circle class="d" fill-opacity=".75" cx="{at:.1f}" '
            f'cy="{36 - min(pile, rows - 1) * apart_by:.1f}" r="{radius}"/>'
        )
    return out


def _tens(top: float) -> list[float]:
    step = next(s for s in (10, 20, 50, 100, 200, 500, 1000, 10_000) if top / s <= 9 or s == 10_000)
    return [float(tick) for tick in range(0, int(top) + 1, step)]


def _strip_labels(
    x: Callable[[float], float], median: float, median_words: str, target: float | None
) -> list[str]:
    at = x(median)
    words = f"median {median_words}"
    if target is None:
        return [f'<text class="c" x="{max(at, 34):.1f}" y="7">{words}</text>']
    goal = x(target)
    # Side by side when they would touch, each away from the other.
    if abs(goal - at) < 78:
        first, second = ("e", "s") if goal <= at else ("s", "e")
    else:
        first, second = "c", "c"
    return [
        f'<text class="{first}" x="{max(goal, 34):.1f}" y="7">target {formatting.plain(target)}</text>',
        f'<text class="{second}" x="{max(at, 34):.1f}" y="7">{words}</text>',
    ]
