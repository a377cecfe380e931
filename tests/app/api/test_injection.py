"""What somebody sends reaches the database as a value and a spreadsheet as a text; no file comes in."""

import ast
import csv
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine, event, func, update

from app.main import create_app
from app.metrics import INDICATORS
from app.metrics.refresh import refresh
from app.spreadsheet import FORMULA
from app.store.engine import sessions
from app.store.tables import Account, MergeRequest, Person, Team
from tests.databases import engine_on

from ..metrics.conftest import Store
from .conftest import SETTINGS, fill
from .routes import routes_of

ROOT = Path(__file__).parents[3]
ASKED_BY_ANYBODY = ("app/api", "app/auth", "app/cli", "app/alerts", "dashboards")
"""Folders of what answers somebody; what they ask the database they ask through `app.metrics`."""

SQL = re.compile(
    r"\b(SELECT\b.*\bFROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE \w+|ALTER \w+|GRANT \w+)\b",
    re.DOTALL,
)
MARK = "zq7"
HOSTILE = f"{MARK}'\"; SELECT 1 --%s:x"


def composed(tree: ast.Module) -> Iterator[int]:
    """The lines on which a statement is put together out of parts."""
    for node in ast.walk(tree):
        parts: list[ast.expr] = []
        if isinstance(node, ast.JoinedStr):
            parts = node.values
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            parts = [node.left, node.right]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "format"
        ):
            parts = [node.func.value]
        if SQL.search("".join(str(p.value) for p in parts if isinstance(p, ast.Constant))):
            assert isinstance(node, ast.expr)
            yield node.lineno


def test_what_answers_somebody_puts_no_statement_together() -> None:
    files = [file for folder in ASKED_BY_ANYBODY for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > 50
    found = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in files
        for line in composed(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        'f"SELECT x FROM t WHERE a = {given}"',
        '"SELECT x FROM t WHERE a = " + given',
        '"SELECT x FROM t WHERE a = %s" % given',
        '"DELETE FROM {}".format(given)',
    ],
)
def test_a_statement_that_is_put_together_is_found(code: str) -> None:
    assert list(composed(ast.parse(code))) == [1]


def parameters(route: Mapping[str, Any]) -> Iterator[str]:
    for each in route["get"].get("parameters", ()):
        if each["in"] == "query":
            yield each["name"]


def test_no_parameter_becomes_a_part_of_a_statement(collected: Engine) -> None:
    """Every parameter of the API and every address of a page, with what would end a literal."""
    app = create_app(SETTINGS, collected)
    statements: list[str] = []
    values: list[str] = []

    def note(
        _connection: Connection,
        _cursor: Any,
        statement: str,
        given: Any,
        _context: Any,
        _many: bool,
    ) -> None:
        statements.append(statement)
        values.append(str(given))

    asked = quote(HOSTILE)
    addresses = []
    for path, route in app.openapi()["paths"].items():
        for name in parameters(route):
            real = path.format(slug="checkout", key="open_mr_age")
            addresses.append(f"{real}?{name}={asked}")
        addresses.append(path.replace("{slug}", asked).replace("{key}", asked))
    pages = ("/", "/teams/{}", "/teams/{}/report", "/indicators/{}", "/indicators/{}/evidence")
    names = (
        "period",
        "team",
        "variant",
        "sort",
        "project",
        "label",
        "kind",
        "as_known_at",
        "month",
    )
    for page in pages:
        addresses.append(page.format(asked))
        for real in ("checkout", "open_mr_age"):
            addresses += [f"{page.format(real)}?{name}={asked}" for name in names]
    event.listen(collected, "before_cursor_execute", note)
    try:
        with TestClient(app, base_url="http://127.0.0.1:8000") as client:
            statuses = {client.get(address).status_code for address in addresses}
    finally:
        event.remove(collected, "before_cursor_execute", note)
    assert statuses <= {200, 404, 422}
    assert not [each for each in statements if MARK in each]
    assert any(MARK in each for each in values), "nothing of it was ever asked for"


def test_no_route_takes_a_file(app: FastAPI) -> None:
    routes = [each for each in routes_of(app) if isinstance(each, APIRoute)]
    assert len(routes) > 15
    for route in routes:
        assert route.body_field is None, f"{route.path} has FastAPI read a body"
    description = app.openapi()
    assert "multipart" not in str(description)
    assert all("requestBody" not in each["get"] for each in description["paths"].values())
    for file in (ROOT / "dashboards" / "templates").glob("*.html"):
        text = file.read_text(encoding="utf-8")
        assert 'type="file"' not in text
        assert "multipart" not in text


@pytest.fixture(scope="module")
def formulas(server_url: str, template: str) -> Iterator[TestClient]:
    """An organisation in which every text that comes from outside is a formula."""
    with engine_on(server_url, "formulas", template) as engine:
        with sessions(engine).begin() as session:
            fill(Store(session))
            session.execute(update(Team).values(name=func.concat("=1+1 ", Team.slug)))
            session.execute(update(Person).values(name=func.concat("+1 ", Person.person_id)))
            session.execute(update(Account).values(username=func.concat("@", Account.username)))
            session.execute(update(Account).values(name=func.concat("\t=1 ", Account.username)))
            session.execute(update(MergeRequest).values(title="-1+1"))
            labels = ["=label", "community contribution"]
            session.execute(update(MergeRequest).values(labels=labels))
            refresh(session, SETTINGS, Store(session).collected("2024-03-20 12:00"))
        with TestClient(create_app(SETTINGS, engine), base_url="http://127.0.0.1:8000") as client:
            yield client


def tables(app: Any) -> list[str]:
    """Every address that gives a table."""
    found = ["/?format=csv", "/teams/checkout/report?format=csv"]
    for path, route in app.openapi()["paths"].items():
        if "format" in parameters(route):
            keys = [each.key for each in INDICATORS] if "{key}" in path else [""]
            found += [f"{path.format(slug='checkout', key=key)}?format=csv" for key in keys]
    return found


def test_no_cell_of_any_table_is_a_formula(formulas: TestClient) -> None:
    neutral = 0
    addresses = tables(formulas.app)
    assert len(addresses) > 20
    for address in addresses:
        answer = formulas.get(address)
        assert answer.status_code in (200, 404, 422), (address, answer.text)
        if answer.status_code != 200:
            assert "/diversity/" in address  # it has no evidence
            continue
        assert answer.headers["content-type"].startswith("text/csv"), address
        for row in csv.reader(StringIO(answer.text, newline="")):
            for cell in row:
                if FORMULA.match(cell):
                    assert re.fullmatch(r"-\d+(\.\d+)?(e-?\d+)?", cell), (address, cell)
                neutral += cell.startswith("'")
    assert neutral > 5
