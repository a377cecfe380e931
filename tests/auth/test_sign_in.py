"""Signing in at a real provider, and everything that can go wrong on the way."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import delete, func, select, update

from app.auth import provider as provider_module
from app.auth.cookies import MOST_SIGN_INS
from app.store.engine import sessions
from app.store.tables import AuditEvent, SignedIn

from .conftest import Person, Place

NO_SIGNATURE = "logout_token=eyJhbGciOiJub25lIn0.e30."
"""With the algorithm `none`."""

MINE = "/teams/checkout?period=2024-02"
"""What only ann may see the names of."""


@pytest.fixture(scope="module")
def here(place: Callable[..., Place]) -> Place:
    return place()


@contextmanager
def database(place: Place) -> Iterator[None]:
    """Afterwards nobody is signed in."""
    yield
    with sessions(place.engine).begin() as session:
        session.execute(delete(SignedIn))


def kept(place: Place) -> list[SignedIn]:
    with sessions(place.engine)() as session:
        return list(session.scalars(select(SignedIn).order_by(SignedIn.created_at)))


def last_event(place: Place) -> AuditEvent:
    with sessions(place.engine)() as session:
        return session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()


def test_who_signs_in_arrives_where_they_wanted_to_go(here: Place) -> None:
    with here.browser() as ann, database(here):
        seen = ann.sign_in("ann", MINE)
        assert seen.status_code == 200
        assert str(seen.url) == here.address + MINE
        assert "Needs attention now" in seen.text  # she manages this team
        [row] = kept(here)
        assert (row.subject, row.name, row.email, row.username) == (
            "ann",
            "Ann Ahrens",
            "ann@example.com",
            "ann",
        )
        assert row.provider_session
        assert last_event(here).action == "signed_in"
        assert last_event(here).actor == "user:ann"
        # The cookie is not what the table holds, and nothing that a script could read.
        [cookie] = [each for each in ann.client.cookies.jar if each.name == "teamgauge"]
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert cookie.get_nonstandard_attr("SameSite") == "lax"
        assert row.id_hash.hex() not in str(cookie.value)
        assert not [each for each in ann.client.cookies.jar if "sign-in" in each.name]


def test_groups_give_roles_and_an_unverified_address_gives_none(here: Place) -> None:
    with here.browser() as vera, database(here):
        assert vera.sign_in("vera", "/").status_code == 200
        assert "Needs attention now" not in vera.come(MINE).text
    with here.browser() as false, database(here):
        refused = false.sign_in("false", MINE)  # says that ann's address is theirs
        assert refused.status_code == 403
        assert "False Friend signed in, but has no role here" in refused.text


def test_what_is_asked_of_the_provider(here: Place) -> None:
    with here.browser() as somebody:
        answer = somebody.client.get("/sign-in", params={"return_to": "/"})
    assert answer.status_code == 303
    assert answer.headers["cache-control"] == "no-store"
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["response_type"] == ["code"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["scope"] == ["openid profile email"]
    assert query["redirect_uri"] == [f"{here.address}/sign-in/callback"]
    assert len(query["state"][0]) >= 32
    assert len(query["nonce"][0]) >= 32
    cookie = SimpleCookie(answer.headers["set-cookie"])
    [morsel] = cookie.values()
    assert morsel["httponly"]
    assert int(morsel["max-age"]) <= 600


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/sign-in"],
)
def test_nobody_is_sent_elsewhere(here: Place, elsewhere: str) -> None:
    with here.browser() as ann, database(here):
        back = ann.callback(f"/sign-in?{urlencode({'return_to': elsewhere})}", "ann")
        assert ann.client.get(back).headers["location"] == "/"


def test_who_opens_many_tabs_can_still_sign_in(here: Place) -> None:
    """Each begins to sign in, and a proxy takes no more than 8 KB of cookies."""
    with here.browser() as ann, database(here):
        far = "/data?" + "x" * 5_000
        for number in range(MOST_SIGN_INS + 2):
            path = far if number % 2 else MINE
            answer = ann.client.get("/sign-in", params={"return_to": path})
            assert answer.status_code == 303
            cookies = ann.client.build_request("GET", "/").headers["cookie"]
            assert len(cookies) < 8_000
        assert cookies.count("sign-in-") == MOST_SIGN_INS
        # The one that was begun last is among those that are kept.
        seen = ann.sign_in("ann", MINE)
        assert str(seen.url) == here.address + MINE


def changed(address: str, **parameters: str | None) -> str:
    """The address with other parameters; None: without it."""
    parts = urlsplit(address)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    given = {name: value for name, value in {**query, **parameters}.items() if value is not None}
    return parts._replace(query=urlencode(given)).geturl()


def test_a_callback_is_good_once_for_the_browser_that_began(here: Place) -> None:
    with here.browser() as ann, here.browser() as other, database(here):
        back = ann.callback("/", "ann")
        # Sent to somebody else, to sign them in as ann.
        stolen = other.client.get(back)
        assert stolen.status_code == 403
        assert "begun in another browser" in stolen.text
        for address in (
            changed(back, state="another"),
            changed(back, iss="https://other.example.com"),
            changed(back, code=None),
            changed(back, code=None, error="access_denied"),
        ):
            refused = ann.client.get(address)
            assert refused.status_code == 403, address
            assert last_event(here).action == "sign_in_refused"
        assert not kept(here)
        assert ann.client.get(back).status_code == 303
        assert len(kept(here)) == 1
        with here.browser() as thief:
            assert thief.client.get(back).status_code == 403
        assert len(kept(here)) == 1


def test_a_code_of_another_sign_in_is_refused(here: Place) -> None:
    """Without PKCE and nonce, a code that leaked could be put into one's own sign-in."""
    with here.browser() as ann, here.browser() as thief, database(here):
        leaked = parse_qs(urlsplit(ann.callback("/", "ann")).query)["code"][0]
        own = thief.callback("/", "vera")
        assert thief.client.get(changed(own, code=leaked)).status_code == 403
        assert not kept(here)


