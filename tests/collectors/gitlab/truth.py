"""What the tables must hold, told from the world alone: no line of the collector is asked."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from demo.gitlab import MergeRequest, Note, Project, User, World

Tables = dict[str, set[tuple[Any, ...]]]


def shown(world: World, groups: Collection[str], projects: Collection[str]) -> list[Project]:
    """The projects that are among what is collected and whose merge requests GitLab shows."""
    return [
        project
        for project in world.projects.values()
        if not project.hidden
        and project.merge_requests_enabled
        and (
            project.full_path in projects
            or any(project.full_path.startswith(f"{group}/") for group in groups)
        )
    ]


def expected(world: World, groups: Collection[str], projects: Collection[str]) -> Tables:
    """The rows that a collection of these groups and projects leads to; see `STORED`."""
    tables: Tables = {
        name: set() for name in ("projects", "merge_requests", "notes", "reviewers", "accounts")
    }
    people: set[User | None] = set()
    for project in shown(world, groups, projects):
        address = f"{world.external_url}/{project.full_path}"
        if project.merge_requests:
            tables["projects"].add(
                (project.id, project.full_path, project.name, address, project.archived)
            )
        for change in project.merge_requests.values():
            tables["merge_requests"].add(_merge_request(change, address))
            people |= {change.author, change.merge_user}
            for row in change.reviewers:
                tables["reviewers"].add((change.id, row.user.id))
                people.add(row.user)
            for note in change.notes:
                told = _note(note)
                if told is not None:
                    tables["notes"].add((note.id, change.id, *told))
                    people.add(note.author)
    tables["accounts"] = {
        (user.id, user.username, user.name, user.bot or user.type == "GHOST", user.public_email)
        for user in people
        if user is not None
    }
    return tables


def _seconds(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(microsecond=0)


def _merge_request(change: MergeRequest, address: str) -> tuple[Any, ...]:
    return (
        change.id,
        change.project.id,
        change.iid,
        change.author.id,
        None if change.merge_user is None else change.merge_user.id,
        change.title,
        f"{address}/-/merge_requests/{change.iid}",
        change.state,
        change.draft,
        tuple(sorted(label.title for label in change.labels)),
        _seconds(change.created_at),
        _seconds(change.updated_at),
        _seconds(change.merged_at),
        _seconds(change.closed_at),
        len(change.notes),
    )


def _note(note: Note) -> tuple[Any, ...] | None:
    """(author, kind, time, requested, removed); None for a note that no indicator reads."""
    requested: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    if not note.system:
        kind = "comment"
    elif note.action in ("approved", "unapproved"):
        kind = note.action
    elif note.action == "reviewer":
        kind = "review_request"
        # The world writes the requests first, and the removals behind the word "removed".
        asked, _, withdrawn = note.body.partition("removed")
        requested, removed = _mentioned(asked), _mentioned(withdrawn)
    elif note.action == "title" and note.body.endswith(("**ready**", "**draft**")):
        kind = note.body[-7:-2]
    else:
        return None
    return note.author.id, kind, _seconds(note.created_at), requested, removed


def _mentioned(text: str) -> tuple[str, ...]:
    words = (word.rstrip(",") for word in text.split())
    return tuple(dict.fromkeys(word[1:].lower() for word in words if word.startswith("@")))


LIVE = """WITH live AS (
    SELECT m.* FROM merge_requests m JOIN projects p ON p.id = m.project_id
    WHERE m.deleted_at IS NULL AND p.unreachable_since IS NULL
)"""
"""What of the merge requests GitLab has shown last."""

STORED = {
    "projects": "SELECT id, path, name, web_url, archived FROM projects p"
    " WHERE EXISTS (SELECT 1 FROM live WHERE project_id = p.id)",
    "merge_requests": "SELECT id, project_id, iid, author_id, merge_user_id, title, web_url, state,"
    " draft, labels, created_at, updated_at, merged_at, closed_at, notes_count FROM live",
    "notes": "SELECT n.id, n.merge_request_id, n.author_id, n.kind, n.created_at, n.requested,"
    " n.removed FROM notes n JOIN live ON live.id = n.merge_request_id",
    "reviewers": "SELECT r.merge_request_id, r.account_id FROM reviewers r"
    " JOIN live ON live.id = r.merge_request_id",
    "accounts": "SELECT id, username, name, bot, email FROM accounts a WHERE id IN ("
    " SELECT author_id FROM live UNION SELECT merge_user_id FROM live"
    " UNION SELECT n.author_id FROM notes n JOIN live ON live.id = n.merge_request_id"
    " UNION SELECT r.account_id FROM reviewers r JOIN live ON live.id = r.merge_request_id)",
}
"""The same rows out of the tables."""

BESIDE = {
    "rows read": "SELECT id, reviewer_rows_read, changed_paths_read FROM live",
    "reviewer rows": "SELECT r.merge_request_id, r.account_id, r.created_at FROM reviewers r"
    " JOIN live ON live.id = r.merge_request_id",
    "names": "SELECT n.id, n.names FROM notes n JOIN live ON live.id = n.merge_request_id",
    "changed paths": "SELECT c.merge_request_id, c.path FROM changed_paths c"
    " JOIN live ON live.id = c.merge_request_id",
    "quarantine": "SELECT source, address, kind, reason FROM quarantined_records",
}
"""What else two collections of the same must have in common."""
