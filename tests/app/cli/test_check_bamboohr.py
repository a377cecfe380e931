"""`check` and `collect` against an API fake of BambooHR, as a user has them."""

import subprocess
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.store.tables import EffectiveMembership
from demo.bamboohr import DEFAULT_KEY, BambooHRFake, Company

Finished = subprocess.CompletedProcess[str]
Teamgauge = Callable[..., Finished]


@pytest.fixture
def fake() -> BambooHRFake:
    """A company with one employee in a team, and one in a department that is none."""
    company = Company()
    for name, department in (("Ada", "Backend"), ("Ben", "Sales")):
        employee = company.add(name, "Moss")
        company.status(employee, date(2024, 1, 1))
        company.job(employee, date(2024, 1, 1), department)
    return BambooHRFake(company)


@pytest.fixture
def variables(fake: BambooHRFake, database_url: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A configuration in the environment that leads to the served fake."""
    (tmp_path / "teams.yaml").write_text("- {slug: backend, name: Backend}\n")
    with fake.serving() as url:
        yield {
            "TEAMGAUGE_DATABASE__URL": database_url,
            "TEAMGAUGE_BAMBOOHR__URL": url,
            "TEAMGAUGE_BAMBOOHR__API_KEY": fake.key,
        }


def about_bamboohr(done: Finished) -> list[str]:
    assert "Traceback" not in done.stderr
    assert DEFAULT_KEY not in done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if line[8:].startswith("bamboohr:")]


def test_everything_works(
    teamgauge: Teamgauge, variables: dict[str, str], fake: BambooHRFake
) -> None:
    done = teamgauge("check", **variables)
    assert done.returncode == 0, done.stdout
    assert about_bamboohr(done) == [
        f"ok      bamboohr: {variables['TEAMGAUGE_BAMBOOHR__URL']}, may read employmentStatus and"
        " jobInfo, teams by department"
    ]
    assert len(fake.requests) == 2


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("key", "does not accept the API key"),
        ("company", "There is no company in BambooHR at "),
        ("table", "forbids reading changes of the table jobInfo with this key"),
        ("server", "cannot be reached"),
    ],
)
def test_what_does_not(
    teamgauge: Teamgauge,
    variables: dict[str, str],
    fake: BambooHRFake,
    wrong: str,
    sentence: str,
) -> None:
    url = variables["TEAMGAUGE_BAMBOOHR__URL"]
    if wrong == "key":
        fake.key = "another"
    elif wrong == "company":
        variables["TEAMGAUGE_BAMBOOHR__URL"] = url.replace("/acme", "/acne")
    elif wrong == "table":
        fake.api.hidden.operations["changed_jobInfo"] = 403
    else:
        variables["TEAMGAUGE_BAMBOOHR__URL"] = "http://127.0.0.1:1"
    done = teamgauge("check", **variables)
    assert done.returncode == 1
    (line,) = about_bamboohr(done)
    assert line.startswith("FAILED  bamboohr: ")
    assert sentence in line


def test_a_key_is_missing(teamgauge: Teamgauge, variables: dict[str, str]) -> None:
    del variables["TEAMGAUGE_BAMBOOHR__API_KEY"]
    sentence = "bamboohr.url is set, so bamboohr.api_key must be as well."
    assert about_bamboohr(teamgauge("check", **variables)) == [f"FAILED  bamboohr: {sentence}"]
    named = teamgauge("collect", "bamboohr", **variables)
    assert named.returncode == 2
    assert named.stderr == f"{sentence}\n"
    done = teamgauge("collect", **variables)
    assert done.returncode == 1
    assert "files: done" in done.stdout
    assert f"bamboohr: {sentence}" in done.stdout
    del variables["TEAMGAUGE_BAMBOOHR__URL"]
    assert "set bamboohr.url and bamboohr.api_key" in (
        teamgauge("collect", "bamboohr", **variables).stderr
    )


def test_collect(
    teamgauge: Teamgauge, variables: dict[str, str], fake: BambooHRFake, engine: Engine
) -> None:
    done = teamgauge("collect", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert DEFAULT_KEY not in done.stdout + done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith("bamboohr:")]
    assert told[0].startswith("bamboohr: done, ")
    assert "in 5 requests" in told[0]
    assert "the department Sales (1 employee)" in told[1]
    with Session(engine) as session:
        (row,) = session.scalars(select(EffectiveMembership))
    assert (row.team, row.source, row.valid_from) == ("backend", "bamboohr", date(2024, 1, 1))
    fake.key = "another"
    done = teamgauge("collect", "bamboohr", **variables)
    assert done.returncode == 1
    assert "does not accept the API key" in done.stdout
    assert DEFAULT_KEY not in done.stdout + done.stderr
