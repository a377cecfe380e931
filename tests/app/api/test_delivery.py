"""Answers that still hold are not made again, and every change of what they are drawn from shows."""

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from anyio.from_thread import start_blocking_portal
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine, event, text
from starlette.types import Message, Receive, Scope, Send

import app as application
import dashboards
from app.api.delivery import Answer, Delivery, Kept, Place
from app.api.readiness import Readiness
from app.api.validators import Present, is_among, signature
from app.caching import REVALIDATED
from app.faults import Faults
from app.main import create_app
from app.metrics.present import told_of
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.engine import make_engine, reading_sessions, sessions
from tests.databases import engine_on

from ..metrics.conftest import Store
from .conftest import SETTINGS, fill

HOME = "http://127.0.0.1:8000"
ADDRESSES = (
    "/",
    "/?format=csv",
    "/teams/checkout",
    "/teams/checkout/report?month=2024-02",
    "/indicators/open_mr_age",
    "/indicators/open_mr_age/evidence",
    "/data",
    "/api/v1/indicators",
    "/api/v1/indicators/open_mr_age/series?format=csv",
    "/api/v1/indicators/open_mr_age/evidence",
    "/api/v1/teams",
    "/api/v1/teams/checkout/attention",
    "/api/v1/restatements",
    "/api/v1/runs",
    "/api/v1/data-quality",
)


@pytest.fixture(scope="module")
def store(server_url: str, template: str) -> Iterator[Engine]:
    """An engine on a small organisation that the tests of this module change."""
    with engine_on(server_url, "delivery", template) as engine:
        with sessions(engine).begin() as session:
            fill(Store(session))
            refresh(session, SETTINGS, Store(session).collected("2024-03-20 12:00"))
        yield engine


@contextmanager
def asking(engine: Engine, settings: Settings = SETTINGS) -> Iterator[TestClient]:
    with TestClient(create_app(settings, engine), base_url=HOME) as client:
        yield client


