"""What others wrote stays text on every page, and no answer is without the headers that keep it so."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert, update

from app.metrics import INDICATORS
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.engine import sessions
from app.store.tables import Account, Person, Project, Run, Team
from dashboards import assets
from tests.databases import engine_on

from ..app.metrics.conftest import Store
from .served import asking

HOSTILE = "'\"><img src=x onerror=hit()><script>hit()</script><!-- {{ 7*7 }} javascript:hit()"
SETTINGS = Settings.model_validate(
    {
        "reporting": {"history_start": "2024-01-01"},
        "gitlab": {"groups": ["acme"]},
        "files": {"teams": "/nowhere/teams.yaml"},
    }
)
PAGES = (
    "/",
    "/?as_known_at=2024-03-19&view=flat&sort=-team",
    "/teams/organisation",
    "/teams/checkout?period=2024-02",
    *(f"/indicators/{each.key}" for each in INDICATORS),
    *(f"/indicators/{each.key}/evidence?team=checkout" for each in INDICATORS),
    "/data",
)
ASKED = (
    "/?filter={}",
    "/?sort={}",
    "/?period={}",
    "/?{}=1",
    "/teams/{}",
    "/indicators/{}",
    "/indicators/open_mr_age/evidence?team={}",
    "/indicators/mr_rate?variant={}",
    "/data?before={}",
    "/{}",
)
"""Addresses with something in them that a page might repeat."""


@pytest.fixture(scope="module")
def client(server_url: str, template: str) -> Iterator[TestClient]:
    """An organisation in which every text that comes from outside is hostile."""
    with engine_on(server_url, "pages", template) as engine:
        with sessions(engine).begin() as session:
            store = Store(session)
            store.team("product")
            store.team("checkout", "product", owns=[f"acme/{HOSTILE}"])
            for number, person in enumerate(("ann", "ben"), 1):
                store.person(person, number)
                store.member(person, "checkout", date(2024, 1, 1), role="manager")
            store.member("ann", "product", date(2024, 3, 1))
            store.account(8, "eve")
            store.project(1, f"acme/{HOSTILE}")
            for author, merged in ((1, None), (1, "2024-03-06 10:00"), (8, None), (None, None)):
                made = store.merge_request(
                    author, "2024-02-01 12:00", merged=merged, labels=[HOSTILE], reviewers=[2]
                )
                store.change(made, title=HOSTILE, web_url=f"javascript:hit()//{HOSTILE}")
            for table in (Team, Person, Account, Project):
                session.execute(update(table).values(name=HOSTILE))
            now = store.collected("2024-03-20 12:00")
            session.execute(
                insert(Run).values(
                    source="gitlab",
                    kind="full",
                    started_at=now,
                    finished_at=now,
                    outcome="failed",
                    message=HOSTILE,
                )
            )
            refresh(session, SETTINGS, now)
        with asking(engine, SETTINGS) as client:
            yield client


class Elements(HTMLParser):
    """What of a page a browser would act on, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.dangerous: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        ours = (given.get("src") or "").startswith("/static/")
        if tag == "script" and not ours and given.get("type") != "application/json":
            self.dangerous.append(f"{tag} {attrs}")
        if tag in ("img", "iframe", "object", "base", "style"):
            self.dangerous.append(tag)
        for name, value in attrs:
            to = (value or "").strip().lower()
            inline = name.startswith("on") or name == "style"
            if inline or (name in ("href", "src", "action") and to.startswith("javascript:")):
                self.dangerous.append(f"{tag} {name}={value}")

    def handle_comment(self, data: str) -> None:
        self.dangerous.append(f"comment {data}")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("address", PAGES)
def test_what_others_wrote_is_text(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    page = Elements(answer.text)
    assert page.dangerous == []
    if "/evidence" not in address and address != "/data":
        assert HOSTILE in "".join(page.text)


@pytest.mark.parametrize("address", ["open_mr_age", "mr_rate"])
def test_titles_in_the_evidence_are_text_and_their_links_are_not_followed(
    client: TestClient, address: str
) -> None:
    page = Elements(client.get(f"/indicators/{address}/evidence?period=2024-03").text)
    assert page.dangerous == []
    assert HOSTILE in page.text


def test_report_keeps_it_text_as_well(client: TestClient) -> None:
    html = client.get("/teams/checkout/report?month=2024-02").text
    own = html.replace(html[html.index("<style>") : html.index("</style>") + 8], "")
    page = Elements(own)
    assert page.dangerous == []
    assert HOSTILE in "".join(page.text)


@pytest.mark.parametrize("asked", ASKED)
def test_what_an_address_says_is_text(client: TestClient, asked: str) -> None:
    answer = client.get(asked.format(HOSTILE.replace("&", "%26")), headers={"Accept": "text/html"})
    assert answer.headers["content-type"].startswith("text/html")
    assert Elements(answer.text).dangerous == []


ANSWERS = (
    *PAGES,
    "/?format=csv",
    "/teams/checkout/report",
    "/teams/checkout/report?format=csv",
    "/teams/nobody",
    "/?sort=fame",
    "/nowhere",
    "/static/nothing.css",
    "/api/v1/teams",
    *(asset.address for asset in assets.ASSETS),
)


@pytest.mark.parametrize("address", ANSWERS)
def test_every_answer_has_the_headers(client: TestClient, address: str) -> None:
    headers = client.get(address).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    policy = dict(
        part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy.get("script-src", "'self'") == "'self'"
    assert policy.get("base-uri", "'none'") == "'none'"
    for sources in policy.values():
        # Everything from here, or nothing; Plotly alone writes styles, and nobody scripts.
        assert "http" not in sources
        assert "*" not in sources
        assert "unsafe-eval" not in sources


def test_pages_name_nothing_elsewhere(client: TestClient) -> None:
    for address in PAGES:
        html = client.get(address).text
        for attribute in (' src="', ' action="', '<link rel="stylesheet" href="'):
            for part in html.split(attribute)[1:]:
                assert part.startswith("/"), part[:60]


def test_hostile_organisation_is_measured(client: TestClient) -> None:
    # Otherwise the pages above would show nothing of it.
    answer = client.get("/api/v1/indicators/open_mr_age/series?team=checkout&grain=day").json()
    assert answer["points"][-1]["n"] == 1
    assert datetime.fromisoformat(answer["data_through"]) == datetime(2024, 3, 20, 12, tzinfo=UTC)
