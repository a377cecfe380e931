"""Columns to and from Postgres: nulls and texts as they are, and what cannot be read says so."""

from datetime import UTC, datetime

import numpy as np
import pytest
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.store.columns import (
    BIGINT,
    BOOLEAN,
    EPOCH,
    TEXT,
    TIMESTAMPTZ,
    Layout,
    Nullable,
    fixed_text,
    read_columns,
    read_portion,
    text_up_to,
    write_columns,
)

NEVER = np.iinfo(np.int64).max


@pytest.fixture
def table(session: Session) -> str:
    session.execute(
        text(
            "CREATE TEMP TABLE kept (key bigint, at timestamptz, word text, answers jsonb)"
            " ON COMMIT DROP"
        )
    )
    return "kept"


def test_nulls_and_texts_of_any_length_are_written(session: Session, table: str) -> None:
    layout: Layout = {
        "word": Nullable(text_up_to(6), b""),
        "key": Nullable(BIGINT, 0),
        "answers": fixed_text("\x01[]"),
        "at": Nullable(TIMESTAMPTZ, NEVER),
    }
    rows = {
        "key": np.array([7, 0, -2]),
        "at": np.array([1_000_000, -1, NEVER]),
        "word": np.array([b"a", b"", "größe".encode()[:6]]),
        "answers": np.full(3, b"\x01[]"),
    }
    assert write_columns(session, table, layout, rows) == 3
    found = session.execute(text("SELECT key, at, word, answers FROM kept")).all()
    before = datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC)
    assert [tuple(row) for row in found] == [
        (7, datetime(2000, 1, 1, 0, 0, 1, tzinfo=UTC), "a", []),
        (None, before, None, []),
        (-2, None, "größ", []),
    ]
    with pytest.raises(ValueError, match="what stands for it"):
        read_columns(session, sql.SQL("SELECT word FROM kept"), {"word": Nullable(BIGINT, 0)})


def test_a_portion_comes_as_one_array_a_column(session: Session) -> None:
    query = sql.SQL(
        "SELECT n::bigint, n % 2 = 0, timestamptz '1970-01-01' + n * interval '1 second',"
        " CASE n WHEN 1 THEN '' WHEN 2 THEN 'größe' ELSE 'a\\b' END FROM generate_series(1, 3) n"
    )
    layout = {"n": BIGINT, "even": BOOLEAN, "at": TIMESTAMPTZ, "word": TEXT}
    found = read_portion(session, query, layout)
    rows = sorted(zip(*(found[name].tolist() for name in layout), strict=True))
    assert rows == [
        (1, False, 1_000_000 - EPOCH, b""),
        (2, True, 2_000_000 - EPOCH, "größe".encode()),
        (3, False, 3_000_000 - EPOCH, b"a\\b"),
    ]
    nothing = read_portion(
        session, sql.SQL("SELECT 1::bigint, '' WHERE false"), {"n": BIGINT, "w": TEXT}
    )
    assert {name: len(column) for name, column in nothing.items()} == {"n": 0, "w": 0}


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("SELECT * FROM (VALUES (1::bigint, 'a'), (NULL, 'b')) v", "declared: n"),
        ("SELECT 1, 'a'", "declared: n"),  # an integer of four bytes
        ("SELECT * FROM (VALUES (1::bigint, 'a'), (2, NULL)) v", "A text is null"),
    ],
)
def test_a_portion_is_as_declared(session: Session, query: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_portion(session, sql.SQL(query), {"n": BIGINT, "word": TEXT})
