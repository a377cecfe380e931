"""A provider of sign-in that takes connections and answers late or never, and a clock that is wrong."""

import json
import socket
import time
from collections.abc import Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from app.api import limits
from app.auth import provider as provider_module
from app.auth import sessions, tokens
from app.auth.access import Caller, Role
from app.auth.cookies import Cookies
from app.main import create_app
from app.store.engine import sessions as sessions_of
from tests.app.api.conftest import SETTINGS, collected
from tests.app.api.on_socket import on_socket
from tests.app.api.signed_in import VIEWER, with_sign_in

__all__ = ["collected"]

TIMEOUT = 2.0
"""Seconds in place of the ten of the product."""

AT_ONCE = 50

Logged = list[MutableMapping[str, Any]]


@pytest.fixture
def logged() -> Iterator[Logged]:
    """The events that are logged."""
    with capture_logs() as events:
        yield events


def changes(logged: Logged) -> list[tuple[str, str]]:
    """Which faults began and ended, in order."""
    return [
        (event["event"], event["fault"])
        for event in logged
        if event["event"].startswith(("fault.", "request.unavailable"))
    ]


@contextmanager
def listening(port: int = 0) -> Iterator[socket.socket]:
    """Takes connections, and says nothing to anybody."""
    with socket.create_server(("127.0.0.1", port), backlog=2 * AT_ONCE) as listener:
        yield listener


@contextmanager
def answering(port: int) -> Iterator[None]:
    """A provider that says where people sign in."""
    issuer = f"http://127.0.0.1:{port}"
    described = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/auth",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/keys",
    }

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(described).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Answers) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield
        server.shutdown()
        thread.join()


def test_nobody_waits_for_a_provider_but_who_signs_in(
    collected: Engine, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    """Fifty sign in at once and are told in the time of one; meanwhile pages are answered as ever."""
    monkeypatch.setattr(provider_module, "TIMEOUT", TIMEOUT)
    monkeypatch.setattr(provider_module, "LEFT_ALONE", TIMEOUT)
    monkeypatch.setattr(limits, "SIGN_INS_PER_MINUTE", 100 * AT_ONCE)
    with listening() as provider:
        port = provider.getsockname()[1]
        settings = with_sign_in(
            SETTINGS, issuer=f"http://127.0.0.1:{port}", base_url="http://127.0.0.1:8000"
        )
        app = create_app(settings, collected)
        with sessions_of(collected).begin() as session:
            session_id = sessions.begin(session, VIEWER, settings.auth, datetime.now(UTC))
        cookies = Cookies(settings)
        with (
            on_socket(app) as (host, own_port),
            httpx.Client(base_url=f"http://{host}:{own_port}", timeout=60) as vera,
            httpx.Client(base_url=f"http://{host}:{own_port}", timeout=60) as others,
            ThreadPoolExecutor(AT_ONCE) as many,
        ):
            vera.cookies.set(cookies.session, cookies.sealed(session_id))
            assert vera.get("/teams/checkout").status_code == 200
            assert vera.get("/readyz").json() == {"status": "ok"}
            began = time.monotonic()
            waiting = [many.submit(others.get, "/sign-in") for _ in range(AT_ONCE)]
            looked = 0
            while not any(each.done() for each in waiting):
                assert vera.get("/teams/checkout").status_code == 200
                looked += all(each.running() for each in waiting)
            assert looked > 3
            answers = [each.result() for each in waiting]
            assert time.monotonic() - began < 4 * TIMEOUT, "they waited one after the other"
            assert {each.status_code for each in answers} == {503}
            assert "127.0.0.1, where people sign in, does not answer." in answers[0].text
            assert "Who is signed in already stays so" in answers[-1].text
            assert [each["reason"] for each in vera.get("/readyz").json()["warnings"]] == [
                "provider_away"
            ]
            assert vera.get("/teams/checkout").status_code == 200
            provider.close()
            time.sleep(max(0.0, TIMEOUT - (time.monotonic() - began)))
            with answering(port):
                end = time.monotonic() + 30
                while (back := others.get("/sign-in")).status_code != 303:
                    assert time.monotonic() < end, back.text
                    time.sleep(0.1)
            assert back.headers["location"].startswith(f"http://127.0.0.1:{port}/auth?")
            assert vera.get("/readyz").json() == {"status": "ok"}
    assert changes(logged) == [("fault.began", "provider_away"), ("fault.ended", "provider_away")]


@pytest.fixture
def set_back(collected: Engine) -> Iterator[timedelta]:
    """The machine's clock was set back by an hour: all that is stored is from an hour later."""
    by = timedelta(hours=1)
    with collected.begin() as connection:
        before = connection.execute(text("SELECT id, data_through FROM runs")).all()
        connection.execute(text("UPDATE runs SET data_through = now() + :by"), {"by": by})
    yield by
    with collected.begin() as connection:
        for row in before:
            connection.execute(
                text("UPDATE runs SET data_through = :through WHERE id = :id"),
                {"through": row.data_through, "id": row.id},
            )


def test_a_clock_that_was_set_back_ends_no_session_and_no_token(
    collected: Engine, set_back: timedelta, logged: Logged
) -> None:
    """Who signed in before stays so, a token holds on, and readyz, page and log say it once."""
    settings = with_sign_in(SETTINGS, base_url="http://127.0.0.1:8000")
    later = datetime.now(UTC) + set_back
    with sessions_of(collected).begin() as session:
        session_id = sessions.begin(session, VIEWER, settings.auth, later)
        _, token = tokens.make(
            session,
            name="script",
            role=Role.VIEWER,
            teams=(),
            expires_at=later + timedelta(days=1),
            made_by=Caller(),
            now=later,
        )
    cookies = Cookies(settings)
    with (
        on_socket(create_app(settings, collected)) as (host, port),
        httpx.Client(base_url=f"http://{host}:{port}", timeout=60) as client,
    ):
        with_token = {"Authorization": f"Bearer {token}"}
        assert client.get("/api/v1/teams", headers=with_token).status_code == 200
        client.cookies.set(cookies.session, cookies.sealed(session_id))
        for _ in range(3):
            page = client.get("/teams/checkout")
            assert page.status_code == 200
            assert "The clock of the server is behind what was collected." in page.text
            answer = client.get("/readyz")
            assert answer.status_code == 200
            [warning] = answer.json()["warnings"]
            assert warning["reason"] == "clock_behind"
        with collected.begin() as connection:  # time passes
            connection.execute(text("UPDATE runs SET data_through = now()"))
        assert "The clock of the server" not in client.get("/teams/checkout").text
        assert client.get("/readyz").json() == {"status": "ok"}
    assert changes(logged) == [("fault.began", "clock_behind"), ("fault.ended", "clock_behind")]
