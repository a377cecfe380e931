"""One Chromium for the session, and the application served on a filled and on an empty database."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Download,
    Locator,
    Page,
    Request,
    expect,
)
from sqlalchemy import Engine
from starlette.types import ASGIApp

from app.main import create_app
from app.settings import Settings
from app.store.engine import make_engine
from tests.databases import engine_on

from . import company, late

PATIENCE = 60_000
"""Milliseconds to wait for what must come: many, for a busy machine is no fault of a page."""
expect.set_options(timeout=PATIENCE)
LOOKS: Mapping[str, Mapping[str, Any]] = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 380, "height": 800}, "color_scheme": "light"},
}


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """The application on a free port of this machine; yields its address."""
    served = late.Late(app) if late.SLOW else app
    server = uvicorn.Server(uvicorn.Config(served, port=0, log_level="error", lifespan="off"))
    listener = server.config.bind_socket()
    listener.listen()
    thread = Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        # The socket listens before the server runs: whoever connects early waits in its queue.
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


@pytest.fixture(scope="session")
def filled(server_url: str, template: str) -> Iterator[tuple[Engine, Settings]]:
    """The database of the small company, up to now, with its configuration."""
    now = datetime.now(UTC).replace(microsecond=0)
    with engine_on(server_url, "browser", template) as engine:
        yield engine, company.fill(engine, now)


@pytest.fixture(scope="session")
def site(filled: tuple[Engine, Settings]) -> Iterator[str]:
    """Address of the application with the small company in it."""
    engine, settings = filled
    with serving(create_app(settings, engine)) as address:
        yield address


@pytest.fixture(scope="session")
def client(site: str) -> Iterator[httpx.Client]:
    """Asks the filled site without a browser."""
    with httpx.Client(base_url=site, timeout=60) as client:
        yield client


@pytest.fixture
def asking(filled: tuple[Engine, Settings]) -> Iterator[httpx.Client]:
    """Asks the filled site anew: nothing that somebody else was answered is kept.

    What is read once after each change of the data, whoever asks, was read.
    """
    engine, settings = filled
    with (
        serving(create_app(settings, engine)) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        client.get("/api/v1/indicators")
        yield client


@pytest.fixture(scope="session")
def empty_site(server_url: str, template: str) -> Iterator[str]:
    """Address of the application on a migrated database in which nothing was collected."""
    settings = company.settings_for(datetime.now(UTC).date())
    with (
        engine_on(server_url, "browser", template) as engine,
        serving(create_app(settings, engine)) as address,
    ):
        yield address


@pytest.fixture(scope="session")
def broken_site() -> Iterator[str]:
    """Address of the application whose database is not there."""
    engine = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    with serving(create_app(Settings(), engine)) as address:
        yield address
    engine.dispose()


@dataclass
class Watched:
    """A page, and everything on it that must not happen."""

    page: Page
    origin: str
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    unawaited: list[str] = field(default_factory=list)
    """Documents that came while the test went on: what it read was of the old one, or of a half."""
    _awaits: bool = False

    def open(self, path: str) -> Page:
        """Goes to a path of the site and waits until everything is loaded."""
        with self.leaving():
            self.page.goto(self.origin + path)
        return self.page

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """What is done inside leads to another document; goes on when that is loaded, script and all.

        No action waits for that by itself. A choice that script follows within its document has no
        load: whoever leaves for it waits in vain.
        """
        self._awaits = True
        with self.page.expect_event("load"):
            yield

    def follow(self, link: Locator) -> None:
        """Clicks what leads to another document."""
        with self.leaving():
            link.click()

    def download(self, link: Locator) -> Download:
        """Clicks what is a file to keep: the document stays, also where the server decides that."""
        self._awaits = True
        with self.page.expect_download() as download:
            link.click()
        self._awaits = False
        return download.value

    def hear(self, request: Request) -> None:
        """Writes down a request that must not be."""
        if urlsplit(request.url).scheme not in ("data", "blob") and not request.url.startswith(
            self.origin
        ):
            self.strangers.append(request.url)
        if request.is_navigation_request() and request.redirected_from is None:
            if not self._awaits:
                self.unawaited.append(request.url)
            self._awaits = False

    def violations(self) -> list[str]:
        """Violations of the Content-Security-Policy since the page began."""
        found: list[str] = self.page.evaluate("window.refused")
        return found


WATCH = """
window.refused = [];
addEventListener("securitypolicyviolation", e =>
  window.refused.push(e.violatedDirective + " " + e.blockedURI + " " + e.sample));
"""


@contextmanager
def watching(context: BrowserContext, origin: str) -> Iterator[Watched]:
    """A new page; at its end nothing has gone wrong on it."""
    page = context.new_page()
    page.add_init_script(WATCH)
    page.set_default_timeout(PATIENCE)
    if late.SLOW:
        late.slow_down(page)
    watched = Watched(page, origin)

    def hear(message: ConsoleMessage) -> None:
        # That the page itself is an error is not an error of the page.
        own = message.location.get("url") == page.url and "status of" in message.text
        if message.type in ("error", "warning") and not own:
            watched.errors.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("request", watched.hear)
    try:
        yield watched
    finally:
        page.close()
    assert watched.errors == []
    assert watched.strangers == []
    assert watched.unawaited == [], "left without Watched.leaving"


def query(page: Page) -> dict[str, str]:
    """What the address says. Asked of the document: Playwright hears of what script did to it later."""
    search: str = page.evaluate("location.search")
    return {name: values[0] for name, values in parse_qs(search[1:]).items()}


def printed(page: Page) -> list[tuple[int, int]]:
    """Width and height in points of each page that is printed: A4 is 595 × 842."""
    document = page.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", document)
    assert len(re.findall(rb"/Type\s*/Page\b", document)) == len(boxes)
    return [(round(float(width)), round(float(height))) for width, height in boxes]


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One context for the session: what is immutable is loaded once."""
    made = browser.new_context(**LOOKS["light"])
    yield made
    made.close()


@pytest.fixture
def visit(context: BrowserContext, site: str) -> Iterator[Watched]:
    """A page of the filled site in the light look; nothing may go wrong on it."""
    with watching(context, site) as watched:
        yield watched


@pytest.fixture
def plain(browser: Browser, site: str) -> Iterator[Watched]:
    """The same in a browser that runs no script."""
    with (
        browser.new_context(**LOOKS["light"], java_script_enabled=False) as context,
        watching(context, site) as watched,
    ):
        yield watched


@pytest.fixture(scope="session")
def yesterday() -> str:
    """The last day that is over, as an address has it."""
    return (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