@pytest.fixture
def client(store: Engine) -> Iterator[TestClient]:
    with asking(store) as client:
        yield client


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The statements that are put meanwhile."""
    found: list[str] = []

    def note(_c: object, _k: object, statement: str, *_: object) -> None:
        found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def etag(client: TestClient, address: str = "/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.headers["etag"]


def asked_again(client: TestClient, address: str, tag: str) -> Response:
    return client.get(address, headers={"If-None-Match": tag})


def present_of(engine: Engine) -> Present:
    faults = Faults()
    readiness = Readiness(engine, None, faults)
    return Present(engine, reading_sessions(engine), SETTINGS, readiness, faults)


def write(engine: Engine, statement: str, **parameters: object) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), parameters)


def test_what_has_not_changed_is_told_in_one_statement(store: Engine, client: TestClient) -> None:
    tags = set()
    for address in ADDRESSES:
        first = client.get(address)
        tag = first.headers["etag"]
        assert first.headers["cache-control"] == "private, no-cache"
        with statements(store) as put:
            again = asked_again(client, address, tag)
        assert (again.status_code, again.content) == (304, b""), address
        assert len(put) == 1
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == "private, no-cache"
        assert again.headers["vary"] == "Accept-Encoding"
        # They would take the place of what the page itself came with.
        assert {"content-security-policy", "content-type", "content-length"} & {
            *again.headers
        } == set()
        with statements(store) as put:
            whole = client.get(address)
        assert len(put) == 1
        assert (whole.status_code, whole.content) == (200, first.content)
        own = {"x-request-id"}
        assert {**whole.headers, **dict.fromkeys(own)} == {**first.headers, **dict.fromkeys(own)}
        tags.add(tag)
    assert len(tags) == len(ADDRESSES)


def test_how_an_etag_is_named(client: TestClient) -> None:
    tag = etag(client)
    assert re.fullmatch(r'W/"[0-9a-f]{32}"', tag)
    for given in (
        tag,
        tag.removeprefix("W/"),
        f'"other", {tag}',
        f'W/"a,b" ,{tag},"c"',
        "*",
        " * ",
    ):
        assert asked_again(client, "/", given).status_code == 304, given
    for given in ('"other"', tag[:-2] + '"', tag.strip('W/"'), '"*"', ""):
        assert asked_again(client, "/", given).status_code == 200, given
    assert asked_again(client, "/data", tag).status_code == 200
    assert asked_again(client, "/?view=flat", tag).status_code == 200
    several = client.get("/", headers=[("If-None-Match", '"a"'), ("If-None-Match", tag)])
    assert several.status_code == 304


def test_head_tells_the_same(client: TestClient) -> None:
    tag = etag(client)
    head = client.head("/")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)
    assert int(head.headers["content-length"]) > 1_000
    assert client.head("/", headers={"If-None-Match": tag}).status_code == 304


def test_compressed_or_not_it_is_the_same(client: TestClient) -> None:
    plain = client.get("/", headers={"Accept-Encoding": "identity"})
    packed = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert plain.headers["etag"] == packed.headers["etag"]
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert plain.content == packed.content
    assert int(packed.headers["content-length"]) * 3 < int(plain.headers["content-length"])


@pytest.mark.parametrize("address", ["/nowhere", "/teams/nobody", "/?x=1", "/api/v1/teams/nobody"])
def test_a_failure_has_none(client: TestClient, address: str) -> None:
    for given in ("*", etag(client)):
        answer = asked_again(client, address, given)
        assert answer.status_code in (404, 422)
        assert "etag" not in answer.headers


@pytest.mark.parametrize("address", ["/healthz", "/readyz", "/openapi.json", "/metrics"])
def test_what_depends_on_something_else_has_none(client: TestClient, address: str) -> None:
    assert "etag" not in client.get(address).headers


CHANGES = {
    "a team's name": "UPDATE teams SET name = name || '.' WHERE slug = 'search'",
    "a title": "UPDATE merge_requests SET title = title || '.' WHERE iid = 1",
    "an account": "UPDATE accounts SET name = name || '.' WHERE id = 1",
    "a target": "INSERT INTO targets VALUES ('open_mr_age', 'search', '2024-01-01', 3)",
    "a value": "UPDATE daily_values SET n = n WHERE team_id = 1",
    "a run": "INSERT INTO runs (source, kind, started_at, outcome) VALUES ('gitlab', '', now(), '')",
    "a record that cannot be read": "INSERT INTO quarantined_records VALUES ('files', 'a', 'b', 'c', now())",
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_shows_at_once(store: Engine, client: TestClient, change: str) -> None:
    before = {address: etag(client, address) for address in ("/", "/data", "/api/v1/teams")}
    write(store, CHANGES[change])
    for address, tag in before.items():
        answer = asked_again(client, address, tag)
        assert (answer.status_code, answer.headers["etag"] != tag) == (200, True)


def test_what_is_kept_is_not_shown_after_a_change(store: Engine, client: TestClient) -> None:
    assert "Renamed" not in client.get("/").text
    write(store, "UPDATE teams SET name = 'Renamed' WHERE slug = 'product'")
    assert "Renamed" in client.get("/").text


def test_a_refresh_shows_with_the_value_that_it_changed(store: Engine, client: TestClient) -> None:
    address = "/api/v1/indicators/open_mr_age/compare?parent=product&period=2024-03-19"
    before = client.get(address)
    with sessions(store).begin() as session:
        written = Store(session, first_id=5_000)
        written.merge_request(3, "2024-01-02 12:00")
        refresh(session, SETTINGS, written.collected("2024-03-20 13:00"))
    after = asked_again(client, address, before.headers["etag"])
    assert after.status_code == 200
    counts = [[row["n"] for row in answer.json()["items"]] for answer in (before, after)]
    assert counts[1] == [counts[0][0] + 1, counts[0][1], counts[0][2] + 1]


def test_another_configuration_or_program_has_other_etags(store: Engine, tmp_path: Path) -> None:
    with asking(store) as one, asking(store) as same:
        assert etag(one) == etag(same)
        other = SETTINGS.model_copy(
            update={"targets": SETTINGS.targets.model_copy(update={"tolerance": 0.4})}
        )
        with asking(store, other) as client:
            assert etag(client) != etag(one)
    (tmp_path / "page.html").write_text("a")
    before = signature(SETTINGS, [tmp_path])
    assert signature(SETTINGS, [tmp_path]) == before
    (tmp_path / "page.html").write_text("b")
    changed = signature(SETTINGS, [tmp_path])
    (tmp_path / "page.html").rename(tmp_path / "other.html")
    assert len({before, changed, signature(SETTINGS, [tmp_path])}) == 3


def test_what_is_said_of_the_moment() -> None:
    zone = ZoneInfo("Europe/Berlin")
    reached = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)

    def told(**later: float) -> str:
        return told_of(reached + timedelta(**later), [reached], zone)

    assert told(hours=0) == told(hours=16, minutes=59)
    different = (
        told(hours=16, minutes=59),
        told(hours=17),  # midnight in Berlin
        told(hours=24),  # a day behind
        told(hours=26, seconds=1),  # too long
        told(hours=48),
    )
    assert len(set(different)) == 5
    assert told(hours=24) == told(hours=26)


def test_time_that_passes_shows(store: Engine) -> None:
    """A source becomes stale while nothing is written: pages say so from then on."""
    through = datetime.now(UTC) - timedelta(hours=26) + timedelta(seconds=2.5)
    write(store, "UPDATE runs SET data_through = :through WHERE source = 'files'", through=through)
    with asking(store) as client:
        tag = etag(client)
        assert "Files is 1 day behind" not in client.get("/").text
        assert asked_again(client, "/", tag).status_code == 304
        time.sleep(max(0.0, (through + timedelta(hours=26) - datetime.now(UTC)).total_seconds()))
        later = asked_again(client, "/", tag)
    assert later.status_code == 200
    assert "Files is 1 day behind" in later.text


def test_before_merge_requests_are_measured_nothing_is_promised(engine: Engine) -> None:
    """Until then the present instant stands in for how far the data reach."""
    with sessions(engine).begin() as session:
        Store(session).team("product")
        refresh(session, SETTINGS, Store(session).collected("2024-03-20 12:00", ["files"]))
    with asking(engine) as client:
        for address in ("/", "/teams/product", "/api/v1/teams/product/attention"):
            answer = asked_again(client, address, "*")
            assert answer.status_code == 200
            assert "etag" not in answer.headers


def test_without_a_database_nothing_holds(store: Engine) -> None:
    gone = store.url.set(database="gone").render_as_string(hide_password=False)
    engine = make_engine(gone)
    with asking(engine) as client:
        for address in ("/", "/api/v1/teams"):
            assert asked_again(client, address, "*").status_code == 503
    engine.dispose()


def test_one_question_is_put_for_all_who_wait(store: Engine) -> None:
    present = present_of(store)

    async def together(count: int) -> list[str | None]:
        return await asyncio.gather(*(present.state() for _ in range(count)))

    async def ask() -> tuple[list[str | None], int]:
        await present.state()
        with statements(store) as put:
            return await together(20), len(put)

    with start_blocking_portal() as portal:  # the browser of other tests has a loop in this thread
        states, put = portal.call(ask)
    assert len(set(states)) == 1
    assert states[0]
    assert put == 2, "one that was under way when the others came, and one for them"


def test_whoever_waits_is_content_with_what_was_begun_after_they_came(store: Engine) -> None:
    """Although each of them came after another change: while data are collected they change all the time."""
    clients = 10
    came: list[int] = []
    drawn: list[str] = []

    async def draw(_: Scope, __: Receive, send: Send) -> None:
        with store.connect() as connection:
            drawn.append(
                connection.execute(text("SELECT name FROM teams WHERE id = 2")).scalar_one()
            )
        while len(came) < clients:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.1)  # and wait for their turn
        headers = [(b"cache-control", REVALIDATED.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": drawn[-1].encode()})

    delivery = Delivery(draw, present_of(store), b"")

    async def ask(number: int) -> tuple[int, int]:
        """(what the client has to see, what it is shown); all but the first come while that is drawn"""
        while number and not drawn:
            await asyncio.sleep(0.001)
        write(store, "UPDATE teams SET name = :name WHERE id = 2", name=str(number))
        body: list[bytes] = []

        async def take(message: Message) -> None:
            body.append(message.get("body", b""))

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        scope = {"type": "http", "method": "GET", "scheme": "http", "path": "/", "headers": []}
        came.append(number)
        await delivery({**scope, "query_string": b""}, receive, take)
        return number, int(b"".join(body))

    async def all_of_them() -> list[tuple[int, int]]:
        return await asyncio.gather(*map(ask, range(clients)))

    with start_blocking_portal() as portal:
        for number, shown in portal.call(all_of_them):
            assert shown >= number
    assert len(drawn) == 2


def test_what_is_kept_is_bounded() -> None:
    kept = Kept(most=10)

    def place(name: str) -> Place:
        return Place("http", "127.0.0.1", name.encode(), b"", False, b"")

    def put(name: str, size: int, tag: str = "1") -> None:
        kept.put(place(name), Answer(200, (), b"x" * size, tag))

    def there(*names: str) -> list[str]:
        return [name for name in names if kept.find(place(name), "1")]

    put("a", 4)
    put("b", 4)
    assert there("b", "a") == ["b", "a"]
    put("c", 4)  # b was not asked for the longest
    assert there("a", "b", "c") == ["a", "c"]
    put("a", 6)
    assert there("a", "c") == ["a", "c"]
    put("c", 4, "2")
    assert there("a", "c") == ["a"]
    put("d", 11)
    assert there("a", "c", "d") == []


def test_lists_of_etags() -> None:
    assert is_among('W/"a"', ['"b", "a"'])
    assert not is_among('W/"a"', ['"b" "a"', "a", ""])


CLOCK = re.compile(
    r"\bnow\((?:UTC|zone)?\)|\btoday\(\)|\btime\.time\(\)|clock_timestamp|current_(?:date|timestamp)",
    re.I,
)
CLOCKS = {
    # The day in place of one that the data reach, where there are none.
    "app/metrics/points.py": 2,
    "dashboards/team.py": 2,
    # Which day it is, and how far sources lie back.
    "app/metrics/restatements.py": 1,
    "app/metrics/freshness.py": 1,
    "dashboards/pages.py": 2,
    "dashboards/data.py": 1,
    # What all of this may tell.
    "app/api/validators.py": 1,
    # Whether the clock is wrong: a fault, which is told there as well.
    "app/api/readiness.py": 1,
    # Writes.
    "app/api/webhooks.py": 1,
    "app/api/sign_in.py": 1,
    "app/metrics/forget.py": 1,
    # Nobody keeps their answers.
    "app/api/exposition.py": 1,
    "dashboards/personal.py": 4,
    # Who asks, which is part of the ETag.
    "app/api/authentication.py": 1,
}


def test_who_reads_the_clock_is_known() -> None:
    """Whatever an answer tells of the present moment `app.metrics.present` has to tell as well."""
    found = {}
    base = Path(application.__file__).parent
    folders = (base / "metrics", base / "api", Path(dashboards.__file__).parent)
    for file in (file for folder in folders for file in folder.rglob("*.py")):
        code = file.read_text()
        reads = CLOCK.findall(code)
        if reads:
            found[str(file.relative_to(base.parent))] = len(reads)
    assert found == CLOCKS
