"""What GitLab keeps, as plain records: users, groups, projects, merge requests and what happened on them."""

from dataclasses import dataclass, field
from datetime import datetime

BOT_TYPES = frozenset(
    {
        "ADMIN_BOT",
        "ALERT_BOT",
        "AUTOMATION_BOT",
        "DUO_CODE_REVIEW_BOT",
        "LLM_BOT",
        "MIGRATION_BOT",
        "PROJECT_BOT",
        "SECURITY_BOT",
        "SECURITY_POLICY_BOT",
        "SERVICE_ACCOUNT",
        "SERVICE_USER",
        "SUGGESTED_REVIEWERS_BOT",
        "SUPPORT_BOT",
        "VISUAL_REVIEW_BOT",
    }
)
"""The user types for which GitLab answers `bot: true`; the ghost user is not among them."""

ICONS = {
    "approved": "check",
    "assignee": "user",
    "commit": "commit",
    "description": "pencil",
    "reviewer": "user",
    "title": "pencil",
    "unapproved": "unapproval",
}
"""Icon of a system note by its action."""


@dataclass(slots=True, eq=False)
class User:
    """An account. type: a value of GraphQL's `UserType`."""

    id: int
    username: str
    name: str
    created_at: datetime
    type: str = "HUMAN"
    state: str = "active"
    public_email: str | None = None

    @property
    def bot(self) -> bool:
        """Whether GitLab flags the account as a bot."""
        return self.type in BOT_TYPES


@dataclass(slots=True, eq=False)
class Group:
    """A namespace; visibility is public, internal or private; members: user id → access level."""

    id: int
    path: str
    name: str
    parent: "Group | None"
    created_at: datetime
    visibility: str = "private"
    members: dict[int, int] = field(default_factory=dict)

    @property
    def full_path(self) -> str:
        """The path with those of the groups above it."""
        return f"{self.parent.full_path}/{self.path}" if self.parent else self.path

    @property
    def full_name(self) -> str:
        """The name with those of the groups above it."""
        return f"{self.parent.full_name} / {self.name}" if self.parent else self.name

    def lineage(self) -> "list[Group]":
        """This group and those above it, the nearest first."""
        return [self, *self.parent.lineage()] if self.parent else [self]


@dataclass(slots=True, eq=False)
class Project:
    """A repository with its merge requests.

    hidden: answers as if it did not exist, as for a token that lost its access.
    merge_requests_enabled: while they are switched off, it answers as if it had none.
    former_paths: full paths that redirect here.
    """

    id: int
    path: str
    name: str
    group: Group
    created_at: datetime
    visibility: str = "private"
    archived: bool = False
    hidden: bool = False
    merge_requests_enabled: bool = True
    default_branch: str = "main"
    former_paths: list[str] = field(default_factory=list)
    merge_requests: "dict[int, MergeRequest]" = field(default_factory=dict)
    """By iid."""
    last_iid: int = 0

    @property
    def full_path(self) -> str:
        """The path with that of its group."""
        return f"{self.group.full_path}/{self.path}"


@dataclass(slots=True, eq=False)
class Note:
    """A comment, or a system note with its action."""

    id: int
    author: User
    body: str
    created_at: datetime
    updated_at: datetime
    system: bool = False
    action: str | None = None

    @property
    def icon(self) -> str | None:
        """The icon that GitLab draws beside a system note."""
        return ICONS.get(self.action) if self.action else None


@dataclass(slots=True, eq=False)
class ReviewerRow:
    """A user who is a reviewer now. state: a value of REST's reviewers, in lower case."""

    user: User
    created_at: datetime
    state: str = "unreviewed"


@dataclass(slots=True, eq=False)
class StateEvent:
    """A change of state after the opening. state: closed, reopened, merged."""

    id: int
    user: User
    created_at: datetime
    state: str


@dataclass(slots=True, eq=False)
class Label:
    """A label of the instance; labels are found by their title."""

    id: int
    title: str
    color: str
    created_at: datetime


@dataclass(slots=True, eq=False)
class MergeRequest:
    """A merge request as it stands. state: opened, closed, locked or merged. area: not part of the
    API; where a recorded history says which part of the code it touches most."""

    id: int
    iid: int
    project: Project
    author: User
    title: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    state: str = "opened"
    merged_at: datetime | None = None
    closed_at: datetime | None = None
    prepared_at: datetime | None = None
    merge_user: User | None = None
    closed_by: User | None = None
    labels: list[Label] = field(default_factory=list)
    reviewers: list[ReviewerRow] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    approved_by: list[User] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    """In the order of created_at and id."""
    state_events: list[StateEvent] = field(default_factory=list)
    source_branch: str = "change"
    target_branch: str = "main"
    commits: int = 1
    additions: int = 0
    deletions: int = 0
    paths: tuple[str, ...] = ()
    """Paths of changed files."""
    area: str = ""

    @property
    def draft(self) -> bool:
        """Whether the title says so, as GitLab reads it."""
        return self.title.casefold().startswith(("draft:", "[draft]", "(draft)"))

    @property
    def open(self) -> bool:
        """Neither merged nor closed; a locked one is open."""
        return self.state in {"opened", "locked"}

    def reviewer(self, user: User) -> ReviewerRow | None:
        """The user's reviewer row, if the user is a reviewer now."""
        return next((row for row in self.reviewers if row.user is user), None)
