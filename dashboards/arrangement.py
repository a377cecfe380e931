"""Which teams the overview shows and in which order, as its address says; app.js does the same."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from app.errors import InvalidValueError
from app.metrics.answers import Matrix, TeamRow
from dashboards.asked import Asked

BY_NAME = "team"
EVERY = "all"
STATUSES: Mapping[str, str] = {
    EVERY: "All teams",
    "problem": "With a problem",
    "attention": "With attention",
    "signal": "With a signal",
}
"""What `status` may be, with its words."""

TREE, FLAT = "tree", "flat"
VIEWS: Mapping[str, str] = {TREE: "Tree", FLAT: "Flat"}
"""What `view` may be, with its words: teams below their parents, or those without teams below."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrangement:
    """The filter, the view and the order of the overview.

    text: part of a team's name, in any case. sort: `team`, the key of an indicator, or empty for the
    order of the organisation.
    """

    text: str = ""
    status: str = EVERY
    view: str = TREE
    sort: str = ""
    descending: bool = False

    def query(self) -> dict[str, str | None]:
        """The parameters that say it; None for what is as it is by default."""
        return {
            "filter": self.text or None,
            "status": None if self.status == EVERY else self.status,
            "view": None if self.view == TREE else self.view,
            "sort": f"-{self.sort}" if self.descending else self.sort or None,
        }

    def direction(self, column: str) -> str:
        """`ascending`, `descending` or `none`: how a column is sorted, as `aria-sort` has it."""
        if column != self.sort:
            return "none"
        return "descending" if self.descending else "ascending"

    def next_sort(self, column: str) -> str:
        """`sort` once a column's head is pressed: up, down, and the organisation's order again."""
        return {"none": column, "ascending": f"-{column}", "descending": ""}[self.direction(column)]


def arrangement(asked: Asked, matrix: Matrix) -> Arrangement:
    """What an address asks for. Raises InvalidValueError that names the parameter."""
    sort = asked.get("sort") or ""
    column = sort.removeprefix("-")
    titles = {each.key: each.title for each in matrix.indicators if each.categorical}
    columns = [BY_NAME, *(each.key for each in matrix.indicators if each.key not in titles)]
    if column in titles:
        raise InvalidValueError(f"{titles[column]} cannot be sorted: shares have no order.", "sort")
    if sort and column not in columns:
        raise InvalidValueError(
            f"sort {sort!r:.40} is none of {', '.join(columns)}.",
            "sort",
            "With - in front the highest comes first.",
        )
    return Arrangement(
        text=asked.get("filter") or "",
        status=asked.one_of("status", STATUSES, EVERY),
        view=asked.one_of("view", VIEWS, TREE),
        sort=column,
        descending=sort.startswith("-"),
    )


def ranks(teams: Sequence[TeamRow]) -> dict[str, int]:
    """The place of each team among all by name: what script sorts by, so that both do it alike."""
    named = sorted(teams, key=lambda team: (team.name.casefold(), team.slug))
    return {team.slug: rank for rank, team in enumerate(named)}


def ordered(
    teams: Sequence[TeamRow], values: Mapping[str, float | None], how: Arrangement
) -> list[TeamRow]:
    """The teams in their order. teams: in that of the organisation. values: of the sorted column.

    In a tree siblings stay below their parent. A team without a value comes last both ways, and
    equal ones keep the organisation's order.
    """
    place = {team.slug: index for index, team in enumerate(teams)}

    def key(team: TeamRow) -> tuple[bool, float, int]:
        value = values.get(team.slug)
        towards = -1 if how.descending else 1
        return (value is None, 0 if value is None else towards * value, place[team.slug])

    if how.view == FLAT:
        return sorted(teams, key=key)
    below: dict[str | None, list[TeamRow]] = {}
    for team in teams:
        below.setdefault(team.parent, []).append(team)
    found: list[TeamRow] = []

    def walk(parent: str | None) -> None:
        for team in sorted(below.get(parent, ()), key=key):
            found.append(team)
            walk(team.slug)

    walk(None)
    return found


def shown(
    teams: Sequence[TeamRow], has: Mapping[str, Collection[str]], how: Arrangement
) -> set[str]:
    """The slugs of the teams that are shown. has: what each team's cells have, see `STATUSES`.

    In a tree the teams above one that is found are shown as well.
    """
    text = how.text.strip().lower()
    found = {
        team.slug
        for team in teams
        if text in team.name.lower() and (how.status == EVERY or how.status in has[team.slug])
    }
    if how.view == FLAT:
        return {team.slug for team in teams if team.slug in found and not team.has_children}
    parents = {team.slug: team.parent for team in teams}
    for slug in list(found):
        parent = parents[slug]
        while parent is not None:
            found.add(parent)
            parent = parents[parent]
    return found
