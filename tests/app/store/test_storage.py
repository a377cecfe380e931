"""How full pages are filled and when tables are tidied up: a database has what the tables declare."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.store.tables import Base


def test_tables_are_kept_as_they_are_declared(session: Session) -> None:
    declared = {
        table.name: dict(table.dialect_kwargs.get("postgresql_with") or {})
        for table in Base.metadata.sorted_tables
    }
    stored = {
        row.relname: dict(each.split("=") for each in row.reloptions or ())
        for row in session.execute(
            text(
                "SELECT relname, reloptions FROM pg_class"
                " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
        )
    }
    assert declared["indicator_values"]["fillfactor"] == "90"
    assert {name: stored[name] for name in declared} == declared
