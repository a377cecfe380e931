"""What a client of Harvest v3 has to get right: tokens, cursors, the window, and one sentence each."""

import socket
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from collectors.greenhouse import client as client_module
from collectors.retry import RetryPolicy
from demo.greenhouse import RateLimit
from demo.greenhouse.lists import LARGEST_PAGE
from tests.collectors.greenhouse.conftest import QUICK, START, Lab


def fill(lab: Lab, count: int) -> None:
    job = lab.world.add_job("Engineer", lab.world.add_department("Backend"))
    for number in range(count):
        lab.world.open_opening(job, at=START + timedelta(minutes=number))


def test_pages_follow_the_cursor_alone(lab: Lab) -> None:
    fill(lab, 2 * LARGEST_PAGE + 1)
    report = lab.collect()
    assert report.outcome == "done"
    assert [sorted(each) for each in lab.fake.asked("openings")] == [
        ["per_page"],
        ["cursor"],
        ["cursor"],
    ]
    assert lab.fake.asked("openings")[0] == {"per_page": "500"}
    assert len(lab.openings()) == 2 * LARGEST_PAGE + 1


def test_the_token_goes_to_greenhouse_only(lab: Lab) -> None:
    """A link that leads elsewhere is followed by its cursor, at the configured address."""
    fill(lab, 1)
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.05)
        port = trap.getsockname()[1]
        lab.fake.fail_next(
            200,
            headers={"Link": f'<http://127.0.0.1:{port}/v3/openings?cursor=W3t9LDFd>; rel="next"'},
            body=b"[]",
            match=lambda request: request.operation == "openings",
        )
        lab.collect()
        with pytest.raises(TimeoutError):
            trap.accept()
    assert lab.fake.asked("openings")[1] == {"cursor": "W3t9LDFd"}


@pytest.mark.parametrize("link", ["/v3/openings?page=2", "/v3/openings?cursor=same"])
def test_a_link_that_leads_nowhere_ends_the_run(lab: Lab, link: str) -> None:
    lab.fake.fail_next(
        200,
        headers={"Link": f'<{lab.url}{link}>; rel="next"'},
        body=b"[]",
        times=None,
        match=lambda request: request.operation == "openings",
    )
    (sentence,) = lab.sentences()
    assert sentence == (
        f"The server at {lab.url} does not answer as Greenhouse does. Check greenhouse.url."
    )


@pytest.mark.parametrize("tells_seconds", [True, False])
def test_one_token_serves_until_shortly_before_its_end(lab: Lab, tells_seconds: bool) -> None:
    lab.fake.tells_seconds = tells_seconds
    assert lab.collect().requests_by_kind["token"] == 1
    # A life of two seconds leaves one: every later request comes in time, none is refused.
    lab.fake.lifetime = timedelta(seconds=2)
    lab.fake.fail_next(503, headers={"Retry-After": "1.2"}, only="list", skip=2)
    report = lab.collect(policy=RetryPolicy(base=0.001, longest=2))
    assert report.outcome == "done"
    assert report.requests_by_kind["token"] == 2
    assert 401 not in [request.status for request in lab.fake.requests]


def test_a_refused_token_is_renewed_once(lab: Lab) -> None:
    lab.fake.fail_next(401, only="list", skip=1)
    report = lab.collect()
    assert (report.outcome, report.requests_by_kind["token"]) == ("done", 2)
    lab.fake.fail_next(401, only="list", times=None)
    (sentence,) = lab.sentences()
    assert sentence == (
        f"Greenhouse at {lab.url} does not accept the token that its token server gave. Check that"
        " greenhouse.url and greenhouse.token_url belong together."
    )
    assert [request.operation for request in lab.fake.requests] == [
        "token",
        "departments",
        "token",
        "departments",
    ]


