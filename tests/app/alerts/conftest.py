"""What is told to is real: a web server that takes what is posted, and a mail server with TLS."""

import json
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

PASSWORD = "hush-hush"


@dataclass
class Hook:
    """A web server. status: what it answers with. posted: what it was sent."""

    address: str = ""
    status: int = 200
    posted: list[Any] = field(default_factory=list)


@pytest.fixture
def hook() -> Iterator[Hook]:
    """Takes what is posted to it, below a path that nobody else knows."""
    found = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/json"
            found.posted.append(json.loads(body))
            self.send_response(found.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Standard error is that of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    found.address = f"http://127.0.0.1:{server.server_port}/services/T1/geheim"
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Mailbox:
    """A mail server. refuse: an answer to every message in place of taking it."""

    port: int
    certificate: Path
    refuse: str = ""
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, Any]:
        """How to reach it."""
        return {
            "email_to": ["head@example.com", "ops@example.com"],
            "email_from": "teamgauge@example.com",
            "smtp_host": "localhost",
            "smtp_port": self.port,
            "smtp_username": "me",
            "smtp_password": PASSWORD,
        }

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """What the server does with a message."""
        if self.refuse:
            return self.refuse
        content = envelope.original_content or b""
        mail = BytesParser(EmailMessage, policy=default).parsebytes(content)
        self.mails.append((list(envelope.rcpt_tos), mail))
        return "250 OK"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost, with its key in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("LOUD: there is no openssl to make a certificate with; nothing was checked")
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", file, "-out", file.with_suffix(".crt"), "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    file.write_bytes(file.read_bytes() + file.with_suffix(".crt").read_bytes())
    return file


def _is_known(_s: SMTP, _session: Session, _e: Envelope, _m: str, given: Any) -> AuthResult:
    assert isinstance(given, LoginPassword)
    return AuthResult(success=given == LoginPassword(b"me", PASSWORD.encode()), handled=False)


@contextmanager
def mail_server(certificate: Path, *, tls: bool) -> Iterator[Mailbox]:
    """A mail server that wants STARTTLS and a password, or neither with TLS from the first byte on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as free:
        mailbox = Mailbox(free.getsockname()[1], certificate)
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=mailbox.port,
        ssl_context=context if tls else None,
        tls_context=None if tls else context,
        require_starttls=not tls,
        auth_required=not tls,  # it does not see that the socket is encrypted already
        authenticator=_is_known,
    )
    controller.start()
    yield mailbox
    controller.stop()


@pytest.fixture
def mailbox(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A mail server that wants STARTTLS and a password, with a certificate that is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with mail_server(certificate, tls=False) as found:
        yield found
