"""Whose word counts for where a question came from, and under which name it was asked."""

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError
from sqlalchemy import Engine
from starlette.types import Message, Receive, Scope, Send

from app.api.limits import asker
from app.api.proxies import Proxied
from app.main import create_app
from app.settings import Settings

from .conftest import SETTINGS
from .signed_in import BASE_URL, DIRECTOR, STRANGER, asked_by, with_sign_in

PROXIES = ("10.0.0.0/8", "192.0.2.7", "2001:db8::/32")


def seen(client: str, *forwarded: str, scheme: str = "") -> tuple[str, str]:
    """Client and scheme that an application behind PROXIES sees."""
    found: Scope = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.update(scope)

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        raise AssertionError

    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    if scheme:
        headers.append((b"x-forwarded-proto", scheme.encode()))
    scope = {"type": "http", "client": (client, 5), "scheme": "http", "headers": headers}
    waiting = Proxied(app, PROXIES)(scope, receive, send)
    with pytest.raises(StopIteration):
        waiting.send(None)
    return found["client"][0], found["scheme"]


@pytest.mark.parametrize(
    ("client", "forwarded", "behind"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # no proxy of ours: not believed
        ("127.0.0.1", ["198.51.100.1"], "127.0.0.1"),  # this machine is none unless it is named
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("192.0.2.7", ["198.51.100.1:4711"], "198.51.100.1"),
        ("2001:db8::1", ["[2001:4860::8]:443"], "2001:4860::8"),
        ("::ffff:10.1.2.3", ["198.51.100.1"], "198.51.100.1"),  # over an IPv6 socket
        # What stands before whom a proxy of ours heard, that one may have written.
        ("10.1.2.3", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["1.1.1.1", "198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.1.2.3", ["1.1.1.1, nonsense, 10.9.9.9"], "10.9.9.9"),
        ("10.1.2.3", ["unknown"], "10.1.2.3"),
        ("10.1.2.3", [""], "10.1.2.3"),
        ("10.1.2.3", ["10.4.4.4, 10.9.9.9"], "10.4.4.4"),
    ],
)
def test_only_proxies_of_the_configuration_say_who_asks(
    client: str, forwarded: list[str], behind: str
) -> None:
    assert seen(client, *forwarded)[0] == behind


@pytest.mark.parametrize(
    ("client", "scheme", "believed"),
    [
        ("10.1.2.3", "https", "https"),
        ("10.1.2.3", "HTTPS", "https"),
        ("10.1.2.3", "javascript", "http"),
        ("203.0.113.9", "https", "http"),
    ],
)
def test_only_they_say_how_it_was_asked(client: str, scheme: str, believed: str) -> None:
    assert seen(client, scheme=scheme)[1] == believed


def test_of_ipv6_a_network_is_counted_as_one() -> None:
    def of(client: str) -> str:
        return asker({"type": "http", "client": (client, 1)})

    assert of("2001:db8:1:2::1") == of("2001:db8:1:2:ffff::9")
    assert of("2001:db8:1:2::1") != of("2001:db8:1:3::1")
    assert of("198.51.100.1") != of("198.51.100.2")
    assert asker({"type": "http", "client": None}) == asker({"type": "http"})


@pytest.mark.parametrize("wrong", ["proxy", "10.0.0.1/8", "0.0.0.0/0", "::/0", "*", ""])
def test_what_is_no_proxy_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"server": {"trusted_proxies": [wrong]}})


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("teamgauge.example.com", 200),
        ("TEAMGAUGE.example.com:443", 200),
        ("localhost:8000", 200),  # who looks after the machine
        ("evil.test", 400),
        ("teamgauge.example.com.evil.test", 400),
        ("evil.test@teamgauge.example.com", 400),
    ],
)
def test_it_is_asked_under_its_own_name(collected: Engine, host: str, status: int) -> None:
    with asked_by(collected, with_sign_in(SETTINGS), STRANGER) as client:
        answer = client.get("/healthz", headers={"Host": host, "X-Forwarded-Host": "localhost"})
        assert answer.status_code == status


def test_links_of_a_report_lead_to_the_configured_address(collected: Engine) -> None:
    with asked_by(collected, with_sign_in(SETTINGS), DIRECTOR) as client:
        answer = client.get("/teams/checkout/report", headers={"Host": "localhost:8000"})
        assert answer.status_code == 200
        assert f"{BASE_URL}/" in answer.text
        assert "localhost" not in answer.text
    with TestClient(create_app(SETTINGS, collected), base_url="http://localhost:8000") as local:
        assert "http://localhost:8000/" in local.get("/teams/checkout/report").text
