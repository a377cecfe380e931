"""The pages of who signed in: their account, tokens that are shown once, and who did what."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, delete, func, select

from app.auth.cookies import Cookies
from app.auth.granting import LONGEST_DAYS, MOST
from app.auth.sessions import Identified
from app.auth.tokens import PREFIX
from app.main import create_app
from app.settings import Settings
from app.store.engine import sessions
from app.store.tables import ApiToken, AuditEvent, SignedIn
from dashboards.personal import PersonalPages

from .conftest import SETTINGS
from .signed_in import (
    ADMIN,
    BASE_URL,
    DIRECTOR,
    HERE,
    MANAGER,
    NOBODY,
    STRANGER,
    VIEWER,
    browser_of,
    with_sign_in,
)

TODAY = datetime.now(UTC).date()
FORM = {"name": "nightly", "role": "viewer", "last_day": str(TODAY + timedelta(days=30))}
TOKEN = re.compile(rf"{PREFIX}[\w-]{{43}}")


@pytest.fixture(scope="module")
def site(collected: Engine) -> FastAPI:
    """The application with a provider that does not answer."""
    return create_app(with_sign_in(SETTINGS, issuer="http://127.0.0.1:9"), collected)


@pytest.fixture(autouse=True)
def without_tokens(collected: Engine) -> Iterator[None]:
    yield
    with sessions(collected).begin() as session:
        session.execute(delete(ApiToken))


@pytest.fixture
def begun(collected: Engine) -> int:
    """The last event so far."""
    with sessions(collected)() as session:
        return session.scalar(select(func.max(AuditEvent.id))) or 0


def made(client: TestClient, **form: Any) -> str:
    """A token that the form gave."""
    answer = client.post("/account/tokens", data={**FORM, **form}, headers=HERE)
    assert answer.status_code == 200, answer.text
    found: set[str] = set(TOKEN.findall(answer.text))
    [token] = found
    return token


def events(engine: Engine, after: int) -> list[AuditEvent]:
    with sessions(engine)() as session:
        found = select(AuditEvent).where(AuditEvent.id > after).order_by(AuditEvent.id)
        return list(session.scalars(found))


def texts(page: str) -> str:
    """A page as text."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def test_the_page_says_who_somebody_is(
    site: FastAPI,
) -> None:
    with browser_of(site, DIRECTOR) as client:
        answer = client.get("/account")
        page = client.get("/").text
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    # Chromium asks the page with the form also about where the answer leads.
    assert "form-action 'self' http://127.0.0.1:9;" in policy
    text = texts(answer.text)
    assert "Here you are director ." in text
    assert "Merge requests behind them own teams" in text
    assert "Values, and which teams there are all teams" in text
    assert "Runs and the quality of the data no" in text
    assert "Product" in text
    assert "directors" in text
    assert 'action="/sign-out"' in answer.text
    assert 'href="/account"' in page
    assert "Dora Director" in page
    assert 'href="/audit"' not in page
    assert 'action="/sign-out"' not in page


def test_who_has_no_role_is_told_so_and_can_sign_out(
    site: FastAPI,
) -> None:
    with browser_of(site, NOBODY) as client:
        page = client.get("/account").text
        assert client.post("/account/tokens", data=FORM, headers=HERE).status_code == 403
        assert client.get("/audit").status_code == 403
    assert "You have no role here yet" in page
    assert 'action="/sign-out"' in page
    assert 'action="/account/tokens"' not in page


def test_where_nobody_signs_in_nothing_of_it_is_there(client: TestClient) -> None:
    page = client.get("/").text
    assert 'href="/account"' not in page
    assert 'href="/audit"' not in page
    for path in ("/account", "/audit", "/signed-out"):
        assert client.get(path).status_code == 404
    assert client.post("/account/tokens", data=FORM).status_code == 404
    assert client.get("/api/v1/audit").status_code == 200


