"""The client against a served fake and against servers that misbehave."""

import gzip
import json
from base64 import b64encode
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import orjson
import pytest

from app.errors import AppError
from collectors.gitlab.client import USER_AGENT, GitLabClient
from collectors.gitlab.errors import (
    ForbiddenError,
    HeavyQueryError,
    NoSuchRouteError,
    NotFoundError,
    QueryRefusedError,
    TokenRefusedError,
    UnreachableError,
)
from collectors.retry import RetryPolicy
from demo.gitlab import GitLabFake, World
from tests.collectors.gitlab.conftest import STEADY, TOKEN, ask, ask_rest, connected


def test_graphql_and_rest_answer_and_are_counted(fake: GitLabFake, client: GitLabClient) -> None:
    data = ask(client)
    project = ask_rest(client)

    assert data["project"]["mergeRequests"]["count"] == 0
    assert project["path_with_namespace"] == "acme/app"
    assert client._counters.requests == {"project_listing": 1, "project": 1}
    assert client._counters.retries == 0
    assert {request.headers["user-agent"] for request in fake.requests} == {USER_AGENT}
    assert USER_AGENT.startswith("teamgauge/")
    graphql = next(request for request in fake.requests if request.kind == "graphql")
    assert "after" not in graphql.variables


def test_without_a_token_none_is_sent(fake: GitLabFake, url: str) -> None:
    with connected(url, with_token="") as client:
        assert ask(client)["project"] is None
        with pytest.raises(NotFoundError):
            ask_rest(client)

    for request in fake.requests:
        assert "authorization" not in request.headers
        assert "private-token" not in request.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "0"},
        {"Retry-After": format_datetime(datetime.now(UTC), usegmt=True)},
        {"RateLimit-Reset": "1"},
        {},
        {"Retry-After": "3600"},  # longer than the policy allows: not waited for
    ],
)
@pytest.mark.parametrize("asking", [ask, ask_rest])
def test_429_is_waited_for(
    fake: GitLabFake, client: GitLabClient, asking: Any, headers: dict[str, str]
) -> None:
    fake.fail_next(429, headers=headers, times=2)

    assert asking(client)
    assert client._counters.retries == 2
    assert client._counters.waited > 0
    assert fake.count() == 3


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("asking", [ask, ask_rest])
def test_a_server_that_stumbles_is_asked_again(
    fake: GitLabFake, client: GitLabClient, asking: Any, status: int
) -> None:
    fake.fail_next(status, body="<html>Whoops</html>", times=2)

    assert asking(client)
    assert client._counters.retries == 2


@pytest.mark.parametrize("asking", [ask, ask_rest])
def test_broken_connections_and_bodies_are_asked_for_again(
    fake: GitLabFake, client: GitLabClient, asking: Any
) -> None:
    asking(client)
    fake.drop_next()
    fake.truncate_next()
    fake.fail_next(200, body="<html>Sign in</html>")
    fake.fail_next(200, body="null")

    assert asking(client)
    assert client._counters.retries == 4


@pytest.mark.parametrize("asking", [ask, ask_rest])
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"upstream connect error", {}),
        (b"{" * 100_000, {}),
        (b"[" * 100_000, {}),
        (b'{"data": {"a": ' + b"9" * 5_000 + b"}}", {}),
        (b'{"data": "\xff"', {}),
        (b"no gzip", {"Content-Encoding": "gzip"}),
        (b"\x1f\x8b\x08\x00", {"Content-Encoding": "gzip"}),
    ],
)
def test_a_body_that_is_no_json_is_asked_for_again(
    fake: GitLabFake, client: GitLabClient, asking: Any, body: bytes, headers: dict[str, str]
) -> None:
    fake.fail_next(200, body=body, headers=headers, times=2)

    assert asking(client)
    assert client._counters.retries == 2


@pytest.mark.parametrize("asking", [ask, ask_rest])
def test_what_comes_compressed_is_read(fake: GitLabFake, client: GitLabClient, asking: Any) -> None:
    whole = orjson.dumps({"data": {"project": {"id": 7}}, "id": 7})
    fake.fail_next(200, body=gzip.compress(whole), headers={"Content-Encoding": "gzip"})

    assert '"id": 7' in json.dumps(asking(client))
    assert "gzip" in fake.requests[-1].headers["accept-encoding"]


