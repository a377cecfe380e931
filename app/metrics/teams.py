"""The team tree as it stands now, and who is in a team on a day."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.metrics.answers import TeamRow
from app.store.tables import Team, TeamMemberSpan
from app.store.tables.organisation import ROOT_TEAM

VISIBLE_TEAMS = "visible teams"
"""Key of `Session.info`; absent: every team."""


@dataclass(frozen=True, slots=True)
class Node:
    """A team in the tree; parent is None for the root alone."""

    id: int
    slug: str
    name: str
    parent: str | None
    owns: Sequence[str]


class Tree:
    """Every team that is shown, parents before children and siblings by name."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        """nodes: in any order; the root among them. A team whose parent is gone hangs on the root."""
        slugs = {node.slug for node in nodes}
        self._children: dict[str, list[Node]] = {}
        self._nodes: dict[str, Node] = {}
        self._depth: dict[str, int] = {}
        by_slug: dict[str, Node] = {}
        for given in sorted(nodes, key=lambda node: (node.name.casefold(), node.slug)):
            node = given
            if node.slug != ROOT_TEAM:
                parent = node.parent if node.parent in slugs else ROOT_TEAM
                node = Node(node.id, node.slug, node.name, parent, node.owns)
                self._children.setdefault(str(parent), []).append(node)
            by_slug[node.slug] = node
        for node, depth in self._walk(by_slug[ROOT_TEAM], 0):
            self._nodes[node.slug] = node
            self._depth[node.slug] = depth

    def _walk(self, node: Node, depth: int) -> Iterator[tuple[Node, int]]:
        yield node, depth
        for child in self._children.get(node.slug, ()):
            yield from self._walk(child, depth + 1)

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes.values())

    def __contains__(self, slug: str) -> bool:
        return slug in self._nodes

    def find(self, slug: str | None, field: str) -> Node:
        """The team of a slug, the organisation for None. Raises NotFoundError that names the field."""
        node = self._nodes.get(slug or ROOT_TEAM)
        if node is None:
            raise NotFoundError(
                f"There is no team {slug!r:.80}.", field, "GET /api/v1/teams lists them all."
            )
        return node

    def depth(self, slug: str) -> int:
        """How many teams are above a team."""
        return self._depth[slug]

    def children(self, slug: str) -> Sequence[Node]:
        """The teams directly below a team, by name."""
        return self._children.get(slug, ())

    def ancestors(self, slug: str) -> Sequence[Node]:
        """The teams above a team, from the root down."""
        found: list[Node] = []
        parent = self._nodes[slug].parent
        while parent is not None:
            found.append(self._nodes[parent])
            parent = self._nodes[parent].parent
        return found[::-1]

    def subtree(self, slug: str) -> Sequence[Node]:
        """A team and every team below it."""
        return [node for node, _ in self._walk(self._nodes[slug], 0)]

    def parents(self) -> Mapping[str, str | None]:
        """Slug of the parent by slug."""
        return {node.slug: node.parent for node in self}


def load_tree(session: Session) -> Tree:
    """The tree of the teams that were not removed, as far as the session may know of them."""
    statement = select(Team.id, Team.slug, Team.name, Team.parent, Team.owns).where(
        Team.removed_at.is_(None)
    )
    visible = visible_teams(session)
    if visible is not None:
        statement = statement.where(Team.slug.in_({ROOT_TEAM, *visible}))
    return Tree([Node(*row) for row in session.execute(statement)])


def visible_teams(session: Session) -> frozenset[str] | None:
    """The slugs of all that a session may know of; None: every team."""
    found: frozenset[str] | None = session.info.get(VISIBLE_TEAMS)
    return found


def team_rows(session: Session, tree: Tree, on: date) -> list[TeamRow]:
    """Every team with its members on a day, the organisation first, parents before children."""
    counts = headcounts(session, on)
    return [
        TeamRow(
            slug=node.slug,
            name=node.name,
            parent=node.parent,
            depth=tree.depth(node.slug),
            headcount=counts.get(node.id, 0),
            has_children=bool(tree.children(node.slug)),
        )
        for node in tree
    ]


def headcounts(session: Session, on: date) -> dict[int, int]:
    """Members on a day by team id; teams without any are absent."""
    rows = session.execute(
        select(TeamMemberSpan.team_id, func.count(TeamMemberSpan.person_id.distinct()))
        .where(TeamMemberSpan.first_day <= on, TeamMemberSpan.end_day > on)
        .group_by(TeamMemberSpan.team_id)
    )
    return dict(rows.all())
