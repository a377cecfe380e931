"""What is too long, too large, too often or too slow: refused with one sentence, and nothing is held up."""

import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from app.api import limits
from app.api.request import Reading
from app.auth import tokens
from app.auth.access import Caller, Role
from app.cli import connections
from app.main import create_app
from app.store.engine import make_engine, sessions
from app.store.patience import limit_statements

from .conftest import SETTINGS
from .on_socket import on_socket
from .signed_in import BASE_URL, STRANGER, VIEWER, asked_by, with_sign_in


def test_an_address_has_an_end(client: TestClient) -> None:
    fits = client.get(f"/api/v1/teams?x={'x' * (limits.LONGEST_ADDRESS - 20)}")
    assert fits.status_code == 422
    long = client.get(f"/api/v1/teams?x={'x' * limits.LONGEST_ADDRESS}")
    assert (long.status_code, long.json()["status"]) == (414, 414)
    page = client.get(f"/teams/{'%78' * limits.LONGEST_ADDRESS}")
    assert (page.status_code, page.headers["content-type"][:9]) == (414, "text/html")
    assert "This address is too long" in page.text


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 1024):
        yield b"x" * 1024


@pytest.mark.parametrize("told", [True, False])
def test_a_body_has_an_end(collected: Engine, told: bool) -> None:
    """Whether its length is told or not; nobody reads on."""
    app = create_app(with_sign_in(SETTINGS), collected)

    async def swallow(request: Request) -> Response:
        return Response(str(len(await request.body())))

    app.add_api_route("/sign-in/swallow", swallow, methods=["POST"])
    app.router.routes.insert(0, app.router.routes.pop())
    with TestClient(app, base_url=BASE_URL) as client:
        for size, status in ((limits.LARGEST, 200), (limits.LARGEST + 1024, 413)):
            content = b"x" * size if told else chunks(size)
            answer = client.post("/sign-in/swallow", content=content)
            assert answer.status_code == status, answer.text
        assert "at most 64 KB" in answer.text
        event = client.post("/webhooks/gitlab", content=b"x" * (limits.LARGEST_EVENT + 1))
        assert event.status_code == 413


