"""When a merge request was first put before a reviewer, from what GitLab still tells."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ReviewNote:
    """A system note that requests reviews, withdraws requests, or both. Names are those of its day."""

    created_at: datetime
    requested: Sequence[str]
    removed: Sequence[str]


@dataclass(frozen=True, slots=True)
class PresentReviewer:
    """Who is a reviewer now. created_at: of the reviewer row; None where it was not read."""

    account_id: int
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReviewStart:
    """at: None while nobody was asked. inferred: a reviewer row that was not read could be earlier."""

    at: datetime | None
    inferred: bool


def review_start(
    created_at: datetime,
    notes: Sequence[ReviewNote],
    reviewers: Sequence[PresentReviewer],
    *,
    rows_read: bool,
    resolve: Callable[[str], int | None],
    eligible: Callable[[int | str], bool],
) -> ReviewStart:
    """The earliest evidence that somebody who is neither the author nor a bot was asked.

    notes: oldest first; those dated before the merge request are left aside.
    rows_read: whether the reviewer rows of the present reviewers were read.
    resolve: the account behind a username of any day; None for one that was never seen.
    eligible: whether an account (or a name without one) is neither the author nor a bot.
    """
    evidence: list[datetime] = []
    requested: set[int | str] = set()
    strangers: set[str] = set()
    for note in notes:
        if note.created_at < created_at:
            continue
        for name in note.requested:
            who = resolve(name) or name
            requested.add(who)
            if eligible(who):
                evidence.append(note.created_at)
                if isinstance(who, str):
                    strangers.add(who)
        for name in note.removed:
            who = resolve(name) or name
            # Removed without having been asked by a note: a reviewer since the merge request was made.
            if who not in requested and eligible(who):
                evidence.append(created_at)
            if isinstance(who, str):
                strangers.discard(who)
    present = [reviewer for reviewer in reviewers if eligible(reviewer.account_id)]
    evidence += [
        reviewer.created_at
        for reviewer in present
        if reviewer.created_at is not None and reviewer.created_at >= created_at
    ]
    unexplained = [reviewer for reviewer in present if reviewer.account_id not in requested]
    # A name that no account is known by may be that of a present reviewer who was renamed before
    # anybody saw the old name. Whoever is left was set when the merge request was made.
    if len(unexplained) > len(strangers):
        evidence.append(created_at)
    at = min(evidence, default=None)
    # The row of whoever is present, where it was not read, may be older than every note.
    inferred = at is not None and at > created_at and bool(present) and not rows_read
    return ReviewStart(at, inferred)
