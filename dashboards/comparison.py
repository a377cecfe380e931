"""One indicator of many teams beside each other: ranked as dots and rows, and over time on one scale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup

from app.auth.access import ALL, Sees
from app.metrics.answers import Matrix, MatrixCell, TeamRow
from app.metrics.indicator import Better, Indicator, Reason, Status, Unit
from dashboards import addresses, figures, formatting, shares
from dashboards.cells import change_of, colour_of, domain_of, judged_of, mark_of
from dashboards.overview import team_address
from dashboards.scale import Domain
from dashboards.sentences import few, status_words
from dashboards.sparkline import SMALL_MULTIPLE, sparkline
from dashboards.static_chart import Dot, dot_plot
from dashboards.trend import FEW


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One team of the table below the dot plot."""

    name: str
    group: str
    address: str
    shown: str
    sort: str
    low: str
    high: str
    count: str
    evidence: str | None
    target: str
    mark: str
    colour: str
    status: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Small:
    """One small multiple."""

    name: str
    address: str
    shown: str
    change: str | None
    chart: Markup


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Small multiples of the teams below one, which has a page of its own for the indicator."""

    name: str
    address: str
    members: Sequence[Small]


class Comparison:
    """The teams without teams below them, in the order of the organisation.

    scope: slug of the team in the address; one without teams below it is shown among its neighbours.
    root: the cell of the page's own team, whose target is drawn. kept: the page's address. tolerance:
    as it is configured. sees: what the reader may.
    """

    def __init__(
        self,
        matrix: Matrix,
        root: MatrixCell,
        scope: str | None,
        kept: Mapping[str, str | None],
        tolerance: float,
        sees: Sees = ALL,
    ) -> None:
        self._sees = sees
        self.indicator: Indicator = root.indicator
        self.target = root.target
        self._kept = kept
        self._tolerance = tolerance
        self._by_slug = {team.slug: team for team in matrix.teams}
        own = self._by_slug[scope] if scope else None
        around = scope if own is None or own.has_children else own.parent
        self.inside = [team for team in matrix.teams if around is None or self._below(team, around)]
        self._cells = {
            team.slug: matrix.cells[team.slug, self.indicator.key] for team in self.inside
        }
        self.leaves = [team for team in self.inside if not team.has_children]
        self.with_value = [team for team in self.leaves if self._of(team).judged.value is not None]

    def _of(self, team: TeamRow) -> MatrixCell:
        return self._cells[team.slug]

    def _below(self, team: TeamRow, scope: str) -> bool:
        slug: str | None = team.slug
        while slug is not None and slug != scope:
            slug = self._by_slug[slug].parent
        return slug is not None

    @cached_property
    def ranked(self) -> list[TeamRow]:
        """Those with a value, from the worse end."""
        return sorted(
            self.with_value,
            key=lambda team: self._of(team).judged.value or 0,
            reverse=self.indicator.better is Better.LOWER,
        )

    @cached_property
    def dots(self) -> list[Dot]:
        """The ranked teams as they are drawn."""
        return [self._dot(team) for team in self.ranked]

    @property
    def rows(self) -> list[Row]:
        """The ranked teams as they stand in the table."""
        return [self._row(team) for team in self.ranked]

    @property
    def target_words(self) -> str:
        """What stands at the line of the target; empty without one."""
        if self.target is None:
            return ""
        return f"target {formatting.target(self.indicator, self.target)}"

    @property
    def plot(self) -> Markup:
        """The dots as the server draws them."""
        return dot_plot(self.dots, self.target, self.target_words) if self.dots else Markup()

    @property
    def figure(self) -> dict[str, object] | None:
        """The dots as Plotly draws them."""
        if not self.dots:
            return None
        title = str(self.indicator.unit)
        if any(dot.low is not None for dot in self.dots):
            title += ": median and middle half (p25 to p75)"
        figure = figures.dots_figure(self.dots, self.target, self.target_words, title)
        return figures.spec(figure, figures.NARROW_DOTS)

    @property
    def own_targets(self) -> bool:
        """Whether a team is judged against another target than the line that is drawn."""
        return any(dot.own_target is not None for dot in self.dots)

    @cached_property
    def scale(self) -> Domain:
        """That of the small multiples."""
        return domain_of(self._of(team) for team in self.with_value)

    @property
    def scale_words(self) -> str:
        """`All on one scale, 0 to 60 days; dashed line: target 30.`"""
        least, most = self.indicator.possible
        low = max(self.scale[0], least or 0.0)
        high = self.scale[1] if most is None else min(self.scale[1], most)
        decimals = 0 if high >= 10 else self.indicator.decimals
        ends = " to ".join(formatting.plain(round(end, decimals)) for end in (low, high))
        unit = {Unit.DAYS: " days", Unit.PERCENT: "%"}.get(self.indicator.unit, " per person")
        dashed = ""
        if self.target is not None:
            own = " or the team’s own" if self.own_targets else ""
            dashed = f"; dashed line: target {formatting.plain(self.target)}{own}"
        return f"All on one scale, {ends}{unit}{dashed}."

    @property
    def groups(self) -> list[Group]:
        """Small multiples below the team above, in the order of the organisation."""
        groups: dict[str, Group] = {}
        for team in self.with_value:
            above = self._by_slug[team.parent] if team.parent else team
            address = addresses.indicator(
                self.indicator.key, **{**self._kept, "team": above.slug if above.parent else None}
            )
            group = groups.setdefault(
                above.slug, Group(name=above.name, address=address, members=[])
            )
            groups[above.slug] = Group(
                name=group.name, address=group.address, members=[*group.members, self._small(team)]
            )
        return list(groups.values())

    @property
    def mixes(self) -> list[shares.Mix]:
        """Every team whose shares are shown, teams with others below them included."""
        return [
            shares.mix_of(team.name, self._address(team), self._of(team).judged)
            for team in self.inside
            if self._of(team).judged.categories
        ]

    @property
    def hidden(self) -> list[str]:
        """The teams whose value may not be shown."""
        return [
            team.name for team in self.leaves if self._of(team).judged.reason is Reason.SUPPRESSED
        ]

    @property
    def empty(self) -> list[str]:
        """The teams that have no value."""
        return sorted(
            team.name
            for team in self.leaves
            if (point := self._of(team).judged).value is None
            and not point.categories
            and point.reason is not Reason.SUPPRESSED
        )

    @property
    def few(self) -> list[str]:
        """The teams of whose value one case decides a lot."""
        return sorted(dot.name for dot in self.dots if dot.few)

    def _address(self, team: TeamRow) -> str:
        kept = self._kept
        return team_address(team.slug, kept["period"], self.indicator.key, kept["variant"])

    def _dot(self, team: TeamRow) -> Dot:
        cell = self._of(team)
        point, judged = cell.judged, judged_of(cell, self._tolerance)
        assert point.value is not None
        return Dot(
            name=team.name,
            value=point.value,
            shown=formatting.short(self.indicator, point.value, judged.at),
            n=point.n or 0,
            few=few(point, self.indicator, FEW),
            status=point.status,
            low=point.p25,
            high=point.p75,
            own_target=cell.target if cell.target != self.target else None,
        )

    def _row(self, team: TeamRow) -> Row:
        cell = self._of(team)
        point, judged = cell.judged, judged_of(cell, self._tolerance)
        status = point.status or (Status.NO_DATA if point.value is None else None)
        about = {"team": team.slug, **{name: self._kept[name] for name in ("period", "variant")}}
        return Row(
            name=team.name,
            group=self._by_slug[team.parent].name if team.parent else "",
            address=self._address(team),
            shown=formatting.short(self.indicator, point.value, judged.at),
            sort=repr(point.value),
            low=formatting.number(self.indicator, point.p25),
            high=formatting.number(self.indicator, point.p75),
            count=formatting.count(point.n),
            evidence=addresses.evidence(self.indicator.key, **about)
            if point.n
            and self.indicator.evidence_kinds
            and self._sees.evidence(self.indicator, team.slug)
            else None,
            target=formatting.target(self.indicator, cell.target) or "none",
            mark=mark_of(status),
            colour=colour_of(status),
            status=status_words(point).capitalize(),
        )

    def _small(self, team: TeamRow) -> Small:
        cell = self._of(team)
        judged = judged_of(cell, self._tolerance)
        return Small(
            name=team.name,
            address=self._address(team),
            shown=formatting.short(self.indicator, cell.judged.value, judged.at),
            change=change_of(judged),
            chart=sparkline(cell.trail, cell.judged_index, self.scale, cell.target, SMALL_MULTIPLE),
        )
