"""`check` and `collect` against an API fake of Greenhouse, as a user has them."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.greenhouse import CLIENT_SECRET, GreenhouseFake, HiringWorld, settings_for

Finished = subprocess.CompletedProcess[str]
Teamgauge = Callable[..., Finished]


@pytest.fixture
def fake() -> GreenhouseFake:
    """An account with one opening of a team, and one of a department that is none."""
    world = HiringWorld()
    for name in ("Backend", "Sales"):
        job = world.add_job(f"Somebody for {name}", world.add_department(name))
        world.open_opening(job)
    return GreenhouseFake(world)


@pytest.fixture
def variables(fake: GreenhouseFake, database_url: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A configuration in the environment that leads to the served fake."""
    (tmp_path / "teams.yaml").write_text("- {slug: backend, name: Backend}\n")
    with fake.serving() as url:
        section = settings_for(url)
        yield {
            "TEAMGAUGE_DATABASE__URL": database_url,
            **{f"TEAMGAUGE_GREENHOUSE__{key.upper()}": value for key, value in section.items()},
        }


def about_greenhouse(done: Finished) -> list[str]:
    assert "Traceback" not in done.stderr
    assert CLIENT_SECRET not in done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if line[8:].startswith("greenhouse:")]


def test_everything_works(teamgauge: Teamgauge, variables: dict[str, str]) -> None:
    done = teamgauge("check", **variables)
    assert done.returncode == 0, done.stdout
    assert about_greenhouse(done) == [
        f"ok      greenhouse: {variables['TEAMGAUGE_GREENHOUSE__URL']}, may read departments, jobs, "
        "close reasons, openings, offers"
    ]


def test_missing_scopes(
    teamgauge: Teamgauge, variables: dict[str, str], fake: GreenhouseFake
) -> None:
    fake.scopes -= {"jobs", "offers"}
    done = teamgauge("check", **variables)
    assert done.returncode == 1
    jobs, offers, rest = about_greenhouse(done)
    assert jobs.startswith("FAILED  greenhouse: Greenhouse at ")
    assert "the scope harvest:jobs:list." in jobs
    assert "the scope harvest:offers:list." in offers
    assert rest.endswith("may read departments, close reasons, openings")


def test_a_wrong_client(teamgauge: Teamgauge, variables: dict[str, str]) -> None:
    done = teamgauge("check", **{**variables, "TEAMGAUGE_GREENHOUSE__CLIENT_ID": "other"})
    assert done.returncode == 1
    (line,) = about_greenhouse(done)
    assert line.startswith("FAILED  greenhouse: Greenhouse at ")
    assert "does not accept the client" in line


def test_half_a_client(teamgauge: Teamgauge, variables: dict[str, str]) -> None:
    done = teamgauge("check", **{**variables, "TEAMGAUGE_GREENHOUSE__CLIENT_ID": ""})
    assert done.returncode == 2
    assert "greenhouse.client_secret is set, so greenhouse.client_id must be as well" in done.stderr


def test_without_the_secret_all_else_is_done(
    teamgauge: Teamgauge, variables: dict[str, str]
) -> None:
    """Only who reads Greenhouse needs it: a server of pages has the same configuration without it."""
    lacking = {**variables, "TEAMGAUGE_GREENHOUSE__CLIENT_SECRET": ""}
    sentence = "greenhouse.client_id is set, so greenhouse.client_secret must be as well."
    checked = teamgauge("check", **lacking)
    assert checked.returncode == 1
    assert about_greenhouse(checked) == [f"FAILED  greenhouse: {sentence}"]
    done = teamgauge("collect", **lacking)
    assert done.returncode == 1
    assert "files: done" in done.stdout
    assert f"greenhouse: {sentence}" in done.stdout


def test_collect(teamgauge: Teamgauge, variables: dict[str, str]) -> None:
    done = teamgauge("collect", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    files, greenhouse, remark, *_ = done.stdout.splitlines()
    assert files.startswith("files: done, 2 rows read")
    assert greenhouse.startswith(
        "greenhouse: done, 2 rows read, 2 new, 0 changed, 0 removed, in 6 "
    )
    assert remark.startswith("greenhouse: Openings of departments of Greenhouse that are no team")
    assert CLIENT_SECRET not in done.stdout + done.stderr
    again = teamgauge("collect", "greenhouse", **variables)
    assert "greenhouse: done, 4 rows read, 0 new, 0 changed, 0 removed" in again.stdout
