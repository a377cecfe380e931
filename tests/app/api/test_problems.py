"""Every failure: the right status, one sentence, the field, and nothing that should not be seen."""

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Response
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from app.api.request import Reading
from app.main import create_app
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.engine import make_engine, sessions

from ..metrics.conftest import Store

HOME = "http://127.0.0.1:8000"


def check_problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance"} <= set(problem)
    assert problem["status"] == status
    assert problem["instance"] == answer.request.url.path
    return problem


@pytest.mark.parametrize(
    ("address", "status", "field"),
    [
        ("/api/v1/indicators/velocity/series", 404, "key"),
        ("/api/v1/indicators/velocity/compare", 404, "key"),
        ("/api/v1/indicators/velocity/evidence", 404, "key"),
        ("/api/v1/indicators/mr_rate/series?team=nowhere", 404, "team"),
        ("/api/v1/indicators/mr_rate/series?team=%00", 404, "team"),
        ("/api/v1/indicators/mr_rate/series?variant=broad", 404, "variant"),
        ("/api/v1/indicators/open_mr_age/compare?variant=narrow", 404, "variant"),
        ("/api/v1/indicators/mr_rate/compare?parent=nowhere", 404, "parent"),
        ("/api/v1/indicators/mr_rate/evidence?team=nowhere", 404, "team"),
        ("/api/v1/teams/nowhere", 404, "slug"),
        ("/api/v1/teams/nowhere/scorecard", 404, "slug"),
        ("/api/v1/teams/nowhere/attention", 404, "slug"),
        ("/api/v1/indicators/mr_rate/series?from=yesterday", 422, "from"),
        ("/api/v1/indicators/mr_rate/series?to=2024-02-30", 422, "to"),
        ("/api/v1/indicators/mr_rate/series?from=2024-03&to=2024-02", 422, "from"),
        ("/api/v1/indicators/mr_rate/series?grain=day", 422, "grain"),
        ("/api/v1/indicators/open_mr_age/series?grain=hour", 422, "grain"),
        ("/api/v1/indicators/mr_rate/series?as_known_at=once", 422, "as_known_at"),
        ("/api/v1/indicators/mr_rate/series?tema=checkout", 422, "tema"),
        ("/api/v1/indicators/mr_rate/series?format=xml", 422, "format"),
        ("/api/v1/indicators/mr_rate/compare?period=2030-01", 422, "period"),
        ("/api/v1/indicators/mr_rate/compare?period=0001-01-01", 422, "period"),
        ("/api/v1/indicators/open_mr_age/evidence?period=2023-12-31", 422, "period"),
        ("/api/v1/indicators/open_mr_age/evidence?state=merged", 422, "state"),
        ("/api/v1/indicators/open_mr_age/evidence?answer=met", 422, "answer"),
        ("/api/v1/indicators/open_mr_age/evidence?sort=author", 422, "sort"),
        ("/api/v1/indicators/open_mr_age/evidence?project=acme/none", 404, "project"),
        ("/api/v1/indicators/open_mr_age/evidence?project=%00", 404, "project"),
        ("/api/v1/indicators/hiring_vs_plan/evidence?label=bug", 422, "label"),
        ("/api/v1/teams/checkout/scorecard?period=soon", 422, "period"),
        ("/api/v1/teams/checkout?on=today", 422, "on"),
        ("/api/v1/teams/checkout?format=csv", 422, "format"),
        ("/api/v1/runs?limit=1000", 422, "limit"),
        ("/api/v1/data-quality?kind=spelling", 404, "kind"),
        ("/api/v1/teams/checkout/scorecard?period=2024-02&period=2024-03", 422, "period"),
        ("/api/v1/indicators/mr_rate/series?to=9999-12-31", 422, "to"),
        ("/api/v1/indicators/mr_rate/series?as_known_at=9999-12-31T23:59:59Z", 422, "as_known_at"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(
    client: TestClient, address: str, status: int, field: str
) -> None:
    problem = check_problem(client.get(address), status)
    assert problem["field"] == field
    assert problem["detail"].endswith(".")


def test_an_unknown_address_and_another_method(client: TestClient) -> None:
    for address in ("/api/v1/velocity", "/api/v1", "/api/", "/api"):
        assert "field" not in check_problem(client.get(address), 404)
    for address in ("/api/v1/teams", "/"):
        answer = client.post(address)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, HEAD"
    check_problem(client.post("/api/v1/teams"), 405)


def test_a_date_that_is_one_but_out_of_reach_is_told_apart_from_none(client: TestClient) -> None:
    asked = "/api/v1/indicators/open_mr_age/series?to="
    far, none = client.get(f"{asked}9999-12-31").json(), client.get(f"{asked}2024-02-30").json()
    assert far["detail"] == "to '9999-12-31' lies outside of the years 1900 to 2200."
    assert none["detail"].startswith("to '2024-02-30' is not a date.")


def test_what_is_said_twice_is_refused_rather_than_half_of_it_taken(client: TestClient) -> None:
    asked = "/api/v1/indicators/open_mr_age/series?team=checkout&team="
    assert check_problem(client.get(f"{asked}search"), 422)["detail"] == (
        "'team' is given more than once."
    )
    assert check_problem(client.get(asked), 422)["field"] == "team"


def test_an_unknown_page_is_a_page(client: TestClient) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert client.get("/teams/nowhere").status_code == 404


@pytest.mark.parametrize(
    "address", ["/api/v1/teams", "/healthz", "/api/v1/nothing", "/", "/nowhere"]
)
def test_every_answer_has_the_security_headers(client: TestClient, address: str) -> None:
    headers = client.get(address).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"]
    assert headers["cache-control"] in ("private, no-cache", "no-store")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("LOCALHOST.:80", 200),
        ("[::1]:8000", 200),
        ("evil.test", 400),
        ("localhost.evil.test", 400),
        ("127.0.0.1.evil.test:8000", 400),
        ("127.0.0.1@evil.test", 400),
        ("", 400),
    ],
)
def test_only_this_machine_is_addressed(client: TestClient, host: str, status: int) -> None:
    answer = client.get("/api/v1/teams", headers={"Host": host})
    assert answer.status_code == status
    assert "content-security-policy" in answer.headers
    if status == 400:
        assert "Checkout" not in answer.text
        check_problem(answer, 400)


def test_a_refused_page_is_a_page(client: TestClient) -> None:
    answer = client.get("/", headers={"Host": "evil.test"})
    assert (answer.status_code, answer.headers["content-type"][:9]) == (400, "text/html")


def test_the_address_that_it_listens_on_is_its_own(collected: Engine) -> None:
    settings = Settings.model_validate({"server": {"host": "127.0.0.5"}})
    with TestClient(create_app(settings, collected), base_url="http://127.0.0.5:80") as client:
        assert client.get("/healthz").status_code == 200


def test_what_nobody_foresaw_is_told_without_its_text(app: FastAPI) -> None:
    def fail() -> None:
        raise ZeroDivisionError("secret")

    app.add_api_route("/api/v1/broken", fail)
    app.add_api_route("/broken", fail)
    app.router.routes.insert(0, app.router.routes.pop())
    with TestClient(app, base_url=HOME) as client:
        answer = client.get("/api/v1/broken")
        problem = check_problem(answer, 500)
        assert "secret" not in answer.text
        assert problem["request_id"] in problem["detail"]
        assert "content-security-policy" in answer.headers
        page = client.get("/broken")
        assert (page.status_code, page.headers["content-type"][:9]) == (500, "text/html")
        assert "secret" not in page.text


@pytest.fixture
def unreachable(settings: Settings) -> Iterator[TestClient]:
    # Port 1 of this machine: nobody listens there.
    engine = make_engine("postgresql://somebody:pass-word@127.0.0.1:1/teamgauge")
    with TestClient(create_app(settings, engine), base_url=HOME) as client:
        yield client
    engine.dispose()


@pytest.mark.parametrize("address", ["/readyz", "/api/v1/teams", "/api/v1/runs"])
def test_without_a_database_it_is_not_available(unreachable: TestClient, address: str) -> None:
    answer = unreachable.get(address)
    problem = check_problem(answer, 503)
    assert "pass-word" not in answer.text
    assert "somebody" not in answer.text
    assert "database" in problem["detail"]
    assert answer.headers["retry-after"]


def test_a_database_that_goes_away_during_a_request(
    app: FastAPI, client: TestClient, collected: Engine
) -> None:
    def cut_off(session: Reading) -> Response:
        own = session.scalar(text("SELECT pg_backend_pid()"))
        with collected.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:own, 10000)"), {"own": own})
        return Response("an answer that is ready to be sent")

    app.add_api_route("/api/v1/cut-off", cut_off)
    app.router.routes.insert(0, app.router.routes.pop())
    assert "database" in check_problem(client.get("/api/v1/cut-off"), 503)["detail"]
    assert client.get("/api/v1/teams").status_code == 200


