"""From records to GraphQL's fields: one table of small functions per type."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from demo.gitlab.access import Viewer
from demo.gitlab.catalogue import Catalogue
from demo.gitlab.complexity import Cost
from demo.gitlab.connections import KeysetConnection, ListConnection
from demo.gitlab.ordering import Order, Sorted
from demo.gitlab.records import MergeRequest, Note, User
from demo.gitlab.store import Store

Resolver = Callable[..., Any]

NOTE_FILTERS: Mapping[str, Callable[[Note], bool] | None] = {
    "ALL_NOTES": None,
    "ONLY_ACTIVITY": lambda note: note.system,
    "ONLY_COMMENTS": lambda note: not note.system,
}
NOTE_ORDER = Order("created_at", lambda note: note.created_at, datetime, ties_ascending=True)


@dataclass(frozen=True, slots=True)
class Context:
    """What the resolvers of one request may look at."""

    store: Store
    catalogue: Catalogue
    viewer: Viewer
    url: str
    version: str
    cost: Cost
    limit: int


class Info(Protocol):
    """What resolvers look at of what they are handed."""

    @property
    def context(self) -> Context:
        """The context of the request."""


@dataclass(frozen=True, slots=True)
class Participant:
    """A user in their part in a merge request."""

    user: User
    merge_request: MergeRequest


def gid(kind: str, number: int) -> str:
    """A global id."""
    return f"gid://gitlab/{kind}/{number}"


def address(path: str, info: Info) -> str:
    """The whole address of a page of the instance."""
    return f"{info.context.url}/{path}"


def merge_request_path(merge_request: MergeRequest) -> str:
    """The path of its page, without the leading slash."""
    return f"{merge_request.project.full_path}/-/merge_requests/{merge_request.iid}"


def user_notes_count(merge_request: MergeRequest) -> int:
    """How many comments it has."""
    return sum(1 for note in merge_request.notes if not note.system)


def _interaction(participant: Participant, _info: Info) -> Participant:
    return participant


def _review_state(participant: Participant, _info: Info) -> str | None:
    row = participant.merge_request.reviewer(participant.user)
    return row.state.upper() if row else None


def _reviewed(participant: Participant, _info: Info) -> bool:
    row = participant.merge_request.reviewer(participant.user)
    return row is not None and row.state == "reviewed"


def _notes(
    merge_request: MergeRequest, _info: Info, filter: str = "ALL_NOTES", **page: Any
) -> KeysetConnection:
    accept = NOTE_FILTERS[filter]
    return KeysetConnection(Sorted(merge_request.notes, NOTE_ORDER, presorted=True), accept, **page)


def _participants(users: list[User], merge_request: MergeRequest, page: Any) -> ListConnection:
    return ListConnection([Participant(user, merge_request) for user in users], **page)


def _diff_stats(
    merge_request: MergeRequest, _info: Info, path: str | None = None
) -> list[dict[str, Any]]:
    files = max(len(merge_request.paths), 1)
    each = {
        "additions": merge_request.additions // files,
        "deletions": merge_request.deletions // files,
    }
    return [{"path": p, **each} for p in merge_request.paths if path is None or p == path]


def _diff_stats_summary(merge_request: MergeRequest, _info: Info) -> dict[str, int]:
    return {
        "additions": merge_request.additions,
        "deletions": merge_request.deletions,
        "changes": merge_request.additions + merge_request.deletions,
        "fileCount": len(merge_request.paths),
    }


def _reference(merge_request: MergeRequest, _info: Info, full: bool = False) -> str:
    short = f"!{merge_request.iid}"
    return f"{merge_request.project.full_path}{short}" if full else short


USER: Mapping[str, Callable[[User, Info], Any]] = {
    "active": lambda user, _: user.state == "active",
    "avatarUrl": lambda _user, _: None,
    "bot": lambda user, _: user.bot,
    "createdAt": lambda user, _: user.created_at,
    "human": lambda user, _: user.type == "HUMAN",
    "id": lambda user, _: user.id,
    "name": lambda user, _: user.name,
    "publicEmail": lambda user, _: user.public_email,
    "state": lambda user, _: user.state,
    "type": lambda user, _: user.type,
    "username": lambda user, _: user.username,
    "webPath": lambda user, _: f"/{user.username}",
    "webUrl": lambda user, info: address(user.username, info),
}


def _of_user(resolve: Callable[[User, Info], Any]) -> Resolver:
    return lambda participant, info: resolve(participant.user, info)


PARTICIPANT: Mapping[str, Resolver] = {
    **{name: _of_user(resolve) for name, resolve in USER.items()},
    "mergeRequestInteraction": _interaction,
}

INTERACTION: Mapping[str, Resolver] = {
    "approved": lambda p, _: p.user in p.merge_request.approved_by,
    "canMerge": lambda p, _: p.user.id in p.merge_request.project.group.members,
    "canUpdate": lambda p, _: p.user.id in p.merge_request.project.group.members,
    "reviewState": _review_state,
    "reviewed": _reviewed,
}

MERGE_REQUEST: Mapping[str, Resolver] = {
    # No approval rules are configured anywhere: nothing is missing.
    "approved": lambda _m, _: True,
    "approvedBy": lambda m, _, **page: ListConnection(m.approved_by, **page),
    "assignees": lambda m, _, **page: _participants(m.assignees, m, page),
    "author": lambda m, _: Participant(m.author, m),
    "closedAt": lambda m, _: m.closed_at,
    "commitCount": lambda m, _: m.commits,
    "conflicts": lambda _m, _: False,
    "createdAt": lambda m, _: m.created_at,
    "description": lambda m, _: m.description,
    "diffStats": _diff_stats,
    "diffStatsSummary": _diff_stats_summary,
    "discussionLocked": lambda _m, _: False,
    "draft": lambda m, _: m.draft,
    "id": lambda m, _: gid("MergeRequest", m.id),
    "iid": lambda m, _: str(m.iid),
    "labels": lambda m, _, **page: ListConnection(m.labels, **page),
    "mergeCommitSha": lambda m, _: f"{m.id:040x}" if m.state == "merged" else None,
    "mergeUser": lambda m, _: m.merge_user,
    "mergedAt": lambda m, _: m.merged_at,
    "milestone": lambda _m, _: None,
    "name": lambda m, _: m.title,
    "notes": _notes,
    "preparedAt": lambda m, _: m.prepared_at,
    "project": lambda m, _: m.project,
    "projectId": lambda m, _: m.project.id,
    "reference": _reference,
    "reviewers": lambda m, _, **page: _participants([r.user for r in m.reviewers], m, page),
    "sourceBranch": lambda m, _: m.source_branch,
    "sourceProject": lambda m, _: m.project,
    "sourceProjectId": lambda m, _: m.project.id,
    "state": lambda m, _: m.state,
    "targetBranch": lambda m, _: m.target_branch,
    "targetProject": lambda m, _: m.project,
    "targetProjectId": lambda m, _: m.project.id,
    "title": lambda m, _: m.title,
    "updatedAt": lambda m, _: m.updated_at,
    "userNotesCount": lambda m, _: user_notes_count(m),
    "webPath": lambda m, _: f"/{merge_request_path(m)}",
    "webUrl": lambda m, info: address(merge_request_path(m), info),
}

NOTE: Mapping[str, Resolver] = {
    "author": lambda note, _: note.author,
    "body": lambda note, _: note.body,
    "createdAt": lambda note, _: note.created_at,
    "id": lambda note, _: note.id,
    "internal": lambda _note, _: False,
    "resolvable": lambda _note, _: False,
    "resolved": lambda _note, _: False,
    "system": lambda note, _: note.system,
    "systemNoteIconName": lambda note, _: note.icon,
    "systemNoteMetadata": lambda note, _: note if note.action else None,
    "updatedAt": lambda note, _: note.updated_at,
}

SYSTEM_NOTE: Mapping[str, Resolver] = {
    "action": lambda note, _: note.action,
    "id": lambda note, _: note.id,
}

LABEL: Mapping[str, Resolver] = {
    "color": lambda label, _: label.color,
    "createdAt": lambda label, _: label.created_at,
    "description": lambda _label, _: None,
    "id": lambda label, _: label.id,
    "textColor": lambda _label, _: "#FFFFFF",
    "title": lambda label, _: label.title,
    "updatedAt": lambda label, _: label.created_at,
}

CONNECTION: Mapping[str, Resolver] = {
    "count": lambda connection, _: connection.count(),
    "edges": lambda connection, _: connection.edges(),
    "nodes": lambda connection, _: connection.nodes(),
    "pageInfo": lambda connection, _: connection.page_info(),
}

EDGE: Mapping[str, Resolver] = {
    "cursor": lambda edge, _: edge.cursor,
    "node": lambda edge, _: edge.node,
}

PAGE_INFO: Mapping[str, Resolver] = {
    "endCursor": lambda page, _: page.end,
    "hasNextPage": lambda page, _: page.has_next,
    "hasPreviousPage": lambda page, _: page.has_previous,
    "startCursor": lambda page, _: page.start,
}
