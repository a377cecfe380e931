"""Each switch for what goes wrong: it meets the requests it is for, and then all is well again."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from demo.gitlab import GitLabFake, Request, World
from demo.gitlab.answer import Answer
from demo.gitlab.server import Server

from .conftest import Client

ASK = "{ currentUser { username } }"


def test_a_status_with_headers(client: Client) -> None:
    client.fake.fail_next(503, headers={"Retry-After": "2"}, body="busy", times=2)
    for _ in range(2):
        response = client.get("version")
        assert (response.status_code, response.text) == (503, "busy")
        assert response.headers["retry-after"] == "2"
        assert response.headers["content-type"] == "text/plain"
    assert client.get("version").status_code == 200
    assert [request.status for request in client.fake.requests] == [503, 503, 200]


def test_too_many_requests_in_gitlabs_words(client: Client) -> None:
    client.fake.fail_next(429)
    assert client.get("version").text == "Retry later\n"


def test_json_of_ones_own(client: Client) -> None:
    client.fake.fail_next(403, body={"message": "403 Forbidden"})
    assert client.get("version").json() == {"message": "403 Forbidden"}


def test_faults_are_for_some_requests_only(client: Client) -> None:
    def second_page(request: Request) -> bool:
        return "page=2" in request.path

    client.fake.fail_next(500, only="graphql")
    client.fake.fail_next(502, match=second_page)
    client.fake.fail_next(504, only="rest", skip=1)
    assert client.get("users").status_code == 200
    assert client.get("users", page=2).status_code == 502
    assert client.get("users").status_code == 504
    assert client.http.post("/api/graphql", json={"query": ASK}).status_code == 500
    assert client.fake.faults.pending() == 0
    client.fake.fail_next(500, times=None)
    assert [client.get("users").status_code for _ in range(3)] == [500] * 3
    client.fake.faults.clear()
    assert client.get("users").status_code == 200


def test_a_dropped_connection(client: Client) -> None:
    client.fake.drop_next()
    with pytest.raises(httpx.TransportError):
        client.graphql(ASK)
    assert client.fake.requests[-1].status is None
    assert client.data(ASK)


def test_a_truncated_body(client: Client) -> None:
    client.fake.truncate_next()
    response = client.http.post("/api/graphql", json={"query": ASK})
    assert response.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        response.json()
    assert client.data(ASK)


def test_an_answer_of_another_version(client: Client) -> None:
    client.fake.change_next(lambda told: {**told, "version": 19}, only="rest")
    assert client.get("version").json()["version"] == 19
    assert client.get("version").json()["version"] == client.fake.version


def test_an_answer_that_comes_late(client: Client) -> None:
    client.fake.delay_next(0.2, skip=1)
    client.get("version")
    started = time.monotonic()
    assert client.get("version").status_code == 200
    assert time.monotonic() - started >= 0.2


def test_a_query_that_takes_too_long(client: Client) -> None:
    client.fake.time_out_next(match=lambda request: request.operation == "Slow")
    assert client.data(ASK)
    answer = client.graphql('query Slow { mine: group(fullPath: "acme") { id } }')
    assert answer["data"] == {"mine": None}
    assert answer["errors"][0]["message"] == "Timeout on Query.group"
    assert client.data('query Slow { group(fullPath: "acme") { id } }')["group"]["id"]


def test_every_answer_is_delayed(client: Client) -> None:
    client.fake.delay = 0.2
    started = time.monotonic()
    client.get("version")
    assert time.monotonic() - started >= 0.2


def test_requests_are_served_side_by_side(client: Client) -> None:
    """Each of eight requests is answered only when all of them have come in."""
    all_there = threading.Barrier(8, timeout=60)

    def answer(request: Request) -> Answer:
        all_there.wait()
        return client.fake.answer(request)

    server = Server(0, answer)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        with httpx.Client(timeout=60) as http, ThreadPoolExecutor(8) as pool:
            address = f"{server.base_url}/api/v4/version"
            answers = list(pool.map(lambda _: http.get(address).status_code, range(8)))
    finally:
        server.shutdown()
        server.end_connections()
        server.server_close()
        serving.join()

    assert answers == [401] * 8  # nobody signed in, but everybody was answered
    assert server.errors == []


def test_serving_leaves_nothing_behind() -> None:
    before = threading.active_count()
    fake = GitLabFake(World())
    with fake.serving() as url, httpx.Client(base_url=url) as client:
        client.get("/api/v4/version")
        address = httpx.URL(url)
    assert threading.active_count() == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)


def test_the_fakes_own_mistakes_are_told() -> None:
    fake = GitLabFake(World())

    def fail(_request: Request) -> bool:
        raise ZeroDivisionError

    fake.fail_next(match=fail)
    with pytest.raises(ZeroDivisionError), fake.serving() as url:
        assert httpx.get(f"{url}/api/v4/version").status_code == 500


def test_below_a_path() -> None:
    fake = GitLabFake(World(), prefix="/gitlab")
    with fake.serving() as url:
        assert url.endswith("/gitlab")
        headers = {"PRIVATE-TOKEN": fake.token}
        assert httpx.get(f"{url}/api/v4/version", headers=headers).json()["version"] == "18.0.2"
