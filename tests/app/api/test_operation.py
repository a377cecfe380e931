"""What an operator sees: metrics for Prometheus, a request's id and line, and whether it is ready."""

import json
import logging
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text

from app import __version__
from app.api.instruments import METRICS, Instruments
from app.api.readiness import NotReadyError, Readiness
from app.faults import Faults
from app.main import create_app
from app.metrics.operation import note_seconds
from app.settings import Settings
from app.store import migrate
from app.store.engine import lock_key, make_engine, sessions

HOME = "http://127.0.0.1:8000"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(client: TestClient) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.headers["cache-control"] == "no-store"
    return {
        (each.name, frozenset(each.labels.items())): each.value
        for family in text_string_to_metric_families(answer.text)
        for each in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"teamgauge_{name}", frozenset(labels.items())]


def test_every_metric_is_told_with_its_labels_and_no_other(
    client: TestClient, collected: Engine
) -> None:
    with sessions(collected).begin() as session:
        note_seconds(session, 1.5)
    client.get("/healthz")
    client.get("/metrics")
    answer = client.get("/metrics")
    told = {family.name: family for family in text_string_to_metric_families(answer.text)}
    declared = {each.name.removesuffix("_total"): each for each in METRICS}
    assert set(told) == set(declared)
    for name, family in told.items():
        metric = declared[name]
        assert (family.type, family.documentation) == (metric.type, metric.help)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), sample


def test_requests_are_counted_by_what_they_asked_for(client: TestClient) -> None:
    for address in (
        "/teams/checkout",
        "/teams/search?period=2024-02",
        "/teams/nowhere",
        "/nowhere",
        "/api/v1/teams/checkout/scorecard?period=soon",
    ):
        client.get(address)
    client.get("/teams/checkout")  # as it was drawn before
    client.get("/teams/checkout", headers={"If-None-Match": "*"})
    client.head("/teams/checkout")
    client.request("BREW", "/teams/checkout")
    samples = scraped(client)
    team = "/teams/{slug}"
    name = "http_requests_total"
    assert value(samples, name, route=team, method="GET", status="200") == 3
    assert value(samples, name, route=team, method="GET", status="304") == 1
    assert value(samples, name, route=team, method="GET", status="404") == 1
    assert value(samples, name, route=team, method="HEAD", status="200") == 1
    assert value(samples, name, route=team, method="other", status="405") == 1
    assert value(samples, name, route="none", method="GET", status="404") == 1
    scorecard = "/api/v1/teams/{slug}/scorecard"
    assert value(samples, name, route=scorecard, method="GET", status="422") == 1
    seconds = "http_request_duration_seconds"
    assert value(samples, f"{seconds}_count", route=team) == 7
    assert value(samples, f"{seconds}_bucket", route=team, le="+Inf") == 7
    assert 0 < value(samples, f"{seconds}_sum", route=team) < 60


def test_what_a_client_makes_up_makes_no_label() -> None:
    instruments = Instruments()
    for number in range(100):
        instruments.answered("", f"BREW{number}", 405, 0.1)
    [requests, _] = instruments.collect()
    assert len(requests.samples) == 1


def test_applications_of_one_process_count_for_themselves(client: TestClient, app: FastAPI) -> None:
    client.get("/healthz")
    other = create_app(app.state.settings, app.state.engine)
    with TestClient(other, base_url=HOME) as second:
        assert not [key for key in scraped(second) if "/healthz" in str(key)]


def test_how_the_sources_and_the_last_refresh_went(client: TestClient, collected: Engine) -> None:
    before = scraped(client)
    lag = value(before, "source_lag_seconds", source="gitlab")
    since = datetime.now(UTC) - datetime(2024, 3, 20, 12, tzinfo=UTC)
    assert lag == pytest.approx(since.total_seconds(), abs=60)
    assert value(before, "source_failures", source="gitlab") == 0
    revision = migrate.newest_revision()
    assert value(before, "build_info", version=__version__, revision=revision) == 1
    assert value(before, "database_up") == 1
    at = datetime(2024, 3, 20, 12, tzinfo=UTC).timestamp()
    assert value(before, "refresh_timestamp_seconds") == at
    # Of four that were merged in March one is of somebody from outside.
    assert value(before, "unattributed_ratio", indicator="mr_rate") == 0.25
    assert value(before, "diversity_suppressed_ratio") == 1
    with collected.begin() as connection:
        for outcome in ("partial", "failed", "running"):
            ended = None if outcome == "running" else datetime(2024, 3, 21, tzinfo=UTC)
            connection.execute(
                text(
                    "INSERT INTO runs (source, kind, started_at, finished_at, outcome, rows_read,"
                    " rows_new, seconds) VALUES ('gitlab', 'full', '2024-03-21', :ended, :outcome, 7, 3, 4.5)"
                ),
                {"ended": ended, "outcome": outcome},
            )
        connection.execute(
            text(
                "INSERT INTO quarantined_records (source, address, kind, reason, seen_at)"
                " VALUES ('gitlab', 'a', 'note', 'bad', now())"
            )
        )
    after = scraped(client)
    assert value(after, "source_failures", source="gitlab") == 2
    assert value(after, "source_last_run_rows", source="gitlab", kind="read") == 7
    assert value(after, "source_last_run_rows", source="gitlab", kind="new") == 3
    assert value(after, "source_last_run_seconds", source="gitlab") == 4.5
    assert value(after, "source_quarantined_records", source="gitlab") == 1
    assert value(after, "source_lag_seconds", source="gitlab") >= lag
    with collected.begin() as connection:
        connection.execute(text("DELETE FROM runs WHERE started_at = '2024-03-21'"))
        connection.execute(text("DELETE FROM quarantined_records"))


