"""What could not be read: where it belongs, so that it is asked for again, or forgotten at last."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable

from collectors.gitlab.records import ProjectRecord

CHANGED_PATHS_OF = " changed paths"
"""What follows the address of a project whose changed paths could not be read."""

ADDRESS = re.compile(r"(?P<project>.+?)(?:/-)?(?:/merge_requests/|!)(?P<number>\d+)(?:#note_.*)?")
"""`https://…/group/project/-/merge_requests/12#note_3`, or `group/project!12`."""


class Quarantine:
    """The addresses in quarantine: of merge requests, projects, and the changed paths of projects."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._addresses: dict[tuple[str, int], set[str]] = defaultdict(set)
        self._merge_requests: dict[str, set[int]] = defaultdict(set)
        self._changed_paths: set[str] = set()
        self._projects: set[str] = set()
        for address in addresses:
            found = ADDRESS.fullmatch(address)
            if found:
                project, number = found["project"].lower(), int(found["number"])
                self._addresses[project, number].add(address)
                self._merge_requests[project].add(number)
            elif address.endswith(CHANGED_PATHS_OF):
                self._changed_paths.add(address)
            else:
                self._projects.add(address)

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
        """Addresses of which nothing else will ever say that they can be read again: in none of these
        projects, which are all that there are, and of projects themselves."""
        names = {name for project in projects for name in _names(project)}
        found = set(self._projects)
        for (project, _), addresses in self._addresses.items():
            if project not in names:
                found |= addresses
        for address in self._changed_paths:
            if address.removesuffix(CHANGED_PATHS_OF).lower() not in names:
                found.add(address)
        return sorted(found)


def _names(project: ProjectRecord) -> tuple[str, str]:
    return project.web_url.lower(), project.path.lower()