def test_a_token_is_shown_once_and_nowhere_else(
    site: FastAPI, collected: Engine, begun: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with browser_of(site, VIEWER) as client:
        answer = client.post("/account/tokens", data=FORM, headers=HERE)
        [token] = set(TOKEN.findall(answer.text))
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers
        assert token not in str(answer.headers)
        again = client.get("/account").text
        assert not TOKEN.search(again)
        assert "nightly" in again
        with browser_of(site, ADMIN) as admin:
            page = admin.get("/audit")
            assert page.headers["cache-control"] == "no-store"
            assert not TOKEN.search(page.text)
            assert not TOKEN.search(admin.get("/api/v1/audit?format=csv").text)
        client.cookies.clear()
        shown = client.get("/api/v1/teams", headers={"Authorization": f"Bearer {token}"})
        assert shown.status_code == 200
    [event] = [each for each in events(collected, begun) if each.action == "token_made"]
    assert (event.actor, event.actor_name) == ("user:viewer", "Vera Viewer")
    assert event.details["role"] == "viewer"
    assert token not in repr(vars(event))
    with sessions(collected)() as session:
        [kept] = session.scalars(select(ApiToken))
    assert token.encode() not in repr(vars(kept)).encode()
    assert not TOKEN.search("".join(capfd.readouterr()))


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"role": "owner"}, "role"),
        ({"teams": ["product"]}, "teams"),
        ({"role": "director"}, "teams"),
        ({"role": "manager", "teams": ["nowhere"]}, "teams"),
        ({"last_day": str(TODAY - timedelta(days=2))}, "last_day"),
        ({"last_day": str(TODAY + timedelta(days=LONGEST_DAYS + 2))}, "last_day"),
        ({"last_day": "soon"}, "last_day"),
    ],
)
def test_a_wrong_form_comes_back_with_what_is_wrong(
    site: FastAPI, collected: Engine, form: dict[str, Any], field: str
) -> None:
    with browser_of(site, DIRECTOR) as client:
        answer = client.post("/account/tokens", data={**FORM, **form}, headers=HERE)
    assert answer.status_code == 422
    assert 'id="problem"' in answer.text
    [wrong] = re.findall(r'<[^>]*aria-describedby="problem"[^>]*>', answer.text)
    assert field in wrong
    assert not TOKEN.search(answer.text)
    if "name" not in form:
        assert 'value="nightly"' in answer.text
    if form.get("teams") == ["product"]:
        assert re.search(r'value="product" checked', answer.text)
    with sessions(collected)() as session:
        assert session.scalar(select(func.count()).select_from(ApiToken)) == 0


@pytest.mark.parametrize(
    ("who", "form"),
    [
        (VIEWER, {"role": "admin"}),
        (VIEWER, {"role": "manager", "teams": ["checkout"]}),
        (MANAGER, {"role": "manager", "teams": ["search"]}),
        (MANAGER, {"role": "manager", "teams": ["checkout", "search"]}),
        (MANAGER, {"role": "director", "teams": ["product"]}),
        (DIRECTOR, {"role": "director", "teams": ["organisation"]}),
        (DIRECTOR, {"role": "admin"}),
        (ADMIN, {"role": "manager", "teams": ["checkout"]}),
    ],
)
def test_nobody_gives_away_more_than_they_have(
    site: FastAPI, collected: Engine, who: Identified, form: dict[str, Any]
) -> None:
    with browser_of(site, who) as client:
        answer = client.post("/account/tokens", data={**FORM, **form}, headers=HERE)
    assert answer.status_code == 403
    assert "more than you see yourself" in answer.text
    with sessions(collected)() as session:
        assert session.scalar(select(func.count()).select_from(ApiToken)) == 0


def test_who_manages_gives_away_a_part(
    site: FastAPI,
) -> None:
    path = "/api/v1/indicators/retention/evidence?team={}"
    with browser_of(site, DIRECTOR) as client:
        token = made(client, role="manager", teams=["search"])
        client.cookies.clear()
        shown = {"Authorization": f"Bearer {token}"}
        assert client.get(path.format("search"), headers=shown).status_code == 200
        assert client.get(path.format("checkout"), headers=shown).status_code == 403