def test_a_session_ends_on_the_server(here: Place) -> None:
    with here.browser() as ann, database(here):
        ann.sign_in("ann")
        assert ann.client.get("/").status_code == 200
        with sessions(here.engine).begin() as session:
            session.execute(update(SignedIn).values(expires_at=datetime.now(UTC)))
        assert ann.client.get("/").headers["location"] == "/sign-in?return_to=%2F"
        ann.come("/")  # the provider still knows her
        with sessions(here.engine).begin() as session:
            idle = timedelta(minutes=here.settings.auth.idle_minutes)
            session.execute(update(SignedIn).values(last_seen_at=datetime.now(UTC) - idle))
        assert ann.client.get("/").status_code == 303


def test_signing_in_again_leaves_no_old_session(here: Place) -> None:
    with here.browser() as ann, database(here):
        ann.sign_in("ann")
        before = ann.client.cookies.get("teamgauge")
        ann.come("/sign-in")
        assert ann.client.cookies.get("teamgauge") != before
        assert len(kept(here)) == 1


def signed_out(person: Person) -> httpx.Response:
    return person.client.post("/sign-out", headers={"Origin": person.place.address})


def test_signing_out_ends_both_sessions(here: Place) -> None:
    with here.browser() as ann, database(here):
        ann.sign_in("ann")
        answer = signed_out(ann)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(f"{here.provider.issuer}/session/end?")
        assert not kept(here)
        assert last_event(here).action == "signed_out"
        page = ann.follow(answer)
        assert ann.submit(page, logout="yes").headers["location"] == f"{here.address}/signed-out"
        # The provider asks who she is.
        assert "password" in ann.come("/").text


def test_what_another_site_sends_signs_nobody_out(here: Place) -> None:
    with here.browser() as ann, database(here):
        ann.sign_in("ann")
        for headers in ({"Origin": "https://evil.test"}, {"Origin": "null"}, {}):
            assert ann.client.post("/sign-out", headers=headers).status_code == 403
        assert len(kept(here)) == 1


