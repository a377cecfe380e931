"""Where the client connects to: redirects, clocks, threads, private authorities and proxies."""

import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.errors import ConfigurationError
from collectors.connections import Connections
from collectors.gitlab.client import GitLabClient
from collectors.gitlab.errors import UnreachableError
from collectors.gitlab.server_clock import ServerClock
from collectors.retry import RetryPolicy, StoppedError
from demo.gitlab import GitLabFake, World
from demo.gitlab.answer import Answer, Request
from demo.gitlab.server import Server
from tests.collectors.gitlab.conftest import TOKEN, ask, ask_rest, connected

# Redirects and clocks -----------------------------------------------------------------------------


@pytest.mark.parametrize("asking", [ask, ask_rest])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_the_token_goes_to_no_other_address(
    fake: GitLabFake, client: GitLabClient, world: World, asking: Any, status: int
) -> None:
    stranger = GitLabFake(world)
    with stranger.serving() as elsewhere:
        target = f"{elsewhere}/api/v4/projects/1"
        location = {"Location": f"{target}?state=secret"}
        fake.fail_next(status, headers=location, body="<html>Moved</html>")

        with pytest.raises(UnreachableError) as error:
            asking(client)

    assert f"sends requests elsewhere (HTTP {status} to {target})." in error.value.message
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


# Being told to end -------------------------------------------------------------------------------


class Silence:
    """Holds every answer back until the test is over."""

    def __init__(self, fake: GitLabFake) -> None:
        self.asked, self.over = threading.Event(), threading.Event()
        fake.fail_next(times=None, match=self._hold)

    def _hold(self, _: Request) -> bool:
        self.asked.set()
        self.over.wait(60)
        return False


@pytest.fixture
def silence(fake: GitLabFake) -> Iterator[Silence]:
    silence = Silence(fake)
    yield silence
    silence.over.set()


def gives_up(client: GitLabClient, asking: Any, silence: Silence) -> None:
    """Asks while GitLab is silent, and stops the client: that ends the waiting."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(asking, client)
        assert silence.asked.wait(30)
        client.stop()
        with pytest.raises(StoppedError):
            waiting.result(timeout=5)


@pytest.mark.parametrize("asking", [ask, ask_rest])
def test_an_answer_that_does_not_come_is_given_up_when_the_client_stops(
    client: GitLabClient, silence: Silence, asking: Any
) -> None:
    gives_up(client, asking, silence)

    with pytest.raises(StoppedError):
        asking(client)


@pytest.mark.parametrize("asking", [ask, ask_rest])
def test_an_answer_over_tls_is_given_up_as_well(
    private_gitlab: tuple[str, Path], silence: Silence, asking: Any
) -> None:
    address, authority = private_gitlab
    with connected(address, ca_file=authority) as client:
        gives_up(client, asking, silence)


def test_a_connection_that_is_made_after_the_end_is_ended(url: str) -> None:
    """A thread may have looked whether it is over just before it was."""
    connections = Connections()
    with httpx.Client(event_hooks={"request": [connections.watch]}) as client:
        client.get(f"{url}/api/v4/version")
        connections.end()
        for _ in range(2):  # on the connection that there is, then on a new one
            with pytest.raises(httpx.TransportError):
                client.get(f"{url}/api/v4/version")


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


@pytest.fixture
def private_gitlab(fake: GitLabFake, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A GitLab behind TLS with a certificate of its own: its address, and the authority's file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("LOUD: there is no openssl to make a certificate with; nothing was checked")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", key, "-out", certificate, "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Server(0, fake.answer)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.base_url.replace("http://", "https://"), certificate
    server.shutdown()
    server.end_connections()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("asking", [ask, ask_rest])
def test_a_private_authority_is_trusted_when_it_is_named(
    private_gitlab: tuple[str, Path], fake: GitLabFake, asking: Any
) -> None:
    address, authority = private_gitlab
    policy = RetryPolicy(base=0.001, cap=0.001, first_attempts=2)

    with connected(address, policy) as client, pytest.raises(UnreachableError) as error:
        asking(client)
    assert "CERTIFICATE_VERIFY_FAILED" in error.value.message
    assert "gitlab.ca_file" in error.value.hint
    assert fake.requests == []  # nobody was told the token

    with connected(address, ca_file=authority) as client:
        assert asking(client)


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
