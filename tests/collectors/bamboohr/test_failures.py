"""What goes wrong on the way: one sentence each, nothing stored is lost, the key stays secret."""

from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from app.errors import ConfigurationError
from app.settings import BambooHRSettings, Settings, load_settings, secrets
from collectors import bamboohr
from collectors.bamboohr.client import USER_AGENT, BambooHRClient, api_base
from collectors.bamboohr.errors import NotFoundError
from collectors.known import Known
from collectors.source import Context, Counters

from .conftest import QUICK, Lab, day

KEY = "bamboo-SECRET-of-this-test"


@pytest.fixture
def people(lab: Lab) -> Lab:
    lab.fake.key = KEY
    lab.hire(1, "Ada Moss", "2020-01-01")
    lab.hire(2, "Ben Vale", "2021-01-01")
    return lab


def refused(lab: Lab, **settings: Any) -> str:
    """The one sentence of a run that ended early and left everything as it was."""
    before = lab.stored()
    done = lab.collect(**settings)
    assert done.outcome == "failed"
    assert done.data_through is None
    assert lab.stored() == before
    (failure,) = done.failures
    assert KEY not in str(failure)
    assert KEY not in lab.rows("SELECT message FROM runs ORDER BY id DESC LIMIT 1")[0][0]
    return str(failure)


def test_a_wrong_key(people: Lab) -> None:
    people.collect()
    sentence = refused(people, api_key=f"{KEY}-not")
    assert sentence == (
        f'BambooHR at {people.url} does not accept the API key ("Invalid API key").'
        " Put a valid key into bamboohr.api_key or bamboohr.api_key_file."
    )
    assert len(people.fake.requests) == 1


def test_a_key_that_may_nothing(people: Lab) -> None:
    people.collect()
    people.fake.api.hidden.operations |= {"table_employmentStatus": 403, "table_jobInfo": 403}
    people.clock.now()
    people.company.edit(people.company.employees[1], last="Reed")
    sentence = refused(people)
    assert f"BambooHR at {people.url} forbids reading the table employmentStatus" in sentence


def test_an_unknown_company(people: Lab) -> None:
    sentence = refused(people, url=people.url.replace("/acme", "/acne"))
    assert sentence.startswith("There is no company in BambooHR at http://127.0.0.1:")
    assert "https://api.bamboohr.com/api/gateway.php/COMPANY" in sentence


def test_no_network(people: Lab) -> None:
    sentence = refused(people, url="http://127.0.0.1:1/api/gateway.php/acme")
    assert sentence.startswith(
        "BambooHR at http://127.0.0.1:1/api/gateway.php/acme cannot be reached: "
    )
    assert "Check bamboohr.url, the network" in sentence


def test_a_page_instead_of_json(people: Lab) -> None:
    people.fake.fail_next(
        200, body=b"<!doctype html><title>Log in</title>", content_type="text/html"
    )
    sentence = refused(people)
    assert sentence.startswith(f"BambooHR at {people.url} does not answer with JSON.")
    assert len(people.fake.requests) == 1


def test_a_redirect(people: Lab) -> None:
    people.fake.fail_next(302, headers={"Location": "https://acme.example/login"}, times=None)
    assert "sends requests elsewhere (HTTP 302)" in refused(people)


def test_nobody_is_shown(people: Lab) -> None:
    people.collect()
    people.fake.api.hidden.employees |= {1, 2}
    people.clock.now()
    people.company.status(people.company.add("Cleo", "Fern", id=3), day("2025-01-01"))
    people.fake.api.hidden.employees.add(3)
    before = people.stored()
    done = people.collect(full=True)
    assert done.outcome == "failed"
    assert people.stored() == before
    assert "shows this key no employees" in str(done.failures[0])


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("wait", ["0", "1", "date"])
def test_limits_are_waited_for(people: Lab, status: int, wait: str) -> None:
    told = format_datetime(datetime.now(UTC), usegmt=True) if wait == "date" else wait
    people.fake.fail_next(status, headers={"Retry-After": told}, times=4)
    done = people.collect()
    assert done.outcome == "done"
    assert done.retries == 4
    assert done.requests == 9
    assert done.waited_seconds > 0


