"""COPY in its binary form between Postgres and numpy: a million rows as columns, without a Python row.

Only what has a fixed width and is never null; where a column may be, the query says what stands for
null. Format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
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
TIMESTAMPTZ = Type("i8", ">i8", 1184)
"""Microseconds since 2000-01-01 UTC; the smallest is -infinity."""


@dataclass(frozen=True, slots=True)
class Array:
    """A one-dimensional array of a fixed length, from 1 on, without nulls."""

    of: Type
    length: int


Layout = Mapping[str, Type | Array]
"""Columns in order, with what each is."""

Columns = dict[str, npt.NDArray[Any]]


def fixed_text(value: str) -> Type:
    """The type of a column in which every row holds this text, which is not empty."""
    width = f"S{len(value.encode())}"
    return Type(width, width, 25)


def read_columns(session: Session, query: sql.Composable, columns: Layout) -> Columns:
    """The rows of a query as columns, an array of `length` as a row of a matrix.

    columns: the result's columns in order. Raises ValueError where a value is null or of another
    width than declared: the query and the declaration must agree.
    """
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
            dtype=(kind.of if isinstance(kind, Array) else kind).native,
        )
        for name, kind in columns.items()
    }


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
            copy.write(made.tobytes())
        copy.write(TRAILER)
    return count


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
            fields.append((name, kind.wire))
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
