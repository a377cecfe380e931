"""The groups and single projects of the configuration, and the names of their positions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from collectors.gitlab.queries import GROUP_MERGE_REQUESTS, PROJECT_MERGE_REQUESTS, Query


@dataclass(frozen=True, slots=True)
class Scope:
    """A configured group with all below it, or a single project. path: as GitLab writes it."""

    kind: Literal["group", "project"]
    path: str

    @property
    def key(self) -> str:
        """The name of its position. A group's covers only projects that were read whole under it;
        a single project's is that of its own list."""
        return f"{self.kind}:{self.path.lower()}"

    @property
    def about(self) -> str:
        """For sentences."""
        return f"the {self.kind} {self.path} (gitlab.{self.kind}s)"

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
        return self.key if self.kind == "project" else f"{self.key} project:{project_id}"

    def holds(self, path: str) -> bool:
        """Whether a group or project of this path lies in it or is it."""
        mine, other = self.path.lower(), path.lower()
        return mine == other or (self.kind == "group" and other.startswith(f"{mine}/"))


def configured(groups: Sequence[str], projects: Sequence[str]) -> list[Scope]:
    """The scopes of the configuration, each once, groups first and outer ones before inner ones."""
    scopes = {
        scope.key: scope
        for scope in (
            *(Scope("group", path.strip().strip("/")) for path in groups),
            *(Scope("project", path.strip().strip("/")) for path in projects),
        )
    }
    return sorted(scopes.values(), key=lambda scope: (scope.kind, scope.path.count("/")))
