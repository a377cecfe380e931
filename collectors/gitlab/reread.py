"""Reads single merge requests of a project again, by their numbers: what is not there any more is gone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collectors.gitlab.collection import Collection, Found, ProjectItem
from collectors.gitlab.pages import by_number
from collectors.gitlab.records import GoneRecord, global_id
from collectors.gitlab.side_by_side import Put
from collectors.record import Batch, RecordError, value_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread(ProjectItem):
    """Reads merge requests of a project again.

    numbers: with the id under which each is stored, None where it is not.
    """

    numbers: Mapping[int, int | None]

    def read(self, collection: Collection, put: Put[Batch], path: str) -> None:
        """Puts them, and what is gone."""
        reread(collection, self.found, self.numbers, put, path)


def reread(
    collection: Collection,
    found: Found,
    numbers: Mapping[int, int | None],
    put: Put[Batch],
    path: str,
) -> None:
    """Reads merge requests of a project by number, whole; what is not there any more is gone.

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
        put(collection.reader.batch(nodes, path, anew=True))
    project = found.record
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
