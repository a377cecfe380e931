"""Every answer is read by index: no plan of any statement reads a large table from end to end."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event

from app.api.delivery import OWN_WAYS
from app.auth import audit
from app.main import create_app
from app.metrics import INDICATORS
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.engine import sessions
from benchmarks import company
from dashboards.exports import EXPORTS
from dashboards.pages import PAGES
from tests.databases import engine_on

from .api.signed_in import ADMIN, browser_of, with_sign_in

LARGE = {
    "attribution_spans",
    "audit_events",
    "changed_paths",
    "coverages",
    "daily_values",
    "indicator_values",
    "merge_request_facts",
    "merge_requests",
    "notes",
    "reviewers",
}
"""Tables that grow with the work, or with teams times days."""

MOST_STATEMENTS = 14
"""Of one answer, those included that ask whether anything has changed."""

PARTIAL = """
    SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indpred IS NOT NULL
"""
"""Indexes of few rows, those that are looked for."""

TEAM = "team-003"
Statement = tuple[str, Any]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = company.settings(tmp_path_factory.mktemp("company"))
    reporting = made.reporting.model_copy(update={"history_start": date(2024, 10, 1)})
    return made.model_copy(update={"reporting": reporting})


@pytest.fixture(scope="module")
def computed(server_url: str, template: str, settings: Settings) -> Iterator[Engine]:
    """An engine on a company whose tables are large enough for the planner to have statistics."""
    with engine_on(server_url, "plans", template) as engine:
        company.fill(engine, company.Size(merge_requests=3_000, teams=10, people=120))
        at = datetime.combine(company.END, datetime.min.time(), UTC) + timedelta(minutes=5)
        with sessions(engine).begin() as session:
            refresh(session, settings, at)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
        yield engine


@pytest.fixture(scope="module")
def app(computed: Engine, settings: Settings) -> FastAPI:
    return create_app(settings, computed)


@contextmanager
def statements(engine: Engine) -> Iterator[list[Statement]]:
    """The statements that are put meanwhile."""
    found: list[Statement] = []

    def note(_c: object, _k: object, statement: str, parameters: object, *_: object) -> None:
        if re.match(r"\s*(SELECT|WITH|\()", statement):
            found.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def whole_reads(engine: Engine, found: list[Statement]) -> set[str]:
    """The large tables that a statement has to read from end to end."""
    read: set[str] = set()
    with engine.connect() as connection:
        partial = set(connection.exec_driver_sql(PARTIAL).scalars())
        # Small as the tables are here, what still reads all of one has no index to do otherwise.
        for way in ("seqscan", "hashjoin", "mergejoin"):
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        for statement, parameters in found:
            explained = f"EXPLAIN (FORMAT JSON) {statement}"
            [plan] = connection.exec_driver_sql(explained, parameters).scalar_one()
            read |= {
                node["Relation Name"]
                for node in nodes(plan["Plan"])
                if node["Node Type"] == "Seq Scan" or _reads_all(node, partial)
            }
    return read & LARGE


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def _reads_all(node: dict[str, Any], partial: set[str]) -> bool:
    """Whether it reads an index of all rows from end to end, which spares nothing."""
    by_index = node["Node Type"] in ("Index Scan", "Index Only Scan")
    return by_index and "Index Cond" not in node and node["Index Name"] not in partial


def get_routes(app: FastAPI) -> set[str]:
    """The paths of every page, export and call of the API that is drawn from the database."""
    found: set[str] = set()
    for path, methods in _paths(app):
        if "GET" in methods and not path.startswith(OWN_WAYS):
            found.add(path)
    return found


def _paths(app: FastAPI) -> Iterator[tuple[str, set[str]]]:
    pages = {*(page.route for page in PAGES), *(export.route for export in EXPORTS)}
    yield from ((path, {"GET"}) for path in pages)
    for path, ways in app.openapi()["paths"].items():
        yield path, {way.upper() for way in ways}


ASKED: dict[str, tuple[str, ...]] = {
    "/": ("", "?period=2025-03", "?as_known_at=2025-11-30", "?format=csv"),
    "/teams/{slug}": ("", "?period=2025-03"),
    "/teams/{slug}/report": ("", "?month=2025-03"),
    "/indicators/{key}": (f"?team={TEAM}",),
    "/indicators/{key}/evidence": ("", f"?team={TEAM}&period=2025-03"),
    "/data": ("", "?finding=early_note"),
    "/api/v1/indicators": ("",),
    "/api/v1/indicators/{key}/series": (f"?team={TEAM}", "?from=2025-01&as_known_at=2025-11-30"),
    "/api/v1/indicators/{key}/compare": ("",),
    "/api/v1/indicators/{key}/evidence": ("",),
    "/api/v1/teams": ("",),
    "/api/v1/teams/{slug}": ("",),
    "/api/v1/teams/{slug}/scorecard": ("",),
    "/api/v1/teams/{slug}/attention": ("",),
    "/api/v1/restatements": ("", f"?indicator=open_mr_age&team={TEAM}"),
    "/api/v1/runs": ("",),
    "/api/v1/data-quality": ("",),
}
"""What is asked of each path; every indicator where it names one, a team and the root where it names
one."""

AUDITED = {"/data": {"merge_request_facts"}, "/api/v1/data-quality": {"merge_request_facts"}}
"""Who wrote what belongs to nobody is counted over all there is."""


def addresses(path: str) -> list[str]:
    filled = [path]
    if "{key}" in path:
        filled = [path.replace("{key}", each.key) for each in INDICATORS]
    elif "{slug}" in path:
        filled = [path.replace("{slug}", slug) for slug in (TEAM, "organisation")]
    return [f"{each}{query}" for each in filled for query in ASKED[path]]


def test_every_path_is_asked(app: FastAPI) -> None:
    assert set(ASKED) == get_routes(app)


def test_no_answer_reads_a_large_table_from_end_to_end(app: FastAPI, computed: Engine) -> None:
    found: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    explained: set[str] = set()
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        for path in ASKED:
            for address in addresses(path):
                with statements(computed) as put:
                    answer = client.get(address)
                assert answer.status_code == 200, answer.text
                counts[address] = len(put)
                new = [each for each in put if each[0] not in explained]
                explained |= {statement for statement, _ in new}
                read = whole_reads(computed, new) - AUDITED.get(path, set())
                if read:
                    found[address] = read
    assert found == {}
    assert max(counts.values()) <= MOST_STATEMENTS, counts


def test_metrics_are_read_by_index_in_few_statements(app: FastAPI, computed: Engine) -> None:
    with TestClient(app, base_url="http://127.0.0.1:8000") as client, statements(computed) as put:
        assert client.get("/metrics").status_code == 200
    assert len(put) == 4
    assert whole_reads(computed, put) == set()


def test_pages_of_who_signed_in_take_few_statements(computed: Engine, settings: Settings) -> None:
    site = create_app(with_sign_in(settings), computed)
    counts: dict[str, int] = {}
    with browser_of(site, ADMIN) as client:
        for path in ("/account", "/audit", "/audit?action=exported&before=9", "/api/v1/audit"):
            with statements(computed) as put:
                assert client.get(path).status_code == 200
            counts[path] = len(put)
    assert max(counts.values()) <= 7, counts


def test_what_was_done_is_read_by_index(computed: Engine) -> None:
    with sessions(computed)() as session, statements(computed) as put:
        audit.events(session, action="signed_in")
        audit.events(session, before=9)
        audit.events(session, after=9, action="exported")
    assert whole_reads(computed, put) == set()


def test_a_read_of_everything_is_found(computed: Engine) -> None:
    for statement, read in (
        ("SELECT count(*) FROM notes WHERE kind = 'comment'", {"notes"}),
        ("SELECT * FROM merge_requests WHERE title = 'x' ORDER BY id", {"merge_requests"}),
        ("SELECT * FROM merge_requests WHERE id = 1", set()),
        ("SELECT count(*) FROM notes WHERE early", set()),
    ):
        assert whole_reads(computed, [(statement, None)]) == read, statement
