"""What a collector yields: typed records that say where each field lies and which table they feed.

A collector is a generator of `Batch`es and never sees the database; `runner` stores them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from app.store.tables import Base


class RecordError(Exception):
    """A record of a source that cannot be read; it is quarantined with this reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row for one table. Field names are column names; the table's primary key is the identity.

    table: the table it feeds.
    retires: column that is set to the time of noticing when the record vanished from a complete
        list; None: the row is deleted.
    """

    table: ClassVar[type[Base]]
    retires: ClassVar[str | None] = None


def lies_at(
    path: str, convert: Callable[[Any], Any] | None = None, *, optional: bool = False
) -> Any:
    """Declares where a field lies in the source's answer: `author.username`.

    convert: from the source's value to the column's; not called for null.
    optional: whether null or absent is a fact; otherwise the record is refused.
    """
    return field(metadata={"path": path, "convert": convert, "optional": optional})


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """The batch has every row of a table there is (of a part of it): what is missing has vanished.

    column, values: the part, for instance the reviewers of these merge requests; None: all rows.
    """

    table: type[Base]
    column: str | None = None
    values: Sequence[Any] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far a list was read once this batch is stored. complete: the first whole reading ended."""

    scope: str
    through: datetime | None
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A record that could not be read, for the quarantine."""

    kind: str
    address: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is stored together in one transaction. Records may come in any order of tables."""

    records: Sequence[Record] = ()
    complete: Sequence[Complete] = ()
    reached: Sequence[Reached] = ()
    refused: Sequence[Refused] = ()
