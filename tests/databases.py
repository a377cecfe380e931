"""Databases on the tests' Postgres: made for a while, dropped in the end whatever happened in them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from uuid import uuid4

import psycopg
from sqlalchemy import Engine, make_url

from app.store.engine import make_engine
from app.store.roles import DatabaseRole


def administer(url: str, statement: str) -> None:
    """Runs a statement that stands outside every transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


@contextmanager
def database(server_url: str, kind: str, template: str = "") -> Iterator[str]:
    """The address of a new database. kind: the begin of its name. template: what it is copied from;
    empty: it has no tables."""
    name = f"{kind}_{uuid4().hex[:12]}"
    # File by file: through the buffers, as is usual, it takes twice as long.
    copied = f" TEMPLATE {template} STRATEGY FILE_COPY" if template else ""
    administer(server_url, f"CREATE DATABASE {name}{copied}")
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        administer(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def engine_on(server_url: str, kind: str, template: str) -> Iterator[Engine]:
    """An engine on a new database of its own; see `database`."""
    with database(server_url, kind, template) as url:
        engine = make_engine(url)
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def engines(server_url: str, kind: str, template: str) -> Iterator[Callable[[], Engine]]:
    """Makes engines, each on a new database; all are dropped in the end."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(engine_on(server_url, kind, template))


@contextmanager
def working_as(role: DatabaseRole, engine: Engine) -> Iterator[Engine]:
    """Another engine on the same database, which may do what the role may."""
    url = engine.url.update_query_dict({"options": f"-crole={role}"})
    limited = make_engine(url.render_as_string(hide_password=False))
    try:
        yield limited
    finally:
        limited.dispose()
