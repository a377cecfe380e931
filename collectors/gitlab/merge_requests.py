"""What GraphQL tells of one merge request → typed parts; what does not fit its page is named."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from collectors.gitlab.records import (
    AccountRecord,
    MergeRequestRecord,
    ProjectRecord,
    labels_of,
    read_account,
)
from collectors.record import RecordError, Refused, dig, flag, instant, read, text, value_at, whole

T = TypeVar("T")

LISTS = ("notes", "labels", "reviewers")
"""The lists inside a merge request that are paged."""

UNTOLD = "untold"
"""The mark on a node of which GitLab told no more than the outline: why."""

NULLABLE = ("labels", "reviewers")
"""Those of them that the schema lets be null instead of empty."""


@dataclass(slots=True)
class Told:
    """A merge request as GraphQL tells it.

    notes: as they came. rest: by the name of a list that goes on, the cursor after what is here.
    """

    record: MergeRequestRecord
    project: ProjectRecord
    author: AccountRecord | None
    merge_user: AccountRecord | None
    reviewers: list[AccountRecord]
    notes: list[Any]
    rest: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where a person finds it."""
        return self.record.web_url


def tell(node: Any) -> Told:
    """Reads a node of `Outline` and `MergeRequestFields`. Raises RecordError."""
    if not isinstance(node, Mapping):
        raise RecordError("the merge request is not there")
    if UNTOLD in node:
        raise RecordError(node[UNTOLD])
    author = node.get("author")  # where it is missing, the record below says so
    # The record serves sources that have no such field; this one was asked for it.
    merge_user = value_at(node, "mergeUser", convert=lambda user: user, optional=True)
    project = _about("project", lambda: read(ProjectRecord, node.get("project")))
    number = value_at(node, "iid", convert=whole)
    told = Told(
        record=read(
            MergeRequestRecord,
            node,
            # The schema lets both be null.
            labels=value_at(node, "labels.nodes", convert=labels_of, optional=True) or (),
            web_url=value_at(node, "webUrl", convert=text, optional=True)
            or f"{project.web_url}/-/merge_requests/{number}",
            notes_count=value_at(node, "notes.count", convert=whole),
            reviewer_rows_read=False,
        ),
        project=project,
        author=None if author is None else _about("author", lambda: read_account(author)),
        merge_user=(
            None if merge_user is None else _about("mergeUser", lambda: read_account(merge_user))
        ),
        reviewers=[],
        notes=[],
    )
    for name in LISTS:
        if name in NULLABLE and dig(node, name) == (True, None):
            continue
        nodes, cursor = page_of(node, name)
        if name == "notes":
            told.notes = nodes
        if name == "reviewers":
            told.reviewers = read_reviewers(nodes)
        if cursor is not None:
            told.rest[name] = cursor
    return told


def page_of(node: Any, name: str) -> tuple[list[Any], str | None]:
    """(what a list inside a node has on this page, the cursor of the next page or None)."""
    nodes = value_at(node, f"{name}.nodes", convert=as_list)
    goes_on = value_at(node, f"{name}.pageInfo.hasNextPage", convert=flag)
    cursor = value_at(node, f"{name}.pageInfo.endCursor", convert=text, optional=True)
    if goes_on and not cursor:
        raise RecordError(f"{name} goes on, but has no cursor")
    return nodes, cursor if goes_on else None


def read_reviewers(nodes: Iterable[Any]) -> list[AccountRecord]:
    """Reviewers out of `reviewers.nodes`; a null among them is a user who is no more."""
    return [_about("reviewers", partial(read_account, user)) for user in nodes if user is not None]


def address_of(node: Any, path: str) -> str:
    """Where a merge request that cannot be read lies: its page, or else `project!iid`."""
    _, page = dig(node, "webUrl")
    if isinstance(page, str):
        return page
    _, project = dig(node, "project.fullPath")
    _, number = dig(node, "iid")
    return f"{project if isinstance(project, str) else path}!{number}"


def refused(node: Any, path: str, error: RecordError) -> Refused:
    """The quarantine's row for a merge request that cannot be read."""
    return Refused(kind="merge_request", address=address_of(node, path), reason=str(error))


def newest(nodes: Iterable[Any], field_name: str = "updatedAt") -> datetime | None:
    """The latest time on a page (`updatedAt`, `createdAt`), of what cannot be read as well."""
    found: datetime | None = None
    for node in nodes:
        try:
            at: datetime = value_at(node, field_name, convert=instant)
        except RecordError:
            continue
        found = at if found is None else max(found, at)
    return found


def as_list(value: Any) -> list[Any]:
    """A JSON list as it is. Raises RecordError."""
    if not isinstance(value, list):
        raise RecordError("is not a list")
    return value


def _about(name: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except RecordError as error:
        raise RecordError(f"{name}.{error}") from error
