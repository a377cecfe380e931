"""Changed paths: asked for merged merge requests of handbook projects with path globs, once each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from collectors.gitlab.collection import Collection, Found, ProjectItem
from collectors.gitlab.errors import HeavyQueryError, QueryRefusedError
from collectors.gitlab.merge_requests import as_list
from collectors.gitlab.quarantine import CHANGED_PATHS_OF
from collectors.gitlab.queries import CHANGED_PATHS
from collectors.gitlab.records import ChangedPathRecord, ChangedPathsReadRecord, global_id
from collectors.gitlab.side_by_side import Put
from collectors.record import Batch, Complete, Record, RecordError, Refused, text, value_at


def read_changed_paths(collection: Collection) -> Iterator[Batch]:
    """Reads the paths of what was merged since they were read last; nothing else is asked for."""
    with_globs = {
        each.project.lower() for each in collection.context.settings.gitlab.handbook if each.paths
    }
    projects = {
        number: found
        for number, found in collection.found.items()
        if found.record.path.lower() in with_globs
    }
    unread = collection.context.known.merged_without_paths(projects)
    yield from collection.stored(
        [
            ReadChangedPaths(found=projects[number], numbers=tuple(sorted(numbers.values())))
            for number, numbers in unread.items()
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadChangedPaths(ProjectItem):
    """Reads the changed paths of merge requests with these numbers in their project."""

    numbers: tuple[int, ...]

    def read(self, collection: Collection, put: Put[Batch], path: str) -> None:
        """Puts the paths of some twenty merge requests at a time."""
        _read(collection, self.found, self.numbers, put, path)


def _read(
    collection: Collection, found: Found, numbers: Sequence[int], put: Put[Batch], path: str
) -> None:
    size = collection.changed_paths
    waiting = list(numbers)
    while waiting:
        asked = waiting[: size.now]
        try:
            data = collection.client.graphql(
                CHANGED_PATHS,
                {"path": path, "numbers": [str(each) for each in asked], "size": len(asked)},
                about=f"the changed paths of {found.about}",
                attempts=2 if len(asked) > 1 else None,
            )
        except HeavyQueryError as error:
            if not size.failed(len(asked), never=error.complexity):
                raise
            continue
        waiting = waiting[len(asked) :]
        try:
            nodes = value_at(data, "project.mergeRequests.nodes", convert=as_list)
        except RecordError as error:
            raise QueryRefusedError(
                f"The changed paths of {found.about} cannot be read: {error}."
            ) from error
        put(_batch(found, nodes))


def _batch(found: Found, nodes: Sequence[Any]) -> Batch:
    records: list[Record] = []
    read: list[int] = []
    refused: list[Refused] = []
    for node in nodes:
        try:
            number: int = value_at(node, "id", convert=global_id)
            stats = value_at(node, "diffStats", convert=as_list)
            paths = {value_at(each, "path", convert=text) for each in stats}
        except RecordError as error:
            # It stays unread, and so is asked for again in the next run.
            address = f"{found.record.web_url}{CHANGED_PATHS_OF}"
            refused.append(Refused(kind="changed_paths", address=address, reason=str(error)))
            continue
        read.append(number)
        records.append(ChangedPathsReadRecord(id=number, changed_paths_read=True))
        records += [ChangedPathRecord(merge_request_id=number, path=path) for path in sorted(paths)]
    return Batch(
        records=records,
        complete=[Complete(record=ChangedPathRecord, column="merge_request_id", values=read)],
        refused=refused,
        accepted=[] if refused else [f"{found.record.web_url}{CHANGED_PATHS_OF}"],
    )