def test_nobody_has_too_many(site: FastAPI, collected: Engine) -> None:
    with browser_of(site, VIEWER) as client:
        for _ in range(2):
            made(client)
        with sessions(collected).begin() as session:
            [one, *_] = session.scalars(select(ApiToken))
            values = {c.key: getattr(one, c.key) for c in ApiToken.__table__.columns}
            values.pop("id")
            session.add_all(
                ApiToken(**{**values, "hash": bytes([number])}) for number in range(MOST - 2)
            )
        answer = client.post("/account/tokens", data=FORM, headers=HERE)
    assert answer.status_code == 422
    assert f"There are {MOST} tokens that work already" in answer.text


def test_revoked_at_once_by_who_made_it_and_by_admins(
    site: FastAPI, collected: Engine, begun: int
) -> None:
    with (
        browser_of(site, VIEWER) as viewer,
        browser_of(site, MANAGER) as other,
        browser_of(site, ADMIN) as admin,
        browser_of(site, STRANGER) as script,
    ):
        shown = [{"Authorization": f"Bearer {made(viewer, name=name)}"} for name in "ab"]
        page = viewer.get("/account").text
        second, first = re.findall(r'action="(/account/tokens/\d+/revoke)"', page)
        assert 'action="' + first not in other.get("/account").text
        assert other.post(first, headers=HERE).status_code == 404
        assert script.get("/api/v1/teams", headers=shown[0]).status_code == 200
        done = viewer.post(first, data={"back": "account"}, headers=HERE)
        assert (done.status_code, done.headers["location"]) == (303, "/account#tokens")
        assert script.get("/api/v1/teams", headers=shown[0]).status_code == 401
        assert viewer.post(first, headers=HERE).status_code == 404
        assert second in admin.get("/audit").text
        done = admin.post(second, data={"back": "audit"}, headers=HERE)
        assert (done.status_code, done.headers["location"]) == (303, "/audit#tokens")
        assert script.get("/api/v1/teams", headers=shown[1]).status_code == 401
        after = viewer.get("/account").text
    assert "/revoke" not in after
    assert texts(after).count("revoked") == 2
    revoked = [each for each in events(collected, begun) if each.action == "token_revoked"]
    assert [(each.actor, each.details["name"]) for each in revoked] == [
        ("user:viewer", "a"),
        ("user:operator", "b"),
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": BASE_URL.replace("https", "http")},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_no_form_is_taken_from_another_site(
    site: FastAPI, collected: Engine, headers: dict[str, str]
) -> None:
    with browser_of(site, VIEWER), browser_of(site, VIEWER) as client:
        made(client)
        forms = set(re.findall(r'method="post" action="([^"]+)"', client.get("/account").text))
        assert {re.sub(r"\d+", "1", each) for each in forms} == {
            "/account/sessions/end",
            "/sign-out",
            "/account/tokens",
            "/account/tokens/1/revoke",
        }
        for form in sorted(forms):
            fields = FORM if form.endswith("tokens") else {"session": "others"}
            answer = client.post(form, data=fields, headers=headers)
            assert answer.status_code == 403
            assert "page of another site" in answer.text
        assert client.get("/account").status_code == 200
        with sessions(collected)() as session:
            [token] = session.scalars(select(ApiToken))
            held = select(func.count()).select_from(SignedIn).where(SignedIn.subject == "viewer")
            assert (session.scalar(held) or 0) >= 2
        assert token.revoked_at is None


def test_every_form_of_every_page_is_among_those(
    site: FastAPI,
) -> None:
    """What changes something is a form that is refused from elsewhere, and no link."""
    pages = PersonalPages(site.state.settings, site.state.pages, site.state.sessions)
    assert [each.route for each in pages.all if each.form] == [
        "/account/tokens",
        "/account/tokens/{token_id}/revoke",
        "/account/sessions/end",
        "/audit/sessions/end",
    ]
    with browser_of(site, VIEWER) as client:
        for path in (
            *("/account/tokens", "/account/tokens/1/revoke", "/sign-out"),
            *("/account/sessions/end", "/audit/sessions/end"),
        ):
            assert client.get(path).status_code == 405


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"name=x&name=y&role=viewer&last_day=2030-01-01", "form", 422),
        (b"name=x&colour=red", "form", 422),
        (b"name=%ff", "form", 422),
        (b"name=\xff", "form", 422),
        (b"&".join([b"teams=a"] * 2_001), "form", 422),
        (b"name=x", "multipart/form-data; boundary=x", 415),
        (b'{"name": "x"}', "application/json", 415),
        (b"name=" + b"x" * 70_000, "form", 413),
    ],
)
def test_what_no_browser_sends_is_refused(
    site: FastAPI, body: bytes, kind: str, status: int
) -> None:
    kind = "application/x-www-form-urlencoded" if kind == "form" else kind
    with browser_of(site, VIEWER) as client:
        answer = client.post(
            "/account/tokens", content=body, headers={**HERE, "Content-Type": kind}
        )
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    "path", ["/account?x=1", "/audit?x=1", "/audit?action=slept", "/audit?before=x&after=1"]
)
def test_other_addresses_are_refused(site: FastAPI, path: str) -> None:
    with browser_of(site, ADMIN) as client:
        assert client.get(path).status_code == 422
        assert client.get("/audit?before=9&after=1").status_code == 422
        assert client.post("/account/tokens/x/revoke", headers=HERE).status_code == 422


