"""The real application on a database of its own, for tests of pages that need no browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from fastapi.testclient import TestClient
from sqlalchemy import Engine, create_engine, make_url, text

from app.main import create_app
from app.settings import Settings
from app.store.engine import make_engine


@contextmanager
def database(server_url: str, template: str) -> Iterator[Engine]:
    """An engine on a new database, migrated and empty."""
    name = f"pages_{uuid4().hex[:12]}"
    server = make_url(server_url).set(drivername="postgresql+psycopg")
    administration = create_engine(server, isolation_level="AUTOCOMMIT")
    with administration.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    engine = make_engine(
        make_url(server_url).set(database=name).render_as_string(hide_password=False)
    )
    try:
        yield engine
    finally:
        engine.dispose()
        with administration.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        administration.dispose()


@contextmanager
def asking(engine: Engine, settings: Settings) -> Iterator[TestClient]:
    """A client of the application on a database."""
    app = create_app(settings, engine)
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client
