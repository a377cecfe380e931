"""`/api/v1/restatements` and what waits, over HTTP."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, insert

from app.main import create_app
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.engine import sessions
from app.store.tables import Opening

from ..metrics.conftest import Store


@pytest.fixture
def client(engine: Engine, settings: Settings) -> Iterator[TestClient]:
    """red had one merge request of March; a second one was found ten days later."""
    with sessions(engine).begin() as session:
        store = Store(session)
        store.team("red", owns=["acme/**"])
        store.person("ann", 1)
        store.member("ann", "red", date(2024, 1, 1))
        store.account(8, "eve")
        store.project(1, "acme/api")
        store.merge_request(1, "2024-03-01 12:00", merged="2024-03-05 12:00")
        store.merge_request(8, "2024-04-15 12:00", labels=["Community contribution"])
        session.execute(
            insert(Opening).values(
                opening_id="=7",
                team="red",
                opened_on=date(2024, 1, 1),
                target_start_on=date(2024, 4, 1),
            )
        )
        refresh(session, settings, store.collected("2024-04-10 12:00"))
        store.merge_request(1, "2024-03-07 12:00", merged="2024-03-08 12:00")
        refresh(session, settings, store.collected("2024-04-20 12:00"))
    with TestClient(create_app(settings, engine), base_url="http://127.0.0.1:8000") as client:
        yield client


def get(client: TestClient, address: str) -> Any:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_restatements_by_hand_in_pages_and_as_a_table(client: TestClient) -> None:
    address = "/api/v1/restatements?from=2024-04&to=2024-04&team=red&indicator=mr_rate"
    items = get(client, address)["items"]
    assert [
        (each["variant"], each["period"], each["value"], each["value_now"], each["reason"])
        for each in items
    ] == [("overall", "2024-03", 1, 2, "late_data"), ("narrow", "2024-03", 1, 2, "late_data")]
    first = get(client, f"{address}&limit=1")
    second = get(client, f"{address}&limit=1&cursor={first['next']}")
    assert [*first["items"], *second["items"]] == items
    assert second["next"] is None
    table = client.get(f"{address}&format=csv").text.splitlines()
    assert table[0].startswith("indicator,variant,team,period,value,")
    assert len(table) == 3
    assert get(client, "/api/v1/restatements") == {"items": [], "next": None}


def test_what_cannot_be_meant_names_its_field(client: TestClient) -> None:
    for query, status, field in (
        ("from=yesterday", 422, "from"),
        ("from=2024-05&to=2024-04", 422, "from"),
        ("team=nobody", 404, "team"),
        ("indicator=speed", 404, "key"),
        ("cursor=xyz", 422, "cursor"),
    ):
        answer = client.get(f"/api/v1/restatements?{query}")
        assert (answer.status_code, answer.json()["field"]) == (status, field), query


def test_what_waits_is_told_with_its_deadline_and_in_one_table(client: TestClient) -> None:
    items = get(client, "/api/v1/teams/red/attention")["items"]
    shown = [(each["kind"], each["value"], each.get("due_at")) for each in items]
    assert shown == [("community", 3.0, "2024-04-17T12:00:00Z"), ("opening", 19.0, None)]
    assert items[1] == {
        "kind": "opening",
        "opening_id": "=7",
        "team": "red",
        "opened_on": "2024-01-01",
        "target_start_on": "2024-04-01",
        "value": 19.0,
    }
    table = client.get("/api/v1/teams/red/attention?format=csv").text.splitlines()
    assert "due_at" in table[0]
    assert "opening_id" in table[0]
    assert table[2].startswith("opening,")
    assert "'=7" in table[2]
