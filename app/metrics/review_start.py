"""When merge requests were first put before a reviewer, from what GitLab still tells: pure, many at once.

Everything is columns: a merge request is a position, an instant a number (the later the larger), a
person the number of an account or, below zero, that of a name that no account is known by.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.metrics.work_columns import NEVER, Flags, Integers


@dataclass(frozen=True, slots=True)
class Mentions:
    """Names in system notes that request reviews or withdraw requests, as columns of one length.

    In order of the notes; of one note those whom it asks before those whom it removes. work: which
    merge request. eligible: neither its author nor a bot.
    """

    work: Integers
    at: Integers
    who: Integers
    removed: Flags
    eligible: Flags


@dataclass(frozen=True, slots=True)
class PresentReviewers:
    """Who are reviewers now, as columns of one length. at: of the reviewer row; NEVER where it was
    not read. eligible: neither the author nor a bot."""

    work: Integers
    at: Integers
    who: Integers
    eligible: Flags


@dataclass(frozen=True, slots=True)
class ReviewStarts:
    """By merge request. at: NEVER while nobody was asked. inferred: a reviewer row that was not read
    could be earlier."""

    at: Integers
    inferred: Flags


def review_starts(
    created_at: Integers, mentions: Mentions, reviewers: PresentReviewers, *, rows_read: Flags
) -> ReviewStarts:
    """The earliest evidence that somebody who is neither the author nor a bot was asked.

    Mentions dated before their merge request are left aside.
    rows_read: whether the reviewer rows of the present reviewers were read.
    """
    count = len(created_at)
    valid = mentions.at >= created_at[mentions.work]
    work, who = mentions.work[valid], mentions.who[valid]
    removed, eligible = mentions.removed[valid], mentions.eligible[valid]
    at = np.full(count, NEVER)
    asked = eligible & ~removed
    np.minimum.at(at, work[asked], mentions.at[valid][asked])

    pairs = _Pairs.of(work, who, reviewers)
    first, last = pairs.order[pairs.begin], pairs.order[pairs.end - 1]
    # Removed without having been asked by a note: a reviewer since the merge request was made.
    since_creation = first[removed[first] & eligible[first]]
    # A name that no account is known by may be that of a present reviewer who was renamed before
    # anybody saw the old name, unless it was removed again.
    strangers = last[~removed[last] & eligible[last] & (who[last] < 0)]

    present = reviewers.work[reviewers.eligible]
    seen = reviewers.at[reviewers.eligible]
    told = (seen != NEVER) & (seen >= created_at[present])
    np.minimum.at(at, present[told], seen[told])
    unexplained = present[~pairs.requested(removed)[reviewers.eligible]]
    # Whoever is left was set when the merge request was made.
    left = np.bincount(unexplained, minlength=count) > np.bincount(work[strangers], minlength=count)
    left[work[since_creation]] = True
    at[left] = created_at[left]
    # The row of whoever is present, where it was not read, may be older than every note.
    has_present = np.bincount(present, minlength=count) > 0
    return ReviewStarts(at, (at != NEVER) & (at > created_at) & has_present & ~rows_read)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The mentions of the same person on the same merge request together, in order.

    order: positions of mentions. begin, end: of each pair within it. key: what tells the pairs apart,
    in order; of_reviewers: the same for each present reviewer.
    """

    order: Integers
    begin: Integers
    end: Integers
    key: Integers
    of_reviewers: Integers

    @classmethod
    def of(cls, work: Integers, who: Integers, reviewers: PresentReviewers) -> "_Pairs":
        people, number = np.unique(np.concatenate([who, reviewers.who]), return_inverse=True)
        key = np.concatenate([work, reviewers.work]) * len(people) + number
        mentioned = key[: len(who)]
        order = np.argsort(mentioned, kind="stable")
        ordered = mentioned[order]
        begin = np.flatnonzero(np.diff(ordered, prepend=-1))
        end = np.append(begin[1:], len(ordered)) if len(ordered) else begin
        return cls(order, begin, end, ordered[begin], key[len(who) :])

    def requested(self, removed: Flags) -> Flags:
        """By present reviewer: whether any note asked them."""
        if not len(self.begin):
            return np.zeros(len(self.of_reviewers), np.bool_)
        asked = np.logical_or.reduceat(~removed[self.order], self.begin)
        found: npt.NDArray[np.bool_] = np.isin(self.of_reviewers, self.key[asked])
        return found
