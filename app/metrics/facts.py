"""A merge request as the indicators see it, and many of them as columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from app.metrics.work_columns import NEVER, Flags, Integers, places

LEFT_OUT = (None, "bot", "deleted", "draft", "out_of_scope", "quarantined")
"""Why a merge request does not count; None: it does. In columns its place here stands for a reason."""

Responses = list[list[int]]
"""[microseconds since 1970, account id] of each answer, in order."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Facts:
    """A row of merge_request_facts; see there."""

    merge_request_id: int
    project_id: int
    author_id: int | None
    created_at: datetime
    review_started_at: datetime | None
    ended_at: datetime | None
    merged_at: datetime | None
    draft: bool
    ready_at: datetime | None
    first_engaged_at: datetime | None
    responses: Responses
    handbook: bool
    counted: bool
    community: bool
    end_estimated: bool
    review_start_inferred: bool
    left_out: str | None

    @property
    def in_use(self) -> bool:
        """Whether any indicator counts it: handbook scope knows no product scope."""
        return self.counted or (self.handbook and self.left_out == "out_of_scope")

    @property
    def response_due_from(self) -> datetime:
        """When the clock of an answer to the community starts."""
        return self.ready_at or self.created_at


@dataclass(frozen=True, slots=True)
class FactColumns:
    """Facts as columns of one length, in order of the merge request.

    Instants: microseconds since 2000, as Postgres counts them; NEVER where not happened. author_id: 0
    where there is none. left_out: places in LEFT_OUT. responses: by merge request id, of those that
    have any.
    """

    merge_request_id: Integers
    project_id: Integers
    author_id: Integers
    created_at: Integers
    review_started_at: Integers
    ended_at: Integers
    merged_at: Integers
    draft: Flags
    ready_at: Integers
    first_engaged_at: Integers
    handbook: Flags
    counted: Flags
    community: Flags
    end_estimated: Flags
    review_start_inferred: Flags
    left_out: Integers
    responses: Mapping[int, Responses]

    def __len__(self) -> int:
        return len(self.merge_request_id)

    def row(self, position: int) -> Facts:
        """The facts of one merge request."""
        key = int(self.merge_request_id[position])
        return Facts(
            merge_request_id=key,
            project_id=int(self.project_id[position]),
            author_id=int(self.author_id[position]) or None,
            created_at=_EPOCH + timedelta(microseconds=int(self.created_at[position])),
            review_started_at=_instant(self.review_started_at, position),
            ended_at=_instant(self.ended_at, position),
            merged_at=_instant(self.merged_at, position),
            draft=bool(self.draft[position]),
            ready_at=_instant(self.ready_at, position),
            first_engaged_at=_instant(self.first_engaged_at, position),
            responses=self.responses.get(key, []),
            handbook=bool(self.handbook[position]),
            counted=bool(self.counted[position]),
            community=bool(self.community[position]),
            end_estimated=bool(self.end_estimated[position]),
            review_start_inferred=bool(self.review_start_inferred[position]),
            left_out=LEFT_OUT[self.left_out[position]],
        )


def _instant(column: Integers, position: int) -> datetime | None:
    value = int(column[position])
    return None if value == NEVER else _EPOCH + timedelta(microseconds=value)


PLAIN = tuple(name for name in FactColumns.__slots__ if name != "responses")
"""The columns that are arrays."""


def differing(derived: FactColumns, stored: FactColumns) -> Integers:
    """The positions of the derived facts that are not stored as they are."""
    place, known = places(derived.merge_request_id, stored.merge_request_id)
    differs = ~known
    here = np.flatnonzero(known)
    for name in PLAIN:
        before, after = getattr(stored, name)[place[here]], getattr(derived, name)[here]
        differs[here] |= before != after
    if derived.responses or stored.responses:
        keys = derived.responses.keys() | stored.responses.keys()
        changed = [key for key in keys if derived.responses.get(key) != stored.responses.get(key)]
        differs |= np.isin(derived.merge_request_id, np.array(changed, np.int64))
    return np.flatnonzero(differs)
