"""The headers of every answer: each route and each way in which one fails."""

import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from app.api.guard import HEADERS
from app.auth.sessions import Identified
from app.main import create_app
from dashboards import assets

from .conftest import SETTINGS
from .routes import routes_of
from .signed_in import ADMIN, DIRECTOR, NOBODY, STRANGER, asked_by, with_sign_in

FILLED = {
    "slug": "checkout",
    "key": "mr_rate",
    "name": "nothing.css",
    "token_id": "1",
    "finding": "1",
}
FAILURES = (
    "/nowhere",
    "/api/v1/nowhere",
    "/teams/nowhere",
    "/indicators/mr_rate?period=never",
    "/api/v1/indicators/mr_rate/series?from=never",
    "/static/nothing.css",
    "/sign-in/callback?state=made-up&code=made-up",
    "/%2e%2e/%2e%2e/etc/passwd",
    f"/{'x' * 9_000}",
)
KEPT_FOR_EVER = assets.FOREVER
NEVER_SHARED = re.compile(r"private, no-cache|no-store")


def every_address(engine: Engine) -> list[str]:
    app = create_app(with_sign_in(SETTINGS), engine)
    routes = {each.path for each in routes_of(app)}
    assert {"/teams/{slug}", "/api/v1/teams/{slug}", "/sign-out", "/healthz"} <= routes
    return [
        *sorted(path.format(**FILLED) for path in routes),
        *FAILURES,
        *assets.by_address(),
        "/api/v1/teams?format=csv",
        "/?format=csv",
        "/teams/checkout/report?format=csv",
        "/indicators/retention/evidence?team=checkout",
    ]


def check(client: TestClient, address: str, *, secure: bool, method: str = "GET") -> int:
    """The answer to an address has what every answer has; its status."""
    answer = client.request(method, address)
    what = (method, address, answer.status_code)
    # Signing in asks a provider that is not there.
    assert answer.status_code < 500 or address.startswith("/sign-in"), what
    for name, value in HEADERS.items():
        if name != "Content-Security-Policy":
            assert answer.headers.get_list(name) == [value], what
    [policy] = answer.headers.get_list("Content-Security-Policy")
    assert policy.startswith("default-src 'none'; "), what
    assert "script-src 'unsafe" not in policy, what
    for part in ("base-uri 'none'", "form-action", "frame-ancestors 'none'"):
        assert part in policy, what
    assert "access-control-allow-origin" not in answer.headers, what
    assert "server" not in answer.headers, what
    assert answer.headers["x-request-id"], what
    strict = answer.headers.get("strict-transport-security", "")
    assert (strict == "max-age=31536000; includeSubDomains") == secure, what
    kept = answer.headers.get("cache-control", "")
    if not (address in assets.by_address() and answer.status_code == 200):
        assert NEVER_SHARED.fullmatch(kept), (what, kept)
    else:
        assert kept == KEPT_FOR_EVER
    if "content-type" in answer.headers and answer.headers["content-type"].startswith("text/"):
        assert "charset=utf-8" in answer.headers["content-type"], what
    return answer.status_code


@pytest.mark.parametrize("who", [STRANGER, NOBODY, DIRECTOR, ADMIN])
def test_every_answer_has_every_header_where_people_sign_in(
    collected: Engine, who: Identified | None
) -> None:
    seen = set()
    settings = with_sign_in(SETTINGS, issuer="http://127.0.0.1:1")
    with asked_by(collected, settings, who) as client:
        for address in every_address(collected):
            seen.add(check(client, address, secure=True))
            if who in (STRANGER, ADMIN):
                seen.add(check(client, address, secure=True, method="POST"))
    assert {403, 414} <= seen
    if who in (STRANGER, NOBODY):
        assert (303 in seen, 401 in seen) == (who is STRANGER, who is STRANGER)
    else:
        assert {200, 404, 422} <= seen


def test_every_answer_has_every_header_where_nobody_signs_in(client: TestClient) -> None:
    seen = {check(client, each, secure=False) for each in ("/", "/api/v1/teams", *FAILURES)}
    assert {200, 404, 414, 422} <= seen
    assert check(client, "/sign-in", secure=False) == 404


def test_an_answer_that_still_holds_keeps_the_policy_it_came_with(client: TestClient) -> None:
    first = client.get("/teams/checkout")
    assert "'unsafe-inline'" in first.headers["content-security-policy"]  # Plotly's own styles
    again = client.get("/teams/checkout", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert "content-security-policy" not in again.headers
    assert again.headers["x-content-type-options"] == "nosniff"
    assert again.headers["cache-control"] == "private, no-cache"


def test_over_plain_http_no_browser_is_told_to_use_another(collected: Engine) -> None:
    settings = with_sign_in(SETTINGS, base_url="http://localhost:8000")
    with asked_by(collected, settings, STRANGER) as client:
        assert "strict-transport-security" not in client.get("/healthz").headers


def test_names_of_people_and_files_are_kept_nowhere(collected: Engine) -> None:
    with asked_by(collected, with_sign_in(SETTINGS), DIRECTOR) as client:
        for address in (
            "/indicators/retention/evidence?team=checkout",
            "/api/v1/indicators/retention/evidence?team=checkout",
            "/teams/checkout/report",
            "/api/v1/teams?format=csv",
        ):
            assert client.get(address).headers["cache-control"] == "no-store"