def test_a_token_that_is_revoked_while_pages_are_read(lab: Lab) -> None:
    fill(lab, LARGEST_PAGE + 1)

    def revoke(request: object) -> bool:
        if "cursor" in getattr(request, "path", "") and lab.fake.tokens == 1:
            lab.fake.revoke_tokens()
        return False

    lab.fake.fail_next(500, match=revoke)
    assert lab.collect().outcome == "done"
    assert len(lab.openings()) == LARGEST_PAGE + 1
    assert lab.fake.tokens == 2


def test_the_window_is_waited_for_and_never_overrun(lab: Lab) -> None:
    lab.fake.rate_limit = RateLimit(requests=2, seconds=1)
    began = time.monotonic()
    report = lab.collect(policy=RetryPolicy(base=0.001, longest=30))
    assert report.outcome == "done"
    assert time.monotonic() - began >= 2  # five lists, two to a window
    assert 429 not in [request.status for request in lab.fake.requests]


def test_a_refusal_by_the_limit_is_waited_out(lab: Lab) -> None:
    lab.fake.fail_next(429, headers={"Retry-After": "1"}, only="list", skip=1)
    lab.fake.fail_next(429, headers={"Retry-After": "1"}, only="token")
    began = time.monotonic()
    report = lab.collect(policy=RetryPolicy(base=0.001, longest=30))
    assert report.outcome == "done"
    assert time.monotonic() - began >= 2
    assert report.retries == 2
    assert report.waited_seconds >= 2


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 30.0),
        ({"x-ratelimit-reset": "soon"}, 30.0),
        ({"x-ratelimit-reset": "1800000012"}, 12.0),
        ({"x-ratelimit-reset": "1799999990"}, 0.0),
        ({"x-ratelimit-reset": "1800009999"}, 30.0),
        ({"x-ratelimit-reset": "7"}, 7.0),
    ],
)
def test_what_is_left_of_the_window(headers: dict[str, str], expected: float) -> None:
    assert client_module._left_of_window(headers, 1_800_000_000.0) == expected


def test_dropped_connections_and_busy_servers_are_asked_again(lab: Lab) -> None:
    fill(lab, 1)
    lab.fake.drop_next(only="list")
    lab.fake.fail_next(502, only="list", skip=1)
    lab.fake.fail_next(200, body=b"<html>", only="list", skip=2)
    lab.fake.drop_next(only="token")
    report = lab.collect()
    assert (report.outcome, report.retries) == ("done", 4)
    assert len(lab.openings()) == 1


def test_a_wrong_client(lab: Lab) -> None:
    (sentence,) = lab.sentences(client_secret="geheim-1")
    assert sentence == (
        f'Greenhouse at {lab.url}/token does not accept the client ("invalid_client"). Put the'
        " credential for Harvest v3 into greenhouse.client_id and greenhouse.client_secret."
    )
    assert [request.operation for request in lab.fake.requests] == ["token"]


@pytest.mark.parametrize(
    ("name", "stored"),
    [("openings", False), ("offers", False), ("close_reasons", True)],
)
def test_a_missing_scope(lab: Lab, name: str, stored: bool) -> None:
    fill(lab, 1)
    lab.world.make_offer(next(iter(lab.world.openings.values())))
    lab.fake.scopes.discard(name)
    report = lab.collect()
    words = name.replace("_", " ")
    assert [str(each) for each in report.failures] == [
        f'Greenhouse at {lab.url} forbids reading {words} ("Missing scope: harvest:{name}:list").'
        f" Give the credential of greenhouse.client_id the scope harvest:{name}:list."
    ]
    assert (report.outcome, report.status) == ("partial", 1)
    assert bool(lab.openings()) is (name != "openings")
    assert bool(lab.offers()) is (name != "offers")
    # What was never read is not out of date.
    assert report.data_through == report.started_at


@pytest.mark.parametrize("names", [["jobs"], ["departments", "jobs"]])
def test_without_jobs_or_departments_what_is_stored_stays(lab: Lab, names: list[str]) -> None:
    fill(lab, 1)
    lab.collect()
    before = lab.openings()
    lab.fake.scopes -= set(names)
    report = lab.collect()
    assert len(report.failures) == len(names)
    assert (report.outcome, report.data_through) == ("partial", None)
    assert lab.openings() == before


