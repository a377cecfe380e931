"""What a collector yields: typed records that say where each field lies and which table they feed.

A collector is a generator of `Batch`es and never sees the database; `runner` stores them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from app.store.tables import Base


class RecordError(Exception):
    """A record of a source that cannot be read; it is quarantined with this reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row for one table. Field names are column names.

    table: the table it feeds.
    key: the columns that say which row it is; empty: the table's primary key.
    retires: column that is set to the time of noticing when the record vanished from a complete
        list, and to null when it is there again; None: the row is deleted.
    known_rows_only: the record changes a row that is there and never makes one.
    decisive: columns whose change marks the row as dirty; a new row of such a table always is. What
        changes merge requests is noted by the database itself.
    """

    table: ClassVar[type[Base]]
    key: ClassVar[tuple[str, ...]] = ()
    retires: ClassVar[str | None] = None
    known_rows_only: ClassVar[bool] = False
    decisive: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """The columns that a record of this kind carries."""
        return tuple(each.name for each in fields(cls))

    @classmethod
    def identity(cls) -> tuple[str, ...]:
        """The columns that say which row it is."""
        return cls.key or tuple(column.name for column in cls.table.__table__.primary_key)


R = TypeVar("R", bound=Record)


def lies_at(
    *paths: str,
    convert: Callable[[Any], Any],
    optional: bool = False,
    absent: Any = MISSING,
) -> Any:
    """Declares where a field lies in the source's answer: `author.username`.

    paths: where to look; the first that is there holds, so that one record reads two shapes.
    convert: from the source's value to the column's; not called for null. Raises RecordError.
    optional: whether null is a fact. absent: the value where no path is there; without it a record
        that lacks the field is refused, so that a field that disappears is noticed.
    """
    return field(
        metadata={"paths": paths, "convert": convert, "optional": optional, "absent": absent}
    )


def read(record: type[R], answer: Any, **given: Any) -> R:
    """Reads one record out of the source's answer.

    given: fields that do not lie in the answer; others that do not have their default.
    Raises RecordError that names the field, for a value that is missing or of another type.
    """
    values = dict(given)
    for each in fields(record):
        if each.name not in values and each.metadata:
            values[each.name] = value_at(
                answer,
                *each.metadata["paths"],
                convert=each.metadata["convert"],
                optional=each.metadata["optional"],
                absent=each.metadata["absent"],
            )
    return record(**values)


def value_at(
    answer: Any,
    *paths: str,
    convert: Callable[[Any], Any],
    optional: bool = False,
    absent: Any = MISSING,
) -> Any:
    """One value out of the source's answer; the parameters are those of `lies_at`. Raises RecordError."""
    for path in paths:
        there, value = dig(answer, path)
        if not there:
            continue
        if value is None:
            if optional:
                return None
            raise RecordError(f"{path} is null")
        try:
            return convert(value)
        except RecordError as error:
            raise RecordError(f"{path} {error}") from error
    if absent is MISSING:
        raise RecordError(f"{paths[0]} is missing")
    return absent


JSON_OBJECT = (dict, Mapping)
"""The plain class first: asking an abstract one costs a third of all reading."""


def dig(answer: Any, path: str) -> tuple[bool, Any]:
    """(whether something lies at a dotted path, what). A null on the way lies there as null."""
    value = answer
    for name in path.split("."):
        if value is None:
            return True, None
        if not isinstance(value, JSON_OBJECT) or name not in value:
            return False, None
        value = value[name]
    return True, value


def _shown(value: Any) -> str:
    written = repr(value)
    return written if len(written) <= 60 else written[:57] + "..."


def text(value: Any) -> str:
    """A string that Postgres can hold."""
    if not isinstance(value, str):
        raise RecordError(f"is not a text: {_shown(value)}")
    if "\0" in value:
        raise RecordError("has a zero byte in it")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise RecordError("has half of a character in it") from error
    return value


def whole(value: Any) -> int:
    """A whole number, also one that is written as a string of digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
        raise RecordError(f"is not a whole number: {_shown(value)}")
    return value


def flag(value: Any) -> bool:
    """True or false and nothing else."""
    if not isinstance(value, bool):
        raise RecordError(f"is not true or false: {_shown(value)}")
    return value


def instant(value: Any) -> datetime:
    """An ISO 8601 timestamp with its zone, in UTC."""
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
            if parsed.tzinfo is not None:
                return parsed.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise RecordError(f"is not a timestamp with a zone: {_shown(value)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """The batch has every row of a kind there is (or of a part of it): what is missing has vanished.

    record: the kind; its `retires` says what happens to a row that has vanished.
    column, values: the part, for instance the reviewers of these merge requests; None: all rows.
    spare: keys (single column) of rows that stay although the batch does not have them.
    """

    record: type[Record]
    column: str | None = None
    values: Sequence[Any] = ()
    spare: Sequence[Any] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far a list was read once this batch is stored; it never moves back.

    scope: what was read, in the source's own words.
    through: everything that changed up to here has been read, in the source's time.
    complete: the first whole reading has ended.
    """

    scope: str
    through: datetime | None
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A record that could not be read, for the quarantine. address: where it lies."""

    kind: str
    address: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What was marked to be read next has been read. seen_at: of the mark; a later one stays."""

    project_id: int
    iid: int
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is stored together in one transaction. Records may come in any order of tables.

    Of several records for one row the last holds.
    forget: scopes whose positions are given up, so that they are read from the beginning again.
    served: marks that this batch answers.
    accepted: addresses whose records, refused earlier, can be read now or are gone.
    """

    records: Sequence[Record] = ()
    complete: Sequence[Complete] = ()
    reached: Sequence[Reached] = ()
    forget: Sequence[str] = ()
    refused: Sequence[Refused] = ()
    accepted: Sequence[str] = ()
    served: Sequence[Served] = ()
