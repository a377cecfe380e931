"""The database that the configuration names, embedded or external, for as long as a command uses it."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Dialect, Engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError

from app.errors import AppError, ConfigurationError
from app.settings import Settings
from app.store import grants, migrate
from app.store.engine import POOL_SIZE, make_engine, quoted
from app.store.roles import DatabaseRole

OLDEST = 15
"""The first major version of Postgres that serves."""


@contextmanager
def open_database(
    settings: Settings,
    *,
    migrated: bool = True,
    pool_size: int = POOL_SIZE,
    role: DatabaseRole = DatabaseRole.OWNER,
) -> Iterator[Engine]:
    """The database of the configuration, for as long as it is used.

    Without an address the embedded one: attached to or started, and brought to the newest revision
    unless migrated is false. Else the external one, which answers but may need `teamgauge migrate`.
    role: as whom; of an external one as the login that the configuration has for it, else as the owner.
    pool_size: see `make_engine`. Raises AppError when it cannot be had.
    """
    key, url = _address(settings, role)
    if url:
        engine = make_engine(url, pool_size)
        try:
            check_connection(engine)
            if key != OWNERS:
                _require_granted(engine, role, key)
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
    from app.store.embedded import EmbeddedServer

    folder = embedded_folder(settings)
    assert folder is not None
    server = EmbeddedServer(folder)
    with server.running() as own, _engine(own, pool_size, server.recover) as engine:
        if migrated:
            migrate.upgrade(engine, login=True)
        if role is DatabaseRole.OWNER:
            yield engine
            return
        with engine.connect() as connection:
            granted = grants.is_granted(connection)
        if not granted:  # a restore was killed at its very end
            migrate.grant(engine, login=True)
        engine.dispose()
        limited = make_url(own).set(username=role.value).render_as_string(hide_password=False)
        with _engine(limited, pool_size, server.recover) as other:
            yield other


@contextmanager
def _engine(url: str, pool_size: int, recover: Callable[[], None]) -> Iterator[Engine]:
    """An engine on the embedded database."""
    engine = make_engine(url, pool_size)
    _recover_with(engine, recover)
    try:
        yield engine
    finally:
        engine.dispose()


OWNERS = "url"


def _address(settings: Settings, role: DatabaseRole) -> tuple[str, str]:
    """The key of the configuration that has the address for a role, and the address; empty for the
    embedded database. Raises ConfigurationError where there are addresses, but none for the role."""
    addresses = {
        OWNERS: settings.database.url,
        "web_url": settings.database.web_url,
        "collect_url": settings.database.collect_url,
    }
    found = {key: value.get_secret_value() for key, value in addresses.items()}
    wanted = {DatabaseRole.WEB: "web_url", DatabaseRole.COLLECT: "collect_url"}.get(role, OWNERS)
    for key in (wanted, OWNERS):
        if found[key]:
            return key, found[key]
    others = [key for key, value in found.items() if value]
    if others:
        raise ConfigurationError(
            f"database.{others[0]} is set, but database.{OWNERS} is not, and this command needs it."
        )
    return OWNERS, ""


def _require_granted(engine: Engine, role: DatabaseRole, key: str) -> None:
    """Raises ConfigurationError when a login for a role was not made a member of it."""
    query = (
        "SELECT to_regclass('alembic_version') IS NULL"
        " OR has_table_privilege('alembic_version', 'SELECT')"
    )
    with engine.connect() as connection:
        if not connection.scalar(text(query)):
            raise ConfigurationError(
                f"The login {engine.url.username} of database.{key} may not read the database.",
                f"Run `teamgauge migrate`, then in the database: GRANT {role} TO "
                f"{quoted(engine.url.username or '')}",
            )


def embedded_folder(settings: Settings) -> Path | None:
    """Where the embedded database lies; None: the database is an external one."""
    own = settings.database
    if any(each.get_secret_value() for each in (own.url, own.web_url, own.collect_url)):
        return None
    from app.store.embedded import default_data_dir

    return own.data_dir or default_data_dir()


def require_store(settings: Settings) -> None:
    """Raises ConfigurationError where the embedded database is not there yet: to look for something in
    it would make it."""
    folder = embedded_folder(settings)
    if folder is not None and not (folder.expanduser() / "postgres").exists():
        raise ConfigurationError(f"There is no store in {folder} yet.")


def check_connection(engine: Engine) -> None:
    """Raises ConfigurationError when the database does not answer or cannot serve us."""
    where = _shown(engine.url)
    try:
        with engine.connect() as connection:
            version = connection.scalar(text("SHOW server_version"))
            number = int(connection.scalar(text("SHOW server_version_num")) or 0)
            encoding = connection.scalar(text("SHOW server_encoding"))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise ConfigurationError(
            f"The database {where} cannot be reached: {reason[0].rstrip('.')}.",
            "Check database.url and whether the server runs.",
        ) from error
    if number < OLDEST * 10_000:
        raise ConfigurationError(
            f"The database {where} is Postgres {version}, teamgauge needs {OLDEST} or newer.",
            "Upgrade it, or leave database.url empty for the embedded one.",
        )
    if encoding != "UTF8":
        raise ConfigurationError(
            f"The database {where} stores text as {encoding}, teamgauge needs UTF8.",
            "Make another one: CREATE DATABASE teamgauge ENCODING 'UTF8' TEMPLATE template0",
        )


def _shown(url: URL) -> str:
    """An address without password: the driver would also take one from the query, so that goes too."""
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    hosts = url.query.get("host", ())
    return f"{plain} at {hosts}" if isinstance(hosts, str) else str(plain)


LEFT_ALONE = 2.0
"""Seconds before it is tried again to start a server that did not start."""


def _recover_with(engine: Engine, recover: Callable[[], None]) -> None:
    """Starts the embedded server again when a web server of many days finds that it is gone.

    Where that does not succeed, the connection fails as any other does, with the reason: then the
    database is away, and is tried to start again by who asks next.
    """
    failed_at = float("-inf")
    reason = ""
    turn = threading.Lock()

    @event.listens_for(engine, "do_connect")
    def connect(
        dialect: Dialect, _record: object, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> DBAPIConnection:
        nonlocal failed_at, reason
        try:
            return dialect.connect(*arguments, **named)
        except psycopg.OperationalError:
            with turn:
                if time.monotonic() - failed_at < LEFT_ALONE:
                    raise psycopg.OperationalError(reason) from None
                try:
                    recover()
                except (AppError, OSError) as error:
                    failed_at, reason = time.monotonic(), str(error)
                    raise psycopg.OperationalError(reason) from error
            return dialect.connect(*arguments, **named)
