"""The rows that GitLab's answers become. Fields say where they lie in GraphQL, then where in REST."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from app.store.tables import (
    Account,
    Base,
    ChangedPath,
    FormerUsername,
    MergeRequest,
    Note,
    Project,
    Reviewer,
)
from collectors.record import Record, RecordError, dig, flag, instant, lies_at, read, text, whole

STATES = ("opened", "closed", "locked", "merged")


def global_id(value: Any) -> int:
    """The number of `gid://gitlab/MergeRequest/12`, which is REST's id."""
    if isinstance(value, str) and value.startswith("gid://"):
        value = value.rpartition("/")[2]
    return whole(value)


def _state(value: Any) -> str:
    if value not in STATES:
        raise RecordError(f"is none of {', '.join(STATES)}: {value!r}")
    return str(value)


def labels_of(value: Any) -> tuple[str, ...]:
    """Titles, sorted: GitLab's order carries no meaning. REST sends texts, or objects when asked to."""
    if not isinstance(value, list):
        raise RecordError("is not a list")
    titles = [
        text(each if isinstance(each, str) else dig(each, "title")[1] or dig(each, "name")[1])
        for each in value
        if each is not None
    ]
    return tuple(sorted(set(titles)))


def _is_bot(user: Any) -> bool:
    """GitLab flags it as a bot, or it is the ghost user, who wrote what deleted users wrote.

    REST says it of a single user only; in its lists the flag is absent.
    """
    _, bot = dig(user, "bot")
    _, kind = dig(user, "type")
    _, username = dig(user, "username")
    return flag(bot or False) or kind == "GHOST" or username == "ghost"


def _address(value: Any) -> str | None:
    """An e-mail address in lower case; None for an empty one."""
    return text(value).strip().lower() or None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord(Record):
    """A user. A change of the name alone decides nothing; whose the account is, is asked anew anyway."""

    table: ClassVar[type[Base]] = Account
    decisive: ClassVar[frozenset[str]] = frozenset({"username", "bot"})

    id: int = lies_at("id", convert=global_id)
    username: str = lies_at("username", convert=text)
    name: str = lies_at("name", convert=text)
    email: str | None = lies_at(
        "publicEmail", "public_email", convert=_address, optional=True, absent=None
    )
    bot: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerUsernameRecord(Record):
    """A username that an account bears or bore, in lower case."""

    table: ClassVar[type[Base]] = FormerUsername

    account_id: int
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRecord(Record):
    """A project."""

    table: ClassVar[type[Base]] = Project
    decisive: ClassVar[frozenset[str]] = frozenset({"path", "archived"})

    id: int = lies_at("id", convert=global_id)
    path: str = lies_at("fullPath", "path_with_namespace", convert=text)
    name: str = lies_at("name", convert=text)
    web_url: str = lies_at("webUrl", "web_url", convert=text)
    archived: bool = lies_at("archived", convert=flag)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRequestRecord(Record):
    """A merge request. Being told of it means that it is not deleted."""

    table: ClassVar[type[Base]] = MergeRequest

    id: int = lies_at("id", convert=global_id)
    project_id: int = lies_at("project.id", "target_project_id", "project_id", convert=global_id)
    iid: int = lies_at("iid", convert=whole)
    author_id: int | None = lies_at("author.id", convert=global_id, optional=True)
    title: str = lies_at("title", convert=text)
    web_url: str = lies_at("webUrl", "web_url", convert=text)
    state: str = lies_at("state", convert=_state)
    draft: bool = lies_at("draft", "work_in_progress", convert=flag)
    labels: tuple[str, ...] = lies_at("labels.nodes", "labels", convert=labels_of)
    created_at: datetime = lies_at("createdAt", "created_at", convert=instant)
    updated_at: datetime = lies_at("updatedAt", "updated_at", convert=instant)
    merged_at: datetime | None = lies_at("mergedAt", "merged_at", convert=instant, optional=True)
    closed_at: datetime | None = lies_at("closedAt", "closed_at", convert=instant, optional=True)
    merge_user_id: int | None = lies_at(
        "mergeUser.id",
        "merge_user.id",
        "merged_by.id",
        convert=global_id,
        optional=True,
        absent=None,
    )
    notes_count: int
    reviewer_rows_read: bool
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneRecord(Record):
    """A merge request that GitLab no longer has, or that is no longer among what is collected."""

    table: ClassVar[type[Base]] = MergeRequest
    known_rows_only: ClassVar[bool] = True

    id: int
    deleted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreachableRecord(Record):
    """Since when a project's merge requests are out of reach; null: they are within."""

    table: ClassVar[type[Base]] = Project
    known_rows_only: ClassVar[bool] = True

    id: int
    unreachable_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VanishedRecord(Record):
    """When GitLab was found not to have an account any more; null: it has."""

    table: ClassVar[type[Base]] = Account
    known_rows_only: ClassVar[bool] = True

    id: int
    vanished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedPathsReadRecord(Record):
    """That the changed paths of a merge request were read."""

    table: ClassVar[type[Base]] = MergeRequest
    known_rows_only: ClassVar[bool] = True

    id: int
    changed_paths_read: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedPathRecord(Record):
    """A path that a merged merge request changed."""

    table: ClassVar[type[Base]] = ChangedPath

    merge_request_id: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRecord(Record):
    """The new address of a merge request whose project was renamed."""

    table: ClassVar[type[Base]] = MergeRequest
    known_rows_only: ClassVar[bool] = True

    id: int
    web_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerRecord(Record):
    """A present reviewer. created_at: when the reviewer row was made, where REST was asked."""

    table: ClassVar[type[Base]] = Reviewer

    merge_request_id: int
    account_id: int
    created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRecord(Record):
    """A note that an indicator reads, without its text."""

    table: ClassVar[type[Base]] = Note

    id: int = lies_at("id", convert=global_id)
    merge_request_id: int
    author_id: int | None = lies_at("author.id", convert=global_id, optional=True)
    kind: str
    created_at: datetime = lies_at("createdAt", "created_at", convert=instant)
    requested: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def read_account(user: Any) -> AccountRecord:
    """A user as GraphQL or REST shows it. Raises RecordError."""
    return read(AccountRecord, user, bot=_is_bot(user))
