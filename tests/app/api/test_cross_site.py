"""What another site can have a browser send here changes nothing, and sends nobody elsewhere."""

from http.cookies import SimpleCookie
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from app.api.sign_in import BACK_CHANNEL, own_path
from app.auth.cookies import Cookies, Transaction
from app.auth.sessions import Identified
from app.main import create_app
from app.store.engine import sessions
from app.store.tables import SignedIn

from .conftest import SETTINGS
from .routes import routes_of
from .signed_in import ADMIN, BASE_URL, VIEWER, asked_by, with_sign_in

OWN_SECRETS = {"/webhooks/gitlab", BACK_CHANNEL}
"""No browser is asked to send these: GitLab shows a secret, the provider signs."""

FOREIGN = [
    {},
    {"Origin": "https://evil.test"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://teamgauge.example.com"},
    {"Origin": "https://teamgauge.example.com.evil.test"},
    {"Origin": "https://teamgauge.example.com:444"},
    {"Origin": "https://evil.test", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Referer": f"{BASE_URL}/"},
]
OWN = [
    {"Origin": BASE_URL},
    {"Origin": BASE_URL, "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin"},
]


def signed_in(engine: Engine, subject: str) -> bool:
    with sessions(engine)() as session:
        return session.scalar(select(SignedIn).where(SignedIn.subject == subject)) is not None


@pytest.mark.parametrize("headers", FOREIGN)
def test_no_other_site_signs_anybody_out(collected: Engine, headers: dict[str, str]) -> None:
    with asked_by(collected, with_sign_in(SETTINGS), VIEWER) as client:
        answer = client.post("/sign-out", headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert client.get("/").status_code == 200


def test_no_other_site_changes_anything(collected: Engine) -> None:
    """Every route that takes more than GET, those that are still to be made among them."""
    settings = with_sign_in(SETTINGS, issuer="http://127.0.0.1:1")  # nobody answers there
    app = create_app(settings, collected)
    changing = {
        route.path
        for route in routes_of(app)
        if route.methods and not route.methods <= {"GET", "HEAD"}
    }
    assert changing >= {"/sign-out", *OWN_SECRETS}
    with asked_by(collected, settings, ADMIN) as client:
        for path in changing - OWN_SECRETS:
            for headers in FOREIGN:
                answer = client.post(path.replace("{token_id}", "1"), headers=headers)
                assert answer.status_code == 403, (path, headers)
                assert "another site" in answer.text
        for path in OWN_SECRETS:
            assert client.post(path, headers=OWN[0]).status_code in (400, 404, 503), path


@pytest.mark.parametrize("headers", OWN)
def test_our_own_page_signs_out_here_and_in_the_browser(
    collected: Engine, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = with_sign_in(SETTINGS, issuer="http://127.0.0.1:1")  # nobody answers there
    leaver = Identified(subject="leaver", name="Lee Aver", groups=("engineering",))
    with asked_by(collected, settings, leaver) as client:
        assert signed_in(collected, "leaver")
        name = Cookies(settings).session
        old = client.cookies[name]
        answer = client.post("/sign-out", headers=headers)
        assert (answer.status_code, answer.headers["location"]) == (303, "/signed-out")
        assert answer.headers["clear-site-data"] == '"cache", "storage"'
        client.cookies.clear()
        client.cookies.set(name, old)
        assert client.get("/").status_code == 303
    assert not signed_in(collected, "leaver")


def test_cookies_are_for_this_host_and_no_script(collected: Engine) -> None:
    settings = with_sign_in(SETTINGS)
    cookies = Cookies(settings)
    transaction = Transaction("state", "nonce", "verifier", "/")
    assert cookies.session.startswith("__Host-")
    assert cookies.sign_in("state").startswith("__Host-")
    assert cookies.attributes() == {
        "httponly": True,
        "samesite": "lax",
        "secure": True,
        "path": "/",
    }
    assert cookies.transaction(cookies.kept(transaction)) == transaction
    with asked_by(collected, settings, VIEWER) as client:
        answer = client.post("/sign-out", headers=OWN[0])
    [kept] = SimpleCookie(answer.headers["set-cookie"]).values()
    assert (kept["secure"], kept["httponly"], kept["samesite"].lower()) == (True, True, "lax")
    assert (kept["path"], kept["domain"]) == ("/", "")


@pytest.mark.parametrize("changed", [0, 5, -1])
def test_a_cookie_that_we_did_not_sign_is_none(changed: int) -> None:
    cookies = Cookies(with_sign_in(SETTINGS))
    other = Cookies(with_sign_in(SETTINGS, client_secret="another-one"))
    sealed = cookies.sealed("an-id")
    assert cookies.opened(sealed) == "an-id"
    assert other.opened(sealed) is None
    letters = list(sealed)
    letters[changed] = "A" if letters[changed] != "A" else "B"
    assert cookies.opened("".join(letters)) is None
    assert cookies.opened("an-id") is None
    # What begins a sign-in cannot be shown as a session, and the other way round.
    assert cookies.transaction(sealed) is None
    assert cookies.opened(cookies.kept(Transaction("s", "n", "v", "/"))) is None


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            ["/", "\\", "//", "..", "?", "#", "@", ":", "%2f", "%5c", "teams", "sign-in"]
        ),
        st.sampled_from(["evil.test", "https:", "javascript:", "data:", "sign-out"]),
        st.sampled_from("\t\n\r\0 äa."),
    ),
    max_size=8,
).map("".join)


@given(st.one_of(PIECES, st.text(max_size=20)))
@example("//evil.test")
@example("/\\evil.test")
@example("/\t/evil.test")
@example("https://evil.test")
@example("/sign-out")
@example("javascript:alert(1)")
@example("///evil.test")
@example("/..//evil.test")
def test_after_signing_in_nobody_is_sent_elsewhere(asked: str) -> None:
    path = own_path(asked)
    # As a browser reads it: it drops tabs and line ends, and takes a backslash for a slash.
    read = "".join(letter for letter in path if letter not in "\t\n\r").replace("\\", "/")
    went = urlsplit(urljoin(f"{BASE_URL}/sign-in/callback", read))
    assert f"{went.scheme}://{went.netloc}" == BASE_URL
    assert not read.startswith("//")
    assert path.isprintable()


def test_an_ordinary_path_is_kept_as_it_is() -> None:
    for path in ("/", "/teams/checkout?period=2026-10&variant=x", "/indicators/mr_rate#top", "/ä"):
        assert own_path(path) == path
