"""A small world behind a served fake, and clients that ask it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from demo.gitlab import GitLabFake, MergeRequest, User, World

MORNING = datetime(2024, 3, 4, 9, 0, tzinfo=UTC)


def at(hours: float) -> datetime:
    """So many hours after the first morning."""
    return MORNING + timedelta(hours=hours)


class Office:
    """A group with a subgroup, an archived project and a few people."""

    def __init__(self) -> None:
        self.world = World(clock=lambda: at(1000))
        self.world.add_group("acme", "Acme", visibility="public")
        self.world.add_group("acme/tools", "Tools", visibility="public")
        self.world.add_group("secret")
        self.app = self.world.add_project("acme/app", visibility="public")
        self.tool = self.world.add_project("acme/tools/tool", visibility="public")
        self.old = self.world.add_project("acme/old", visibility="public", archived=True)
        self.hidden = self.world.add_project("secret/plan")
        self.ann = self.world.add_user("ann", "Ann", public_email="ann@example.com")
        self.ben = self.world.add_user("ben", "Ben")
        self.cleo = self.world.add_user("cleo", "Cleo")
        self.robot = self.world.add_user("project_1_bot_a1", "Robot", type="PROJECT_BOT")

    def change(self, title: str, hours: float, author: User | None = None) -> MergeRequest:
        """A merge request in the project `app`."""
        return self.world.add_merge_request(self.app, author or self.ann, title, at(hours))


class Client:
    """Asks a served fake with its token."""

    def __init__(self, fake: GitLabFake, base_url: str, token: str | None) -> None:
        headers = {} if token is None else {"PRIVATE-TOKEN": token}
        self.http = httpx.Client(base_url=base_url, headers=headers)
        self.fake = fake

    def graphql(self, query: str, **variables: Any) -> Any:
        """The whole answer to a query."""
        body = {"query": query, "variables": variables}
        return self.http.post("/api/graphql", json=body).json()

    def data(self, query: str, **variables: Any) -> Any:
        """The data of an answer that has no errors."""
        answer = self.graphql(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        """A REST answer."""
        return self.http.get(f"/api/v4/{path}", params=parameters)


@pytest.fixture
def office() -> Office:
    """The small world, unserved."""
    return Office()


@pytest.fixture
def fake(office: Office) -> GitLabFake:
    """The fake over the small world."""
    return GitLabFake(office.world)


@pytest.fixture
def base_url(fake: GitLabFake) -> Iterator[str]:
    """The address at which the fake is served."""
    with fake.serving() as url:
        yield url


@pytest.fixture
def client(fake: GitLabFake, base_url: str) -> Iterator[Client]:
    """A client with the token that sees everything."""
    client = Client(fake, base_url, fake.token)
    with client.http:
        yield client


@pytest.fixture
def stranger(fake: GitLabFake, base_url: str) -> Iterator[Client]:
    """A client without a token."""
    client = Client(fake, base_url, None)
    with client.http:
        yield client
