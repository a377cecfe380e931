"""Recorded data of real projects behind the API fake, collected by the real collectors."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from app.main import create_app
from app.metrics.refresh import RefreshReport, refresh
from app.settings import Settings
from app.store.engine import sessions
from app.store.tables import Base
from collectors import SOURCES
from collectors.runner import RunReport, run
from demo.gitlab import GitLabFake, World
from tests.databases import engines

Stamps = dict[str, list[tuple[Any, ...]]]
NewDatabase = Callable[[], Engine]

RUNNING = {"indicator_values", "coverages"}
"""The tables whose rows of the running day and month may change while nothing else does."""
ABOUT_RUNS = {"runs", "refresh_state", "changes"}


@dataclass
class Done:
    """What one `collect` did. requests: counted where they arrived, by operation."""

    files: RunReport
    gitlab: RunReport
    refresh: RefreshReport
    requests: list[str]


@dataclass
class Site:
    """A world that is served, the organisation's files, and the database they are collected into."""

    world: World
    fake: GitLabFake
    settings: Settings
    engine: Engine

    def collect(self, at: datetime, *, full: bool = False) -> Done:
        """What `teamgauge collect` does: files, then GitLab, as of an instant, then the refresh."""
        self.fake.forget_requests()
        files, gitlab = (
            run(self.engine, source, self.settings, full=full, started_at=at)
            for name in ("files", "gitlab")
            for source in SOURCES
            if source.name == name
        )
        with sessions(self.engine).begin() as session:
            refreshed = refresh(session, self.settings, datetime.now(UTC))
        asked = [request.operation for request in self.fake.requests]
        return Done(files, gitlab, refreshed, asked)

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """The answer of the database."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), parameters)]

    def stamps(self) -> Stamps:
        """By table, how many rows there are and a digest of which transaction wrote each and where
        it lies: differs as soon as one row was written again.

        Rows about runs are left out, of the indicators' values those of running periods, and how far
        the slices came in which everything is looked at in turn: each run goes on there.
        """
        found = {}
        for table in Base.metadata.tables:
            if table not in ABOUT_RUNS:
                over = "WHERE NOT partial" if table in RUNNING else ""
                if table == "positions":
                    over = "WHERE scope NOT LIKE '% verified'"
                stamp = "xmin::text || ctid::text"
                query = f"SELECT count(*), md5(string_agg({stamp}, ' ' ORDER BY ctid)) FROM {table}"
                found[table] = self.rows(f"{query} {over}")
        return found

    @contextmanager
    def asking(self) -> Iterator[Callable[[str], Any]]:
        """Asks the real application for an address, which must answer 200, and gives the JSON."""
        app = create_app(self.settings, self.engine)
        with TestClient(app, base_url="http://127.0.0.1:8000") as client:

            def get(address: str) -> Any:
                answer = client.get(address)
                assert answer.status_code == 200, answer.text
                return answer.json()

            yield get


@contextmanager
def site(
    world: World,
    engine: Engine,
    groups: tuple[str, ...],
    files: Path,
    *,
    history_start: str = "2015-01-01",
) -> Iterator[Site]:
    """Serves a world. files: the folder of teams.yaml, people.csv and so on."""
    fake = GitLabFake(world)
    gc.collect()
    gc.freeze()  # a hundred thousand records of the world are not garbage
    try:
        with fake.serving() as url:
            settings = Settings.model_validate(
                {
                    "reporting": {"history_start": history_start},
                    "gitlab": {"url": url, "token": fake.token, "groups": groups},
                    "files": {
                        "teams": files / "teams.yaml",
                        "people": files / "people.csv",
                        "employment": files / "employment.csv",
                        "memberships": files / "memberships.csv",
                    },
                }
            )
            yield Site(world, fake, settings, engine)
    finally:
        gc.unfreeze()


@pytest.fixture(scope="module")
def new_database(server_url: str, template: str) -> Iterator[NewDatabase]:
    """Makes migrated, empty databases that last as long as the tests of a module."""
    with engines(server_url, "real", template) as make:
        yield make
