"""A small organisation, collected 20 March 2024 at noon, behind the real application."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from app.main import create_app
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.engine import sessions
from app.store.roles import DatabaseRole
from tests.databases import engine_on, working_as

from ..metrics.conftest import Store, at

SETTINGS = Settings.model_validate(
    {
        "reporting": {"history_start": "2024-01-01"},
        "gitlab": {"groups": ["acme"]},
        "files": {"teams": "/nowhere/teams.yaml"},
    }
)


@pytest.fixture
def settings() -> Settings:
    return SETTINGS


@pytest.fixture(scope="module")
def collected(server_url: str, template: str) -> Iterator[Engine]:
    """An engine on a database that holds the organisation, for the tests of a module to read."""
    with engine_on(server_url, "api", template) as engine:
        with sessions(engine).begin() as session:
            fill(Store(session))
            refresh(session, SETTINGS, Store(session).collected("2024-03-20 12:00"))
        yield engine


def fill(store: Store) -> None:
    """product ─ checkout (ann, manager; ben until 1 March), search (cid); eve is from outside."""
    store.team("product")
    store.team("checkout", "product", owns=["acme/checkout/**"])
    store.team("search", "product")
    for number, person in enumerate(("ann", "ben", "cid"), 1):
        store.person(person, number)
    store.member("ann", "checkout", date(2024, 1, 1), role="manager")
    store.member("ben", "checkout", date(2024, 1, 1), date(2024, 3, 1))
    store.member("cid", "search", date(2024, 1, 1))
    store.account(8, "eve")
    store.account(9, "robo", bot=True)
    store.project(1, "acme/checkout/api")
    store.project(2, "acme/other")
    old = store.merge_request(1, "2024-02-01 12:00")
    store.request_review(old, "2024-02-10 12:00", "cid")
    store.merge_request(2, "2024-02-20 11:00", reviewers=[3])
    dangerous = store.merge_request(3, "2024-03-01 13:00", project=2)
    store.change(dangerous, title='=HYPERLINK("http://evil.test","x"), "quoted"\nand broken')
    labels = ["community contribution"]
    store.merge_request(8, "2024-03-02 12:00", merged="2024-03-05 12:00", labels=labels)
    for hour in range(3):
        store.merge_request(1, "2024-03-03 12:00", merged=f"2024-03-06 1{hour}:00")
    store.merge_request(9, "2024-03-05 12:00")
    ends_early = store.merge_request(1, "2024-03-12 12:00", closed="2024-03-13 12:00")
    store.change(ends_early, closed_at=at("2024-03-11 12:00"))


@pytest.fixture
def app(collected: Engine) -> Iterator[FastAPI]:
    """The application as `serve` runs it: the database lets it do nothing else."""
    with working_as(DatabaseRole.WEB, collected) as engine:
        yield create_app(SETTINGS, engine)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def get(client: TestClient) -> Any:
    """Asks for an address that must answer 200 and gives its JSON."""

    def ask(address: str) -> Any:
        answer = client.get(address)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask
