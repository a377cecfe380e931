"""Reviewer rows: the one thing that only REST tells, read where it could move a review's start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, Literal

from collectors.gitlab.client import GitLabClient
from collectors.gitlab.errors import NoSuchRouteError
from collectors.gitlab.merge_requests import Told
from collectors.gitlab.notes import open_requests
from collectors.gitlab.records import NoteRecord, global_id
from collectors.known import KnownMergeRequest
from collectors.record import RecordError, dig, instant, value_at

PAGE = 100
REFUSALS = 3
"""So often answered that there is no such route, and never otherwise: this GitLab has none to tell."""

Rows = Mapping[int, datetime | None]
"""When each present reviewer's row was made, by account id; None where it does not say."""


@dataclass(frozen=True, slots=True)
class ReviewerTimes:
    """When the rows of the present reviewers were made, as far as is known. read: the rows were
    asked for as the reviewers are now, or need not be."""

    times: Mapping[int, datetime | None]
    read: bool


def rows_could_matter(told: Told, notes: Sequence[NoteRecord]) -> bool:
    """Whether the review may have begun earlier than the notes tell.

    A reviewer who was set when the merge request was made leaves no note, one who is asked again
    by a note does. So a row can tell something new only where there is a reviewer besides the
    author, and a note that requested a review and was not withdrawn: without such a note every
    reviewer has been there from the start. Which note is about which reviewer is not asked on
    purpose: names in notes are those of their day, and the answer must not change when somebody
    is renamed or becomes a bot.
    """
    others = {user.id for user in told.reviewers} - {told.record.author_id}
    return bool(others) and bool(open_requests(notes))


def rows_wanted(
    told: Told,
    notes: Sequence[NoteRecord],
    known: KnownMergeRequest | None,
    mode: Literal["open", "all"],
    *,
    full: bool,
) -> bool:
    """Whether to ask REST: it could matter, it is to be asked (`gitlab.reviewer_rows`: of what is
    open, or was when it was last collected; or of all), and it was not asked in the present state."""
    if not rows_could_matter(told, notes):
        return False
    is_open = told.record.state in ("opened", "locked")
    if mode == "open" and not is_open and not (known is not None and known.open):
        return False
    return full or not unchanged(told, known) or not (known and known.reviewer_rows_read)


def unchanged(told: Told, known: KnownMergeRequest | None) -> bool:
    """Whether nothing visible happened since it was stored. GraphQL's times are whole seconds,
    so that the number of notes is compared as well."""
    return (
        known is not None
        and not known.deleted
        and known.updated_at == told.record.updated_at
        and known.notes_count == told.record.notes_count
        and "reviewers" not in told.rest
        and known.reviewers.keys() == {user.id for user in told.reviewers}
    )


def kept_times(
    told: Told, notes: Sequence[NoteRecord], known: KnownMergeRequest | None
) -> ReviewerTimes:
    """What is known from earlier runs, where the rows are not asked for now."""
    present = [user.id for user in told.reviewers]
    if known is None or not rows_could_matter(told, notes):
        return ReviewerTimes(dict.fromkeys(present), read=False)
    same = known.reviewers.keys() == set(present)
    return ReviewerTimes(
        {number: known.reviewers.get(number) for number in present},
        read=known.reviewer_rows_read and same,
    )


class ReviewerRows:
    """Asks REST for reviewer rows; gives up, saying so once, where a GitLab does not have them."""

    def __init__(self, client: GitLabClient) -> None:
        self._client = client
        self._lock = Lock()
        self._answered = False
        self._refusals = 0

    @property
    def missing(self) -> bool:
        """Whether this GitLab does not tell reviewer rows."""
        return not self._answered and self._refusals >= REFUSALS

    def times(self, told: Told) -> ReviewerTimes | None:
        """Asks for one merge request; None: this GitLab has none to tell. Raises a GitLabError."""
        if self.missing:
            return None
        record = told.record
        path = f"/projects/{record.project_id}/merge_requests/{record.iid}/reviewers"
        rows: list[Any] = []
        try:
            while len(rows) % PAGE == 0:
                page = self._client.rest(
                    path,
                    "reviewer_rows",
                    about=f"the reviewers of {told.address}",
                    per_page=PAGE,
                    page=len(rows) // PAGE + 1,
                )
                if not isinstance(page, list):
                    raise RecordError("the reviewers are not a list")
                rows += page
                if not page:
                    break
        except NoSuchRouteError:
            with self._lock:
                self._refusals += 1
            return None
        self._answered = True
        found = _read_rows(rows)
        # Somebody who became a reviewer after GraphQL was asked is met in the next run.
        return ReviewerTimes({user.id: found.get(user.id) for user in told.reviewers}, read=True)


def _read_rows(rows: Sequence[Any]) -> Rows:
    return {
        value_at(row, "user.id", convert=global_id): value_at(
            row, "created_at", convert=instant, optional=True
        )
        for row in rows
        if row is None or dig(row, "user") != (True, None)  # else a user who is no more
    }
