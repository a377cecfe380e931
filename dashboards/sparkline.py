"""Points → inline SVG without axes: the trail in a cell of the overview, and the small multiples."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.metrics.indicator import Point, Status
from dashboards.scale import Domain, placed

STATUS_CLASS = {
    Status.ON_TARGET: "ok",
    Status.ATTENTION: "warn",
    Status.PROBLEM: "bad",
    Status.NO_TARGET: "none",
    Status.NO_DATA: "none",
    Status.SUPPRESSED: "none",
}


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of the drawing, in pixels."""

    width: int
    height: int


CELL = Size(64, 28)
SMALL_MULTIPLE = Size(150, 50)


def coordinates(x: float, y: float) -> str:
    """A position with at most one decimal."""
    return f"{_short(x)} {_short(y)}"


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def path(positions: Sequence[tuple[float, float] | None]) -> str:
    """A line through the positions; nothing is drawn over a gap."""
    out, pen_down = [], False
    for position in positions:
        if position is not None:
            out.append(f"{'L' if pen_down else 'M'}{coordinates(*position)}")
        pen_down = position is not None
    return "".join(out)


def sparkline(
    trail: Sequence[Point],
    judged_index: int,
    domain: Domain,
    target: float | None,
    size: Size = CELL,
) -> Markup:
    """The trail of one team with the judged point in its status colour.

    A partial judged point is hollow; what follows the judged point (the running month) is dotted and
    ends in a hollow point. A ring marks a signal. The style sheet has the sizes of the points. Hidden
    from assistive technology: the cell says it.
    """
    width, height = size.width, size.height
    # As far from the left edge as from the right; thirteen points of a cell stand at whole pixels.
    step = (width - 4) / max(len(trail) - 1, 1)

    def at_height(value: float) -> float:
        return height - 2 - placed(value, domain) * (height - 4)

    spots = [
        None if point.value is None else (2 + index * step, at_height(point.value))
        for index, point in enumerate(trail)
    ]
    out = [f'<svg class="sp" viewBox="0 0 {width} {height}" aria-hidden="true">']
    if target is not None:
        out.append(f'<path class="t" d="M0 {_short(at_height(target))}H{width}"/>')
    line = path(spots[: judged_index + 1])
    if line:
        out.append(f'<path class="l" d="{line}"/>')
    judged = spots[judged_index] if trail else None
    last = spots[-1] if trail else None
    if last is not None and judged_index < len(trail) - 1:
        if judged is not None:
            out.append(f'<path class="p" d="{path(spots[judged_index:])}"/>')
        out.append(f'<circle class="o" cx="{_short(last[0])}" cy="{_short(last[1])}"/>')
    if judged is not None:
        point = trail[judged_index]
        spot = f'cx="{_short(judged[0])}" cy="{_short(judged[1])}"'
        colour = STATUS_CLASS[point.status] if point.status else "none"
        shape = "r" if point.partial else "d"
        out.append(f'<circle class="{shape} {colour}" {spot}/>')
        if point.signal:
            out.append(f'<circle class="s" {spot}/>')
    return Markup("".join(out) + "</svg>")  # noqa: S704 - numbers and our own names only
