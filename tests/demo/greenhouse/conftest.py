"""A served Greenhouse with a little hiring in it, and a plain HTTP client that has a token."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from demo.greenhouse import CLIENT_ID, CLIENT_SECRET, GreenhouseFake, HiringWorld

START = datetime(2026, 1, 5, 12, tzinfo=UTC)


@dataclass
class Api:
    """The fake, and what a client needs to ask it."""

    fake: GreenhouseFake
    url: str
    http: httpx.Client

    @property
    def world(self) -> HiringWorld:
        return self.fake.world

    def token(self, client_id: str = CLIENT_ID, secret: str = CLIENT_SECRET) -> httpx.Response:
        return self.http.post(
            f"{self.url}/token",
            auth=(client_id, secret),
            data={"grant_type": "client_credentials"},
        )

    def get(self, name: str, query: str = "") -> httpx.Response:
        """Asks for a list, with a new token."""
        token = self.token().json()["access_token"]
        return self.http.get(
            f"{self.url}/v3/{name}?{query}", headers={"Authorization": f"Bearer {token}"}
        )

    def ids(self, name: str, query: str = "") -> list[Any]:
        return [each["id"] for each in self.get(name, query).json()]


@pytest.fixture
def api() -> Iterator[Api]:
    fake = GreenhouseFake(HiringWorld(lambda: START))
    with fake.serving() as url, httpx.Client() as http:
        yield Api(fake, url, http)


@pytest.fixture
def openings(api: Api) -> list[int]:
    """Ids of five openings, opened and changed a day after each other; the third was closed later."""
    world = api.world
    job = world.add_job("Engineer", world.add_department("Backend", "backend"), at=START)
    made = [world.open_opening(job, at=START + timedelta(days=day)) for day in range(5)]
    reason = world.add_close_reason("Hired", at=START)
    world.close_opening(made[2], reason, START + timedelta(days=30))
    return [each.id for each in made]
