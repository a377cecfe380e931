"""Holds what is stored against the survey: changes without a time, deletions, what joined or left."""

from collections import defaultdict
from collections.abc import Collection as Numbers
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from collectors.gitlab.collection import Collection
from collectors.gitlab.errors import ForbiddenError, QueryRefusedError, ScopeError
from collectors.gitlab.pages import by_number, pages
from collectors.gitlab.projects import OpenMergeRequest
from collectors.gitlab.quarantine import Quarantine
from collectors.gitlab.queries import PROJECT_LISTING
from collectors.gitlab.records import GoneRecord, global_id
from collectors.gitlab.side_by_side import Put
from collectors.known import KnownMergeRequest, KnownProject
from collectors.record import Batch, RecordError, value_at, whole

PAGE = 100


def reconcile(collection: Collection) -> Iterator[Batch]:
    """Repairs what the lists did not tell; asks for nothing where nothing differs."""
    yield from _reread_differing(collection)
    yield from _repair_counts(collection)
    yield from _retire_projects(collection)


def _reread_differing(collection: Collection) -> Iterator[Batch]:
    """What is open there and differs here, what is open here and not there, and the quarantined."""
    known = collection.context.known
    watched = {
        number: found
        for number, found in collection.found.items()
        if collection.is_compared(found) and found.project.merge_requests is not None
    }
    told = {each.id: each for each in collection.opened.values() if each.project_id in watched}
    stored = known.merge_requests(told)
    ours = known.open_merge_requests(watched)
    differing: dict[int, dict[int, int | None]] = defaultdict(dict)
    for number, each in told.items():
        if differs(each, stored.get(number)):
            differing[each.project_id][each.iid] = number if number in stored else None
    for number, row in ours.items():
        if number not in told:
            differing[row.project_id][row.iid] = number
    for project_id, found in collection.found.items():
        for iid in collection.quarantine.numbers(found.record):
            differing[project_id].setdefault(iid, None)
    yield from collection.stored(
        [
            collection.guarded(
                collection.found[project_id], partial(_reread, collection, project_id, numbers)
            )
            for project_id, numbers in differing.items()
        ]
    )


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


def _reread(
    collection: Collection,
    project_id: int,
    numbers: Mapping[int, int | None],
    put: Put[Batch],
    path: str,
) -> None:
    """Reads merge requests of a project by number; what is not there any more is gone.

    numbers: with the id under which each is stored, None where it is not.
    """
    ids: set[int | None] = set()
    iids: set[int | None] = set()
    unclear: set[int | None] = set()
    for nodes in by_number(
        collection.client,
        path,
        sorted(numbers),
        collection.merge_requests,
        about=f"the project {path}",
    ):
        for node in nodes:
            number, iid = _number(node, "id"), _number(node, "iid")
            ids.add(number)
            iids.add(iid)
            if number is None:
                unclear.add(iid)
        put(collection.reader.batch(nodes, path))
    project = collection.found[project_id].record
    put(
        Batch(
            records=[
                GoneRecord(id=number, deleted_at=collection.context.started_at)
                for iid, number in numbers.items()
                if number is not None and number not in ids and iid not in unclear
            ],
            accepted=[
                address
                for iid in numbers
                if iid not in iids
                for address in sorted(collection.quarantine.about(project, iid))
            ],
        )
    )


def _number(node: Any, name: str) -> int | None:
    """The id or number of a node; None where it cannot be read (the reader refuses it and says why)."""
    try:
        found: int = value_at(node, name, convert=global_id)
    except RecordError:
        return None
    return found


def _repair_counts(collection: Collection) -> Iterator[Batch]:
    """Where GitLab counts another number of merge requests than are stored: the project's list."""
    known = collection.context.known
    stored = known.projects()
    positions = known.positions()
    quarantine = Quarantine(known.quarantined())
    jobs = []
    for number, found in collection.found.items():
        position = positions.get(found.scope.project_key(number))
        count = found.project.merge_requests
        if count is None or position is None or not position.complete:
            continue
        if count != (stored[number].merge_requests if number in stored else 0):
            refused = quarantine.numbers(found.record)
            repair = partial(_repair, collection, number, count, refused)
            jobs.append(collection.guarded(found, repair))
    yield from collection.stored(jobs)


