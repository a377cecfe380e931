"""Pages of merge requests → batches: what did not fit the page is fetched, reviewer rows are asked for."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from collectors.gitlab.client import GitLabClient
from collectors.gitlab.errors import QueryRefusedError, ScopeError
from collectors.gitlab.merge_requests import (
    LISTS,
    Told,
    page_of,
    read_reviewers,
    refused,
    tell,
)
from collectors.gitlab.notes import read_note
from collectors.gitlab.quarantine import Quarantine
from collectors.gitlab.queries import MERGE_REQUEST_REST
from collectors.gitlab.records import (
    AccountRecord,
    FormerUsernameRecord,
    NoteRecord,
    ReviewerRecord,
    labels_of,
    read_account,
)
from collectors.gitlab.reviewers import (
    ReviewerRows,
    ReviewerTimes,
    kept_times,
    rows_wanted,
    unchanged,
)
from collectors.known import KnownMergeRequest
from collectors.record import Batch, Complete, Record, RecordError, Refused, dig
from collectors.source import Context

T = TypeVar("T")


@dataclass(slots=True)
class _Reading:
    """A merge request on its way into a batch. whole: all of its notes have been read."""

    told: Told
    known: KnownMergeRequest | None
    whole: bool = True
    notes: list[NoteRecord] = field(default_factory=list)
    authors: list[AccountRecord] = field(default_factory=list)
    times: ReviewerTimes | None = None
    refused: list[Refused] = field(default_factory=list)
    failed: bool = False

    def fail(self, error: Exception) -> None:
        """Leaves the merge request as it is stored; it is asked for again in the next run."""
        self.failed = True
        self.refused.append(
            Refused(kind="merge_request", address=self.told.address, reason=str(error))
        )


class Reader:
    """Makes batches of nodes of `MergeRequestFields`; several threads may call it."""

    def __init__(self, context: Context, client: GitLabClient, quarantine: Quarantine) -> None:
        self._context = context
        self._client = client
        self._quarantine = quarantine
        self._mode = context.settings.gitlab.reviewer_rows
        self.rows = ReviewerRows(client)
        self._details = ThreadPoolExecutor(
            context.settings.gitlab.concurrency, thread_name_prefix="gitlab-details"
        )

    def close(self) -> None:
        """Ends its threads; the client was stopped before."""
        self._details.shutdown(cancel_futures=True)

    def batch(self, nodes: Sequence[Any], path: str, *, anew: bool = False) -> Batch:
        """Everything about these merge requests. path: of their group or project, for addresses.
        anew: read their lists to the end, also where nothing seems to have happened.

        A merge request or a note that cannot be read is refused, the rest is taken.
        Raises a SourceError.
        """
        told: dict[int, Told] = {}
        refusals: list[Refused] = []
        for node in nodes:
            try:
                one = tell(node)
            except RecordError as error:
                refusals.append(refused(node, path, error))
            else:
                told[one.record.id] = one
        known = self._context.known.merge_requests(told)
        readings = [_Reading(each, known.get(number)) for number, each in told.items()]
        self._each(self._read_rest, [each for each in readings if self._goes_on(each, anew)])
        for reading in readings:
            self._read_notes(reading)
        self._each(self._ask_for_rows, [each for each in readings if self._wants_rows(each)])
        return self._batch(readings, refusals)

    def _each(self, step: Callable[[_Reading], None], readings: Sequence[_Reading]) -> None:
        """Takes a step with requests for each, several at once; a failure is that one's alone."""
        tasks = [(self._details.submit(step, reading), reading) for reading in readings]
        for task, reading in tasks:
            try:
                task.result()
            except (RecordError, ScopeError) as error:
                reading.fail(error)

    def _goes_on(self, reading: _Reading, anew: bool) -> bool:
        """Whether the rest of its lists is needed: the notes of one that did not change are not."""
        told = reading.told
        anew = anew or self._context.full
        if "notes" in told.rest and not anew and unchanged(told, reading.known):
            del told.rest["notes"]
            reading.whole = False
        return bool(told.rest)

    def _read_rest(self, reading: _Reading) -> None:
        told = reading.told
        labels = list(told.record.labels)
        while told.rest:
            asked = {name: name in told.rest for name in LISTS}
            data = self._client.graphql(
                MERGE_REQUEST_REST,
                {
                    "id": f"gid://gitlab/MergeRequest/{told.record.id}",
                    **asked,
                    **{f"{name}After": told.rest.get(name) for name in LISTS},
                },
                about=f"the rest of {told.address}",
            )
            there, node = dig(data, "mergeRequest")
            if not there or node is None:
                raise QueryRefusedError(f"{told.address} vanished while it was read.")
            for name in list(told.rest):
                nodes, cursor = page_of(node, name)
                if name == "notes":
                    told.notes += nodes
                elif name == "reviewers":
                    told.reviewers += read_reviewers(nodes)
                else:
                    labels += labels_of(nodes)
                if cursor == told.rest[name]:
                    raise QueryRefusedError(f"The {name} of {told.address} never end.")
                if cursor is None:
                    del told.rest[name]
                else:
                    told.rest[name] = cursor
        told.record = replace(told.record, labels=tuple(sorted(set(labels))))

    def _read_notes(self, reading: _Reading) -> None:
        if reading.failed:
            return
        told = reading.told
        for node in told.notes:
            if node is None:
                continue  # a note that this token may not see
            try:
                note = read_note(node, told.record.id)
                author = dig(node, "author")[1]
                if note is not None:
                    reading.notes.append(note)
                    if author is not None:
                        reading.authors.append(read_account(author))
            except RecordError as error:
                number = str(dig(node, "id")[1]).rpartition("/")[2]
                address = f"{told.address}#note_{number}"
                reading.refused.append(Refused(kind="note", address=address, reason=str(error)))

    def _wants_rows(self, reading: _Reading) -> bool:
        """Whether REST is to be asked; decides what is known of the rows where it is not."""
        told, known = reading.told, reading.known
        if reading.failed:
            return False
        if known is not None and not reading.whole:
            # Not all notes are here, but nothing happened: what is known holds.
            reading.times = ReviewerTimes(known.reviewers, known.reviewer_rows_read)
            return False
        reading.times = kept_times(told, reading.notes, known)
        return not self.rows.missing and rows_wanted(
            told, reading.notes, known, self._mode, full=self._context.full
        )

    def _ask_for_rows(self, reading: _Reading) -> None:
        reading.times = self.rows.times(reading.told) or reading.times

    def _batch(self, readings: Sequence[_Reading], refusals: list[Refused]) -> Batch:
        records: list[Record] = []
        people: dict[int, AccountRecord] = {}
        taken = [reading for reading in readings if not reading.failed]
        accepted: list[str] = []
        for reading in readings:
            refusals += reading.refused
        still_refused = {each.address for each in refusals}
        for reading in taken:
            told, times = reading.told, reading.times
            assert times is not None
            record = replace(told.record, reviewer_rows_read=times.read)
            for person in (told.author, told.merge_user, *told.reviewers, *reading.authors):
                if person is not None:
                    people[person.id] = person
            records += [told.project, record, *reading.notes]
            records += [
                ReviewerRecord(
                    merge_request_id=record.id,
                    account_id=user.id,
                    created_at=times.times.get(user.id),
                )
                for user in told.reviewers
            ]
            accepted += self._quarantine.about(told.project, record.iid) - still_refused
        for person in people.values():
            records += [
                person,
                FormerUsernameRecord(account_id=person.id, username=person.username.lower()),
            ]
        return Batch(
            records=records,
            complete=[
                Complete(
                    record=ReviewerRecord,
                    column="merge_request_id",
                    values=[each.told.record.id for each in taken],
                ),
                Complete(
                    record=NoteRecord,
                    column="merge_request_id",
                    values=[each.told.record.id for each in taken if each.whole],
                ),
            ],
            refused=refusals,
            accepted=accepted,
        )
