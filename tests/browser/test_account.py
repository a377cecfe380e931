"""The pages of who signed in: right in every look, by keyboard and without script."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import Engine, insert
from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth import sessions
from app.auth.cookies import Cookies
from app.auth.sessions import Identified
from app.main import create_app
from app.settings import Settings
from app.store.engine import sessions as sessions_of
from app.store.tables import AuditEvent

from .conftest import LOOKS, Watched, serving, watching
from .test_smoke import assert_accessible, put_into

pytestmark = pytest.mark.browser

LONG = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh the third"
DIRECTOR = Identified(
    subject="7",
    name=LONG,
    email=f"{'d' * 60}@example.com",
    username="ines-runtime",
    groups=("directors", *(f"group-{number}" for number in range(30))),
)
ADMIN = Identified(subject="8", name="Olga Operator", groups=("operators", "directors"))
NOBODY = Identified(subject="9", name="Nobody Knows")
GRANTS = [
    {"role": "director", "groups": ["directors"], "teams": ["product", "gone"]},
    {"role": "admin", "groups": ["operators"]},
]
SMALLEST = 320


@dataclass
class Site:
    """The small company where people sign in, at a provider that is never there."""

    engine: Engine
    address: str = ""
    app: ASGIApp | None = None
    settings: Settings = field(default_factory=Settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)

    @contextmanager
    def visited_by(self, who: Identified, browser: Browser, **context: Any) -> Iterator[Watched]:
        """A page of somebody who signed in just now."""
        with sessions_of(self.engine).begin() as session:
            session_id = sessions.begin(session, who, self.settings.auth, datetime.now(UTC))
        cookies = Cookies(self.settings)
        with browser.new_context(**{**LOOKS["light"], **context}) as made:
            self._sign_in(made, cookies.session, cookies.sealed(session_id))
            with watching(made, self.address) as watched:
                yield watched

    def begin_elsewhere(self, who: Identified) -> None:
        """A session of somebody in another browser."""
        with sessions_of(self.engine).begin() as session:
            sessions.begin(
                session,
                who,
                self.settings.auth,
                datetime.now(UTC),
                address="2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                browser="Samsung Internet on Android",
            )

    def _sign_in(self, context: BrowserContext, name: str, value: str) -> None:
        context.add_cookies([{"name": name, "value": value, "url": self.address}])


@pytest.fixture(scope="module")
def place(filled: tuple[Engine, Settings]) -> Iterator[Site]:
    """Served before it is made: its address is part of its configuration."""
    engine, settings = filled
    site = Site(engine)
    with serving(site) as site.address:
        auth = {
            "mode": "oidc",
            "issuer": "http://127.0.0.1:9",
            "client_id": "teamgauge",
            "client_secret": "not-a-secret",
            "base_url": site.address,
            "grants": GRANTS,
        }
        given = {**settings.model_dump(exclude={"path"}), "auth": auth}
        site.settings = Settings.model_validate(given)
        site.app = create_app(site.settings, engine)
        yield site


def make_token(page: Page) -> None:
    """Fills the form in by keyboard alone."""
    page.get_by_label("Name: what it is for").focus()
    page.keyboard.type("nightly export")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Role", exact=True)).to_be_focused()
    page.keyboard.type("manager")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.get_by_label("Last day").focus()


def test_the_account_is_right_in_every_look(place: Site, browser: Browser) -> None:
    place.begin_elsewhere(DIRECTOR)
    with place.visited_by(DIRECTOR, browser) as watched:
        page = watched.open("/account")
        look_at(page)
        own = page.get_by_role("region", name="Sessions")
        expect(own.get_by_role("row", name="Samsung Internet on Android")).to_be_visible()
        watched.follow(page.get_by_role("button", name="End Samsung Internet on Android"))
        expect(own.get_by_role("row")).to_have_count(2)
        expect(own).to_contain_text("this one")
        make_token(page)
        with watched.leaving():
            page.keyboard.press("Enter")
        assert page.url == f"{place.address}/account/tokens"
        token = page.locator(".cmd code").inner_text()
        assert token.startswith("tgat_")
        assert token not in page.url
        expect(page.get_by_role("cell", name="Product, Checkout")).to_have_count(0)
        row = page.get_by_role("row", name="nightly export")
        expect(row).to_contain_text("manager")
        expect(row).to_contain_text("never")
        look_at(page)
        page.get_by_label("Name: what it is for").fill("again")
        page.get_by_label("Role", exact=True).select_option("manager")
        watched.follow(page.get_by_role("button", name="Make token"))
        expect(page.get_by_role("alert")).to_contain_text("Say of which teams")
        look_at(page)
        watched.follow(page.get_by_role("button", name="Revoke nightly export"))
        expect(page.get_by_role("row", name="nightly export")).to_contain_text("revoked")
        assert watched.violations() == []


def look_at(page: Page) -> None:
    """In every look, and as narrow as a page may become."""
    for look in LOOKS:
        put_into(page, look)
        assert_accessible(page, look)
    page.set_viewport_size({"width": SMALLEST, "height": 600})
    put_into_width(page, SMALLEST)
    put_into(page, "light")


def put_into_width(page: Page, width: int) -> None:
    fits = page.evaluate("() => document.documentElement.scrollWidth")
    assert fits <= width, f"the page is {fits} wide in a window of {width}"


@pytest.mark.parametrize(
    ("who", "path", "headline"),
    [
        (ADMIN, "/audit", "Audit"),
        (ADMIN, "/", "Teams"),
        (NOBODY, "/account", "Nobody Knows"),
        (NOBODY, "/", "This is not yours to see"),
        (NOBODY, "/signed-out", "Signed out"),
    ],
)
def test_the_others_are_right_in_every_look(
    place: Site, browser: Browser, who: Identified, path: str, headline: str
) -> None:
    with sessions_of(place.engine).begin() as session:
        session.execute(
            insert(AuditEvent),
            [
                {
                    "actor": "user:" + "x" * 60,
                    "actor_name": "Dora <b>Director</b>",
                    "action": "people_seen",
                    "object": "/api/v1/indicators/retention/evidence?team=product&" + "x" * 200,
                    "address": "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                },
                {
                    "actor": "program:teamgauge collect",
                    "action": "targets_changed",
                    "object": "insert",
                    "details": {"rows": 2, "first": [{"indicator": "mr_rate", "value": 9}] * 9},
                },
            ],
        )
    with place.visited_by(who, browser) as watched:
        page = watched.open(path)
        assert headline in page.locator("h1").inner_text()
        look_at(page)
        assert watched.violations() == []


def test_without_script_a_token_is_made_and_revoked(place: Site, browser: Browser) -> None:
    with place.visited_by(ADMIN, browser, java_script_enabled=False) as watched:
        page = watched.open("/account")
        page.get_by_label("Name: what it is for").fill("plain")
        watched.follow(page.get_by_role("button", name="Make token"))
        assert page.locator(".cmd code").inner_text().startswith("tgat_")
        watched.open("/audit")
        watched.follow(page.get_by_role("button", name="Revoke plain"))
        assert page.url.endswith("/audit#tokens")
        tokens = page.get_by_role("region", name="Tokens")
        expect(tokens.get_by_role("row", name="plain")).to_contain_text("revoked")
        page.get_by_text("Everything", exact=True).click()
        watched.follow(page.get_by_role("link", name="revoked a token"))
        expect(page.get_by_role("row").filter(has_text="name plain")).to_have_count(1)
        place.begin_elsewhere(NOBODY)
        watched.open("/audit")
        watched.follow(page.get_by_role("button", name="Sign Nobody Knows out"))
        expect(page.get_by_role("button", name="Sign Nobody Knows out")).to_have_count(0)
        watched.open("/account")
        watched.follow(page.get_by_role("button", name="Sign out"))
        expect(page.get_by_role("heading", name="Signed out")).to_be_visible()