def test_nobody_signs_in_without_end(collected: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SIGN_INS_PER_MINUTE", 3)
    settings = with_sign_in(SETTINGS, issuer="http://127.0.0.1:1")
    app = create_app(settings, collected)
    with TestClient(app, base_url=BASE_URL, client=("198.51.100.1", 1)) as client:
        answers = [client.get("/sign-in/callback?state=x") for _ in range(5)]
        assert [each.status_code for each in answers] == [403, 403, 403, 429, 429]
        assert 0 < int(answers[-1].headers["retry-after"]) <= 120
        assert "too often" in answers[-1].text
        # A header that anybody can write makes nobody another one.
        spoofed = client.get("/sign-in", headers={"X-Forwarded-For": "198.51.100.9"})
        assert spoofed.status_code == 429
        # What is asked for otherwise is answered, and the provider may say who signed out.
        assert client.get("/healthz").status_code == 200
        assert client.post("/sign-in/back-channel").status_code != 429
    with TestClient(app, base_url=BASE_URL, client=("198.51.100.2", 1)) as other:
        assert other.get("/sign-in/callback?state=x").status_code == 403


def test_behind_a_proxy_each_address_counts_for_itself(
    collected: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SIGN_INS_PER_MINUTE", 1)
    settings = with_sign_in(SETTINGS, issuer="http://127.0.0.1:1")
    server = settings.server.model_copy(update={"trusted_proxies": ("10.0.0.1/32",)})
    app = create_app(settings.model_copy(update={"server": server}), collected)
    with TestClient(app, base_url=BASE_URL, client=("10.0.0.1", 1)) as proxy:
        for address, status in (
            ("198.51.100.1", 403),
            ("198.51.100.1", 429),
            ("198.51.100.2", 403),
        ):
            headers = {"X-Forwarded-For": address}
            assert proxy.get("/sign-in/callback", headers=headers).status_code == status


def test_a_token_asks_so_often_and_no_more(
    collected: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TOKEN_PER_MINUTE", 2)
    now = datetime.now(UTC)
    made = []
    for name in ("one", "other"):
        with sessions(collected).begin() as session:
            _, token = tokens.make(
                session,
                name=name,
                role=Role.VIEWER,
                teams=[],
                expires_at=now + timedelta(days=1),
                made_by=Caller("user:44", "Dora"),
                now=now,
            )
        made.append({"Authorization": f"Bearer {token}"})
    with asked_by(collected, with_sign_in(SETTINGS), STRANGER) as client:
        statuses = [client.get("/api/v1/teams", headers=made[0]).status_code for _ in range(4)]
        assert statuses == [200, 200, 429, 429]
        refused = client.get("/api/v1/teams", headers=made[0])
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["retry-after"]
        assert client.get("/api/v1/teams", headers=made[1]).status_code == 200


def test_nobody_tries_tokens_without_end(
    collected: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WRONG_TOKENS_PER_MINUTE", 3)
    with asked_by(collected, with_sign_in(SETTINGS), VIEWER) as client:
        statuses = []
        for number in range(5):
            headers = {"Authorization": f"Bearer tgat_{number}"}
            statuses.append(client.get("/api/v1/teams", headers=headers).status_code)
        assert statuses == [401, 401, 401, 429, 429]
        assert client.get("/api/v1/teams").status_code == 200  # who is signed in


def test_what_takes_the_database_too_long_is_given_up(database_url: str) -> None:
    engine = make_engine(database_url)
    limit_statements(engine, 0.3)
    app = create_app(SETTINGS, engine)

    def slow(session: Reading) -> Response:
        session.execute(text("SELECT pg_sleep(60)"))
        return Response()

    app.add_api_route("/api/v1/slow", slow)
    app.add_api_route("/slow", slow)
    for _ in range(2):
        app.router.routes.insert(0, app.router.routes.pop())
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        answer = client.get("/api/v1/slow")
        assert (answer.status_code, answer.json()["status"]) == (503, 503)
        assert "took too long" in answer.json()["detail"]
        assert answer.headers["retry-after"]
        page = client.get("/slow")
        assert (page.status_code, page.headers["content-type"][:9]) == (503, "text/html")
        assert client.get("/api/v1/teams").status_code == 200
    engine.dispose()


@pytest.fixture
def address(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    monkeypatch.setattr(connections, "SECONDS_TO_ASK", 1.5)
    monkeypatch.setattr(connections, "MOST", 4)
    with on_socket(app) as address:
        yield address


def said(address: tuple[str, int], *parts: bytes) -> bytes:
    """Everything that comes back until the other side ends it."""
    with closing(socket.create_connection(address, timeout=30)) as connection:
        heard = b""
        try:
            for part in parts:
                connection.sendall(part)
            while piece := connection.recv(65536):
                heard += piece
        except ConnectionResetError:
            pass  # it was ended while there was still something to say
        return heard


def test_a_connection_cannot_ask_for_ever_nor_without_end(address: tuple[str, int]) -> None:
    host = b"Host: 127.0.0.1\r\n"
    # What is no HTTP at all.
    assert said(address, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    # Too much of a head: one long header, and many.
    long = b"GET / HTTP/1.1\r\n" + host + b"X: " + b"x" * connections.LARGEST_HEAD + b"\r\n\r\n"
    assert said(address, long).startswith(b"HTTP/1.1 431 ")
    many = b"GET / HTTP/1.1\r\n" + host + b"X: x\r\n" * connections.MOST_HEADERS + b"\r\n"
    refused = said(address, many)
    assert refused.startswith(b"HTTP/1.1 431 ")
    assert b"Content-Security-Policy: default-src 'none'" in refused
    assert refused.count(b"HTTP/1.1") == 1
    # A head and a body that never come to their end, and a connection that says nothing.
    assert said(address, b"GET / HTTP/1.1\r\n" + host).startswith(b"HTTP/1.1 408 ")
    body = b"POST /webhooks/gitlab HTTP/1.1\r\n" + host + b"Content-Length: 9\r\n\r\nx"
    assert b" 40" in said(address, body)[:13]  # not found before, or too slow
    assert said(address) == b""
    # A body that nobody reads comes to an end as well; who goes on sending may lose what was answered.
    endless = b"GET /healthz HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n"
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    assert said(address, endless, *[piece] * 80)[:13] in (b"HTTP/1.1 200 ", b"")
    # An ordinary question, and one for a WebSocket, which there is none of.
    upgrade = b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    for more in (b"", upgrade):
        asked = b"GET /healthz HTTP/1.1\r\n" + host + more + b"\r\n"
        assert said(address, asked).startswith(b"HTTP/1.1 200 ")


END = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (CHUNKED + b"Content-Length: 4\r\n", END),
        (b"Content-Length: 4\r\n" + CHUNKED, END),
        (b"Content-Length: 0\r\nContent-Length: 48\r\n", END),
        (b"Content-Length: +5\r\n", END),
        (b"Content-Length : 5\r\n", END),
        (b"X: x\r\n Content-Length: 5\r\n", END),
        (b"X: x\rContent-Length: 5\r\n", END),
        (b"Transfer-Encoding: xchunked\r\n", END),
        (b"Transfer-Encoding: chunked, identity\r\n", END),
        (CHUNKED, b"1\nx\n0\n\n" + END),
        (CHUNKED, b"1;a=b\nx\r\n" + END),
    ],
)
def test_what_a_proxy_may_have_understood_otherwise_is_refused(
    address: tuple[str, int], head: bytes, body: bytes
) -> None:
    """And what came after it is no request of its own."""
    start = b"POST /webhooks/gitlab HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    heard = said(address, start + head + b"\r\n" + body)
    statuses = [line[9:12] for line in heard.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    # Where the head was understood, it was known that there is nothing there before the body was read.
    assert statuses in ([b"400"], [b"404"]), heard


@pytest.mark.parametrize(
    ("version", "hosts", "status"),
    [
        (b"1.1", b"Host: 127.0.0.1\r\n", b"200"),
        (b"1.1", b"Host: 127.0.0.1\r\nHost: evil.test\r\n", b"400"),
        (b"1.1", b"Host: 127.0.0.1\r\nHost: 127.0.0.1\r\n", b"400"),
        (b"1.1", b"", b"400"),
        (b"1.0", b"", b"200"),
    ],
)
def test_who_is_asked_is_said_once(
    address: tuple[str, int], version: bytes, hosts: bytes, status: bytes
) -> None:
    asked = b"GET /healthz HTTP/" + version + b"\r\nConnection: close\r\n" + hosts + b"\r\n"
    assert said(address, asked)[9:12] == status


def test_more_connections_than_there_is_room_for_are_refused(address: tuple[str, int]) -> None:
    held = [socket.create_connection(address, timeout=30) for _ in range(connections.MOST)]
    try:
        for each in held:  # all of them are heard
            each.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        assert said(address).startswith(b"HTTP/1.1 503 ")
    finally:
        for each in held:
            each.close()
    assert said(
        address, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    ).startswith(b"HTTP/1.1 200 ")