def test_close_reasons_that_can_no_longer_be_read_are_kept(lab: Lab) -> None:
    fill(lab, 1)
    (opening,) = lab.world.openings.values()
    lab.world.close_opening(opening, lab.world.add_close_reason("Hired"))
    lab.collect()
    lab.fake.scopes.discard("close_reasons")
    lab.collect(full=True)
    assert [row[5] for row in lab.openings()] == ["Hired"]


def unused() -> str:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            lambda url: {"url": f"{url}/elsewhere"},
            "There is no Harvest v3 at {url}/elsewhere: /v3/departments answers HTTP 404. Check that"
            " greenhouse.url is Greenhouse's base address.",
        ),
        (
            lambda url: {"token_url": f"{url}/v3/token"},
            "Greenhouse at {url}/v3/token does not accept the client",
        ),
        (
            lambda _: {"url": unused()},
            "cannot be reached: [Errno 111] Connection refused. Check greenhouse.url, the network",
        ),
        (
            lambda _: {"token_url": f"{unused()}/token"},
            "cannot be reached: [Errno 111] Connection refused. Check greenhouse.token_url, the",
        ),
    ],
)
def test_wrong_addresses(lab: Lab, changes: Callable[[str], dict[str, str]], expected: str) -> None:
    (sentence,) = lab.sentences(**changes(lab.url))
    assert expected.format(url=lab.url) in sentence


@pytest.mark.parametrize(
    ("status", "body", "only", "expected"),
    [
        (200, b"<html>", "token", "The server at {url}/token does not answer as Greenhouse does."),
        (200, b"{}", "token", "The server at {url}/token does not answer as Greenhouse does."),
        (
            404,
            b"",
            "token",
            "There is no token server of Greenhouse at {url}/token: it answers HTTP",
        ),
        (
            302,
            b"",
            "token",
            "There is no token server of Greenhouse at {url}/token: it answers HTTP",
        ),
        (200, b'{"jobs": []}', "list", "The server at {url} does not answer as Greenhouse does."),
        (301, b"", "list", "Greenhouse at {url} sends requests elsewhere (HTTP 301)."),
        (500, b"", "list", "answers HTTP 500 to departments, again and again. Start the run again"),
        (429, b"", "list", "still limits the rate of requests after every patience. Start the run"),
        (
            429,
            b"",
            "token",
            "still limits the rate of requests after every patience. Start the run",
        ),
        (
            400,
            b'{"errors": [{"message": "odd."}]}',
            "list",
            'to tell departments: HTTP 400 ("odd").',
        ),
    ],
)
def test_answers_that_make_no_sense(
    lab: Lab, status: int, body: bytes, only: str, expected: str
) -> None:
    lab.fake.fail_next(status, body=body, only=only, times=None)
    quick = RetryPolicy(base=0.001, cap=0.002, longest=0.001, limited_attempts=3)
    sentence = lab.sentences(policy=quick)[0]
    assert expected.format(url=lab.url) in sentence


def test_secrets_are_never_shown(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    def echo(request: object) -> bool:
        return getattr(request, "operation", "") == "jobs"

    lab.fake.fail_next(403, body=b'{"message": "token-1 may not"}', only="list", match=echo)
    report = lab.collect()
    assert '("*** may not")' in str(report.failures[0])
    shown = " ".join(map(str, report.failures)) + "".join(capfd.readouterr())
    stored = lab.rows("SELECT message FROM runs")[0][0]
    for secret in (lab.fake.client_secret, "token-1"):
        assert secret not in shown
        assert secret not in stored


def test_a_run_that_died_begins_again(lab: Lab) -> None:
    fill(lab, LARGEST_PAGE + 1)
    lab.fake.fail_next(500, times=None, match=lambda request: "cursor" in request.path)
    assert lab.collect(policy=QUICK).outcome == "failed"
    lab.fake.faults.clear()
    assert lab.collect().outcome == "done"
    assert len(lab.openings()) == LARGEST_PAGE + 1
