"""Shares of a declared attribute as a neutral stacked bar, with the words beside it.

No share has a target or a colour of its own: the tints only keep neighbours apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.metrics.indicator import Point
from app.metrics.suppression import NOT_DECLARED, OTHER
from dashboards import formatting

TINTS = 3
NAMED_IN_A_CELL = 2
"""Categories that a cell tells apart; everybody else stands together in the last part."""

GAP = 0.4
"""Between two parts, in percent of the bar."""

WORDS = {NOT_DECLARED: "not declared", OTHER: "other"}


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a bar. name: as it was declared. percent: of the members. tint: from 1; never that
    of a neighbour."""

    name: str
    percent: float
    tint: int

    @property
    def words(self) -> str:
        """`not declared 12%`."""
        return f"{name_of(self.name)} {shown(self.percent)}%"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mix:
    """A team with its shares."""

    name: str
    address: str
    headcount: str
    parts: Sequence[Share]
    bar: Markup


def mix_of(name: str, address: str, point: Point) -> Mix:
    """A team with the shares of a point."""
    parts = shares_of(point)
    return Mix(
        name=name,
        address=address,
        headcount=formatting.people(point.n or 0),
        parts=parts,
        bar=bar(parts),
    )


def name_of(category: str) -> str:
    """A category as a reader knows it."""
    return WORDS.get(category, category)


def shown(percent: float) -> str:
    """A share without its sign; nobody is told that somebody is nobody."""
    return "under 1" if 0 < percent < 0.5 else f"{percent:.0f}"


def shares_of(point: Point) -> list[Share]:
    """The shares of a point in their order; none where they are hidden."""
    return [
        Share(each.category, each.share, _tint(place))
        for place, each in enumerate(point.categories or ())
    ]


def _tint(place: int) -> int:
    """1, 2, 3, then 2 and 3 in turn: the largest part alone is the darkest."""
    return place + 1 if place < TINTS else 2 + (place - 1) % (TINTS - 1)


def leading(points: Sequence[Point]) -> list[str]:
    """The categories that the cells of a column tell apart: the largest of the first team that
    shows any."""
    for point in points:
        names = [each.category for each in point.categories or ()]
        named = [name for name in names if name not in WORDS]
        if named:
            return named[:NAMED_IN_A_CELL]
    return []


def in_a_cell(point: Point, names: Sequence[str]) -> list[Share]:
    """The shares of the leading categories, and those of everybody else together."""
    known = {each.category: each.share for each in point.categories or ()}
    if not known:
        return []
    parts = [Share(name, known[name], tint) for tint, name in enumerate(names, 1) if name in known]
    rest = sum(share for name, share in known.items() if name not in names)
    return [*parts, Share(OTHER, rest, TINTS)] if rest else parts


def figures_of(shares: Sequence[Share], names: Sequence[str]) -> str:
    """`30 / 64 / 6`: one figure for each leading category and for the others, – where it is not told."""
    known = {share.name: shown(share.percent) for share in shares}
    return "\u2009/\u2009".join(known.get(name, "–") for name in (*names, OTHER))


def head_of(names: Sequence[str]) -> str:
    """What the figures are: `women / men / other, %`."""
    return "\u2009/\u2009".join((*map(name_of, names), "other")) + ", %"


def bar(shares: Sequence[Share], *, css: str = "", height: int = 12) -> Markup:
    """The parts side by side; what it shows stands in words beside it."""
    parts: list[Markup] = []
    x = 0.0
    for share in shares:
        gap = GAP if x else 0.0
        width = max(share.percent - gap, 0.0)
        parts.append(
            Markup('<rect class="c{}" x="{:.2f}" width="{:.2f}" height="{}"/>').format(
                share.tint, x + gap, width, height
            )
        )
        x += share.percent
    opening = Markup('<svg class="{}" viewBox="0 0 100 {}" preserveAspectRatio="none" ').format(
        css or "bar", height
    )
    return opening + Markup('aria-hidden="true">') + Markup("").join(parts) + Markup("</svg>")
