"""The groups and single projects of the configuration, and the names of their positions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.settings import GitLabSettings
from collectors.gitlab.queries import GROUP_MERGE_REQUESTS, PROJECT_MERGE_REQUESTS, Query

MARK = " project:"
"""In the name of the position of a group's project, between the group's and the project's id."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A configured group with all below it, or a single project.

    path: as GitLab writes it. setting: the key of the configuration that names it.
    """

    kind: Literal["group", "project"]
    path: str
    setting: str = ""

    @property
    def key(self) -> str:
        """The name of its position. A group's covers only projects that were read whole under it;
        a single project's is that of its own list."""
        return f"{self.kind}:{self.path.lower()}"

    @property
    def verified_key(self) -> str:
        """The name of the position up to which its merge requests were verified in this round."""
        return f"{self.key} verified"

    @property
    def about(self) -> str:
        """For sentences."""
        return f"the {self.kind} {self.path} ({self.setting})"

    @property
    def merge_requests(self) -> Query:
        """The query for its merge requests."""
        return GROUP_MERGE_REQUESTS if self.kind == "group" else PROJECT_MERGE_REQUESTS

    def holder(self, data: Mapping[str, Any]) -> Any:
        """The group or project in an answer."""
        return data.get(self.kind)

    def project_key(self, project_id: int) -> str:
        """The name of the position of one of its projects. It belongs to the scope: in another one
        the project is read whole again, for only this scope's list has been watched since."""
        return self.key if self.kind == "project" else f"{self.key}{MARK}{project_id}"

    def holds(self, path: str) -> bool:
        """Whether a group or project of this path lies in it or is it."""
        mine, other = self.path.lower(), path.lower()
        return mine == other or (self.kind == "group" and other.startswith(f"{mine}/"))


def of_project(key: str) -> tuple[str, int] | None:
    """(key of the group, id of the project) of a position that `Scope.project_key` names; None: it is
    the position of something else."""
    scope, mark, number = key.partition(MARK)
    return (scope, int(number)) if mark else None


def configured(gitlab: GitLabSettings) -> list[Scope]:
    """The scopes of the configuration, each once, groups first and outer ones before inner ones.

    A handbook project is collected like any other.
    """
    named = [
        *(("group", path, "gitlab.groups") for path in gitlab.groups),
        *(("project", path, "gitlab.projects") for path in gitlab.projects),
        *(("project", each.project, "gitlab.handbook") for each in gitlab.handbook),
    ]
    scopes: dict[str, Scope] = {}
    for kind, path, setting in named:
        scope = Scope("group" if kind == "group" else "project", path.strip().strip("/"), setting)
        scopes.setdefault(scope.key, scope)
    return sorted(scopes.values(), key=lambda scope: (scope.kind, scope.path.count("/")))
