"""Connections, transactions, advisory locks and COPY: the only module that knows the driver."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from typing import Any

import psycopg
from sqlalchemy import URL, Dialect, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from app.errors import AppError, ConfigurationError, LockedError
from app.settings import Settings

OLDEST = 15
"""The first major version of Postgres that serves."""


def make_engine(url: str, pool_size: int = 10) -> Engine:
    """An engine for `postgresql://…` that speaks psycopg 3 and sees every timestamp in UTC.

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
    options = parsed.query.get("options", ())
    given = (options,) if isinstance(options, str) else options
    return create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        pool_pre_ping=True,
        connect_args={
            "options": " ".join((*given, "-c timezone=UTC")),
            "connect_timeout": parsed.query.get("connect_timeout", "10"),
        },
    )


def sessions(engine: Engine) -> sessionmaker[Session]:
    """Makes sessions on the engine; objects stay readable after a commit."""
    return sessionmaker(engine, expire_on_commit=False)


def driver_connection(session: Session) -> psycopg.Connection[Any]:
    """The psycopg connection below a session, inside the session's transaction."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    return connection


def copy_rows(
    session: Session, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    """Writes rows with COPY and returns how many. Names come from our own code, never from input."""
    count = 0
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with driver_connection(session).cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def lock_key(name: str) -> int:
    """The advisory lock number of a name: 63 bits, the same in every process."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) >> 1


@contextmanager
def advisory_lock(engine: Engine, name: str, what: str) -> Iterator[None]:
    """Holds a session-level advisory lock on a connection of its own; the server frees it if we die.

    Raises LockedError (exit status 75) when another process holds it; `what` names it in the sentence.
    """
    key = lock_key(name)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}):
            raise LockedError(
                f"Another run of {what} is under way on this database.",
                "It goes on undisturbed; start this one again when it is over.",
            )
        try:
            yield
        finally:
            # A connection that was lost has freed the lock already.
            with suppress(OperationalError):
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})


def check_connection(engine: Engine) -> None:
    """Raises AppError with one sentence when the database does not answer or cannot serve us."""
    where = _shown(engine.url)
    try:
        with engine.connect() as connection:
            version = connection.scalar(text("SHOW server_version"))
            number = int(connection.scalar(text("SHOW server_version_num")) or 0)
            encoding = connection.scalar(text("SHOW server_encoding"))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise AppError(
            f"The database {where} cannot be reached: {reason[0].rstrip('.')}.",
            "Check database.url and whether the server runs.",
        ) from error
    if number < OLDEST * 10_000:
        raise AppError(
            f"The database {where} is Postgres {version}, teamgauge needs {OLDEST} or newer.",
            "Upgrade it, or leave database.url empty for the embedded one.",
        )
    if encoding != "UTF8":
        raise AppError(
            f"The database {where} stores text as {encoding}, teamgauge needs UTF8.",
            "Make another one: CREATE DATABASE teamgauge ENCODING 'UTF8' TEMPLATE template0",
        )


def _shown(url: URL) -> str:
    """An address without password: the driver would also take one from the query, so that goes too."""
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    hosts = url.query.get("host", ())
    return f"{plain} at {hosts}" if isinstance(hosts, str) else str(plain)


@contextmanager
def open_database(settings: Settings, *, migrated: bool = True) -> Iterator[Engine]:
    """The database of the configuration, for as long as it is used.

    Without database.url the embedded one: attached to or started, and brought to the newest revision
    unless migrated is false. Else the external one, which answers but may need `teamgauge migrate`.
    Raises AppError when it cannot be had.
    """
    url = settings.database.url.get_secret_value()
    if url:
        engine = make_engine(url)
        try:
            check_connection(engine)
            yield engine
        finally:
            engine.dispose()
        return
    if sys.platform == "win32":
        raise ConfigurationError(
            "The embedded Postgres runs on Linux and macOS only.",
            "Set database.url to a Postgres of your own, or use the Windows Subsystem for Linux.",
        )
    # Late: an external database needs neither the embedded server's modules nor its system.
    from app.store import migrate
    from app.store.embedded import EmbeddedServer, default_data_dir

    server = EmbeddedServer(settings.database.data_dir or default_data_dir())
    with server.running() as own:
        engine = make_engine(own)
        _recover_with(engine, server.recover)
        try:
            if migrated:
                migrate.upgrade(engine)
            yield engine
        finally:
            engine.dispose()


def _recover_with(engine: Engine, recover: Callable[[], None]) -> None:
    """Starts the embedded server again when a web server of many days finds that it is gone."""

    @event.listens_for(engine, "do_connect")
    def connect(
        dialect: Dialect, _record: object, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> DBAPIConnection:
        try:
            return dialect.connect(*arguments, **named)
        except psycopg.OperationalError:
            recover()
            return dialect.connect(*arguments, **named)
