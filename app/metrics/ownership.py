"""Which team owns which project: globs of the teams file against the projects' present paths."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.metrics.attribution import Tree
from app.settings import glob_pattern


@dataclass(frozen=True, slots=True)
class OwnedGlobs:
    """A team and the globs of the projects that it owns."""

    team_id: int
    slug: str
    globs: Sequence[str]


class Ownership:
    """Finds the owner of a path: the longest glob that matches; on equal length the first slug."""

    def __init__(self, teams: Iterable[OwnedGlobs], tree: Tree) -> None:
        self._tree = tree
        ranked = sorted(
            ((glob, team) for team in teams for glob in team.globs),
            key=lambda pair: (-len(pair[0]), pair[1].slug),
        )
        self._rules: list[tuple[re.Pattern[str], int]] = [
            (glob_pattern(glob), team.team_id) for glob, team in ranked
        ]

    def owners(self, path: str) -> frozenset[int]:
        """The owning team and every team above it; empty where no team owns the path."""
        for pattern, team_id in self._rules:
            if pattern.fullmatch(path):
                return self._tree.with_ancestors([team_id])
        return frozenset()


def project_owners(
    projects: Mapping[int, str], teams: Iterable[OwnedGlobs], tree: Tree
) -> set[tuple[int, int]]:
    """(project id, team id) of every owner, ancestors included. projects: path by id."""
    ownership = Ownership(teams, tree)
    return {
        (project_id, team_id)
        for project_id, path in projects.items()
        for team_id in ownership.owners(path)
    }