def test_without_a_database_it_is_alive_and_pages_say_so(unreachable: TestClient) -> None:
    assert unreachable.get("/healthz").json() == {"status": "ok"}
    assert unreachable.get("/api/v1/indicators").status_code == 200
    page = unreachable.get("/")
    assert (page.status_code, page.headers["content-type"][:9]) == (503, "text/html")
    assert "pass-word" not in page.text


def test_a_database_that_is_not_migrated(empty_database_url: str, settings: Settings) -> None:
    engine = make_engine(empty_database_url)
    with TestClient(create_app(settings, engine), base_url=HOME) as client:
        for address in ("/readyz", "/api/v1/teams"):
            assert "teamgauge migrate" in check_problem(client.get(address), 503)["detail"]
        assert client.get("/healthz").status_code == 200
    engine.dispose()


def test_a_migrated_database_without_data(engine: Engine, settings: Settings) -> None:
    with TestClient(create_app(settings, engine), base_url=HOME) as client:
        assert client.get("/readyz").status_code == 200
        assert client.get("/api/v1/indicators/mr_rate/series").json()["points"] == []
        assert client.get("/api/v1/indicators/mr_rate/evidence").json()["items"] == []
        assert [team["slug"] for team in client.get("/api/v1/teams").json()["items"]] == [
            "organisation"
        ]


