"""A database of a benchmark's own, and how large its tables are."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine, text

from app.settings import DatabaseSettings, Settings
from app.store.database import open_database
from app.store.engine import make_engine

Database = Callable[[], AbstractContextManager[Engine]]
"""Makes an empty, migrated database."""


@contextmanager
def scratch_server() -> Iterator[Database]:
    """An embedded server of this benchmark alone, with the settings that everybody's has.

    It is started and migrated once: every database is a copy, and is dropped when it was used.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # the server's own account has to pass through
        settings = Settings(database=DatabaseSettings(data_dir=Path(folder) / "data"))
        with open_database(settings) as migrated:
            numbers = count(1)
            yield lambda: _copy(migrated, f"scratch_{next(numbers)}")


@contextmanager
def _copy(migrated: Engine, name: str) -> Iterator[Engine]:
    """A database with the tables of another one of its server, which nobody is using."""
    of = migrated.url.database or ""
    migrated.dispose()
    maintenance = migrated.url.set(drivername="postgresql", database="postgres")
    address = maintenance.render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        # File by file: through the buffers, as is usual, it takes twice as long.
        create = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        connection.execute(create.format(Identifier(name), Identifier(of)))
        engine = make_engine(migrated.url.set(database=name).render_as_string(hide_password=False))
        try:
            yield engine
        finally:
            engine.dispose()
            drop = SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name))
            connection.execute(drop)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of the database, and of a table and its indexes by name."""

    database: int
    tables: dict[str, tuple[int, int]]


def sizes(engine: Engine, *tables: str) -> Sizes:
    """How large the database and some of its tables are now."""
    query = text(
        "SELECT name, pg_table_size(name::regclass), pg_indexes_size(name::regclass)"
        " FROM unnest(CAST(:tables AS text[])) AS name"
    )
    with engine.connect() as connection:
        found = connection.execute(query, {"tables": list(tables)})
        by_name = {name: (own, indexes) for name, own, indexes in found}
        whole = connection.scalar(text("SELECT pg_database_size(current_database())")) or 0
        return Sizes(whole, by_name)


def settle(engine: Engine) -> None:
    """What autovacuum does sooner or later, now: so that it does not do it while something is measured."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))