def test_graphql_that_names_neither_data_nor_errors_is_no_answer(
    fake: GitLabFake, client: GitLabClient
) -> None:
    fake.fail_next(200, body={"message": "hello"})
    fake.fail_next(200, body={"data": None})
    fake.fail_next(200, body=b"[]")
    fake.fail_next(200, body={"data": []})

    assert ask(client)
    assert client._counters.retries == 4


@pytest.mark.parametrize("asking", [ask, ask_rest])
@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        (429, UnreachableError, "still limits the rate of requests"),
        (503, UnreachableError, "answers HTTP 503"),
        (500, HeavyQueryError, "answers HTTP 500"),
        (403, ForbiddenError, "forbids reading the project"),
        (400, QueryRefusedError, "refuses to tell the project"),
        (409, QueryRefusedError, "HTTP 409"),
    ],
)
def test_what_does_not_go_away_becomes_a_sentence(
    fake: GitLabFake, url: str, asking: Any, status: int, kind: type[AppError], sentence: str
) -> None:
    fake.fail_next(status, times=None)
    policy = RetryPolicy(base=0.001, cap=0.001, first_attempts=2, limited_attempts=3, longest=0.01)

    with connected(url, policy) as client, pytest.raises(kind) as error:
        asking(client)

    assert sentence in error.value.message
    assert url in error.value.message
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize("asking", [ask, ask_rest])
def test_a_wrong_token_is_named_without_its_value(url: str, asking: Any) -> None:
    wrong = "glpat-WRONG-token"
    with connected(url, with_token=wrong) as client, pytest.raises(TokenRefusedError) as error:
        asking(client)

    assert "does not accept the token of gitlab.token" in error.value.message
    assert "scope read_api" in error.value.hint
    assert wrong not in str(error.value)
    assert client._counters.retries == 0


