"""No answer counts, ranks or compares persons: which of two colleagues did what changes nothing but names.

Every page, API address, CSV and report is asked for twice. In between, all that one member of a team
did becomes another's, and the other way round: what was written, reviewed, answered and merged. With
their names covered each answer is the same to the letter. A number that belonged to a person would not
be.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import Engine, insert, text, update

from app.main import create_app
from app.metrics import INDICATORS
from app.metrics.checks import CHECKS
from app.metrics.evidence_filters import SORTS
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.engine import sessions
from app.store.tables import Account, FormerUsername, Identity, Person
from tests.app.metrics.conftest import Store, at
from tests.databases import engine_on

SETTINGS = Settings.model_validate(
    {
        "reporting": {"history_start": "2024-01-01"},
        "gitlab": {"groups": ["acme"], "handbook": [{"project": "acme/handbook"}]},
        "files": {"teams": "/nowhere/teams.yaml"},
    }
)
THROUGH = "2024-03-20 12:00"

# With the same initials, and as long as each other: nothing but the names themselves differs.
ALIKE = {1: ("asta-lind", "Asta Lind"), 2: ("arno-lutz", "Arno Lutz")}
STRANGERS = {8: ("zoe-quist", "Zoe Quist"), 9: ("zac-quint", "Zac Quint")}
NAMES = re.compile(
    "|".join(re.escape(name) for names in (ALIKE | STRANGERS).values() for name in names)
)
PERIODS = {"daily": "2024-03-20", "monthly": "2024-02"}
"""One that runs and one that is over."""

UNLIKE_ITSELF = {"/healthz", "/readyz", "/metrics"}
"""What tells of the server: it may differ at any time, and names nobody."""
OF_WHO_ASKS = re.compile(
    r"/(account|sign-?in|sign-?out|auth|audit|api/v1/audit|openapi|static|webhooks)\b.*"
)
"""What tells of who is signed in and what was done in teamgauge itself, and what is the same for all."""


def fill(store: Store) -> None:
    """Checkout: Asta and Arno, who were there on the same days, and four others; two who are unknown.

    Asta did nearly everything, and Zoe more than Zac.
    """
    store.team("product")
    store.team("checkout", "product", owns=["acme/checkout/**"])
    store.team("search", "product")
    session = store.session
    for account, (username, name) in (ALIKE | STRANGERS).items():
        session.execute(insert(Account).values(id=account, username=username, name=name, bot=False))
        session.execute(insert(FormerUsername).values(account_id=account, username=username))
        if account in ALIKE:
            session.execute(insert(Person).values(person_id=username, name=name))
            session.execute(insert(Identity).values(username=username, person_id=username))
    for number, person in enumerate(("bea", "cid", "dee", "eli"), 3):
        store.person(person, number)
    people = [username for username, _ in ALIKE.values()]
    for place, person in enumerate([*people, "bea", "cid", "dee", "eli"]):
        store.member(person, "search" if person == "eli" else "checkout", date(2024, 1, 1))
        store.employed(person, date(2024, 1, 1))
        declared = {"gender": "woman" if place % 2 else "man"}
        session.execute(
            update(Person).where(Person.person_id == person).values(attributes=declared)
        )
    store.project(1, "acme/checkout/api")
    store.project(2, "acme/handbook")
    for number, author in enumerate([1, 1, 1, 1, 1, 1, 2, 3, 1, 6]):
        day = date(2024, 1, 15) + timedelta(days=6 * number)
        merged = f"{day + timedelta(days=9)} 12:00" if number % 2 else None
        made = store.merge_request(
            author, f"{day} 12:00", merged=merged, project=2 if number % 4 == 1 else 1
        )
        store.request_review(made, f"{day + timedelta(days=1)} 12:00", ALIKE[1][0], "bea")
        store.note(made, 1 if author != 1 else 4, f"{day + timedelta(days=2)} 12:00", "comment")
        store.change(made, merge_user_id=1 if merged else None)
    for author in (8, 8, 8, 9):
        made = store.merge_request(author, "2024-03-04 12:00", labels=["Community contribution"])
        store.note(made, 1, "2024-03-05 12:00", "comment")


SWAPS = (
    "UPDATE merge_requests SET author_id = {other} WHERE author_id IN ({pair})",
    "UPDATE merge_requests SET merge_user_id = {other} WHERE merge_user_id IN ({pair})",
    "UPDATE notes SET author_id = {other} WHERE author_id IN ({pair})",
    "UPDATE notes SET requested = array_replace(array_replace(array_replace(requested, '{one}', '-'),"
    " '{two}', '{one}'), '-', '{two}')",
    "UPDATE notes SET names = array_replace(array_replace(array_replace(names, '{one}', '-'),"
    " '{two}', '{one}'), '-', '{two}')",
)


def swap(engine: Engine) -> None:
    """What one of each two did is the other's from now on."""
    with sessions(engine).begin() as session:
        for pair in (ALIKE, STRANGERS):
            (first, (one, _)), (second, (two, _)) = pair.items()
            for statement in SWAPS:
                column = re.search(r"\w+_id", statement)
                other = f"{first + second} - {column[0]}" if column else ""
                session.execute(
                    text(statement.format(other=other, pair=f"{first}, {second}", one=one, two=two))
                )
        session.execute(text("UPDATE merge_requests SET dirty = true"))
        refresh(session, SETTINGS, at(THROUGH), everything=True)


