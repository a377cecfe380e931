"""The real application on a database of its own, for tests of pages that need no browser."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi.testclient import TestClient
from sqlalchemy import Engine

from app.main import create_app
from app.settings import Settings


@contextmanager
def asking(engine: Engine, settings: Settings) -> Iterator[TestClient]:
    """A client of the application on a database."""
    app = create_app(settings, engine)
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client
