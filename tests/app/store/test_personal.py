"""Every column of every table is said to be about people or not, and what is said is what is done."""

from collections import Counter

from app.store.personal import HELD, PSEUDONYM, REMOVED
from app.store.tables import Base

CLASSIFIED = {held.table: held for held in HELD}


def test_every_column_of_every_table_is_classified_once() -> None:
    assert [table for table, n in Counter(held.table for held in HELD).items() if n > 1] == []
    tables = {
        name: sorted(column.name for column in table.columns)
        for name, table in Base.metadata.tables.items()
    }
    assert {name: sorted(held.columns) for name, held in CLASSIFIED.items()} == tables


def test_what_points_to_a_person_or_an_account_is_personal() -> None:
    """By its name or its key: whoever adds such a column cannot call it impersonal."""
    telling = {"person_id", "account_id", "author_id", "merge_user_id", "username", "email"}
    missed = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.name in telling
        or {key.column.table.name for key in column.foreign_keys} & {"accounts", "people"}
        if column.name not in {*CLASSIFIED[table.name].personal, "source"}
    ]
    assert missed == []


def test_names_and_addresses_never_stay() -> None:
    stays = {
        f"{held.table}.{column}": effect
        for held in HELD
        for column, effect in held.personal.items()
        if column in ("person_id", "username", "email", "created_by_name")
        and effect not in (PSEUDONYM, REMOVED)
    }
    assert stays == {}
