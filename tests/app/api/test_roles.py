"""Who may see what: every route with every role, and what an answer leaves out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from app.auth import tokens
from app.auth.access import Caller, Role
from app.auth.rules import BY_ROUTE
from app.auth.sessions import Identified
from app.main import create_app
from app.metrics import INDICATORS
from app.store.engine import sessions
from app.store.tables import AuditEvent

from .conftest import SETTINGS
from .routes import routes_of
from .signed_in import (
    ADMIN,
    DEPUTY,
    DIRECTOR,
    MANAGER,
    NOBODY,
    STRANGER,
    VIEWER,
    asked_by,
    with_sign_in,
)

WORK = "/indicators/open_mr_age/evidence"
PEOPLE = "/indicators/retention/evidence"

# Of ann's team, of its sibling, and of both and everything: what they are answered.
SEEN: dict[str, dict[str, int]] = {
    "/": {"viewer": 200, "manager": 200, "deputy": 200, "director": 200, "admin": 200},
    "/api/v1/indicators": {"viewer": 200, "manager": 200, "director": 200, "admin": 200},
    "/openapi.json": {"viewer": 200, "manager": 200, "director": 200, "admin": 200},
    "/api/v1/teams": {"viewer": 200, "manager": 200, "director": 200, "admin": 200},
    "/teams/search": {"viewer": 200, "manager": 200, "director": 200, "admin": 200},
    "/api/v1/teams/search": {"viewer": 200, "manager": 200, "director": 200, "admin": 200},
    "/api/v1/restatements": {"viewer": 200, "manager": 200, "director": 200, "admin": 200},
    "/indicators/mr_rate": {"viewer": 200, "manager": 200, "director": 200, "admin": 200},
    "/api/v1/indicators/mr_rate/series": {"viewer": 200, "manager": 200, "admin": 200},
    "/api/v1/indicators/mr_rate/compare": {"viewer": 200, "manager": 200, "admin": 200},
    "/api/v1/teams/search/scorecard": {"viewer": 200, "manager": 200, "admin": 200},
    # What is behind the values: of their own teams alone.
    f"{WORK}?team=checkout": {"manager": 200, "director": 200},
    f"{WORK}?team=search": {"deputy": 200, "director": 200},
    f"{WORK}?team=product": {"director": 200},
    f"{WORK}": {},
    f"/api/v1{WORK}?team=checkout": {"manager": 200, "director": 200},
    f"/api/v1{WORK}?team=search": {"deputy": 200, "director": 200},
    f"/api/v1{WORK}": {},
    f"{PEOPLE}?team=checkout": {"manager": 200, "director": 200},
    f"/api/v1{PEOPLE}?team=checkout": {"manager": 200, "director": 200},
    f"/api/v1{PEOPLE}?team=product": {"director": 200},
    f"/api/v1{PEOPLE}?team=search": {"deputy": 200, "director": 200},
    "/api/v1/teams/checkout/attention": {"manager": 200, "director": 200},
    "/api/v1/teams/product/attention": {"director": 200},
    "/api/v1/teams/organisation/attention": {},
    "/teams/checkout/report": {"manager": 200, "director": 200},
    "/teams/checkout/report?format=csv": {"manager": 200, "director": 200},
    "/teams/search/report": {"deputy": 200, "director": 200},
    # How it is run.
    "/data": {"admin": 200},
    "/api/v1/runs": {"admin": 200},
    "/api/v1/runs?format=csv": {"admin": 200},
    "/api/v1/data-quality": {"admin": 200},
    "/metrics": {"admin": 200},
}
WHO = {
    "nobody": NOBODY,
    "viewer": VIEWER,
    "manager": MANAGER,
    "deputy": DEPUTY,
    "director": DIRECTOR,
    "admin": ADMIN,
}
OPEN = {"/healthz", "/readyz", "/webhooks/gitlab", "/static/{name}", "/signed-out"}
"""Answers to everybody: alive or not, files of pages, and what asks for a secret of its own."""

COMPLETE = ("viewer", "manager", "admin")  # where a line leaves out who is like another one


@pytest.mark.parametrize("name", WHO)
def test_each_role_sees_what_it_may_and_nothing_else(collected: Engine, name: str) -> None:
    settings = with_sign_in(SETTINGS)
    like = {"deputy": "manager", "director": "manager"}
    with asked_by(collected, settings, WHO[name]) as client:
        for path, seen in SEEN.items():
            open_to_all = set(COMPLETE) <= set(seen)
            expected = seen.get(name, seen.get(like.get(name, ""), 403) if open_to_all else 403)
            answer = client.get(path)
            assert answer.status_code == expected, (path, answer.text[:300])


def test_strangers_are_sent_to_sign_in_or_refused(collected: Engine) -> None:
    with asked_by(collected, with_sign_in(SETTINGS), STRANGER) as client:
        for path in SEEN:
            answer = client.get(path)
            if path.startswith(("/api/", "/openapi", "/metrics")):
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert answer.json()["status"] == 401
            else:
                assert answer.status_code == 303
                assert answer.headers["location"].startswith("/sign-in?return_to=%2F")
        assert client.get("/healthz").status_code == 200


def test_every_route_has_its_rule_or_its_reason(collected: Engine) -> None:
    """A new route that nobody thought about answers to nobody, and is noticed here."""
    app = create_app(with_sign_in(SETTINGS), collected)
    routes = {route.path for route in routes_of(app)}
    free = {path for path in routes if path in OPEN or path.startswith("/sign-")}
    assert routes - free == set(BY_ROUTE) & routes
    asked = {path.partition("?")[0] for path in SEEN}
    told = {
        path
        for path in routes - free
        if not any(_fits(path, one) for one in asked) and not path.startswith(OWN_TESTS)
    }
    assert not told, f"the matrix has no line for {told}"


OWN_TESTS = ("/account", "/audit", "/api/v1/audit")
"""Addresses whose tests are elsewhere."""


def _fits(route: str, path: str) -> bool:
    parts, given = route.split("/"), path.split("/")
    return len(parts) == len(given) and all(
        part.startswith("{") or part == one for part, one in zip(parts, given, strict=True)
    )


def test_names_are_left_out_where_they_may_not_be_seen(collected: Engine) -> None:
    settings = with_sign_in(SETTINGS)
    for who, seen in ((VIEWER, False), (MANAGER, True), (DEPUTY, False), (ADMIN, False)):
        with asked_by(collected, settings, who) as client:
            team = client.get("/api/v1/teams/checkout?on=2024-02-01&from=2024-01").json()
            page = client.get("/teams/checkout?period=2024-02").text
        assert team["headcount"] == 2
        assert (team["people"] is not None) == seen
        assert (team["membership_changes"] is not None) == seen
        assert ("ben" in page.lower()) == seen, who
        assert ("Needs attention now" in page) == seen
        assert ("/evidence" in page) == seen
    with asked_by(collected, settings, VIEWER) as client:
        for page in ("/", "/indicators/mr_rate", "/indicators/retention", "/teams/product"):
            text = client.get(page).text
            assert "/evidence" not in text, page
            assert 'href="/data' not in text, page
            assert "/report" not in text, page


def test_a_manager_reads_the_past_of_people_who_moved_on(collected: Engine) -> None:
    """ben left in March; who manages his team now still sees what he did there."""
    with asked_by(collected, with_sign_in(SETTINGS), MANAGER) as client:
        path = "/api/v1/teams/checkout?on=2024-02-01"
        assert [each["person_id"] for each in client.get(path).json()["people"]] == ["ann", "ben"]


def test_other_teams_can_be_closed(collected: Engine) -> None:
    settings = with_sign_in(SETTINGS, other_teams="none")
    with asked_by(collected, settings, MANAGER) as client:
        teams = [each["slug"] for each in client.get("/api/v1/teams").json()["items"]]
        assert teams == ["organisation", "product", "checkout"]
        rows = client.get("/api/v1/indicators/mr_rate/compare?parent=product").json()["items"]
        assert [row["team"] for row in rows] == ["product", "checkout"]
        assert client.get("/api/v1/indicators/mr_rate/series?team=search").status_code == 404
        assert client.get("/teams/search").status_code == 404
        assert client.get("/teams/checkout").status_code == 200
        assert "/teams/search" not in client.get("/").text
        assert "/teams/search" not in client.get("/?format=csv").text
        items = client.get("/api/v1/restatements?from=2024-01").json()["items"]
        assert {each["team"] for each in items} <= {"organisation", "product", "checkout"}
    with asked_by(collected, settings, VIEWER) as client:
        assert client.get("/teams/search").status_code == 200


def test_viewers_can_be_let_see_merge_requests(collected: Engine) -> None:
    settings = with_sign_in(SETTINGS, viewers_see_merge_requests=True)
    with asked_by(collected, settings, VIEWER) as client:
        assert client.get(f"/api/v1{WORK}").status_code == 200
        assert client.get("/api/v1/teams/search/attention").status_code == 200
        assert client.get(f"/api/v1{PEOPLE}").status_code == 403
        assert client.get("/teams/search/report").status_code == 403
        assert client.get("/api/v1/teams/search").json()["people"] is None


def test_who_has_no_grant_is_what_everyone_is(collected: Engine) -> None:
    with asked_by(collected, with_sign_in(SETTINGS, everyone="viewer"), NOBODY) as client:
        assert client.get("/").status_code == 200
        assert client.get("/data").status_code == 403
    with asked_by(collected, with_sign_in(SETTINGS), NOBODY) as client:
        refused = client.get("/api/v1/teams")
    assert refused.status_code == 403
    assert "no role here" in refused.json()["detail"]


def test_leading_a_team_can_be_left_without_meaning(collected: Engine) -> None:
    with asked_by(collected, with_sign_in(SETTINGS, leaders=False), MANAGER) as client:
        assert client.get("/").status_code == 403


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        # An address that the provider did not verify never gets this far.
        (Identified(subject="1", name="x", email="ann@example.com"), True),
        (Identified(subject="1", name="x", email="ben@example.com"), False),  # no manager
        (Identified(subject="1", name="x", username="ann"), True),
        (Identified(subject="1", name="x", username="ann", email="ben@example.com"), False),
        (Identified(subject="ann", name="ann"), False),
    ],
)
def test_a_leader_is_found_by_address_or_account(
    collected: Engine, who: Identified, seen: bool
) -> None:
    with asked_by(collected, with_sign_in(SETTINGS), who) as client:
        assert (client.get("/teams/checkout/report").status_code == 200) == seen


@pytest.mark.parametrize(
    ("role", "teams", "path", "status"),
    [
        (Role.VIEWER, [], "/api/v1/teams", 200),
        (Role.VIEWER, [], f"/api/v1{WORK}", 403),
        (Role.DIRECTOR, ["product"], f"/api/v1{WORK}?team=search", 200),
        (Role.MANAGER, ["search"], f"/api/v1{WORK}?team=checkout", 403),
        (Role.ADMIN, [], "/metrics", 200),
        (Role.ADMIN, [], "/api/v1/runs", 200),
        (Role.VIEWER, [], "/", 303),  # pages are for people
    ],
)
def test_a_token_sees_what_its_role_may(
    collected: Engine, role: Role, teams: list[str], path: str, status: int
) -> None:
    now = datetime.now(UTC)
    with sessions(collected).begin() as session:
        _, token = tokens.make(
            session,
            name="nightly",
            role=role,
            teams=teams,
            expires_at=now + timedelta(days=1),
            made_by=Caller("user:44", "Dora"),
            now=now,
        )
    with asked_by(collected, with_sign_in(SETTINGS), STRANGER) as client:
        answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status
        wrong = client.get(path, headers={"Authorization": f"Bearer {token}x"})
        assert wrong.status_code == (401 if path != "/" else 303)


@pytest.mark.parametrize(
    ("who", "status"),
    [
        (Identified(subject="operator", name="x"), 200),
        (Identified(subject="OPERATOR", name="x"), 403),  # somebody else, as `sub` goes
        (Identified(subject="x", name="x", email="head@example.com"), 200),
        (Identified(subject="Head@Example.com", name="x"), 403),
        (Identified(subject="x", name="operator", username="operator"), 403),
    ],
)
def test_a_user_is_named_by_sub_as_it_stands_or_by_address(
    collected: Engine, who: Identified, status: int
) -> None:
    grants = [{"role": "admin", "users": ["operator", "HEAD@example.com"]}]
    with asked_by(collected, with_sign_in(SETTINGS, grants=grants), who) as client:
        assert client.get("/api/v1/runs").status_code == status


def test_what_is_kept_of_answers_is_for_who_may_see_it(collected: Engine) -> None:
    """The same address is answered to each of them by their own rights, asked again or not."""
    settings = with_sign_in(SETTINGS)
    path = "/api/v1/teams/checkout"
    seen: dict[str, Any] = {}
    with asked_by(collected, settings, MANAGER) as client:
        first = client.get(path)
        seen["manager"] = first.json()["people"]
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        cookies = dict(client.cookies)
        with asked_by(collected, settings, VIEWER) as other:
            theirs = other.get(path, headers={"If-None-Match": first.headers["etag"]})
            assert theirs.status_code == 200
            assert theirs.json()["people"] is None
            # In one process, with what it keeps: whoever asks gets their own.
            viewers = dict(other.cookies)
        client.cookies.clear()
        client.cookies.update(viewers)
        assert client.get(path).json()["people"] is None
        client.cookies.clear()
        client.cookies.update(cookies)
        assert client.get(path).json()["people"] == seen["manager"]


def test_it_is_written_down_who_looks_at_names_and_takes_files(collected: Engine) -> None:
    settings = with_sign_in(SETTINGS)
    with sessions(collected)() as session:
        before = session.scalar(select(func.max(AuditEvent.id))) or 0
    with asked_by(collected, settings, DIRECTOR) as client:
        for _ in range(2):  # the second one is not answered out of what is kept
            answer = client.get(f"/api/v1{PEOPLE}?team=product")
            assert answer.headers["cache-control"] == "no-store"
            assert "etag" not in answer.headers
        client.get("/teams/search/report?format=md")
        client.get("/api/v1/teams?format=csv")
        client.get(f"/api/v1{WORK}?team=product")
    with sessions(collected)() as session:
        rows = session.scalars(
            select(AuditEvent).where(AuditEvent.id > before).order_by(AuditEvent.id)
        )
        assert [(each.action, each.object) for each in rows] == [
            ("people_seen", f"/api/v1{PEOPLE}?team=product"),
            ("people_seen", f"/api/v1{PEOPLE}?team=product"),
            ("exported", "/teams/search/report?format=md"),
            ("exported", "/api/v1/teams?format=csv"),
        ]


def test_suppression_holds_for_everybody(collected: Engine) -> None:
    path = "/api/v1/indicators/diversity/series?team=checkout&from=2024-01&to=2024-02"
    for who in (VIEWER, MANAGER, DIRECTOR, ADMIN):
        with asked_by(collected, with_sign_in(SETTINGS), who) as client:
            points = client.get(path).json()["points"]
        assert all(point["suppressed"] and point["value"] is None for point in points)
    assert any(each.key == "diversity" for each in INDICATORS)
