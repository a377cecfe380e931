"""The plan, the openings and the accepted offers, for the days that are asked for."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.attribution import Tree
from app.metrics.calendar import fiscal_year_start, months_back
from app.metrics.stretches import Stretch
from app.settings import Settings
from app.store.columns import INTEGER, TEXT, Type, read_portion


@dataclass(frozen=True, slots=True)
class Opening:
    """A place to be filled, of its team and those above; days as ordinals. reference: its id."""

    team_ids: frozenset[int]
    opened: int
    closed: int | None
    team: str | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """An accepted offer, of its team and those above; days as ordinals. reference: its id."""

    team_ids: frozenset[int]
    accepted: int
    starts: int | None
    team: str | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Planning:
    """What is to be hired, and for whom; the tree and the slugs by team id."""

    tree: Tree
    slugs: Mapping[int, str]
    plan: Mapping[int, Mapping[date, int]]
    openings: Sequence[Opening]
    offers: Sequence[Offer]


def load_planning(session: Session, settings: Settings, stretches: Sequence[Stretch]) -> Planning:
    """The tree, and the plan, the openings and the offers for stretches of days, as the last refresh
    saw them."""
    teams = session.execute(
        text("SELECT id, slug, parent FROM teams WHERE removed_at IS NULL ORDER BY id")
    ).all()
    ids = {team.slug: team.id for team in teams}
    tree = Tree({team.id: ids[team.parent] if team.parent else None for team in teams})
    unfilled = _unfilled(session, stretches)

    def concerned(team: str | None) -> frozenset[int]:
        return tree.with_ancestors([ids[team]] if team in ids else [])

    return Planning(
        tree=tree,
        slugs={team.id: team.slug for team in teams},
        plan=_plan(session, settings, stretches, ids),
        openings=[
            Opening(concerned(team), opened, closed, team, key)
            for key, (team, opened, closed) in unfilled["opening"]
        ],
        offers=[
            # The key is the source and the id in it.
            Offer(concerned(team), accepted, starts, team, key.partition(" ")[2])
            for key, (team, accepted, starts) in unfilled["offer"]
        ],
    )


def _unfilled(
    session: Session, stretches: Sequence[Stretch]
) -> dict[str, list[tuple[str, list[Any]]]]:
    """Key and content of the openings and the offers that began, and were not over, by the stretches."""
    found: dict[str, list[tuple[str, list[Any]]]] = {"opening": [], "offer": []}
    if not stretches:
        return found
    for kind, key, content in session.execute(
        text(
            "SELECT kind, key, content FROM considered"
            " WHERE kind = ANY(:kinds) AND first_day <= :last"
            " AND coalesce((content ->> 2)::integer > :first, true) ORDER BY kind, key"
        ),
        {
            "kinds": list(found),
            "first": min(each.first for each in stretches).toordinal(),
            "last": max(each.last for each in stretches),
        },
    ):
        found[kind].append((key, content))
    return found


PLANNED: Mapping[str, Type] = {"team": TEXT, "month": INTEGER, "planned": INTEGER}


def _plan(
    session: Session,
    settings: Settings,
    stretches: Sequence[Stretch],
    ids: Mapping[str, int],
) -> dict[int, dict[date, int]]:
    """Planned headcount by team id and month: of the fiscal years of the stretches and, as the first
    rise is that against the month before, of the years before them."""
    plan: dict[int, dict[date, int]] = defaultdict(dict)
    if not stretches:
        return plan
    begins = settings.reporting.fiscal_year_start_month
    year = fiscal_year_start(min(each.first for each in stretches), begins)
    query = sql.SQL(
        "SELECT content ->> 0, (content ->> 1)::integer, (content ->> 2)::integer FROM considered"
        " WHERE kind = 'plan' AND first_day BETWEEN {} AND {}"
    ).format(
        sql.Literal(fiscal_year_start(months_back(year, 1), begins)),
        sql.Literal(max(each.last for each in stretches)),
    )
    found = read_portion(session, query, PLANNED)
    slugs = {slug.encode(): team_id for slug, team_id in ids.items()}
    for team, month, planned in zip(*(found[name].tolist() for name in PLANNED), strict=True):
        if team in slugs:
            plan[slugs[team]][date.fromordinal(month)] = planned
    return plan
