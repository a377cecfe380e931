"""`/webhooks/gitlab`: what an event marks, what it is refused for, and that it stores nothing else."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from app.main import create_app
from app.settings import Settings
from app.store.roles import DatabaseRole
from tests.databases import working_as

SECRET = "s3cret-of-this-test"
MERGE_REQUEST = {
    "object_kind": "merge_request",
    "event_type": "merge_request",
    "project": {"id": 7, "path_with_namespace": "acme/app"},
    "object_attributes": {"id": 901, "iid": 12, "action": "update", "target_project_id": 7},
}
NOTE = {
    "object_kind": "note",
    "project_id": 7,
    "project": {"id": 7},
    "object_attributes": {"id": 3, "noteable_type": "MergeRequest"},
    "merge_request": {"id": 902, "iid": 13},
}
RENAMED = {
    "event_name": "project_rename",
    "project_id": 7,
    "path_with_namespace": "acme/new",
    "old_path_with_namespace": "acme/app",
}


def settings(**gitlab: Any) -> Settings:
    return Settings.model_validate({"gitlab": {"groups": ["acme"], **gitlab}})


@pytest.fixture
def web(engine: Engine) -> Iterator[TestClient]:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO projects (id, path, name, web_url, archived)"
                " VALUES (7, 'acme/app', 'app', 'https://gitlab.example.com/acme/app', false)"
            )
        )
    with (
        working_as(DatabaseRole.WEB, engine) as own,
        TestClient(
            create_app(settings(webhook_secret=SECRET), own), base_url="http://127.0.0.1"
        ) as client,
    ):
        yield client


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def marks(engine: Engine) -> list[tuple[Any, ...]]:
    return rows(engine, "SELECT source, project_id, iid FROM marks ORDER BY iid")


def jobs(engine: Engine) -> list[tuple[Any, ...]]:
    return rows(
        engine, "SELECT task_name, queueing_lock FROM queue.procrastinate_jobs ORDER BY task_name"
    )


def post(web: TestClient, event: Any, token: str = SECRET) -> int:
    answer = web.post("/webhooks/gitlab", json=event, headers={"X-Gitlab-Token": token})
    return answer.status_code


def test_merge_requests_and_notes_mark_what_to_read_next(web: TestClient, engine: Engine) -> None:
    assert post(web, MERGE_REQUEST) == 204
    assert post(web, NOTE) == 204
    assert post(web, MERGE_REQUEST) == 204
    assert marks(engine) == [("gitlab", 7, 12), ("gitlab", 7, 13)]
    # One job reads them all, a little later, and no other one waits behind it.
    assert jobs(engine) == [("read_marked", "marked gitlab")]
    [(at,)] = rows(engine, "SELECT scheduled_at FROM queue.procrastinate_jobs")
    assert isinstance(at, datetime)


def test_a_later_event_moves_the_mark(web: TestClient, engine: Engine) -> None:
    post(web, MERGE_REQUEST)
    [(first,)] = rows(engine, "SELECT seen_at FROM marks")
    post(web, MERGE_REQUEST)
    [(second,)] = rows(engine, "SELECT seen_at FROM marks")
    assert second > first


def test_a_project_that_was_renamed_is_for_a_whole_run(web: TestClient, engine: Engine) -> None:
    assert post(web, RENAMED) == 204
    assert post(web, {**RENAMED, "event_name": "project_destroy"}) == 204
    assert (marks(engine), jobs(engine)) == ([], [("collect", "collect gitlab")])


@pytest.mark.parametrize(
    "event",
    [
        {"object_kind": "push", "project": {"id": 7}},
        {"event_name": "user_create", "username": "ada"},
        {key: value for key, value in NOTE.items() if key != "merge_request"},
        {**MERGE_REQUEST, "project": {"id": 8}},
        {**RENAMED, "path_with_namespace": "other/a", "old_path_with_namespace": "acmes/a"},
        {},
    ],
)
def test_what_is_about_something_else_is_passed_over(
    web: TestClient, engine: Engine, event: Any
) -> None:
    assert post(web, event) == 204
    assert (marks(engine), jobs(engine)) == ([], [])


def test_who_does_not_know_the_secret_is_refused(web: TestClient, engine: Engine) -> None:
    for token in ("", "another", SECRET + "x", "é"):
        answer = web.post(
            "/webhooks/gitlab", json=MERGE_REQUEST, headers={b"X-Gitlab-Token": token.encode()}
        )
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert SECRET not in answer.text
    assert web.post("/webhooks/gitlab", json=MERGE_REQUEST).status_code == 401
    assert marks(engine) == []


def test_without_a_secret_there_is_nothing_at_the_address(engine: Engine) -> None:
    with TestClient(create_app(settings(), engine), base_url="http://127.0.0.1") as web:
        assert post(web, MERGE_REQUEST, token="") == 404


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 422, "body"),
        (b"[]", 422, "body"),
        (b'{"object_kind": "merge_request"}', 422, "project"),
        (b'{"object_kind": "merge_request", "project": {"id": "x"}}', 422, "project.id"),
        (
            b'{"object_kind": "note", "project": {"id": 7}, "merge_request": {}}',
            422,
            "merge_request.iid",
        ),
        (b'{"event_name": "project_rename"}', 422, "path_with_namespace"),
    ],
)
def test_an_event_of_another_shape_is_refused_with_the_field(
    web: TestClient, engine: Engine, body: bytes, status: int, field: str
) -> None:
    answer = web.post("/webhooks/gitlab", content=body, headers={"X-Gitlab-Token": SECRET})
    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert marks(engine) == []


def test_an_event_that_is_too_large_is_not_read(web: TestClient, engine: Engine) -> None:

    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b" " * 65_536

    answer = web.post("/webhooks/gitlab", content=endless(), headers={"X-Gitlab-Token": SECRET})
    assert answer.status_code == 413
    assert marks(engine) == []


def test_the_address_answers_to_post_only(web: TestClient) -> None:
    answer = web.get("/webhooks/gitlab")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["detail"] == "This address only answers to POST."
    assert "/webhooks/gitlab" not in web.get("/openapi.json").json()["paths"]


def test_a_name_that_points_here_does_not_open_it(web: TestClient, engine: Engine) -> None:
    answer = web.post(
        "/webhooks/gitlab",
        json=MERGE_REQUEST,
        headers={"X-Gitlab-Token": SECRET, "Host": "evil.example.com"},
    )
    assert answer.status_code == 400
    assert marks(engine) == []
