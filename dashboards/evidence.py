"""The page `/indicators/{key}/evidence`: the merge requests or people behind one number."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.auth.access import ALL, Sees
from app.metrics import queries
from app.metrics.answers import Evidence
from app.metrics.evidence_filters import selection
from app.metrics.evidence_query import require_project
from app.metrics.indicator import Cadence
from app.metrics.points import load_basis
from app.settings import Settings
from dashboards import addresses, evidence_list, formatting, occurrences
from dashboards.asked import Asked, today
from dashboards.evidence_list import FILTERS, OF_POINT
from dashboards.periods import picker

KEPT = (*OF_POINT, *FILTERS, "sort", "kind")
"""The parameters that a choice on the page leaves as they are; a page of the list is another one then."""
PARAMETERS = (*KEPT, "page")


def view(session: Session, settings: Settings, asked: Asked) -> dict[str, object]:
    """What `evidence.html` draws. Raises NotFoundError and InvalidValueError for a wrong address."""
    key = asked.path["key"]
    evidence = queries.evidence(
        session,
        settings,
        key,
        team=asked.get("team"),
        period=asked.get("period"),
        variant=asked.get("variant"),
        kind=asked.get("kind"),
    )
    require_project(session, evidence, asked.get("project"))
    basis = load_basis(session, settings)
    above = [(node.slug, node.name) for node in basis.tree.ancestors(evidence.team)]
    through = basis.data_through(evidence.indicator) or evidence.instant
    names = {node.slug: node.name for node in basis.tree}
    sees = Sees.of(session)
    return context(evidence, above, through, settings, asked, names, sees)


def context(
    evidence: Evidence,
    above: Sequence[tuple[str, str]],
    data_through: datetime,
    settings: Settings,
    asked: Asked,
    names: Mapping[str, str] = occurrences.NO_NAMES,
    sees: Sees = ALL,
) -> dict[str, object]:
    """The page of an evidence. above: slug and name of the teams above the team, the root first;
    names: of all teams, by slug. sees: what the reader may."""
    indicator = evidence.indicator
    chosen = selection(indicator, **{name: asked.get(name) for name in (*FILTERS, "sort")})
    kept = {name: asked.get(name) for name in KEPT} | {"team": evidence.team}
    frame = _frame(evidence, above, data_through, settings, kept)
    if indicator.counts_merge_requests:
        return frame | evidence_list.context(evidence, chosen, settings, asked, kept, sees)
    at = formatting.borders(indicator, evidence.target, settings.targets.tolerance)
    return frame | occurrences.context(evidence, kept, asked, at, names)


def _frame(
    evidence: Evidence,
    above: Sequence[tuple[str, str]],
    data_through: datetime,
    settings: Settings,
    kept: Mapping[str, str | None],
) -> dict[str, object]:
    """What stands around the list, whatever is listed."""
    indicator = evidence.indicator

    def here(**other: object | None) -> str:
        return addresses.evidence(indicator.key, **{**kept, **other})

    return {
        "evidence": evidence,
        "indicator": indicator,
        "data_through": data_through,
        "recorded_at": evidence.point.recorded_at,
        "crumbs": [
            *(
                (name, addresses.team(slug, period=kept["period"]))
                for slug, name in (*above, (evidence.team, evidence.team_name))
            ),
            (indicator.title, addresses.indicator(indicator.key, period=kept["period"])),
        ],
        "picker": picker(
            asked=kept["period"],
            today=today(settings, data_through),
            history_start=settings.reporting.history_start,
            daily=indicator.cadence is Cadence.DAILY,
            address=lambda period: here(period=period),
            action=addresses.evidence(indicator.key),
            hidden={**kept, "period": None},
        ),
        "variants": [
            (variant.title, here(variant=variant.key), variant.key == evidence.variant)
            for variant in indicator.variants
        ],
    }
