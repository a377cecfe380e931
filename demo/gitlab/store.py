"""The instance's records with their lookups; every change goes through `changing`, which readers wait for."""

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import RLock

from demo.gitlab.records import (
    Group,
    Label,
    MergeRequest,
    Note,
    Project,
    ReviewerRow,
    StateEvent,
    User,
)

EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
LABEL_COLORS = ("#1f78d1", "#44ad8e", "#5843ad", "#d10069", "#cc6500")


class Unknown(LookupError):
    """Nothing with this name is in the world."""


def whole_seconds() -> datetime:
    """The present instant without a fraction of a second."""
    return datetime.now(UTC).replace(microsecond=0)


class Store:
    """Users, groups, projects and merge requests of one GitLab instance, kept in memory.

    external_url: the beginning of every address in answers (`webUrl`, `web_url`).
    clock: the present instant, for changes that do not say when they happen.
    version: rises with every change; lists that were derived from an older one are stale.
    """

    def __init__(
        self,
        *,
        external_url: str = "https://gitlab.example.com",
        clock: Callable[[], datetime] = whole_seconds,
    ) -> None:
        self.external_url = external_url
        self.clock = clock
        self.lock = RLock()
        self.version = 0
        self.users: dict[int, User] = {}
        self.groups: dict[int, Group] = {}
        self.projects: dict[int, Project] = {}
        self.merge_requests: dict[int, MergeRequest] = {}
        self.labels: dict[str, Label] = {}
        self._usernames: dict[str, User] = {}
        self._highest: dict[str, int] = {}

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Holds readers off while records are changed, and makes derived lists stale."""
        with self.lock:
            yield
            self.version += 1

    def _id(self, kind: str, given: int | None) -> int:
        """The id that was asked for, or the next free one of its kind."""
        highest = self._highest.get(kind, 0)
        number = highest + 1 if given is None else given
        self._highest[kind] = max(highest, number)
        return number

    def add_user(
        self,
        username: str,
        name: str = "",
        *,
        id: int | None = None,
        type: str = "HUMAN",
        state: str = "active",
        created_at: datetime = EPOCH,
        public_email: str | None = None,
    ) -> User:
        """A new account. Raises ValueError where the username is taken."""
        with self.changing():
            if username.lower() in self._usernames:
                raise ValueError(f"the username {username} is taken")
            user = User(
                self._id("user", id),
                username,
                name or username,
                created_at,
                type=type,
                state=state,
                public_email=public_email,
            )
            self.users[user.id] = user
            self._usernames[username.lower()] = user
            return user

    def user(self, username: str) -> User:
        """The account with this username. Raises Unknown."""
        found = self.find_user(username)
        if found is None:
            raise Unknown(f"no user {username}")
        return found

    def find_user(self, username: str) -> User | None:
        """The account with this username, whatever its case."""
        return self._usernames.get(username.lower())

    def add_group(
        self,
        full_path: str,
        name: str = "",
        *,
        id: int | None = None,
        visibility: str = "private",
        created_at: datetime = EPOCH,
    ) -> Group:
        """A new group; the groups above it must be there. Raises Unknown, ValueError."""
        with self.changing():
            if self.find_group(full_path) or self.find_project(full_path):
                raise ValueError(f"the path {full_path} is taken")
            above, _, path = full_path.rpartition("/")
            parent = self.group(above) if above else None
            number = self._id("namespace", id)
            group = Group(number, path, name or path, parent, created_at, visibility)
            self.groups[group.id] = group
            return group

    def group(self, full_path: str) -> Group:
        """The group with this full path. Raises Unknown."""
        found = self.find_group(full_path)
        if found is None:
            raise Unknown(f"no group {full_path}")
        return found

    def find_group(self, full_path: str) -> Group | None:
        """The group with this full path, whatever its case."""
        wanted = full_path.lower()
        return next((g for g in self.groups.values() if g.full_path.lower() == wanted), None)

    def add_project(
        self,
        full_path: str,
        name: str = "",
        *,
        id: int | None = None,
        visibility: str = "private",
        archived: bool = False,
        created_at: datetime = EPOCH,
    ) -> Project:
        """A new project in a group that is there. Raises Unknown, ValueError."""
        with self.changing():
            if self.find_group(full_path) or self.find_project(full_path):
                raise ValueError(f"the path {full_path} is taken")
            above, _, path = full_path.rpartition("/")
            group = self.group(above)
            number = self._id("project", id)
            project = Project(number, path, name or path, group, created_at, visibility, archived)
            self.projects[project.id] = project
            return project

    def project(self, full_path: str) -> Project:
        """The project with this full path. Raises Unknown."""
        found = self.find_project(full_path)
        if found is None:
            raise Unknown(f"no project {full_path}")
        return found

    def find_project(self, full_path: str) -> Project | None:
        """The project with this full path, whatever its case."""
        wanted = full_path.lower()
        return next((p for p in self.projects.values() if p.full_path.lower() == wanted), None)

    def redirected_project(self, full_path: str) -> Project | None:
        """The project that once had this full path."""
        wanted = full_path.lower()
        return next(
            (
                project
                for project in self.projects.values()
                if any(path.lower() == wanted for path in project.former_paths)
            ),
            None,
        )

    def subgroups(self, group: Group) -> list[Group]:
        """The group and all below it."""
        return [other for other in self.groups.values() if group in other.lineage()]

    def projects_of(self, group: Group, *, include_subgroups: bool) -> list[Project]:
        """The projects of a group, of the groups below it too where asked for."""
        within = self.subgroups(group) if include_subgroups else [group]
        return [project for project in self.projects.values() if project.group in within]

    def label(self, title: str) -> Label:
        """The label with this title, made where it is not there."""
        found = self.labels.get(title)
        if found is None:
            number = self._id("label", None)
            found = Label(number, title, LABEL_COLORS[number % len(LABEL_COLORS)], EPOCH)
            self.labels[title] = found
        return found

    def add_merge_request(
        self,
        project: Project,
        author: User,
        title: str,
        created_at: datetime | None = None,
        *,
        id: int | None = None,
        iid: int | None = None,
        reviewers: Sequence[User] = (),
        assignees: Sequence[User] = (),
        labels: Sequence[str] = (),
        paths: Sequence[str] = (),
    ) -> MergeRequest:
        """A new, open merge request; reviewers who are set at creation leave no note."""
        with self.changing():
            at = created_at or self.clock()
            number = project.last_iid + 1 if iid is None else iid
            project.last_iid = max(project.last_iid, number)
            merge_request = MergeRequest(
                self._id("merge_request", id),
                number,
                project,
                author,
                title,
                at,
                at,
                prepared_at=at,
                reviewers=[ReviewerRow(user, at) for user in reviewers],
                assignees=list(assignees),
                labels=[self.label(label) for label in labels],
                source_branch=f"change-{number}",
                target_branch=project.default_branch,
                paths=tuple(paths),
            )
            self.merge_requests[merge_request.id] = merge_request
            project.merge_requests[number] = merge_request
            return merge_request

    def add_note(
        self,
        merge_request: MergeRequest,
        author: User,
        body: str,
        at: datetime,
        *,
        id: int | None = None,
        action: str | None = None,
        system: bool = False,
    ) -> Note:
        """A note without any of its consequences; at its place in the order of time."""
        with self.changing():
            note = Note(self._id("note", id), author, body, at, at, system or bool(action), action)
            insort(merge_request.notes, note, key=lambda other: (other.created_at, other.id))
            return note

    def add_state_event(
        self, merge_request: MergeRequest, user: User, state: str, at: datetime
    ) -> StateEvent:
        """A change of state as the resource events tell it."""
        event = StateEvent(self._id("state_event", None), user, at, state)
        merge_request.state_events.append(event)
        return event