def test_without_a_database_the_counts_are_told_all_the_same(settings: Settings) -> None:
    away = make_engine("postgresql://nobody@127.0.0.1:9/nothing")
    with TestClient(create_app(settings, away), base_url=HOME) as client:
        assert client.get("/").status_code == 503
        samples = scraped(client)
        assert value(samples, "database_up") == 0
        assert value(samples, "http_requests_total", route="/", method="GET", status="503") == 1
        problem = client.get("/readyz").json()
    assert (problem["status"], problem["reason"]) == (503, "database_away")


def test_openmetrics_for_who_asks_for_it(client: TestClient) -> None:
    answer = client.get(
        "/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}
    )
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


# What is noted of a request.


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """The events that are logged, with what is bound to the request."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    caplog.set_level(logging.INFO)
    yield lambda: [json.loads(each) for each in caplog.messages if each.startswith("{")]
    structlog.reset_defaults()


def test_every_answer_has_an_id_of_its_own(client: TestClient) -> None:
    asked = ["/", "/", "/healthz", "/nowhere", "/api/v1/teams", "/static/none.css"]
    given = [client.get(each, headers={"X-Request-Id": "mine"}) for each in asked]
    given.append(client.get("/", headers={"If-None-Match": "*"}))
    given.append(client.get("/", headers={"Host": "evil.test"}))
    ids = [answer.headers["x-request-id"] for answer in given]
    assert len(set(ids)) == len(given)
    assert all(re.fullmatch(r"[0-9a-f]{16}", each) for each in ids)


def test_a_failure_has_the_same_id_in_its_answer_and_in_every_line(lines: Any) -> None:
    away = make_engine("postgresql://nobody@127.0.0.1:9/nothing")
    with TestClient(create_app(Settings(), away), base_url=HOME) as client:
        answer = client.get("/api/v1/teams")
    request_id = answer.headers["x-request-id"]
    assert answer.json()["request_id"] == request_id
    [line] = [each for each in lines() if each["event"] == "fault.began"]
    assert line["request_id"] == request_id


def test_the_line_of_a_request_has_no_query(
    lines: Any, collected: Engine, settings: Settings
) -> None:
    server = settings.server.model_copy(update={"access_log": True})
    app = create_app(settings.model_copy(update={"server": server}), collected)
    with TestClient(app, base_url=HOME) as client:
        answer = client.get("/teams/checkout?period=2024-02&private_token=geheim")
    [line] = [each for each in lines() if each["event"] == "request"]
    assert line.pop("seconds") > 0
    assert line == {
        "event": "request",
        "method": "GET",
        "path": "/teams/checkout",
        "route": "/teams/{slug}",
        "status": answer.status_code,
        "request_id": answer.headers["x-request-id"],
    }


def test_without_being_asked_for_there_is_no_line(lines: Any, client: TestClient) -> None:
    client.get("/")
    assert lines() == []


# Whether it is ready.


def test_a_server_that_is_about_to_end_is_alive_and_not_ready(
    collected: Engine, settings: Settings
) -> None:
    app = create_app(settings, collected)
    with TestClient(app, base_url=HOME) as client:
        assert client.get("/readyz").json() == {"status": "ok"}
        app.state.readiness.drain()
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["reason"] == "draining"
        assert client.get("/healthz").status_code == 200
        assert client.get("/api/v1/teams").status_code == 200


def reason(readiness: Readiness) -> str:
    with pytest.raises(NotReadyError) as caught:
        readiness.require()
    return caught.value.reason


def test_a_disk_that_is_nearly_full(engine: Engine, tmp_path: Any) -> None:
    free = shutil.disk_usage(tmp_path).free
    Readiness(engine, tmp_path, Faults(), least_free=free // 2).require()
    assert reason(Readiness(engine, tmp_path, Faults(), least_free=2 * free)) == "disk_full"
    # Nobody is told about a disk when the database itself is gone.
    Readiness(engine, tmp_path / "none", Faults(), least_free=2 * free).require()


def test_a_database_that_takes_no_changes_or_is_not_migrated(engine: Engine) -> None:
    readiness = Readiness(engine, None, Faults())
    readiness.require()
    name = engine.url.database
    with engine.begin() as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    engine.dispose()  # it holds for new connections
    assert reason(readiness) == "read_only"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET default_transaction_read_only = off"))
        connection.execute(text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))
    engine.dispose()
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0009'"))
    assert reason(readiness) == "not_migrated"
    with engine.begin() as migrating:
        migrating.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key("migrate")})
        assert reason(readiness) == "migrating"
    assert reason(readiness) == "not_migrated"


def test_every_connection_in_use_is_told_as_such(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1)
    engine.pool._timeout = 0.01  # type: ignore[attr-defined]
    with engine.connect(), engine.connect():
        assert reason(Readiness(engine, None, Faults())) == "busy"
    engine.dispose()