def test_who_did_what_page_by_page(site: FastAPI, collected: Engine) -> None:
    with sessions(collected).begin() as session:
        session.add_all(
            AuditEvent(actor=f"user:{number}", actor_name=f"N{number:03}", action="signed_out")
            for number in range(120)
        )
    with browser_of(site, ADMIN) as client:
        seen: list[str] = []
        path = "/audit?action=signed_out"
        for _ in range(3):
            page = client.get(path).text
            seen += re.findall(r"<td>(N\d{3}) ", page)
            links = {
                words: unescape(link)
                for link, words in re.findall(r'href="([^"]+)">(Newer|Older)<', page)
            }
            path = links.get("Older", path)
        assert seen == [f"N{number:03}" for number in range(119, -1, -1)]
        assert "Older" not in links
        back = client.get(links["Newer"]).text
        assert re.findall(r"<td>(N\d{3}) ", back) == seen[50:100]
        assert "had a person forgotten" in back
        listed: list[str] = []
        address = "/api/v1/audit?action=signed_out&limit=50"
        while address:
            answer = client.get(address)
            assert answer.headers["cache-control"] == "no-store"
            listed += [each["actor_name"] for each in answer.json()["items"]]
            address = answer.links.get("next", {}).get("url", "")
        assert listed == seen
        table = client.get("/api/v1/audit?action=signed_out&format=csv").text.splitlines()
        assert table[0] == "id,at,actor,actor_name,action,object,details,address"
        assert len(table) == 121
        assert client.get("/api/v1/audit?action=slept").json()["field"] == "action"


def test_only_admins_are_told_who_did_what(
    site: FastAPI,
) -> None:
    for who, status in ((VIEWER, 403), (DIRECTOR, 403), (ADMIN, 200)):
        with browser_of(site, who) as client:
            assert client.get("/audit").status_code == status
            assert client.get("/api/v1/audit").status_code == status
            assert ('href="/audit"' in client.get("/account").text) == (status == 200)
    with browser_of(site, STRANGER) as client:
        assert client.get("/audit").headers["location"] == "/sign-in?return_to=%2Faudit"
        assert client.get("/account").headers["location"] == "/sign-in?return_to=%2Faccount"
        assert client.get("/api/v1/audit").status_code == 401


def test_signed_out_is_told_to_strangers(
    site: FastAPI,
) -> None:
    with browser_of(site, STRANGER) as client:
        answer = client.get("/signed-out")
    assert answer.status_code == 200
    assert 'href="/sign-in"' in answer.text
    assert "/account" not in answer.text


def test_signing_out_ends_the_session_by_its_form(site: FastAPI, collected: Engine) -> None:
    settings: Settings = site.state.settings
    with browser_of(site, VIEWER) as client:
        session_id = Cookies(settings).opened(next(iter(client.cookies.values())))
        assert session_id is not None
        with sessions(collected)() as session:
            before = session.scalar(select(func.count()).select_from(SignedIn))
        done = client.post("/sign-out", headers=HERE)
        assert (done.status_code, done.headers["location"]) == (303, "/signed-out")
        assert client.get("/account").status_code == 303
        with sessions(collected)() as session:
            assert session.scalar(select(func.count()).select_from(SignedIn)) == (before or 0) - 1