def test_the_file_of_a_wrong_token_is_named(url: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    with (
        connected(url, token_file=str(file), with_token="glpat-WRONG") as client,
        pytest.raises(TokenRefusedError, match=f"the token of gitlab.token_file {file}"),
    ):
        ask(client)


@pytest.mark.parametrize("asking", [ask, ask_rest])
@pytest.mark.parametrize("status", [307, 400, 401, 403, 422, 500])
@pytest.mark.parametrize(
    "repeated",
    [
        TOKEN,
        quote_plus(f"a&{TOKEN}&b"),
        b64encode(f"oauth2:{TOKEN}:x".encode()).decode(),
    ],
)
def test_a_token_that_the_server_repeats_is_not(
    fake: GitLabFake, url: str, asking: Any, status: int, repeated: str
) -> None:
    words = f"Not with {repeated} of yours"
    fake.fail_next(
        status,
        headers={"Location": f"https://elsewhere.test/{repeated}/sign_in"},
        body={"message": words, "errors": [{"message": words}]},
        times=None,
    )
    policy = RetryPolicy(base=0.001, cap=0.001, first_attempts=1)

    with connected(url, policy) as client, pytest.raises(AppError) as error:
        asking(client)

    assert "***" in str(error.value)
    assert TOKEN[6:-2] not in str(error.value)
    assert b64encode(TOKEN.encode()).decode()[4:20] not in str(error.value)


def test_a_token_that_expires_stops_at_once(fake: GitLabFake, client: GitLabClient) -> None:
    fake.expire_token_after(1)
    ask(client)

    for asking in (ask, ask_rest):
        with pytest.raises(TokenRefusedError):
            asking(client)
    assert fake.count() == 3


def test_an_address_without_a_gitlab_is_told(fake: GitLabFake, client: GitLabClient) -> None:
    fake.fail_next(404, body="<html>nginx</html>", only="graphql")
    with pytest.raises(UnreachableError, match="no GitLab at"):
        ask(client)

    fake.fail_next(302, headers={"Location": "https://elsewhere.test/"}, only="graphql")
    with pytest.raises(UnreachableError, match="sends requests elsewhere"):
        ask(client)


@pytest.mark.parametrize("asking", [ask, ask_rest])
def test_a_server_that_is_not_there_is_told(asking: Any) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        address = f"http://127.0.0.1:{server.server_port}"

    with connected(address) as client, pytest.raises(UnreachableError) as error:
        asking(client)

    assert f"GitLab at {address} cannot be reached" in error.value.message
    assert client._counters.retries == STEADY.first_attempts - 1


def test_rest_tells_what_is_not_there(client: GitLabClient) -> None:
    with pytest.raises(NotFoundError, match="does not have the thing") as error:
        client.rest("/projects/999", "project", about="the thing")

    assert "404 Project Not Found" in error.value.message


def test_rest_tells_apart_what_its_version_does_not_have(client: GitLabClient) -> None:
    with pytest.raises(NoSuchRouteError, match="does not know how to tell the thing"):
        client.rest("/nothing/of/the/kind", "project", about="the thing")


def test_rest_in_the_folder_of_a_server(world: World) -> None:
    fake = GitLabFake(world, prefix="/gitlab")
    with fake.serving() as url, connected(f"{url}/", with_token=fake.token) as client:
        assert ask_rest(client)["id"] == 1
        assert ask(client)["project"]


# Errors inside GraphQL's answers -----------------------------------------------------------------


def graphql_errors(*messages: str, data: Any = None) -> dict[str, Any]:
    answer: dict[str, Any] = {"errors": [{"message": message} for message in messages]}
    return answer if data is None else {"data": data, **answer}


def test_a_refused_complexity_asks_for_a_smaller_page(
    fake: GitLabFake, client: GitLabClient
) -> None:
    fake.max_complexity = 5

    with pytest.raises(HeavyQueryError) as error:
        ask(client)

    assert error.value.complexity
    assert "exceeds max complexity of 5" in error.value.message
    assert client._counters.retries == 0


def test_a_timeout_asks_for_a_smaller_page(fake: GitLabFake, client: GitLabClient) -> None:
    fake.time_out_next()

    with pytest.raises(HeavyQueryError) as error:
        ask(client)

    assert not error.value.complexity
    assert "Timeout on Query.project" in error.value.message


def test_data_beside_errors_is_not_taken(fake: GitLabFake, client: GitLabClient) -> None:
    partial = graphql_errors("Internal server error", data={"project": {"mergeRequests": None}})
    fake.fail_next(200, body=partial, times=2)

    assert ask(client)["project"]["mergeRequests"] is not None
    assert client._counters.retries == 2


def test_errors_that_stay_are_told(fake: GitLabFake, client: GitLabClient) -> None:
    partial = graphql_errors("Something is odd.", "And more", data={"project": {}})
    fake.fail_next(200, body=partial, times=None)

    with pytest.raises(
        QueryRefusedError, match=r"could not tell all .*Something is odd.; And more"
    ):
        ask(client)


def test_an_older_gitlab_is_told_apart(fake: GitLabFake, client: GitLabClient) -> None:
    message = "Field 'bot' doesn't exist on type 'User'"
    fake.fail_next(200, body=graphql_errors(message))

    with pytest.raises(QueryRefusedError) as error:
        ask(client)

    assert message in error.value.message
    assert "version 18" in error.value.hint


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, TokenRefusedError), (403, ForbiddenError)],
)
def test_a_status_counts_for_more_than_the_errors(
    fake: GitLabFake, client: GitLabClient, status: int, kind: type[AppError]
) -> None:
    fake.fail_next(status, body=graphql_errors("API not accessible for user"))

    with pytest.raises(kind, match="API not accessible for user"):
        ask(client)


def test_a_server_error_with_json_is_asked_again(fake: GitLabFake, client: GitLabClient) -> None:
    fake.fail_next(500, body=graphql_errors("Internal server error"))

    assert ask(client)
    assert client._counters.retries == 1


def test_a_database_that_gave_up_asks_for_a_smaller_page(
    fake: GitLabFake, client: GitLabClient
) -> None:
    """GraphQL says it with status 503, which is otherwise a server that is not there."""
    words = "Request timed out. Please try a less complex query or a smaller set of records."
    fake.fail_next(503, body=graphql_errors(words))

    with pytest.raises(HeavyQueryError, match="Please try a less complex query"):
        ask(client)
    assert client._counters.retries == 0


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (200, "does not exist or you don't have permission to perform this action"),
        (422, "Variables are invalid"),
    ],
)
def test_what_asking_again_does_not_mend_is_told_at_once(
    fake: GitLabFake, client: GitLabClient, status: int, words: str
) -> None:
    fake.fail_next(status, body=graphql_errors(words), times=None)

    with pytest.raises(QueryRefusedError, match=words):
        ask(client)
    assert client._counters.retries == 0
