"""A GitLab that is served, a database, and the collector between them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.settings import GitLabSettings, Settings
from collectors import gitlab, runner
from collectors.gitlab.client import GitLabClient
from collectors.gitlab.queries import PROJECT_LISTING
from collectors.retry import RetryPolicy
from collectors.source import Counters, Progress, Source
from demo.gitlab import GitLabFake, World
from tests.databases import engines

QUICK = RetryPolicy(base=0.001, cap=0.01, longest=0.05)
START = datetime(2026, 1, 5, 9, tzinfo=UTC)

VISIBLE = {
    "projects": "SELECT id, path, name, web_url, archived FROM projects p"
    " WHERE EXISTS (SELECT 1 FROM live WHERE project_id = p.id)",
    "merge_requests": "SELECT id, project_id, iid, author_id, title, web_url, state, draft, labels,"
    " created_at, updated_at, merged_at, closed_at, notes_count, reviewer_rows_read FROM live",
    "notes": "SELECT n.id, n.merge_request_id, n.author_id, n.kind, n.created_at, n.requested,"
    " n.removed, n.names FROM notes n JOIN live ON live.id = n.merge_request_id",
    "reviewers": "SELECT r.merge_request_id, r.account_id, r.created_at FROM reviewers r"
    " JOIN live ON live.id = r.merge_request_id",
    "accounts": "SELECT id, username, name, bot FROM accounts a WHERE id IN ("
    " SELECT author_id FROM live"
    " UNION SELECT n.author_id FROM notes n JOIN live ON live.id = n.merge_request_id"
    " UNION SELECT r.account_id FROM reviewers r JOIN live ON live.id = r.merge_request_id)",
}
"""What an indicator can see, and a fresh collection has: nothing of deleted merge requests, nor of
projects out of reach, and nobody whom nothing mentions."""


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def visible(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """The contents of the tables as far as a fresh collection has them."""
    live = (
        "WITH live AS (SELECT * FROM merge_requests WHERE deleted_at IS NULL AND project_id IN"
        " (SELECT id FROM projects WHERE unreachable_since IS NULL))"
    )
    return {
        table: sorted(rows(engine, f"{live} {query}"), key=repr) for table, query in VISIBLE.items()
    }


def empty(engine: Engine) -> None:
    """Takes away all that a collection leaves; for a few rows DELETE is many times quicker."""
    with engine.begin() as connection:
        for table in (
            *("merge_requests", "projects", "accounts"),  # children vanish with them
            *("positions", "quarantined_records", "runs"),
        ):
            connection.execute(text(f"DELETE FROM {table}"))


def stamps(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Which transaction wrote each row and where it lies: changes when the row is written again."""
    tables = [*VISIBLE, "former_usernames", "positions", "quarantined_records"]
    return {t: sorted(rows(engine, f"SELECT xmin::text, ctid::text FROM {t}")) for t in tables}


class Clock:
    """The world's time, which passes only when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> datetime:
        """Moves on and says what time it is then."""
        self.now += timedelta(**time)
        return self.now


@dataclass
class Lab:
    """A world, the GitLab that serves it, and a database that is collected into."""

    world: World
    clock: Clock
    fake: GitLabFake
    url: str
    engine: Engine
    seen: list[Progress] = field(default_factory=list)

    def collect(
        self,
        *,
        full: bool = False,
        engine: Engine | None = None,
        policy: RetryPolicy = QUICK,
        **gitlab_settings: Any,
    ) -> runner.RunReport:
        """Collects into the lab's database (or another one); `acme` with all below unless told."""
        settings = {
            "url": self.url,
            "token": self.fake.token,
            "groups": ["acme"],
            **gitlab_settings,
        }
        source = Source(name="gitlab", title="GitLab", fetch=partial(gitlab.fetch, policy=policy))
        self.fake.forget_requests()
        return runner.run(
            engine or self.engine,
            source,
            Settings.model_validate({"gitlab": settings}),
            full=full,
            started_at=datetime.now(UTC),
            report=self.seen.append,
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The answer of the lab's database."""
        return rows(self.engine, query)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def small_world(clock: Clock) -> World:
    """An instance with one group, two projects and four people, and nothing in it yet."""
    world = World(clock=clock)
    world.add_group("acme")
    world.add_group("acme/deep")
    world.add_project("acme/app")
    world.add_project("acme/deep/lib")
    for name in ("ada", "ben", "cleo", "dan"):
        world.add_user(name, name.title())
    return world


@pytest.fixture
def world(clock: Clock) -> World:
    return small_world(clock)


@pytest.fixture
def lab(world: World, clock: Clock, engine: Engine) -> Iterator[Lab]:
    fake = GitLabFake(world)
    with fake.serving() as url:
        yield Lab(world, clock, fake, url, engine)


@pytest.fixture
def other_engine(server_url: str, template: str) -> Iterator[Callable[[], Engine]]:
    """Makes further migrated, empty databases."""
    with engines(server_url, "test", template) as make:
        yield make


@pytest.fixture(scope="module")
def two_engines(server_url: str, template: str) -> Iterator[tuple[Engine, Engine]]:
    """Two databases for a whole module: whoever uses them empties them first."""
    with engines(server_url, "test", template) as make:
        yield make(), make()


STEADY = RetryPolicy(base=0.001, cap=0.01, longest=0.05, attempts=5, first_attempts=5)
"""As patient before the first answer as after it."""

TOKEN = "glpat-SECRET-of-this-test"


@pytest.fixture
def fake(world: World) -> GitLabFake:
    return GitLabFake(world, token=TOKEN)


@pytest.fixture
def url(fake: GitLabFake) -> Iterator[str]:
    with fake.serving() as url:
        yield url


@contextmanager
def connected(url: str, policy: RetryPolicy = STEADY, **settings: Any) -> Iterator[GitLabClient]:
    token = settings.pop("with_token", TOKEN)
    client = GitLabClient(
        GitLabSettings.model_validate({"url": url, **settings}), token, Counters(), policy
    )
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def client(url: str) -> Iterator[GitLabClient]:
    with connected(url) as client:
        yield client


def ask(client: GitLabClient, path: str = "acme/app") -> Any:
    about = f"the project {path}"
    return client.graphql(PROJECT_LISTING, {"path": path, "size": 5, "after": None}, about=about)


def ask_rest(client: GitLabClient) -> Any:
    return client.rest("/projects/1", "project", about="the project with id 1")
