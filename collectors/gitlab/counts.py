"""Where GitLab counts another number of merge requests than are stored: finds which, in few requests."""

from collections.abc import Collection as Numbers
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from collectors.gitlab.client import GitLabClient
from collectors.gitlab.collection import Collection, Found, ProjectItem
from collectors.gitlab.errors import QueryRefusedError, about_status
from collectors.gitlab.pages import PageSize, pages
from collectors.gitlab.quarantine import Quarantine
from collectors.gitlab.queries import PROJECT_LISTING, with_stretches
from collectors.gitlab.records import GoneRecord, global_id
from collectors.gitlab.reread import reread
from collectors.gitlab.side_by_side import Put
from collectors.known import Known
from collectors.record import Batch, RecordError, value_at, whole

PAGE = 100

STRETCHES = 24
"""Stretches of time that are counted in one request: well below the complexity that GitLab allows."""

INSTANT = timedelta(microseconds=1)
"""GitLab's times have no less."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Creation from `since` to before `until`; None: from the beginning, to the end.

    stored: how many merge requests are stored that were created in it.
    """

    since: datetime | None
    until: datetime | None
    stored: int

    @property
    def after(self) -> str | None:
        """The lower bound as a variable of GraphQL."""
        return None if self.since is None else self.since.isoformat()

    @property
    def before(self) -> str | None:
        """The upper bound, which GitLab takes as inclusive. Stored times are whole seconds, so that
        the last instant before the bound parts there what they part here."""
        return None if self.until is None else (self.until - INSTANT).isoformat()


def repair_counts(collection: Collection) -> Iterator[Batch]:
    """Compares how many merge requests each project has, and repairs where that differs."""
    known = collection.context.known
    stored = known.projects()
    positions = known.positions()
    quarantine = Quarantine(known.quarantined())
    items: list[RepairCount] = []
    for number, found in collection.found.items():
        position = positions.get(found.scope.project_key(number))
        count = found.project.merge_requests
        if count is None or position is None or not position.complete:
            continue
        before = collection.projects.get(number)
        if not count and before is not None and before.merge_requests and not before.unreachable:
            # All at once: whoever reads the numbers must be told.
            collection.context.remark(
                f"GitLab shows no merge requests of the project {found.record.path} any more:"
                " those that are stored count as deleted."
            )
        if count != (stored[number].merge_requests if number in stored else 0):
            refused = quarantine.numbers(found.record)
            items.append(RepairCount(found=found, count=count, refused=frozenset(refused)))
    yield from collection.stored(items)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairCount(ProjectItem):
    """Finds out what of a project is missing here and what has vanished there, and reads it.

    count: how many there were at the survey. refused: numbers of those that could not be read.
    """

    count: int
    refused: frozenset[int]

    def read(self, collection: Collection, put: Put[Batch], path: str) -> None:
        """Puts what differs."""
        repair_count(collection, self.found, self.count, self.refused, put, path)


def repair_count(
    collection: Collection,
    found: Found,
    count: int,
    refused: Numbers[int],
    put: Put[Batch],
    path: str,
) -> None:
    """Finds out what of a project is missing here and what has vanished there.

    count: how many there were at the survey. refused: numbers of those that could not be read.
    """
    project_id = found.record.id
    known = collection.context.known
    stored = sum(number for _, number in known.stretches(project_id, None, None, 1))
    if count == stored + len(set(refused) - known.numbers_stored(project_id, refused)):
        return
    wanted: dict[int, int | None] = {}
    # Where there is none any more nothing need be narrowed: the first page of the list shows it.
    waiting = [Stretch(None, None, stored if count else 0)]
    told = 0
    while waiting:
        stretch = waiting.pop()
        if stretch.stored > PAGE:
            inner = _differing(collection.client, known, project_id, path, stretch)
            if inner != [stretch]:
                waiting += inner
                continue
        there = _listed(collection.client, collection.listings, path, stretch)
        told += len(there)
        here = known.created([project_id], stretch.since, stretch.until) if count or there else {}
        wanted |= {
            iid: None for number, iid in there.items() if number not in here and iid not in refused
        }
        wanted |= {iid: number for number, (_, iid) in here.items() if number not in there}
    if not count and not told:
        # The project answers and has none: nothing need be asked for by its number.
        at = collection.context.started_at
        for gone in known.merge_requests_of(project_id):
            put(Batch(records=[GoneRecord(id=number, deleted_at=at) for number in gone]))
    elif wanted:
        reread(collection, found, wanted, put, path)


def _differing(
    client: GitLabClient, known: Known, project_id: int, path: str, within: Stretch
) -> list[Stretch]:
    """The stretches within one in which GitLab counts another number than are stored.

    Answers the stretch itself where it cannot be divided. Raises a GitLabError.
    """
    stretches = _divided(known, project_id, within)
    if len(stretches) == 1:
        return [within]
    variables: dict[str, str | None] = {"path": path}
    for n, stretch in enumerate(stretches):
        variables |= {f"after{n}": stretch.after, f"before{n}": stretch.before}
    about = f"the project {path}"
    data = client.graphql(with_stretches(len(stretches)), variables, about=about)
    if data.get("project") is None:
        raise about_status(404, client.base_url, about)
    try:
        counts = [
            value_at(data, f"project.count{n}.count", convert=whole) for n in range(len(stretches))
        ]
    except RecordError as error:
        raise QueryRefusedError(f"The counts of {about} cannot be read: {error}.") from error
    return [
        stretch for stretch, count in zip(stretches, counts, strict=True) if count != stretch.stored
    ]


def _divided(known: Known, project_id: int, within: Stretch) -> Sequence[Stretch]:
    found = known.stretches(project_id, within.since, within.until, STRETCHES)
    if not found:
        return [within]
    since = [within.since, *(start for start, _ in found[1:])]
    until = [*since[1:], within.until]
    return [
        Stretch(begin, end, stored)
        for begin, end, (_, stored) in zip(since, until, found, strict=True)
    ]


def _listed(client: GitLabClient, size: PageSize, path: str, stretch: Stretch) -> dict[int, int]:
    """The merge requests that GitLab has in a stretch: number in the project by id."""
    there: dict[int, int] = {}
    for page in pages(
        client,
        PROJECT_LISTING,
        {"path": path, "createdAfter": stretch.after, "createdBefore": stretch.before},
        size,
        holder=lambda data: data.get("project"),
        about=f"the project {path}",
    ):
        for node in page.nodes:
            try:
                number: int = value_at(node, "id", convert=global_id)
                there[number] = value_at(node, "iid", convert=whole)
            except RecordError as error:
                raise QueryRefusedError(
                    f"The list of the project {path} cannot be read: {error}."
                ) from error
    return there
