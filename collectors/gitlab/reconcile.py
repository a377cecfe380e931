"""Holds what is stored against the survey: changes without a time, deletions, what joined or left."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from collectors.gitlab.collection import Collection, Found
from collectors.gitlab.counts import repair_counts
from collectors.gitlab.projects import OpenMergeRequest, Slice, SlicedMergeRequest
from collectors.gitlab.reach import settle_projects
from collectors.gitlab.records import VanishedRecord
from collectors.gitlab.reread import Reread
from collectors.known import KnownMergeRequest
from collectors.record import Batch, Reached, Record

PAGE = 100

Differing = dict[int, dict[int, int | None]]
"""By project the numbers of merge requests to be read again, with the id under which each is stored;
None where it is not."""


def reconcile(collection: Collection) -> Iterator[Batch]:
    """Repairs what the lists did not tell; asks for nothing where nothing differs."""
    known = collection.context.known
    vanished = collection.people.untold - known.vanished_accounts()
    yield from _reread_differing(collection, vanished)
    yield from repair_counts(collection)
    yield from settle_projects(collection)
    # Last of all: where a run ends before, what is stored of projects that it gives up, or did not come
    # to, still names who is no more, and the next run has to find that.
    if not collection.context.held_back:
        yield from _settled(collection, vanished)


def _reread_differing(collection: Collection, vanished: frozenset[int]) -> Iterator[Batch]:
    """What is open there and differs here, what is open here and not there, what differs in the
    slices, what names an account that is no more, and the quarantined."""
    known = collection.context.known
    watched = {
        number: found
        for number, found in collection.found.items()
        if collection.is_compared(found) and found.project.merge_requests is not None
    }
    differing: Differing = defaultdict(dict)
    _compare_open(collection, watched, differing)
    for scope, part in collection.slices:
        if scope in collection.surveyed:
            within = {number for number, found in watched.items() if found.scope == scope}
            _compare_slice(collection, part, within, differing)
    if vanished:
        for project_id, named in known.merge_requests_naming(vanished, watched).items():
            differing[project_id].update(named)
    for project_id, found in collection.found.items():
        for iid in collection.quarantine.numbers(found.record):
            differing[project_id].setdefault(iid, None)
    yield from collection.stored(
        [
            Reread(found=collection.found[project_id], numbers=numbers)
            for project_id, numbers in differing.items()
            if numbers
        ]
    )


def _compare_open(
    collection: Collection, watched: Mapping[int, Found], differing: Differing
) -> None:
    known = collection.context.known
    told = {each.id: each for each in collection.opened.values() if each.project_id in watched}
    stored = known.merge_requests(told)
    for number, each in told.items():
        if differs(each, stored.get(number)):
            differing[each.project_id][each.iid] = number if number in stored else None
    for number, row in known.open_merge_requests(watched).items():
        if number not in told:
            differing[row.project_id][row.iid] = number


def differs(told: OpenMergeRequest, stored: KnownMergeRequest | None) -> bool:
    """Whether an open merge request is not as it is stored. What was stored later than the survey
    holds; a list that fills its page may go on, and is not compared."""
    if stored is None or not stored.open:
        return stored is None or stored.updated_at <= told.updated_at
    if stored.updated_at != told.updated_at:
        return stored.updated_at < told.updated_at
    return (
        (stored.title, stored.draft) != (told.title, told.draft)
        or (len(told.labels) < PAGE and list(stored.labels) != list(told.labels))
        or (len(told.reviewers) < PAGE and stored.reviewers.keys() != told.reviewers)
    )


def _compare_slice(
    collection: Collection, part: Slice, watched: set[int], differing: Differing
) -> None:
    """A slice has all that was created in its time: what is stored beside it is to be looked for."""
    known = collection.context.known
    told = {each.id: each for each in part.told if each.project_id in watched}
    stored = known.merge_requests(told)
    for number, each in told.items():
        if sliced_differs(each, stored.get(number)):
            differing[each.project_id][each.iid] = number if number in stored else None
    for number, (project_id, iid) in known.created(watched, part.since, part.until).items():
        if number not in told:
            differing[project_id][iid] = number


def sliced_differs(told: SlicedMergeRequest, stored: KnownMergeRequest | None) -> bool:
    """Whether a merge request of a slice is not as it is stored; as `differs`, in any state."""
    if stored is None or stored.updated_at != told.updated_at:
        return stored is None or stored.updated_at < told.updated_at
    return (
        stored.deleted
        or (stored.state, stored.notes_count) != (told.state, told.notes_count)
        or (len(told.reviewers) < PAGE and stored.reviewers.keys() != told.reviewers)
    )


def _settled(collection: Collection, vanished: frozenset[int]) -> Iterator[Batch]:
    """What has been verified, once all that differed was read: the slices, and who is no more."""
    returned = collection.context.known.vanished_accounts() & collection.people.told
    at = collection.context.started_at
    records: list[Record] = [
        *(VanishedRecord(id=number, vanished_at=at) for number in sorted(vanished)),
        *(VanishedRecord(id=number, vanished_at=None) for number in sorted(returned)),
    ]
    reached: list[Reached] = []
    forget: list[str] = []
    ends = {scope: part.until for scope, part in collection.slices if scope in collection.surveyed}
    for scope, until in ends.items():
        if until is not None:
            reached.append(Reached(scope=scope.verified_key, through=until, complete=False))
        elif collection.verified_through(scope) is not None:
            forget.append(scope.verified_key)  # a new round begins
    if records or reached or forget:
        yield Batch(records=records, reached=reached, forget=forget)