def test_a_limit_without_end(people: Lab) -> None:
    people.fake.fail_next(429, times=None)
    assert "still limits the rate of requests after every patience" in refused(people)


def test_a_server_that_is_down(people: Lab) -> None:
    people.fake.fail_next(503, times=None)
    assert "answers HTTP 503 to the table employmentStatus, again and again" in refused(people)
    assert len(people.fake.requests) == 2


@pytest.mark.parametrize("fault", ["cut", "reset", "busy"])
def test_what_passes_by_itself(people: Lab, fault: str) -> None:
    if fault == "cut":
        people.fake.truncate_next()
    elif fault == "reset":
        people.fake.drop_next()
    else:
        people.fake.fail_next(502)
    done = people.collect()
    assert (done.outcome, done.retries) == ("done", 1)


@pytest.mark.parametrize("table", ["employmentStatus", "jobInfo"])
@pytest.mark.parametrize("status", [403, 404])
def test_one_table_is_closed(people: Lab, table: str, status: int) -> None:
    people.collect()
    employment, memberships = people.employment(), people.memberships()
    people.clock.now()
    people.company.edit(people.company.employees[1], last="Reed")
    people.company.terminate(people.company.employees[2], day("2024-12-31"))
    people.fake.api.hidden.operations[f"table_{table}"] = status
    done = people.collect()
    assert done.outcome == "partial"
    assert done.data_through is None
    assert [f"the table {table}" in str(each) for each in done.failures] == [True]
    # the rest went on, and what cannot be told is as it was
    assert people.rows("SELECT name FROM people WHERE person_id = '1'") == [("Ada Reed",)]
    assert people.memberships() == memberships
    if table == "jobInfo":
        assert people.employment()[1] == ("2", "2021-01-01", "2024-12-31", "voluntary")
    else:
        assert people.employment() == employment
    # and the next run tries again
    people.fake.api.hidden.operations.clear()
    done = people.collect()
    assert done.outcome == "done"
    assert people.memberships()[1][4] == "2025-01-01"


@pytest.mark.parametrize("table", ["employmentStatus", "jobInfo"])
def test_nobody_vanishes_with_a_table(people: Lab, table: str) -> None:
    ben = people.company.employees[2]
    # only the closed table speaks of Ben
    people.company.remove(ben, ben.statuses[0] if table == "jobInfo" else ben.jobs[0])
    people.collect()
    before = people.stored()
    closed = (f"table_{table}", "employees", "dataset_fields")
    people.fake.api.hidden.operations |= dict.fromkeys(closed, 403)
    done = people.collect(full=True)
    assert done.outcome == "partial"
    assert people.stored() == before


def test_a_hidden_column(people: Lab) -> None:
    people.collect()
    memberships = people.memberships()
    people.fake.api.hidden.columns.add("department")
    done = people.collect(full=True)
    assert done.outcome == "partial"
    (failure,) = done.failures
    assert str(failure) == (
        "BambooHR does not show department in jobInfo to this key: nobody's team can be told."
        " Give the user whose key it is access to it, or set bamboohr.team_from otherwise."
    )
    assert people.memberships() == memberships


def test_rows_that_cannot_be_read(people: Lab) -> None:
    ada, ben = people.company.employees.values()
    broken = people.company.job(ada, day("2024-01-01"), "Frontend")
    broken.day = None  # never filled in
    people.company.terminate(ben, day("2024-12-31"))
    done = people.collect()
    assert done.outcome == "partial"
    assert done.quarantined == 1
    assert people.rows("SELECT address, kind, reason FROM quarantined_records") == [
        (
            f"employees/1/tables/jobInfo/{broken.id}",
            "row of jobInfo",
            "date is not a day: '0000-00-00'",
        )
    ]
    assert people.memberships() == [
        ("1", "backend", "member", "2020-01-01", None),
        ("2", "backend", "member", "2021-01-01", "2025-01-01"),
    ]


