"""COPY in its binary form between Postgres and numpy: a million rows as columns, without a Python row.

Only what has a fixed width and is never null is read; where a column may be, the query says what
stands for null. Format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import sql
from sqlalchemy.orm import Session

from app.store.engine import copying

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
PORTION = 16_384
"""Rows that are sent at a time."""
EPOCH = 946_684_800_000_000
"""Microseconds from 1970 to 2000-01-01 UTC, from where Postgres counts."""


@dataclass(frozen=True, slots=True)
class Type:
    """A type of Postgres as it lies in the binary format. oid: of the type, for arrays of it."""

    native: str
    wire: str
    oid: int


BOOLEAN = Type("?", "?", 16)
INTEGER = Type("i4", ">i4", 23)
BIGINT = Type("i8", ">i8", 20)
DOUBLE = Type("f8", ">f8", 701)
DATE = Type("i4", ">i4", 1082)
"""Days since 2000-01-01."""
TEXT = Type("O", "O", 25)
"""A text of any length, as bytes in UTF-8; for `read_portion` alone."""
TIMESTAMPTZ = Type("i8", ">i8", 1184)
"""Microseconds since 2000-01-01 UTC; the smallest is -infinity, the largest infinity."""


@dataclass(frozen=True, slots=True)
class Array:
    """A one-dimensional array of a fixed length, from 1 on, without nulls."""

    of: Type
    length: int


@dataclass(frozen=True, slots=True)
class Nullable:
    """A column that is written as null wherever a row holds `absent`; not for reading.

    of: a text in it (`text_up_to`) is as long as it is, every other value as wide as its type.
    """

    of: Type
    absent: Any


Kind = Type | Array | Nullable
Layout = Mapping[str, Kind]
"""Columns in order, with what each is."""

Columns = dict[str, npt.NDArray[Any]]


def fixed_text(value: str) -> Type:
    """The type of a column in which every row holds this text, which is not empty."""
    width = f"S{len(value.encode())}"
    return Type(width, width, 25)


def text_up_to(width: int) -> Type:
    """The type of a column of texts of at most this many bytes, none of them empty."""
    return Type(f"S{width}", f"S{width}", 25)


def read_columns(session: Session, query: sql.Composable, columns: Layout) -> Columns:
    """The rows of a query as columns, an array of `length` as a row of a matrix.

    columns: the result's columns in order. Raises ValueError where a value is null or of another
    width than declared: the query and the declaration must agree.
    """
    if any(isinstance(kind, Nullable) for kind in columns.values()):
        raise ValueError("Where a column may be null, the query says what stands for it.")
    row = _row(columns)
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)
    with copying(session, statement) as copy:
        content = b"".join(copy)
    body = memoryview(content)[len(HEADER) : -len(TRAILER)]
    if len(body) % row.itemsize:
        raise ValueError(f"A row is not as wide as declared: {', '.join(columns)}.")
    rows = np.frombuffer(body, row)
    for name, expected in _fixed(columns).items():
        if (rows[name] != expected).any():
            raise ValueError(f"A value is null or wider than declared: {name}.")
    for name, field, expected in _heads(columns):
        if (rows[name][field] != expected).any():
            raise ValueError(f"An array is not as declared: {name} has another {field}.")
    return {
        name: np.ascontiguousarray(
            (rows[name]["items"]["value"] if isinstance(kind, Array) else rows[name]),
            dtype=(kind if isinstance(kind, Type) else kind.of).native,
        )
        for name, kind in columns.items()
    }


def read_portion(session: Session, query: sql.Composable, columns: Mapping[str, Type]) -> Columns:
    """The same for a portion of rows that fits into memory several times, and with texts.

    In no order: the server may work on it with several processes. It sends each column whole, as an
    array: in psycopg each row of COPY takes two microseconds, more than all that is done with it.
    """
    statement = sql.SQL(
        "COPY (WITH found ({}) AS ({}) SELECT {} FROM found) TO STDOUT (FORMAT binary)"
    ).format(
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        query,
        sql.SQL(", ").join(_whole(name, kind) for name, kind in columns.items()),
    )
    with copying(session, statement) as copy:
        content = b"".join(copy)
    body = memoryview(content)[len(HEADER) + 2 :]
    found: Columns = {}
    for name, kind in columns.items():
        length = int.from_bytes(body[:4], signed=True)
        value, body = body[4 : 4 + max(length, 0)], body[4 + max(length, 0) :]
        found[name] = np.empty(0, kind.native) if length < 0 else _column(name, kind, value)
    if len({len(column) for column in found.values()}) > 1:
        raise ValueError(f"A text is null: {', '.join(columns)}.")
    return found


def _whole(name: str, kind: Type) -> sql.Composable:
    """A column in one value. A text holds no zero byte, so that one can stand between two."""
    column = sql.Identifier(name)
    if kind is TEXT:
        return sql.SQL("string_agg(convert_to({}, 'UTF8'), '\\x00'::bytea)").format(column)
    return sql.SQL("array_agg({})").format(column)


def _column(name: str, kind: Type, value: memoryview) -> npt.NDArray[Any]:
    if kind is TEXT:
        return np.array(bytes(value).split(b"\0"), object)
    head = np.frombuffer(value, ">i4", 5)
    items = np.dtype([("length", ">i4"), ("value", kind.wire)])
    if head[1] or head[2] != kind.oid or len(value) - head.nbytes != head[3] * items.itemsize:
        raise ValueError(f"A value is null or of another type than declared: {name}.")
    return np.frombuffer(value, items, offset=head.nbytes)["value"].astype(kind.native)


def write_columns(session: Session, table: str, columns: Layout, rows: Mapping[str, Any]) -> int:
    """Writes columns of one length into a table and returns how many rows that were.

    Names come from our own code, never from input.
    """
    layout = _row(columns)
    names = list(columns)
    count = len(rows[names[0]])
    if not count:
        return 0
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    fixed = _fixed(columns)
    with copying(session, statement) as copy:
        copy.write(HEADER)
        for first in range(0, count, PORTION):
            portion = slice(first, min(first + PORTION, count))
            made = np.zeros(portion.stop - first, layout)
            for name, expected in fixed.items():
                made[name] = expected
            for name, field, expected in _heads(columns):
                made[name][field] = expected
            for name, kind in columns.items():
                given = rows[name][portion]
                if isinstance(kind, Array):
                    made[name]["items"]["length"] = np.dtype(kind.of.wire).itemsize
                    made[name]["items"]["value"] = given
                else:
                    made[name] = given
            copy.write(_without_nulls(made, columns))
        copy.write(TRAILER)
    return count


def _without_nulls(made: npt.NDArray[Any], columns: Layout) -> bytes:
    """Rows as they are sent: null has a length of -1 and no bytes, a text no more than it is long."""
    nullable = {name: kind for name, kind in columns.items() if isinstance(kind, Nullable)}
    if not nullable:
        return made.tobytes()
    sent = np.ones((len(made), made.itemsize), np.bool_)
    for name, kind in nullable.items():
        width, begin = _place(made.dtype, name)
        is_text = made.dtype[name].kind == "S"
        size = np.char.str_len(made[name]) if is_text else np.full(len(made), width)
        size[made[name] == kind.absent] = 0
        made[f"{name} length"] = np.where(size, size, -1)
        sent[:, begin : begin + width] = np.arange(width) < size[:, None]
    return made.view(np.uint8).reshape(sent.shape)[sent].tobytes()


def _place(row: np.dtype[Any], name: str) -> tuple[int, int]:
    """(width, begin) of a value within a row, in bytes."""
    assert row.fields is not None
    kind, begin = row.fields[name][:2]
    return kind.itemsize, begin


def _row(columns: Layout) -> np.dtype[Any]:
    """A row as it lies in the format: the number of fields, then the length and the value of each."""
    fields: list[tuple[str, Any]] = [("fields", ">i2")]
    for name, kind in columns.items():
        fields.append((f"{name} length", ">i4"))
        if isinstance(kind, Array):
            items = np.dtype([("length", ">i4"), ("value", kind.of.wire)])
            head = [("dimensions", ">i4"), ("nulls", ">i4"), ("type", ">i4")]
            size = [("size", ">i4"), ("from", ">i4")]
            fields.append((name, np.dtype([*head, *size, ("items", items, (kind.length,))])))
        else:
            fields.append((name, (kind.of if isinstance(kind, Nullable) else kind).wire))
    return np.dtype(fields)


def _fixed(columns: Layout) -> Mapping[str, int]:
    row = _row(columns)
    return {
        "fields": len(columns),
        **{f"{name} length": row[name].itemsize for name in columns},
    }


def _heads(columns: Layout) -> Sequence[tuple[str, str, int]]:
    """(column, field, value) of what stands before the items of each array."""
    return [
        (name, field, value)
        for name, kind in columns.items()
        if isinstance(kind, Array)
        for field, value in (
            ("dimensions", 1),
            ("nulls", 0),
            ("type", kind.of.oid),
            ("size", kind.length),
            ("from", 1),
        )
    ]
