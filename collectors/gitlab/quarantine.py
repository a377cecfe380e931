"""Merge requests that could not be read: where they belong, so that they are asked for again."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable

from collectors.gitlab.records import ProjectRecord

ADDRESS = re.compile(r"(?P<project>.+?)(?:/-)?(?:/merge_requests/|!)(?P<number>\d+)(?:#note_.*)?")
"""`https://…/group/project/-/merge_requests/12#note_3`, or `group/project!12`."""


class Quarantine:
    """The addresses in quarantine, by merge request."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._addresses: dict[tuple[str, int], set[str]] = defaultdict(set)
        self._merge_requests: dict[str, set[int]] = defaultdict(set)
        for address in addresses:
            found = ADDRESS.fullmatch(address)
            if found:
                project, number = found["project"].lower(), int(found["number"])
                self._addresses[project, number].add(address)
                self._merge_requests[project].add(number)

    def numbers(self, project: ProjectRecord) -> set[int]:
        """Numbers of the project's merge requests that could not be read, or a note of theirs."""
        found: set[int] = set()
        for name in _names(project):
            found |= self._merge_requests.get(name, set())
        return found

    def about(self, project: ProjectRecord, number: int) -> set[str]:
        """The addresses in quarantine that concern this merge request."""
        found: set[str] = set()
        for name in _names(project):
            found |= self._addresses.get((name, number), set())
        return found

    def strangers(self, projects: Collection[ProjectRecord]) -> list[str]:
        """Addresses in none of these projects, so that nothing would ever ask for them again."""
        names = {name for project in projects for name in _names(project)}
        return [
            address
            for (project, _), addresses in self._addresses.items()
            if project not in names
            for address in sorted(addresses)
        ]


def _names(project: ProjectRecord) -> tuple[str, str]:
    return project.web_url.lower(), project.path.lower()
