"""Which team owns which project: globs of the teams file against the projects' present paths."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import accumulate, takewhile
from operator import attrgetter
from typing import NamedTuple

from app.metrics.attribution import Tree
from app.settings import glob_pattern


@dataclass(frozen=True, slots=True)
class OwnedGlobs:
    """A team and the globs of the projects that it owns."""

    team_id: int
    slug: str
    globs: Sequence[str]


class _Rule(NamedTuple):
    """rank: the smallest that matches decides."""

    rank: int
    glob: str
    team_id: int

    def matches(self, path: str) -> bool:
        """Whether the glob is one of this path. Most globs are plain paths: they need no pattern."""
        if _is_literal(self.glob):
            return self.glob.lower() == path.lower()
        return glob_pattern(self.glob).fullmatch(path) is not None


def _folder(glob: str) -> str:
    """The folders before the first part with a wildcard; each with a stroke before it, in lower case."""
    parts = takewhile(_is_literal, glob.lower().split("/"))
    return "".join(f"/{part}" for part in parts)


def _is_literal(part: str) -> bool:
    # What else is written like a letter of ASCII is known to the pattern alone.
    return part.isascii() and not {"*", "?"} & set(part)


class Ownership:
    """Finds the owner of a path: the longest glob that matches; on equal length the first slug."""

    def __init__(self, teams: Iterable[OwnedGlobs], tree: Tree) -> None:
        self._tree = tree
        ranked = sorted(
            ((glob, team) for team in teams for glob in team.globs),
            key=lambda pair: (-len(pair[0]), pair[1].slug),
        )
        self._rules: dict[str, list[_Rule]] = defaultdict(list)
        """By the folder that every path which the glob matches lies in, or is."""
        for rank, (glob, team) in enumerate(ranked):
            self._rules[_folder(glob)].append(_Rule(rank, glob, team.team_id))

    def owners(self, path: str) -> frozenset[int]:
        """The owning team and every team above it; empty where no team owns the path."""
        # Hundreds of globs are mostly each of another folder.
        folders = accumulate(path.lower().split("/"), "{}/{}".format, initial="")
        for rule in merge(*(self._rules.get(each, ()) for each in folders), key=attrgetter("rank")):
            if rule.matches(path):
                return self._tree.with_ancestors([rule.team_id])
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
