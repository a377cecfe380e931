"""A certified provider of OpenID Connect beside the application, and people who sign in at it."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
import uvicorn
from sqlalchemy import Engine

from app.main import create_app
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.engine import sessions
from tests.app.api.conftest import SETTINGS, fill
from tests.app.metrics.conftest import Store
from tests.databases import engine_on
from tests.ports import free_port

PROVIDER = Path(__file__).parent / "provider"
SECRET = "secret-of-the-tests"


@pytest.fixture(scope="session")
def provider_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The provider, installed from the lock beside it; skips loudly where there is no Node.js."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("LOUD: there is no Node.js: nobody signed in at a real provider")
    folder = tmp_path_factory.mktemp("provider")
    for file in PROVIDER.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@dataclass
class ProviderProcess:
    """The provider as a process that can be stopped and started anew, then with another key."""

    folder: Path
    port: int
    client: str
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def issuer(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, **environment: str) -> None:
        """Starts it and waits until it answers."""
        node = shutil.which("node")
        assert node is not None
        log = self.folder / f"provider-{self.port}.log"
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [node, "provider.mjs"],
                cwd=self.folder,
                env={**os.environ, "PORT": str(self.port), "CLIENT": self.client, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        while "listening" not in log.read_text():
            assert self.process.poll() is None, log.read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """Ends it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


@dataclass(frozen=True)
class Place:
    """The application and its provider, both listening."""

    address: str
    provider: ProviderProcess
    settings: Settings
    engine: Engine

    @contextmanager
    def browser(self) -> Iterator["Person"]:
        """Somebody with a browser of their own."""
        with httpx.Client(base_url=self.address, timeout=60) as client:
            yield Person(client, self)


@dataclass(frozen=True)
class Person:
    """Somebody with a browser that has no scripts."""

    client: httpx.Client
    place: Place

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """Goes wherever an answer sends a browser, but no further than our own callback."""
        while answer.is_redirect:
            target = urljoin(str(answer.url), answer.headers["location"])
            answer = self.client.get(target)
        return answer

    def come(self, path: str) -> httpx.Response:
        """Opens a path of the application, and arrives where it sends a browser."""
        return self.follow(self.client.get(path))

    def submit(self, page: httpx.Response, **values: str) -> httpx.Response:
        """Sends the first form of a page."""
        form = re.search(r"<form.*?</form>", page.text, re.DOTALL)
        assert form is not None, page.text
        action = re.search(r'action="([^"]*)"', form[0])
        given = dict(re.findall(r'<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"', form[0]))
        target = urljoin(str(page.url), unescape(action[1]) if action else "")
        parts = urlsplit(target)
        return self.client.post(
            target,
            data={**given, **values},
            headers={"Origin": f"{parts.scheme}://{parts.netloc}"},
        )

    def callback(self, path: str, login: str) -> str:
        """Shows who they are at the provider; answers where it sends them back to, which they do not
        follow yet."""
        page = self.come(path)
        assert page.url.port == self.place.provider.port, page.text
        answer = self.submit(page, login=login, password="any")
        while True:
            while answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                if target.startswith(f"{self.place.address}/sign-in/callback"):
                    return target
                answer = self.client.get(target)
            assert answer.status_code == 200, answer.text
            answer = self.submit(answer)  # what they let us know about them

    def sign_in(self, login: str, path: str = "/") -> httpx.Response:
        """Signs in on the way to a path; answers what they then see."""
        return self.follow(self.client.get(self.callback(path, login)))


@pytest.fixture(scope="module")
def place(provider_folder: Path, server_url: str, template: str) -> Iterator[Callable[..., Place]]:
    """Makes a place: with which settings of [auth], and with what else in the provider's environment."""
    with ExitStack() as stack, engine_on(server_url, "sign_in", template) as engine:
        with sessions(engine).begin() as session:
            fill(Store(session))
            refresh(session, SETTINGS, Store(session).collected("2024-03-20 12:00"))

        def make(environment: dict[str, str] | None = None, **auth: Any) -> Place:
            port = free_port()
            address = f"http://127.0.0.1:{port}"
            provider = ProviderProcess(provider_folder, free_port(), address)
            provider.start(**(environment or {}))
            stack.callback(provider.stop)
            given = {
                "mode": "oidc",
                "issuer": provider.issuer,
                "client_id": "teamgauge",
                "client_secret": SECRET,
                "base_url": address,
                "username_claim": "nickname",
                "grants": [{"role": "viewer", "groups": ["engineering"]}],
                **auth,
            }
            settings = Settings.model_validate(
                {**SETTINGS.model_dump(exclude={"path"}), "auth": given}
            )
            app = create_app(settings, engine)
            server = uvicorn.Server(
                uvicorn.Config(app, port=port, log_level="error", lifespan="off")
            )
            thread = Thread(target=server.run, daemon=True)
            thread.start()

            def stop() -> None:
                server.should_exit = True
                thread.join(timeout=10)

            stack.callback(stop)
            while not server.started:
                assert thread.is_alive(), "the application did not start"
                thread.join(0.01)
            return Place(address, provider, settings, engine)

        yield make
