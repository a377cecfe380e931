"""Changed paths: asked for merged merge requests of handbook projects with path globs, once each."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from collectors.gitlab.collection import Collection, Found
from collectors.gitlab.errors import HeavyQueryError, QueryRefusedError
from collectors.gitlab.merge_requests import as_list
from collectors.gitlab.pages import PageSize
from collectors.gitlab.queries import CHANGED_PATHS
from collectors.gitlab.records import ChangedPathRecord, ChangedPathsReadRecord, global_id
from collectors.gitlab.side_by_side import Put
from collectors.record import Batch, Complete, Record, RecordError, Refused, text, value_at

LARGEST = 20
"""Merge requests in one request: GitLab computes each one's differences from the repository."""


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
    size = PageSize(LARGEST, LARGEST)
    yield from collection.stored(
        [
            collection.guarded(
                projects[number], partial(_read, collection, size, projects[number], numbers)
            )
            for number, numbers in unread.items()
        ]
    )


def _read(
    collection: Collection,
    size: PageSize,
    found: Found,
    numbers: Mapping[int, int],
    put: Put[Batch],
    path: str,
) -> None:
    """numbers: number in the project by id."""
    ids = {number: id_ for id_, number in numbers.items()}
    waiting = sorted(ids)
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
            address = f"{found.record.web_url} changed paths"
            refused.append(Refused(kind="changed_paths", address=address, reason=str(error)))
            continue
        read.append(number)
        records.append(ChangedPathsReadRecord(id=number, changed_paths_read=True))
        records += [ChangedPathRecord(merge_request_id=number, path=path) for path in sorted(paths)]
    return Batch(
        records=records,
        complete=[Complete(record=ChangedPathRecord, column="merge_request_id", values=read)],
        refused=refused,
        accepted=[] if refused else [f"{found.record.web_url} changed paths"],
    )
