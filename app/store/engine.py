"""Connections, transactions, advisory locks and COPY."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from typing import Any

import orjson
import psycopg
from psycopg import sql
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from app.errors import ConfigurationError, LockedError

KEEPALIVES = {"keepalives_idle": "60", "keepalives_interval": "10", "keepalives_count": "3"}
"""Seconds of silence before the other side is asked for a sign of life, seconds between such questions,
and how many stay without an answer before it counts as gone. Local sockets know nothing of it."""


POOL_SIZE = 10
"""Connections that an engine keeps open once they were needed. For a moment it opens as many more."""


class _Program:
    name = "teamgauge"


def name_program(name: str) -> None:
    """What the database is told of who connects, from now on and in this process: it stands in its list
    of connections, and in the audit beside what a program changes by itself."""
    _Program.name = name


def make_engine(url: str, pool_size: int = POOL_SIZE) -> Engine:
    """An engine for `postgresql://…` that speaks psycopg 3 and sees every timestamp in UTC.

    pool_size: connections that are kept; at most twice as many are open.
    Raises ConfigurationError for an address that is not Postgres. No message repeats any part of an
    address that could not be taken apart: it may be part of a password.
    """
    how = "Write it as postgresql://user:password@host:5432/database."
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or "@" in (parsed.host or ""):
        raise ConfigurationError(
            "database.url is not a database address.",
            f"{how} In a password, write @ as %40, : as %3A and / as %2F.",
        )
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError(
            f"database.url names {parsed.get_backend_name()}, but teamgauge stores in Postgres only.",
            how,
        )
    return create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args=connection_options(parsed),
        json_deserializer=orjson.loads,
    )


def connection_options(url: URL) -> dict[str, str]:
    """What every connection to an address is made with, on top of the address itself.

    Both sides notice within two minutes when the other's machine is gone: its locks are free then.
    """
    given = url.query.get("options", ())
    options = [given] if isinstance(given, str) else list(given)
    timeout = url.query.get("connect_timeout", "10")
    ours = ["timezone=UTC", *(f"tcp_{name}={value}" for name, value in KEEPALIVES.items())]
    return {
        "options": " ".join((*options, *(f"-c {each}" for each in ours))),
        "connect_timeout": timeout if isinstance(timeout, str) else timeout[-1],
        "fallback_application_name": _Program.name,  # the address may have another one
        **KEEPALIVES,
    }


def sessions(engine: Engine) -> sessionmaker[Session]:
    """Makes sessions on the engine; objects stay readable after a commit."""
    return sessionmaker(engine, expire_on_commit=False)


def reading_sessions(engine: Engine) -> sessionmaker[Session]:
    """Makes sessions that see one moment of the database and cannot write."""
    return sessions(
        engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    )


def driver_connection(session: Session) -> psycopg.Connection[Any]:
    """The psycopg connection below a session, inside the session's transaction."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    return connection


def connections_allowed(engine: Engine) -> int:
    """How many connections the server of the database takes from everybody who is no superuser."""
    statement = text(
        "SELECT current_setting('max_connections')::int"
        " - current_setting('superuser_reserved_connections')::int"
    )
    with engine.connect() as connection:
        return int(connection.execute(statement).scalar_one())


@contextmanager
def copying(session: Session, statement: str | sql.Composed) -> Iterator[psycopg.Copy]:
    """COPY in the session's transaction. What the database refuses is raised as SQLAlchemy does for
    every other statement (DBAPIError), so that nobody has to know which way the rows went."""
    connection = driver_connection(session)
    try:
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            yield copy
    except psycopg.Error as error:
        raise DBAPIError.instance(str(statement), None, error, psycopg.Error) from error


def copy_rows(
    session: Session, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    """Writes rows with COPY and returns how many. Names come from our own code, never from input."""
    count = 0
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with copying(session, statement) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def lock_key(name: str) -> int:
    """The advisory lock number of a name: 63 bits, the same in every process."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) >> 1


def quoted(name: str) -> str:
    """A name as an identifier of SQL; pg_dump takes it as a pattern that nothing else matches."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def advisory_lock(
    engine: Engine, name: str, what: str, *, shared: bool = False
) -> Iterator[Connection]:
    """Holds a session-level advisory lock on a connection of its own; the server frees it if we die.

    Yields the connection: as long as it answers, the lock is held. shared: beside others who hold it so.
    Raises LockedError (exit status 75) when another process holds it; `what` names it in the sentence.
    """
    key, kind = lock_key(name), "_shared" if shared else ""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(text(f"SELECT pg_try_advisory_lock{kind}(:key)"), {"key": key}):
            raise LockedError(
                f"Another run of {what} is under way on this database.",
                "It goes on undisturbed; start this one again when it is over.",
            )
        try:
            yield connection
        finally:
            # A connection that was lost has freed the lock already.
            if not connection.invalidated:
                with suppress(OperationalError):
                    connection.execute(text(f"SELECT pg_advisory_unlock{kind}(:key)"), {"key": key})
