"""Who asks, and what of the instance they may see."""

from dataclasses import dataclass

from demo.gitlab.records import Group, Project, User


@dataclass(frozen=True, slots=True)
class Viewer:
    """The one behind a request. user: None without a token. sees_all: also what is private."""

    user: User | None = None
    sees_all: bool = False
    scopes: tuple[str, ...] = ()
    expires_at: str | None = None

    def sees_group(self, group: Group) -> bool:
        """Whether GitLab tells that the group is there."""
        if self.sees_all or group.visibility == "public":
            return True
        if self.user is None:
            return False
        return group.visibility == "internal" or self._member(group)

    def sees_project(self, project: Project) -> bool:
        """Whether GitLab tells that the project is there."""
        if project.hidden:
            return False
        if self.sees_all or project.visibility == "public":
            return True
        if self.user is None:
            return False
        return project.visibility == "internal" or self._member(project.group)

    def _member(self, group: Group) -> bool:
        assert self.user is not None
        return any(self.user.id in above.members for above in group.lineage())
