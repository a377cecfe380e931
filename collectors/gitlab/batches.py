"""Small batches that were read side by side → fewer, larger ones, in the same order."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from collectors.gitlab.records import MergeRequestRecord
from collectors.record import Batch, Complete, Record

LARGEST = 5_000
"""Records in one batch, so that a transaction stays short."""


def merged(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Puts batches together as long as none tells again of a merge request that another tells of:
    what is complete in the later one must not be mixed with the earlier one's rows."""
    together: list[Batch] = []
    told: set[int] = set()
    size = 0
    for batch in batches:
        ids = {each.id for each in batch.records if isinstance(each, MergeRequestRecord)}
        if together and (ids & told or size + len(batch.records) > LARGEST):
            yield _one(together)
            together, told, size = [], set(), 0
        together.append(batch)
        told |= ids
        size += len(batch.records)
    if together:
        yield _one(together)


def _one(batches: list[Batch]) -> Batch:
    if len(batches) == 1:
        return batches[0]
    complete: dict[tuple[type[Record], str | None], list[Any]] = defaultdict(list)
    for batch in batches:
        for each in batch.complete:
            complete[each.record, each.column] += each.values
    return Batch(
        records=[record for batch in batches for record in batch.records],
        complete=[
            Complete(record=record, column=column, values=values)
            for (record, column), values in complete.items()
        ],
        reached=[each for batch in batches for each in batch.reached],
        forget=[each for batch in batches for each in batch.forget],
        refused=[each for batch in batches for each in batch.refused],
        accepted=[each for batch in batches for each in batch.accepted],
        served=[each for batch in batches for each in batch.served],
    )
