"""The page `/indicators/{key}`: one indicator of all teams, and what it means."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.auth.access import ALL, Sees
from app.errors import NotFoundError
from app.metrics import get_indicator, queries
from app.metrics.answers import Matrix, MatrixCell, ScorecardRow
from app.metrics.collected import sources_of
from app.metrics.freshness import TITLES
from app.metrics.indicator import Cadence, Indicator, Series, Variant
from app.metrics.points import load_basis
from app.metrics.targets import Targets
from app.settings import Settings
from dashboards import addresses, figures, formatting
from dashboards.asked import Asked, today
from dashboards.cards import card_of
from dashboards.comparison import Comparison
from dashboards.overview import team_address
from dashboards.periods import picker
from dashboards.target_history import target_history
from dashboards.team import DEFAULT_GRAIN, grain_choices


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
    return context(trend, variant, matrix, targets, settings, asked, Sees.of(session))


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
    sees: Sees = ALL,
) -> dict[str, object]:
    """The page of one column of the matrix; trend: of the team in the address, or of everybody. sees:
    what the reader may."""
    indicator = trend.indicator
    by_slug = {team.slug: team for team in matrix.teams}
    scope = asked.get("team")
    kept = {name: asked.get(name) for name in ("team", "period", "from", "to", "grain", "variant")}
    tolerance = settings.targets.tolerance
    root = matrix.cells[trend.team, indicator.key]
    compared = Comparison(matrix, root, scope, kept, tolerance, sees)
    above = team_address(trend.team, kept["period"], indicator.key, kept["variant"])
    assert matrix.data_through is not None
    card = card_of(
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
    )

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
        "card": card if sees.evidence(indicator, trend.team) else card.without_evidence(),
        "team_name": trend.team_name,
        "team_address": above,
        "grains": grain_choices(asked, here) if daily(indicator) else [],
        "compared": compared,
        "target": formatting.target(indicator, root.target),
        "targets": target_history(indicator, matrix.teams, targets, settings),
        "tolerance": formatting.percent(indicator.tolerated(tolerance)),
        "minimum": settings.diversity.minimum,
        "coverage": root.judged.coverage,
        "scope": by_slug[scope] if scope else None,
        "crumbs": [
            ("All teams", addresses.overview(period=kept["period"], variant=kept["variant"])),
            *([(by_slug[scope].name, above)] if scope else []),
        ],
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


def _exports(indicator: Indicator, kept: dict[str, str | None]) -> list[tuple[str, str]]:
    path = f"/indicators/{indicator.key}"
    compare = {"parent": kept["team"], "period": kept["period"], "variant": kept["variant"]}
    series = {name: kept[name] for name in ("team", "from", "to", "grain", "variant")}
    series["to"] = kept["to"] or kept["period"]
    return [
        ("Direct teams, CSV", addresses.api(f"{path}/compare", **compare, format="csv")),
        ("Direct teams, JSON", addresses.api(f"{path}/compare", **compare)),
        ("Series, CSV", addresses.api(f"{path}/series", **series, format="csv")),
        ("Series, JSON", addresses.api(f"{path}/series", **series)),
    ]
