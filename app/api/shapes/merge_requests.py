"""Merge requests: the evidence behind a point, and what waits."""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from app.api.shapes.answer import Answer, OfKind
from app.metrics import answers


class AuthorAnswer(Answer):
    """Who wrote a merge request, as GitLab names them now."""

    username: str
    """Of the account."""
    name: str
    """The account's display name."""


class BesideAnswer(Answer):
    """How it stands with the answer to a community merge request."""

    answer: str
    """met, missed, pending (none yet, the deadline is ahead) or waiting_for_author."""
    due_at: datetime | None
    """Until when it must be answered; null while it waits for its author."""
    answered_at: datetime | None
    """When somebody who may answer did so first, in time or not; null while nobody has."""


class EvidenceAnswer(Answer):
    """A merge request."""

    project: str
    """Path of the target project."""
    iid: int
    """Its number in the project, as in `!12`."""
    title: str
    """As it is now."""
    web_url: str
    """Its address in GitLab."""
    state: str
    """opened, locked, merged or closed, as it is now."""
    draft: bool
    """Whether it is a draft now."""
    author: AuthorAnswer | None
    """null where the account is unknown."""
    created_at: datetime
    """When it was created."""
    merged_at: datetime | None
    """When it was merged; null where it was not, or GitLab does not say."""
    closed_at: datetime | None
    """When it was closed without being merged; null where it was not, or GitLab does not say."""
    review_started_at: datetime | None
    """When a review was first requested from somebody; null while it was not."""
    value: float | None
    """What it contributes, in days; null for a rate."""
    flags: list[str]
    """Out of `orphaned`, `end_estimated`, `review_start_inferred`."""
    beside: BesideAnswer | None = Field(default=None, exclude_if=lambda beside: beside is None)
    """The answer, in the evidence of community_response alone."""

    @classmethod
    def fields_of(cls, row: answers.EvidenceRow) -> dict[str, Any]:
        """The fields of a merge request by name."""
        own = set(EvidenceAnswer.model_fields) - {"author", "flags", "beside"}
        beside = row.answering and BesideAnswer(
            answer=row.answering.outcome,
            due_at=row.answering.due_at,
            answered_at=row.answering.answered_at,
        )
        author = None
        if row.author_username is not None:
            author = AuthorAnswer(
                username=row.author_username, name=row.author_name or row.author_username
            )
        return {name: getattr(row, name) for name in own} | {
            "author": author,
            "flags": list(row.flags),
            "beside": beside,
        }


class AttentionAnswer(EvidenceAnswer, OfKind):
    """A merge request that waits now.

    value: for how many days (`in_review`: since its review began; `orphaned`: since it was created;
    `community`: since the answer was due, negative before that).
    """

    due_at: datetime | None = Field(default=None, exclude_if=lambda due_at: due_at is None)
    """Until when it must be answered; of `community` alone."""


class WaitingOpeningAnswer(OfKind):
    """An opening past its target start."""

    opening_id: str
    """As its source calls it."""
    team: str | None
    """Slug of its team; null where its source names no team that there is."""
    opened_on: date
    """The day on which it was opened."""
    target_start_on: date
    """The day on which somebody was to start."""
    value: float
    """For how many days it is past its target start."""
