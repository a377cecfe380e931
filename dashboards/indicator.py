"""The page `/indicators/{key}`: one indicator of all teams, and what it means."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from markupsafe import Markup
from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.metrics import get_indicator, queries
from app.metrics.answers import Matrix, MatrixCell, ScorecardRow, TeamRow
from app.metrics.collected import sources_of
from app.metrics.freshness import TITLES
from app.metrics.indicator import (
    Better,
    Cadence,
    Indicator,
    Reason,
    Series,
    Status,
    Unit,
    Variant,
)
from app.metrics.points import load_basis
from app.metrics.targets import Targets
from app.settings import Settings
from dashboards import addresses, figures, formatting, shares
from dashboards.asked import Asked, today
from dashboards.cards import card_of
from dashboards.cells import change_of, colour_of, domain_of, judged_of, mark_of
from dashboards.overview import team_address
from dashboards.periods import picker
from dashboards.scale import Domain
from dashboards.sentences import few, status_words
from dashboards.sparkline import SMALL_MULTIPLE, sparkline
from dashboards.static_chart import Dot, dot_plot
from dashboards.team import DEFAULT_GRAIN, grain_choices
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
class TargetRow:
    """A line of the target history."""

    since: str
    who: str
    target: str


def view(session: Session, settings: Settings, asked: Asked) -> dict[str, object]:
    """What `indicator.html` draws. Raises NotFoundError and InvalidValueError for a wrong address."""
    indicator = get_indicator(asked.path["key"])
    variant = variant_of(indicator, asked.get("variant"))
    matrix = queries.matrix(
        session,
        settings,
        period=asked.get("period"),
        variant=variant.key if variant else None,
        only=indicator,
    )
    trend = queries.series(
        session,
        settings,
        indicator.key,
        team=asked.get("team"),
        from_=asked.get("from"),
        to=asked.get("to") or asked.get("period"),
        grain=asked.get("grain") or (DEFAULT_GRAIN if daily(indicator) else None),
        variant=variant.key if variant else None,
    )
    targets = load_basis(session, settings).targets
    return context(trend, variant, matrix, targets, settings, asked)


def daily(indicator: Indicator) -> bool:
    """Whether its periods are days, so that a grain can be chosen."""
    return indicator.cadence is Cadence.DAILY


def variant_of(indicator: Indicator, asked: str | None) -> Variant | None:
    """The variant of an address, the default one without; None where there are none.

    Raises NotFoundError (field `variant`).
    """
    if asked is None:
        return indicator.variants[0] if indicator.variants else None
    for variant in indicator.variants:
        if variant.key == asked:
            return variant
    known = ", ".join(variant.key for variant in indicator.variants) or "none"
    raise NotFoundError(
        f"{indicator.key} has no variant {asked!r:.40}.", "variant", f"It has {known}."
    )


def context(
    trend: Series,
    variant: Variant | None,
    matrix: Matrix,
    targets: Targets,
    settings: Settings,
    asked: Asked,
) -> dict[str, object]:
    """The page of one column of the matrix; trend: of the team in the address, or of everybody."""
    indicator = trend.indicator
    by_slug = {team.slug: team for team in matrix.teams}
    scope = asked.get("team")
    kept = {name: asked.get(name) for name in ("team", "period", "from", "to", "grain", "variant")}
    # A team without teams below it is shown among its neighbours.
    around = by_slug[scope].parent if scope and not by_slug[scope].has_children else scope
    leaves = [
        team
        for team in matrix.teams
        if not team.has_children and (around is None or _below(team, around, by_slug))
    ]
    cells = {team.slug: matrix.cells[team.slug, indicator.key] for team in leaves}
    with_value = [team for team in leaves if cells[team.slug].judged.value is not None]
    tolerance = settings.targets.tolerance
    root = matrix.cells[trend.team, indicator.key]
    ranked = sorted(
        with_value,
        key=lambda team: cells[team.slug].judged.value or 0,
        reverse=indicator.better is Better.LOWER,
    )
    dots = [dot_of(team, cells[team.slug], tolerance) for team in ranked]
    words = f"target {formatting.target(indicator, root.target)}"
    assert matrix.data_through is not None
    scale = domain_of(cells[team.slug] for team in with_value)

    def here(**other: object | None) -> str:
        return addresses.indicator(indicator.key, **{**kept, **other})

    return {
        "indicator": indicator,
        "sources": [TITLES[source] for source in sources_of(indicator, settings)],
        "plotted": not indicator.categorical,
        "variant": variant,
        "data_through": matrix.data_through,
        "recorded_at": matrix.recorded_at,
        "lede": _lede(indicator, variant, root, matrix.data_through, settings),
        "heading": _heading(root),
        "card": card_of(
            ScorecardRow(
                indicator=indicator,
                variant=trend.variant,
                point=root.judged,
                target=root.target,
                limits=root.limits,
            ),
            trend,
            settings,
            kept,
        ),
        "team_name": trend.team_name,
        "team_address": team_address(trend.team, kept["period"], indicator.key),
        "grains": grain_choices(asked, here) if daily(indicator) else [],
        "rows": [_row(team, by_slug, cells[team.slug], kept, tolerance) for team in ranked],
        "dots": dots,
        "plot": dot_plot(dots, root.target, words) if dots else Markup(),
        "figure": _figure(indicator, dots, root.target, words) if dots else None,
        "groups": _groups(with_value, by_slug, cells, scale, kept, tolerance),
        "scale_words": _scale_words(indicator, scale, root.target),
        "target": formatting.target(indicator, root.target),
        "targets": target_history(indicator, matrix.teams, targets, settings),
        "tolerance": formatting.percent(indicator.tolerated(tolerance)),
        "mixes": [
            shares.mix_of(
                team.name,
                team_address(team.slug, kept["period"], indicator.key),
                matrix.cells[team.slug, indicator.key].judged,
            )
            for team in matrix.teams
            if (around is None or _below(team, around, by_slug))
            and matrix.cells[team.slug, indicator.key].judged.categories
        ]
        if indicator.categorical
        else [],
        "hidden": [
            team.name for team in leaves if cells[team.slug].judged.reason is Reason.SUPPRESSED
        ],
        "minimum": settings.diversity.minimum,
        "few": sorted(d.name for d in dots if d.few),
        "empty": sorted(
            team.name
            for team in leaves
            if cells[team.slug].judged.value is None
            and not cells[team.slug].judged.categories
            and cells[team.slug].judged.reason is not Reason.SUPPRESSED
        ),
        "coverage": root.judged.coverage,
        "scope": by_slug[scope] if scope else None,
        "scopes": [("All teams", here(team=None), scope is None)]
        + [
            (team.name, here(team=team.slug), team.slug == scope)
            for team in matrix.teams
            if team.parent is not None and (team.has_children or team.slug == scope)
        ],
        "variants": [
            (
                one.title,
                here(variant=one.key if one.key != indicator.default_variant else None),
                variant is not None and one.key == variant.key,
            )
            for one in indicator.variants
        ],
        "picker": picker(
            asked=asked.get("period"),
            today=today(settings, matrix.data_through),
            history_start=settings.reporting.history_start,
            daily=indicator.cadence is Cadence.DAILY,
            address=lambda period: here(**{"period": period, "from": None, "to": None}),
            action=addresses.indicator(indicator.key),
            hidden={name: kept[name] for name in ("team", "grain", "variant")},
        ),
        "exports": _exports(indicator, kept),
        "template": figures.TEMPLATE,
    }


def _below(team: TeamRow, scope: str, by_slug: dict[str, TeamRow]) -> bool:
    slug: str | None = team.slug
    while slug is not None and slug != scope:
        slug = by_slug[slug].parent
    return slug is not None


def dot_of(team: TeamRow, cell: MatrixCell, tolerance: float) -> Dot:
    """A team with a value as a dot."""
    point, judged = cell.judged, judged_of(cell, tolerance)
    assert point.value is not None
    return Dot(
        name=team.name,
        value=point.value,
        shown=formatting.short(cell.indicator, point.value, judged.at),
        n=point.n or 0,
        few=few(point, cell.indicator, FEW),
        status=point.status,
        low=point.p25,
        high=point.p75,
    )


def _figure(
    indicator: Indicator, dots: Sequence[Dot], target: float | None, words: str
) -> dict[str, object]:
    title = str(indicator.unit)
    if any(dot.low is not None for dot in dots):
        title += ": median and middle half (p25 to p75)"
    figure = figures.dots_figure(dots, target, words if target is not None else "", title)
    return figures.spec(figure, figures.NARROW_DOTS)


def _lede(
    indicator: Indicator,
    variant: Variant | None,
    root: MatrixCell,
    data_through: datetime,
    settings: Settings,
) -> str:
    point, zone = root.judged, settings.reporting.zone
    when = formatting.period(point.period)
    if formatting.is_day(point.period):
        if point.partial:
            when = f"{formatting.instant_with_zone(data_through, zone)}, day not over"
        when = f"On {when}"
    else:
        when = f"In {when}{', which is not over' if point.partial else ''}"
    parts = [indicator.definition]
    if variant is not None and variant.key != indicator.default_variant:
        what = variant.definition
        parts.append(f"Variant {variant.key}: {what[:1].lower()}{what[1:]}")
    parts.append(f"{when}.")
    if indicator.better is None:
        return " ".join(parts)
    better = f"{indicator.better.value.capitalize()} is better"
    if root.target is not None:
        better += f"; target {formatting.target(indicator, root.target)}"
    return " ".join([*parts, f"{better}."])


def _heading(root: MatrixCell) -> str:
    if formatting.is_day(root.judged.period) and root.judged.partial:
        return "Now, by team"
    return f"{formatting.period(root.judged.period)}, by team"


def _row(
    team: TeamRow,
    by_slug: dict[str, TeamRow],
    cell: MatrixCell,
    kept: dict[str, str | None],
    tolerance: float,
) -> Row:
    indicator, point, judged = cell.indicator, cell.judged, judged_of(cell, tolerance)
    status = point.status or (Status.NO_DATA if point.value is None else None)
    about = {"team": team.slug, "period": kept["period"], "variant": kept["variant"]}
    return Row(
        name=team.name,
        group=by_slug[team.parent].name if team.parent else "",
        address=team_address(team.slug, kept["period"], indicator.key),
        shown=formatting.short(indicator, point.value, judged.at),
        sort=repr(point.value),
        low=formatting.number(indicator, point.p25),
        high=formatting.number(indicator, point.p75),
        count=formatting.count(point.n),
        evidence=addresses.evidence(indicator.key, **about)
        if point.n and indicator.evidence_kinds
        else None,
        mark=mark_of(status),
        colour=colour_of(status),
        status=status_words(point).capitalize(),
    )


def _groups(
    teams: Sequence[TeamRow],
    by_slug: dict[str, TeamRow],
    cells: dict[str, MatrixCell],
    scale: Domain,
    kept: dict[str, str | None],
    tolerance: float,
) -> list[tuple[str, list[Small]]]:
    """Small multiples under the name of the team above, in the order of the organisation."""
    groups: dict[str, list[Small]] = {}
    for team in teams:
        cell = cells[team.slug]
        judged = judged_of(cell, tolerance)
        name = by_slug[team.parent].name if team.parent else team.name
        groups.setdefault(name, []).append(
            Small(
                name=team.name,
                address=team_address(team.slug, kept["period"], cell.indicator.key),
                shown=formatting.short(cell.indicator, cell.judged.value, judged.at),
                change=change_of(judged),
                chart=sparkline(cell.trail, cell.judged_index, scale, cell.target, SMALL_MULTIPLE),
            )
        )
    return list(groups.items())


def _scale_words(indicator: Indicator, scale: Domain, target: float | None) -> str:
    least, most = indicator.possible
    low, high = max(scale[0], least or 0.0), scale[1] if most is None else min(scale[1], most)
    ends = " to ".join(formatting.plain(round(end, indicator.decimals)) for end in (low, high))
    unit = {Unit.DAYS: " days", Unit.PERCENT: "%"}.get(indicator.unit, " per person")
    dashed = f"; dashed line: target {formatting.plain(target)}" if target is not None else ""
    return f"All on one scale, {ends}{unit}{dashed}."


def target_history(
    indicator: Indicator, teams: Sequence[TeamRow], targets: Targets, settings: Settings
) -> list[TargetRow]:
    """Every change of the target for everybody, and for each team that has one of its own."""
    rows = []
    for team in teams:
        steps = targets.steps(indicator, team.slug)
        if team.parent is not None and steps == targets.steps(indicator, team.parent):
            continue
        above = targets.steps(indicator, team.parent) if team.parent is not None else ()
        rows += [
            TargetRow(
                since=_since(step.valid_from, settings),
                who="everybody" if team.parent is None else team.name,
                target="withdrawn"
                if step.value is None
                else formatting.target(indicator, step.value),
            )
            for step in steps
            if step not in above
        ]
    return rows


def _since(day: date, settings: Settings) -> str:
    if day <= settings.reporting.history_start:
        return "the beginning"
    return formatting.day(day)


def _exports(indicator: Indicator, kept: dict[str, str | None]) -> list[tuple[str, str]]:
    path = f"/indicators/{indicator.key}"
    compare = {"parent": kept["team"], "period": kept["period"], "variant": kept["variant"]}
    series = {name: kept[name] for name in ("team", "from", "to", "grain", "variant")}
    return [
        ("Direct teams, CSV", addresses.api(f"{path}/compare", **compare, format="csv")),
        ("Direct teams, JSON", addresses.api(f"{path}/compare", **compare)),
        ("Series, CSV", addresses.api(f"{path}/series", **series, format="csv")),
        ("Series, JSON", addresses.api(f"{path}/series", **series)),
    ]