def paths(app: FastAPI) -> set[str]:
    """Every route that answers GET, as it is written: pages, exports, and what the API describes."""
    pages = {
        route.path
        for route in app.routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ())
    }
    return pages | {path for path, methods in app.openapi()["paths"].items() if "get" in methods}


def addresses(app: FastAPI) -> Iterator[str]:
    """What can be asked of every route, in every form."""
    sheets = {
        path
        for path, methods in app.openapi()["paths"].items()
        if any(each["name"] == "format" for each in methods.get("get", {}).get("parameters", ()))
    }
    for path in sorted(paths(app)):
        if OF_WHO_ASKS.fullmatch(path) or path in UNLIKE_ITSELF:
            continue
        for filled in _filled(path):
            yield filled
            if path in sheets:
                yield f"{filled}{'&' if '?' in filled else '?'}format=csv"
    yield from ("/?view=flat&format=csv", "/?sort=-mr_rate", "/?status=signal")
    for check in CHECKS:
        yield f"/data?finding={check.kind}"
    for form in ("html", "md", "csv"):
        yield f"/teams/checkout/report?month=2024-02&format={form}"


def _filled(path: str) -> Iterator[str]:
    """A route with what its places and most telling parameters can be."""
    if "{key}" in path:
        for indicator in INDICATORS:
            written = path.replace("{key}", indicator.key)
            variants = [f"&variant={each.key}" for each in indicator.variants] or [""]
            if not path.endswith("evidence"):
                team = "parent" if path.endswith("compare") else "team"
                yield from (f"{written}?{team}=product{variant}" for variant in variants)
                continue
            kinds = [f"&kind={kind}" for kind in indicator.evidence_kinds] or [""]
            asked = f"team=checkout&period={PERIODS[indicator.cadence]}"
            for more in kinds if indicator.evidence_kinds else variants:
                yield f"{written}?{asked}{more}"
    else:
        yield path.replace("{slug}", "checkout")


@pytest.fixture(scope="module")
def engine(server_url: str, template: str) -> Iterator[Engine]:
    """The organisation, computed."""
    with engine_on(server_url, "nobody", template) as engine:
        with sessions(engine).begin() as session:
            fill(Store(session))
            refresh(session, SETTINGS, Store(session).collected(THROUGH))
        yield engine


@pytest.fixture(scope="module")
def client(engine: Engine) -> Iterator[TestClient]:
    """Somebody who may see everything."""
    with TestClient(create_app(SETTINGS, engine), base_url="http://127.0.0.1:8000") as client:
        yield client


Answers = dict[str, str]


@pytest.fixture(scope="module")
def asked(engine: Engine, client: TestClient) -> tuple[Answers, Answers]:
    """Every answer by its address: before who did what was swapped, and after."""
    assert isinstance(client.app, FastAPI)
    every = list(addresses(client.app))
    before = {address: _ask(client, address) for address in every}
    swap(engine)
    return before, {address: _ask(client, address) for address in every}


def _ask(client: TestClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, f"{address}: {answer.text}"
    return answer.text


def test_nothing_but_names_depends_on_who_of_a_team_did_it(
    asked: tuple[Answers, Answers],
) -> None:
    before, after = asked
    differing = [
        address
        for address, answer in before.items()
        if NAMES.sub("somebody", answer) != NAMES.sub("somebody", after[address])
    ]
    assert differing == []


def test_the_names_did_change(asked: tuple[Answers, Answers]) -> None:
    """The answers above could differ: where names are told they do, and there are hundreds of answers."""
    before, after = asked
    assert len(before) > 140
    changed = {address.partition("?")[0] for address in before if before[address] != after[address]}
    assert {
        "/indicators/open_mr_age/evidence",
        "/api/v1/indicators/mr_rate/evidence",
        "/api/v1/teams/checkout/attention",
        "/teams/checkout",
        "/teams/checkout/report",
    } <= changed
    assert not [each for each in changed if "diversity" in each]


def test_what_tells_of_the_server_names_nobody(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)
    for path in UNLIKE_ITSELF & paths(client.app):
        answer = client.get(path)
        assert answer.status_code == 200
        assert not NAMES.search(answer.text)


def test_nobody_can_be_asked_for(client: TestClient) -> None:
    """No address takes a person to filter, to sort or to group by, and an unknown parameter is refused."""
    persons = (
        "author",
        "reviewer",
        "person",
        "user",
        "username",
        "assignee",
        "member",
        "merged_by",
    )
    assert isinstance(client.app, FastAPI)
    taken = {
        parameter["name"]
        for path, methods in client.app.openapi()["paths"].items()
        if not OF_WHO_ASKS.fullmatch(path)
        for operation in methods.values()
        for parameter in operation.get("parameters", ())
    }
    assert {"team", "sort", "state"} <= taken
    assert not [name for name in taken if any(person in name for person in persons)]
    assert not [name for name in SORTS if any(person in name for person in persons)]
    for base in ("/indicators/mr_rate/evidence", "/api/v1/indicators/mr_rate/evidence", "/"):
        for query in ("author=asta-lind", "sort=author", "sort=-username", "group=author"):
            assert client.get(f"{base}?{query}").status_code in (404, 422), (base, query)