def test_the_provider_can_end_a_session(here: Place) -> None:
    with here.browser() as ann, here.browser() as vera, database(here):
        ann.sign_in("ann")
        vera.sign_in("vera")
        page = ann.client.get(f"{here.provider.issuer}/session/end")
        ann.submit(page, logout="yes")
        deadline = time.monotonic() + 20
        while ann.client.get("/").status_code == 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert last_event(here).action == "sessions_ended"
        assert [row.subject for row in kept(here)] == ["vera"]
        for body in ("", "logout_token=", "logout_token=a.b.c", NO_SIGNATURE):
            made_up = here.address + "/sign-in/back-channel"
            answer = httpx.post(
                made_up,
                content=body,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
            assert answer.status_code == 400
        assert len(kept(here)) == 1


def test_a_provider_that_is_down_keeps_nobody_out_who_is_in(place: Callable[..., Place]) -> None:
    here = place()
    with here.browser() as ann, here.browser() as vera, database(here):
        ann.sign_in("ann", MINE)
        back = vera.callback("/", "vera")
        here.provider.stop()
        assert ann.client.get(MINE).status_code == 200
        refused = vera.client.get(back)
        assert refused.status_code == 503
        assert "does not answer" in refused.text
        assert "Who is signed in already stays so" in refused.text
        assert signed_out(ann).status_code == 303
        assert not kept(here)


def test_a_provider_that_was_never_there_is_told_of(place: Callable[..., Place]) -> None:
    here = place()
    here.provider.stop()
    with here.browser() as ann:
        refused = ann.come("/")
        assert refused.status_code == 503
        assert "127.0.0.1, where people sign in, does not answer" in refused.text


@pytest.mark.parametrize("without_kid", ["", "yes"])
def test_keys_may_change_at_any_time(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch, without_kid: str
) -> None:
    monkeypatch.setattr(provider_module, "REFETCHED_AFTER", 0.0)
    here = place({"WITHOUT_KID": without_kid})
    with database(here):
        for _ in range(2):
            with here.browser() as ann:
                assert ann.sign_in("ann").status_code == 200
            here.provider.stop()
            here.provider.start(WITHOUT_KID=without_kid)


@pytest.mark.parametrize(("seconds", "status"), [(60, 200), (-60, 200), (900, 403), (-900, 403)])
def test_clocks_may_differ_a_little(place: Callable[..., Place], seconds: int, status: int) -> None:
    here = place({"SECONDS_AHEAD": str(seconds), "ID_TOKEN_SECONDS": "60"})
    with here.browser() as ann, database(here):
        assert ann.sign_in("ann").status_code == status


def test_a_wrong_issuer_is_told_by_name(place: Callable[..., Place]) -> None:
    here = place(issuer="http://127.0.0.1:1")
    with here.browser() as ann:
        assert ann.come("/").status_code == 503


def test_in_a_browser(here: Place, browser: Browser) -> None:
    """Cookies, redirects and policies as a real browser takes them."""
    with database(here), browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{here.address}{MINE}")
        page.locator("input[name=login]").fill("ann")
        page.locator("input[name=password]").fill("any")
        page.get_by_role("button", name="Sign-in").click()
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("heading", name="Needs attention now")).to_be_visible()
        assert page.url == here.address + MINE
        [cookie] = [each for each in context.cookies() if each.get("name") == "teamgauge"]
        assert cookie.get("httpOnly")
        assert cookie.get("sameSite") == "Lax"
        assert page.evaluate("document.cookie") == ""
        # The count of rows says that the page and its parts are one session.
        with sessions(here.engine)() as session:
            assert session.scalar(select(func.count()).select_from(SignedIn)) == 1

        # The button leads to the provider, which the policy of this page alone allows.
        page.get_by_role("link", name="Ann Ahrens").click()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("button", name="Yes, sign me out").click()
        expect(page).to_have_url(f"{here.address}/signed-out")
        assert not kept(here)
        page.get_by_role("link", name="Sign in again").click()
        expect(page.locator("input[name=password]")).to_be_visible()