def _repair(
    collection: Collection,
    project_id: int,
    count: int,
    refused: Numbers[int],
    put: Put[Batch],
    path: str,
) -> None:
    """Finds out by the project's list what is missing here and what has vanished there.

    count: how many there were at the survey. refused: numbers of those that could not be read.
    """
    ours = collection.context.known.merge_requests_of(project_id)
    numbers_of_ours = {iid for iid, _ in ours.values()}
    expected = len(ours) + len(set(refused) - numbers_of_ours)
    if count == expected:
        return
    there: dict[int, int] = {}
    for page in pages(
        collection.client,
        PROJECT_LISTING,
        {"path": path},
        collection.listings,
        holder=lambda data: data.get("project"),
        about=f"the project {path}",
    ):
        if page.count == expected:
            return  # what happened after the survey has been met on the way
        for node in page.nodes:
            try:
                there[value_at(node, "id", convert=global_id)] = value_at(
                    node, "iid", convert=whole
                )
            except RecordError as error:
                raise QueryRefusedError(
                    f"The list of the project {path} cannot be read: {error}."
                ) from error
    if ours and not there:
        # Deleted, or switched off: whoever reads the numbers must be told.
        collection.context.remark(
            f"GitLab shows no merge requests of the project {path} any more:"
            " those that are stored count as deleted."
        )
    wanted: dict[int, int | None] = {
        iid: None for number, iid in there.items() if number not in ours and iid not in refused
    }
    wanted |= {iid: number for number, (iid, _) in ours.items() if number not in there}
    if wanted:
        _reread(collection, project_id, wanted, put, path)


def _retire_projects(collection: Collection) -> Iterator[Batch]:
    """Projects that are no longer among what is collected: deleted, moved away, or taken out of the
    configuration. Their merge requests count as deleted; they come back whole when they do.

    Left alone: what may belong to a scope that could not be read.
    """
    unsure = [*collection.failed, *collection.doubtful]
    keys = {scope.key for scope in unsure}
    kept = {
        int(number)
        for key, _, number in (each.partition(" project:") for each in collection.positions)
        if number and key in keys
    }
    yield from collection.stored(
        [
            partial(_retire, collection, project)
            for project in collection.context.known.projects().values()
            if project.merge_requests
            and project.id not in collection.found
            and project.id not in kept
            and not any(scope.holds(project.path) for scope in unsure)
        ]
    )
    mine = {found.scope.project_key(number) for number, found in collection.found.items()}
    sure = {scope.key for scope in collection.surveyed if scope not in unsure}
    forget = [
        key
        for key in collection.positions
        if " project:" in key and key not in mine and key.partition(" project:")[0] in sure
    ]
    strangers: list[str] = []
    if not unsure:
        projects = [found.record for found in collection.found.values()]
        strangers = collection.quarantine.strangers(projects)
    if forget or strangers:
        yield Batch(forget=forget, accepted=strangers)


def _retire(collection: Collection, project: KnownProject, put: Put[Batch]) -> None:
    """The second look: the project itself is asked for before anything is given up."""
    context = collection.context
    try:
        path = collection.present_path(project.id)
    except ForbiddenError:
        context.remark(
            f"The project {project.path} may no longer be read; what is stored of it is kept."
        )
        return
    except ScopeError as error:
        context.fail(error, holds_back=True)
        return
    if path is not None and any(scope.holds(path) for scope in collection.surveyed):
        return  # it came back, or the list moved while it was read: the next run will see it
    gone = context.known.merge_requests_of(project.id)
    # Deleted, moved away, or hidden from a token that lost an access: not in silence.
    context.remark(
        f"The project {project.path} is no longer among what is collected:"
        f" its {len(gone)} merge requests count as deleted."
    )
    put(Batch(records=[GoneRecord(id=each, deleted_at=context.started_at) for each in gone]))