def test_what_is_sent(people: Lab) -> None:
    people.collect()
    for request in people.fake.requests:
        assert request.headers["accept"] == "application/json"
        assert request.headers["user-agent"] == USER_AGENT
        assert KEY not in request.path
        assert KEY not in request.body.decode()


@pytest.mark.parametrize(
    ("url", "base"),
    [
        (
            "https://api.bamboohr.com/api/gateway.php/acme",
            "https://api.bamboohr.com/api/gateway.php/acme",
        ),
        (
            "https://api.bamboohr.com/api/gateway.php/acme/v1/",
            "https://api.bamboohr.com/api/gateway.php/acme",
        ),
        ("https://acme.bamboohr.com", "https://acme.bamboohr.com/api"),
        ("https://acme.bamboohr.com/api", "https://acme.bamboohr.com/api"),
        ("https://acme.bamboohr.com/api/v1", "https://acme.bamboohr.com/api"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/api"),
    ],
)
def test_addresses(url: str, base: str) -> None:
    assert api_base(url) == base


def test_the_company_s_own_address_works_too(people: Lab) -> None:
    done = people.collect(url=people.url.partition("/api/")[0])
    assert done.outcome == "done"
    assert len(people.employment()) == 2


def test_ids_cannot_lead_elsewhere(people: Lab) -> None:
    client = BambooHRClient(people.url, KEY, Counters(), QUICK)
    try:
        with pytest.raises(NotFoundError):
            client.get("v1/employees/..%2F1", "employee", about="x")
    finally:
        client.close()


def test_the_key_from_a_file(people: Lab, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    settings = Settings.model_validate({"bamboohr": {"url": people.url, "api_key_file": str(file)}})
    assert settings.configured_sources() == ("bamboohr",)
    assert secrets(settings) == (KEY,)
    done = people.collect(api_key="", api_key_file=str(file))
    assert done.outcome == "done"


def test_settings(tmp_path: Path) -> None:
    own = {"url": "https://acme.bamboohr.com", "api_key": "k"}
    assert Settings.model_validate({"bamboohr": own}).configured_sources() == ("bamboohr",)
    for less, expected in (
        ({"url": ""}, ()),
        ({"url": "https://api.bamboohr.com/api/gateway.php/COMPANY"}, ()),  # of the documentation
        ({"api_key": ""}, ("bamboohr",)),  # the web server has none, and knows as well
    ):
        settings = Settings.model_validate({"bamboohr": {**own, **less}})
        assert settings.configured_sources() == expected
    everything = {
        "bamboohr": own,
        "files": {"teams": "/t"},
        "gitlab": {"groups": ["g"]},
    }
    assert Settings.model_validate(everything).configured_sources() == (
        "files",
        "bamboohr",
        "gitlab",
    )
    config = tmp_path / "teamgauge.toml"
    config.write_text('[bamboohr]\nurl = "https://x.example"\napi_key_file = "no"\n')
    with pytest.raises(ConfigurationError, match=r"bamboohr\.api_key_file .*no cannot be read"):
        load_settings(config)
    (tmp_path / "no").write_text("k")
    config.write_text('[bamboohr]\napi_key = "k"\napi_key_file = "no"\n')
    with pytest.raises(ConfigurationError, match="are both set, keep one of them"):
        load_settings(config)
    assert "SECRET" not in repr(BambooHRSettings.model_validate({"api_key": KEY}))


def test_without_its_key_it_is_a_run_that_failed(people: Lab) -> None:
    done = people.collect(api_key="")
    assert done.outcome == "failed"
    assert [str(each) for each in done.failures] == [
        "bamboohr.url is set, so bamboohr.api_key must be as well."
    ]


def test_without_a_configuration(people: Lab) -> None:
    context = Context(
        settings=Settings(),
        known=Known(people.engine, "bamboohr"),
        full=False,
        started_at=datetime.now(UTC),
    )
    with pytest.raises(ConfigurationError, match="BambooHR is not configured"):
        next(bamboohr.fetch(context))
