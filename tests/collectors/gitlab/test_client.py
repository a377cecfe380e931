"""The client against a served fake and against servers that misbehave."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.errors import AppError, ConfigurationError
from app.settings import GitLabSettings
from collectors.gitlab.client import USER_AGENT, GitLabClient
from collectors.gitlab.errors import (
    ForbiddenError,
    HeavyQueryError,
    NotFoundError,
    QueryRefusedError,
    TokenRefusedError,
    UnreachableError,
)
from collectors.gitlab.queries import PROJECT_LISTING
from collectors.gitlab.retry import RetryPolicy
from collectors.gitlab.server_clock import ServerClock
from collectors.source import Counters
from demo.gitlab import GitLabFake, World
from demo.gitlab.answer import Answer, Request
from demo.gitlab.server import Server

QUICK = RetryPolicy(base=0.001, cap=0.01, longest=0.05, attempts=5, first_attempts=5)
TOKEN = "glpat-SECRET-of-this-test"


@pytest.fixture
def fake(world: World) -> GitLabFake:
    return GitLabFake(world, token=TOKEN)


@pytest.fixture
def url(fake: GitLabFake) -> Iterator[str]:
    with fake.serving() as url:
        yield url


@contextmanager
def connected(url: str, policy: RetryPolicy = QUICK, **settings: Any) -> Iterator[GitLabClient]:
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

    assert "does not accept the token" in error.value.message
    assert "gitlab.token" in error.value.hint
    assert wrong not in str(error.value)
    assert client._counters.retries == 0


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
    assert client._counters.retries == QUICK.first_attempts - 1


def test_rest_tells_what_is_not_there(client: GitLabClient) -> None:
    with pytest.raises(NotFoundError, match="does not have the thing") as error:
        client.rest("/projects/999", "project", about="the thing")

    assert "404 Project Not Found" in error.value.message


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


# Redirects and clocks -----------------------------------------------------------------------------


@pytest.mark.parametrize("asking", [ask, ask_rest])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_the_token_goes_to_no_other_address(
    fake: GitLabFake, client: GitLabClient, world: World, asking: Any, status: int
) -> None:
    stranger = GitLabFake(world)
    with stranger.serving() as elsewhere:
        target = f"{elsewhere}/api/v4/projects/1"
        fake.fail_next(status, headers={"Location": target}, body="<html>Moved</html>")

        with pytest.raises(UnreachableError, match=rf"sends requests elsewhere \(HTTP {status}\)"):
            asking(client)

    assert stranger.requests == []


def test_a_redirect_within_gitlab_is_followed(fake: GitLabFake, client: GitLabClient) -> None:
    fake.fail_next(302, headers={"Location": "/api/v4/projects/2"}, body="<html>Moved</html>")

    assert ask_rest(client)["id"] == 2


@pytest.mark.parametrize("asking", [ask, ask_rest])
@pytest.mark.parametrize("hours", [-5, -0.1, 0, 0.1, 5])
def test_gitlabs_clock_is_read_off_its_answers(
    fake: GitLabFake, client: GitLabClient, asking: Any, hours: float
) -> None:
    fake.ahead = timedelta(hours=hours)

    asking(client)

    assert abs(client.clock.offset - fake.ahead) <= timedelta(seconds=0 if hours == 0 else 3)
    assert client.clock.offset <= fake.ahead
    assert abs(client.clock.now() - datetime.now(UTC) - client.clock.offset) < timedelta(seconds=1)


def test_a_clock_that_may_be_the_same_is_the_same() -> None:
    clock = ServerClock()
    sent = datetime(2026, 5, 1, 12, 0, 0, 900_000, tzinfo=UTC)

    clock.note(None, sent, sent)
    clock.note(sent.replace(microsecond=0), sent, sent + timedelta(seconds=2))
    clock.note(sent + timedelta(hours=1), sent, sent)  # the first word holds

    assert clock.offset == timedelta(0)


def test_an_answer_out_of_a_cache_is_no_clock() -> None:
    clock = ServerClock()
    sent = datetime(2026, 5, 1, 12, tzinfo=UTC)

    clock.note(sent - timedelta(days=400), sent, sent)

    assert clock.offset == timedelta(0)


# Many threads, private authorities, proxies ------------------------------------------------------


def test_no_more_requests_are_in_flight_than_configured(world: World) -> None:
    running, highest, lock = [0], [0], threading.Lock()
    full = threading.Event()
    fake = GitLabFake(world, token=TOKEN)

    def answer(request: Request) -> Answer:
        with lock:
            running[0] += 1
            highest[0] = max(highest[0], running[0])
            if running[0] == 3:
                full.set()
        full.wait(0.2)
        try:
            return fake.answer(request)
        finally:
            with lock:
                running[0] -= 1

    server = Server(0, answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with connected(server.base_url, concurrency=3) as client, ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda n: (ask if n % 2 else ask_rest)(client), range(24)))
    finally:
        server.shutdown()
        server.end_connections()
        server.server_close()
        thread.join()

    assert len(answers) == 24
    assert highest[0] == 3


def test_a_ca_file_that_is_none_is_told(tmp_path: Path) -> None:
    missing, wrong = tmp_path / "missing.pem", tmp_path / "wrong.pem"
    wrong.write_text("not a certificate")

    for path in (missing, wrong):
        with (
            pytest.raises(ConfigurationError) as error,
            connected("https://gitlab.example.com", ca_file=path),
        ):
            pass
        assert f"gitlab.ca_file {path}" in error.value.message


class Proxy(BaseHTTPRequestHandler):
    """Notes what it is asked to connect to, and refuses."""

    def do_CONNECT(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_error(403)

    def log_message(self, format: str, *args: Any) -> None:
        """Prints nothing."""


@pytest.mark.parametrize("asking", [ask, ask_rest])
def test_https_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch, asking: Any) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        policy = RetryPolicy(base=0.001, cap=0.001, first_attempts=1)
        with (
            connected("https://gitlab.invalid", policy) as client,
            pytest.raises(UnreachableError) as error,
        ):
            asking(client)
        server.shutdown()
        thread.join()

    assert server.asked == ["gitlab.invalid:443"]  # type: ignore[attr-defined]
    assert TOKEN not in json.dumps(str(error.value))