def test_files_that_are_collected_before_gitlab(engine: Engine, settings: Settings) -> None:
    with sessions(engine).begin() as session:
        Store(session).team("product")
        refresh(session, settings, Store(session).collected("2024-03-20 12:00", ["files"]))
    with TestClient(create_app(settings, engine), base_url=HOME) as client:
        assert client.get("/api/v1/teams").json()["items"][1]["slug"] == "product"
        for key in ("mr_rate", "open_mr_age"):
            series = client.get(f"/api/v1/indicators/{key}/series").json()
            assert (series["data_through"], series["points"]) == (None, [])
            row = client.get(f"/api/v1/indicators/{key}/compare").json()["items"][0]
            assert (row["value"], row["reason"]) == (None, "no_data")
        for key in ("mr_rate", "open_mr_age"):
            for address in (f"/indicators/{key}", f"/indicators/{key}/evidence"):
                page = client.get(address)
                assert page.status_code == 200
                assert "is not measured yet" in page.text
                assert "So far Files is collected, and it is not computed" in page.text
        # What counts people is measured from the files alone.
        for address in ("/", "/teams/product", "/indicators/hiring_vs_plan"):
            page = client.get(address)
            assert page.status_code == 200
            assert "measured yet" not in page.text
        series = client.get("/api/v1/indicators/hiring_vs_plan/series").json()
        assert series["points"][-1]["n"] == 0


def test_no_request_can_write(app: FastAPI, collected: Engine) -> None:
    with app.state.sessions() as session, pytest.raises(DBAPIError, match="read-only"):
        session.execute(text("UPDATE teams SET name = 'x'"))
    with app.state.sessions() as session:
        level = session.scalar(text("SHOW transaction_isolation"))
    assert level == "repeatable read"
    with collected.connect() as connection:  # the engine itself is as it was
        assert connection.scalar(text("SHOW transaction_read_only")) == "off"


@pytest.mark.parametrize("address", ["/healthz", "/readyz", "/api/v1/teams", "/nowhere"])
def test_head_is_get_without_a_body(client: TestClient, address: str) -> None:
    head, get = client.head(address), client.get(address)
    assert head.status_code == get.status_code
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]


def test_long_answers_are_compressed(client: TestClient) -> None:
    address = "/api/v1/indicators/open_mr_age/series"
    with client.stream("GET", address, headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(raw) == plain.content
    assert len(raw) * 4 < len(plain.content)
