"""A GitLab instance that lives: everything that people do to its records, with GitLab's consequences."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from demo.gitlab.records import Group, MergeRequest, Note, Project, ReviewerRow, User
from demo.gitlab.store import Store, Unknown

CHANGES = frozenset({"comment", "approval", "reviewers", "assignees", "labels", "state", "title"})
"""Kinds of changes of a merge request that set its updated_at."""


def sentence(users: Iterable[User]) -> str:
    """Mentions as GitLab joins them: `@a`, `@a and @b`, `@a, @b, and @c`."""
    names = [f"@{user.username}" for user in users]
    if len(names) < 3:
        return " and ".join(names)
    return f"{', '.join(names[:-1])}, and {names[-1]}"


class World(Store):
    """A store with the changes that people make. `at` is when, the clock's present by default.

    silent: kinds of changes (of CHANGES) that leave updated_at alone, as some versions do.
    """

    silent: frozenset[str] = frozenset()

    def _touch(self, merge_request: MergeRequest, kind: str, at: datetime) -> None:
        if kind not in self.silent:
            merge_request.updated_at = max(merge_request.updated_at, at)

    def _system_note(
        self, merge_request: MergeRequest, by: User, body: str, action: str, at: datetime
    ) -> Note:
        return self.add_note(merge_request, by, body, at, action=action)

    def comment(
        self, merge_request: MergeRequest, by: User, body: str, at: datetime | None = None
    ) -> Note:
        """Somebody writes a note; a reviewer's row becomes `reviewed`."""
        with self.changing():
            at = at or self.clock()
            self._touch(merge_request, "comment", at)
            row = merge_request.reviewer(by)
            if row is not None and row.state == "unreviewed":
                row.state = "reviewed"
            return self.add_note(merge_request, by, body, at)

    def delete_note(self, merge_request: MergeRequest, note: Note) -> None:
        """Removes a note without a trace."""
        with self.changing():
            merge_request.notes.remove(note)

    def request_review(
        self,
        merge_request: MergeRequest,
        by: User,
        reviewers: Sequence[User],
        at: datetime | None = None,
        *,
        removing: Sequence[User] = (),
    ) -> Note | None:
        """Asks new reviewers, or asks again one who is a reviewer already; may remove others with it.

        The row of somebody who is asked again stays, with its created_at. Answers the note.
        """
        with self.changing():
            at = at or self.clock()
            again = [user for user in reviewers if merge_request.reviewer(user)]
            new = [user for user in reviewers if user not in again]
            gone = [user for user in removing if merge_request.reviewer(user)]
            note = None
            for user in again:
                row = merge_request.reviewer(user)
                assert row is not None
                row.state = "unreviewed"
                body = f"requested review from @{user.username}"
                note = self._system_note(merge_request, by, body, "reviewer", at)
            merge_request.reviewers = [
                row for row in merge_request.reviewers if row.user not in gone
            ] + [ReviewerRow(user, at) for user in new]
            parts = [f"requested review from {sentence(new)}"] if new else []
            parts += [f"removed review request for {sentence(gone)}"] if gone else []
            if parts:
                note = self._system_note(merge_request, by, " and ".join(parts), "reviewer", at)
            if note is not None:
                self._touch(merge_request, "reviewers", at)
            return note

    def remove_reviewer(
        self, merge_request: MergeRequest, by: User, reviewer: User, at: datetime | None = None
    ) -> Note | None:
        """Withdraws a request for review; answers the note."""
        return self.request_review(merge_request, by, [], at, removing=[reviewer])

    def assign(
        self,
        merge_request: MergeRequest,
        by: User,
        users: Sequence[User],
        at: datetime | None = None,
    ) -> Note | None:
        """Assigns users on top of those who are assigned; answers the note."""
        with self.changing():
            at = at or self.clock()
            new = [user for user in users if user not in merge_request.assignees]
            if not new:
                return None
            merge_request.assignees.extend(new)
            self._touch(merge_request, "assignees", at)
            body = f"assigned to {sentence(new)}"
            return self._system_note(merge_request, by, body, "assignee", at)

    def approve(
        self, merge_request: MergeRequest, by: User, at: datetime | None = None
    ) -> Note | None:
        """Approves, once; a reviewer's row becomes `approved`. Answers the note."""
        with self.changing():
            at = at or self.clock()
            if by in merge_request.approved_by:
                return None
            merge_request.approved_by.append(by)
            row = merge_request.reviewer(by)
            if row is not None:
                row.state = "approved"
            self._touch(merge_request, "approval", at)
            return self._system_note(
                merge_request, by, "approved this merge request", "approved", at
            )

    def unapprove(
        self, merge_request: MergeRequest, by: User, at: datetime | None = None
    ) -> Note | None:
        """Takes an approval back; answers the note."""
        with self.changing():
            at = at or self.clock()
            if by not in merge_request.approved_by:
                return None
            merge_request.approved_by.remove(by)
            row = merge_request.reviewer(by)
            if row is not None:
                row.state = "unapproved"
            self._touch(merge_request, "approval", at)
            return self._system_note(
                merge_request, by, "unapproved this merge request", "unapproved", at
            )

    def merge(self, merge_request: MergeRequest, by: User, at: datetime | None = None) -> None:
        """Merges an open merge request."""
        with self.changing():
            at = at or self.clock()
            merge_request.state = "merged"
            merge_request.merged_at = at
            merge_request.merge_user = by
            self.add_state_event(merge_request, by, "merged", at)
            self._touch(merge_request, "state", at)

    def close(self, merge_request: MergeRequest, by: User, at: datetime | None = None) -> None:
        """Closes an open merge request without merging it."""
        with self.changing():
            at = at or self.clock()
            merge_request.state = "closed"
            merge_request.closed_at = at
            merge_request.closed_by = by
            self.add_state_event(merge_request, by, "closed", at)
            self._touch(merge_request, "state", at)

    def reopen(self, merge_request: MergeRequest, by: User, at: datetime | None = None) -> None:
        """Opens a closed merge request again; nothing of the closing stays but its event."""
        with self.changing():
            at = at or self.clock()
            merge_request.state = "opened"
            merge_request.closed_at = None
            merge_request.closed_by = None
            self.add_state_event(merge_request, by, "reopened", at)
            self._touch(merge_request, "state", at)

    def lock_for_merge(self, merge_request: MergeRequest, at: datetime | None = None) -> None:
        """The state `locked`, in which a merge that never ends leaves a merge request."""
        with self.changing():
            merge_request.state = "locked"
            self._touch(merge_request, "state", at or self.clock())

    def mark_draft(self, merge_request: MergeRequest, by: User, at: datetime | None = None) -> None:
        """Puts `Draft:` before the title."""
        with self.changing():
            at = at or self.clock()
            merge_request.title = f"Draft: {merge_request.title}"
            self._touch(merge_request, "title", at)
            body = "marked this merge request as **draft**"
            self._system_note(merge_request, by, body, "title", at)

    def mark_ready(self, merge_request: MergeRequest, by: User, at: datetime | None = None) -> None:
        """Takes `Draft:` off the title."""
        with self.changing():
            at = at or self.clock()
            merge_request.title = merge_request.title.removeprefix("Draft:").lstrip()
            self._touch(merge_request, "title", at)
            body = "marked this merge request as **ready**"
            self._system_note(merge_request, by, body, "title", at)

    def add_label(
        self, merge_request: MergeRequest, title: str, at: datetime | None = None
    ) -> None:
        """Puts a label on; label changes are no notes."""
        with self.changing():
            label = self.label(title)
            if label not in merge_request.labels:
                merge_request.labels.append(label)
                self._touch(merge_request, "labels", at or self.clock())

    def remove_label(
        self, merge_request: MergeRequest, title: str, at: datetime | None = None
    ) -> None:
        """Takes a label off."""
        with self.changing():
            kept = [label for label in merge_request.labels if label.title != title]
            if len(kept) < len(merge_request.labels):
                merge_request.labels = kept
                self._touch(merge_request, "labels", at or self.clock())

    def delete_merge_request(self, merge_request: MergeRequest) -> None:
        """Removes it without a trace; its iid is not used again."""
        with self.changing():
            del self.merge_requests[merge_request.id]
            del merge_request.project.merge_requests[merge_request.iid]

    def rename_user(self, user: User, username: str, name: str | None = None) -> None:
        """A new username: same id, and notes keep the names of their day."""
        with self.changing():
            taken = self.find_user(username)
            if taken is not None and taken is not user:
                raise ValueError(f"the username {username} is taken")
            del self._usernames[user.username.lower()]
            user.username = username
            user.name = name or user.name
            self._usernames[username.lower()] = user

    def delete_user(self, user: User) -> User:
        """Removes an account; what it wrote belongs to the ghost user, who is answered."""
        with self.changing():
            ghost = self.find_user("ghost") or self.add_user("ghost", "Ghost User", type="GHOST")
            for merge_request in self.merge_requests.values():
                if merge_request.author is user:
                    merge_request.author = ghost
                if merge_request.merge_user is user:
                    merge_request.merge_user = ghost
                if merge_request.closed_by is user:
                    merge_request.closed_by = ghost
                merge_request.reviewers = [r for r in merge_request.reviewers if r.user is not user]
                merge_request.assignees = [u for u in merge_request.assignees if u is not user]
                merge_request.approved_by = [u for u in merge_request.approved_by if u is not user]
                for note in merge_request.notes:
                    if note.author is user:
                        note.author = ghost
                for event in merge_request.state_events:
                    if event.user is user:
                        event.user = ghost
            for group in self.groups.values():
                group.members.pop(user.id, None)
            del self.users[user.id]
            del self._usernames[user.username.lower()]
            return ghost

    def make_bot(self, user: User, type: str = "SERVICE_ACCOUNT") -> None:
        """Turns an account into one that GitLab flags as a bot."""
        with self.changing():
            user.type = type

    def rename_project(self, project: Project, path: str) -> None:
        """A new path in the same group; the former one redirects. No merge request is touched."""
        with self.changing():
            if self.find_project(f"{project.group.full_path}/{path}"):
                raise ValueError(f"the path {path} is taken")
            project.former_paths.append(project.full_path)
            project.path = path

    def move_project(self, project: Project, group: Group) -> None:
        """Transfers it to another group; the former path redirects. No merge request is touched."""
        with self.changing():
            project.former_paths.append(project.full_path)
            project.group = group

    def archive_project(self, project: Project, archived: bool = True) -> None:
        """Archives it, or takes it out of the archive."""
        with self.changing():
            project.archived = archived

    def hide_project(self, project: Project, hidden: bool = True) -> None:
        """Makes every answer about it a 404 or null, as for a token that lost its access."""
        with self.changing():
            project.hidden = hidden

    def switch_merge_requests(self, project: Project, enabled: bool) -> None:
        """Switches a project's merge requests off, which shows none of them, or on again."""
        with self.changing():
            project.merge_requests_enabled = enabled

    def mark_for_deletion(self, project: Project) -> None:
        """What comes some days before a deletion: the project is shown still, under another path."""
        self.rename_project(project, f"{project.path}-deletion_scheduled-{project.id}")

    def delete_project(self, project: Project) -> None:
        """Removes it with its merge requests."""
        with self.changing():
            for merge_request in project.merge_requests.values():
                del self.merge_requests[merge_request.id]
            del self.projects[project.id]

    def add_member(self, group: Group, user: User, access_level: int = 30) -> None:
        """Makes somebody a member of a group and all below it (20 reporter, 30 developer, 50 owner)."""
        with self.changing():
            group.members[user.id] = access_level


__all__ = ["CHANGES", "Store", "Unknown", "World", "sentence"]
