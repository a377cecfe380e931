"""Sessions that are ended by hand: one's own, wherever they are, and those of others by admins."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, delete, func, select, update

from app.auth.browsers import described
from app.auth.sessions import Identified
from app.main import create_app
from app.store.engine import sessions
from app.store.tables import AuditEvent, SignedIn

from .conftest import SETTINGS
from .signed_in import (
    ADMIN,
    DEPUTY,
    DIRECTOR,
    HERE,
    MANAGER,
    NOBODY,
    STRANGER,
    VIEWER,
    browser_of,
    with_sign_in,
)

OWN, OTHERS = "/account/sessions/end", "/audit/sessions/end"
KEY = re.compile(r'name="session" value="([0-9a-f]{64})"')


@pytest.fixture(scope="module")
def site(collected: Engine) -> FastAPI:
    return create_app(with_sign_in(SETTINGS), collected)


@pytest.fixture(autouse=True)
def without_sessions(collected: Engine) -> None:
    with sessions(collected).begin() as session:
        session.execute(delete(SignedIn))


@pytest.fixture
def begun(collected: Engine) -> int:
    """The last event so far."""
    with sessions(collected)() as session:
        return session.scalar(select(func.max(AuditEvent.id))) or 0


def is_in(client: TestClient) -> bool:
    """Whether they are still signed in."""
    status = client.get("/account").status_code
    assert status in (200, 303)
    return status == 200


def written(engine: Engine, after: int) -> list[tuple[str, str, str, object]]:
    with sessions(engine)() as session:
        found = select(AuditEvent).where(AuditEvent.id > after).order_by(AuditEvent.id)
        return [
            (each.actor, each.action, each.object, each.details["sessions"])
            for each in session.scalars(found)
        ]


def test_somebody_sees_their_sessions_and_ends_them(
    site: FastAPI, collected: Engine, begun: int
) -> None:
    with (
        browser_of(site, VIEWER, browser="Firefox on Linux", address="203.0.113.7") as here,
        browser_of(site, VIEWER, browser="Safari on iPhone", address="2001:db8::1") as phone,
        browser_of(site, VIEWER) as third,
        browser_of(site, MANAGER, browser="Edge on Windows") as other,
    ):
        page = here.get("/account").text
        assert "Firefox on Linux" in page
        assert "203.0.113.7" in page
        assert "an unknown browser" in page
        assert "Edge on Windows" not in page
        assert page.count("this one") == 1
        rows = re.findall(r"<tr><th scope=\"row\">(.*?)</th>.*?</tr>", page)
        [phones] = [row for row in page.split("<tr>") if "Safari on iPhone" in row]
        [key] = KEY.findall(phones)
        assert len(rows) >= 3
        assert other.post(OWN, data={"session": key}, headers=HERE).status_code == 404
        assert is_in(phone)
        done = here.post(OWN, data={"session": key}, headers=HERE)
        assert (done.status_code, done.headers["location"]) == (303, "/account#sessions")
        assert done.headers["cache-control"] == "no-store"
        assert [is_in(each) for each in (here, phone, third, other)] == [True, False, True, True]
        assert here.post(OWN, data={"session": key}, headers=HERE).status_code == 404
        assert here.post(OWN, data={"session": "others"}, headers=HERE).status_code == 303
        assert [is_in(each) for each in (here, third, other)] == [True, False, True]
        alone = here.get("/account").text
        assert OWN not in alone
        assert here.post(OWN, data={"session": "others"}, headers=HERE).status_code == 303
    assert written(collected, begun) == [
        ("user:viewer", "session_ended", "", 1),
        ("user:viewer", "session_ended", "", 1),
    ]


def test_sessions_that_are_over_are_not_shown(site: FastAPI, collected: Engine) -> None:
    with (
        browser_of(site, VIEWER, browser="Opera on Linux"),
        browser_of(site, VIEWER, browser="Chrome on macOS"),
        browser_of(site, VIEWER) as here,
    ):
        past = datetime.now(UTC) - timedelta(days=1)
        with sessions(collected).begin() as session:
            for column, browser in (
                (SignedIn.expires_at, "Opera"),
                (SignedIn.last_seen_at, "Chro"),
            ):
                old = SignedIn.browser.startswith(browser)
                session.execute(update(SignedIn).where(old).values({column: past}))
        page = here.get("/account").text
        assert "Opera" not in page
        assert "Chrome" not in page


@pytest.mark.parametrize("wanted", ["", "x", "00", "others ", "ff" * 32, "ÿ" * 4])
def test_what_is_no_session_ends_none(site: FastAPI, wanted: str) -> None:
    with browser_of(site, VIEWER) as here, browser_of(site, VIEWER) as there:
        expected = {"others ": 303, "ff" * 32: 404, "00": 404, "": 404}.get(wanted, 422)
        assert here.post(OWN, data={"session": wanted}, headers=HERE).status_code == expected
        assert is_in(there) == (expected != 303)
        assert here.post(OWN, data={"session": "others", "x": "1"}, headers=HERE).status_code == 422
        assert here.post(f"{OWN}?x=1", data={"session": "others"}, headers=HERE).status_code == 422


def test_who_has_no_role_ends_their_own_as_well(site: FastAPI) -> None:
    with browser_of(site, NOBODY) as here, browser_of(site, NOBODY) as there:
        assert OWN in here.get("/account").text
        assert here.post(OWN, data={"session": "others"}, headers=HERE).status_code == 303
        assert not is_in(there)


ROLES = {
    "stranger": (STRANGER, 401),
    "nobody": (NOBODY, 403),
    "viewer": (VIEWER, 403),
    "manager": (MANAGER, 403),
    "deputy": (DEPUTY, 403),
    "director": (DIRECTOR, 403),
    "admin": (ADMIN, 303),
}


@pytest.mark.parametrize("name", ROLES)
@pytest.mark.parametrize("form", [{"subject": "victim"}, {"everybody": "yes"}])
def test_only_admins_sign_others_out(
    site: FastAPI, collected: Engine, begun: int, name: str, form: dict[str, str]
) -> None:
    who, status = ROLES[name]
    victim = Identified(subject="victim", name="Vic Tim", groups=("engineering",))
    with browser_of(site, victim) as theirs, browser_of(site, who) as client:
        elsewhere = {"Origin": "https://evil.example"}
        refused = client.post(OTHERS, data=form, headers=elsewhere)
        assert refused.status_code == (401 if who is None else 403)
        assert is_in(theirs)
        done = client.post(OTHERS, data=form, headers=HERE)
        assert done.status_code == status
        assert is_in(theirs) == (status != 303)
        if who is not None:
            assert is_in(client)
    object = "user:victim" if "subject" in form else "everybody else"
    assert written(collected, begun) == (
        [("user:operator", "user_signed_out", object, 1)] if status == 303 else []
    )


def test_admins_see_who_is_signed_in(site: FastAPI) -> None:
    named = Identified(subject="<b>", name="Zoë <i>")
    with (
        browser_of(site, named),
        browser_of(site, named),
        browser_of(site, VIEWER),
        browser_of(site, ADMIN) as admin,
    ):
        page = admin.get("/audit").text
        listed = page[page.index('id="sessions"') :]
        names = re.findall(r'<tr><th scope="row">(.*?)</th>', listed)
        assert [unescape(each) for each in names] == ["Olga Operator", "Vera Viewer", "Zoë <i>"]
        assert "<i>" not in page
        buttons = re.findall(r'name="subject" value="(.*?)"', listed)
        assert [unescape(each) for each in buttons] == ["viewer", "<b>"]  # not oneself
        wrong = admin.post(OTHERS, data={"subject": "operator"}, headers=HERE)
        assert wrong.status_code == 404
        assert admin.post(OTHERS, data={}, headers=HERE).status_code == 404
        events = admin.get("/audit?action=user_signed_out")
        assert events.status_code == 200


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Firefox on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/142.0.0.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        ("curl/8.14 <script>", ""),
        ("Firefox/1" + "x" * 9_000, "Firefox"),
        ("", ""),
    ],
)
def test_a_browser_is_told_in_words_of_ours(user_agent: str, words: str) -> None:
    assert described(user_agent) == words
