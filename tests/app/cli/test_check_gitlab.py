"""`check` against an API fake of GitLab: what works, and what to do about what does not."""

import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from demo.gitlab import GitLabFake, World

Finished = subprocess.CompletedProcess[str]
Teamgauge = Callable[..., Finished]


@pytest.fixture
def fake() -> GitLabFake:
    """An instance with a group, a subgroup and a project each."""
    world = World(clock=lambda: datetime(2024, 3, 4, tzinfo=UTC))
    world.add_group("acme")
    world.add_group("acme/tools")
    world.add_project("acme/app")
    world.add_project("acme/tools/tool", archived=True)
    world.add_group("other")
    world.add_project("other/single")
    return GitLabFake(world)


@pytest.fixture
def variables(fake: GitLabFake, database_url: str) -> Iterator[dict[str, str]]:
    """A configuration in the environment that leads to the served fake."""
    with fake.serving() as url:
        yield {
            "TEAMGAUGE_DATABASE__URL": database_url,
            "TEAMGAUGE_GITLAB__URL": url,
            "TEAMGAUGE_GITLAB__TOKEN": fake.token,
            "TEAMGAUGE_GITLAB__GROUPS": "acme",
            "TEAMGAUGE_GITLAB__PROJECTS": "other/single",
        }


def about_gitlab(done: Finished) -> list[str]:
    assert "Traceback" not in done.stderr
    ours = ("gitlab", "gitlab.token", "group", "project", "clock: GitLab's")
    return [line for line in done.stdout.splitlines() if line[8:].startswith(ours)]


def test_everything_works(
    teamgauge: Teamgauge, variables: dict[str, str], fake: GitLabFake
) -> None:
    done = teamgauge("check", **variables)
    assert done.returncode == 0, done.stdout
    assert about_gitlab(done) == [
        f"ok      gitlab: {variables['TEAMGAUGE_GITLAB__URL']}, version 18.0.2",
        "ok      gitlab.token: of teamgauge-reader, scopes read_api",
        "ok      group acme: 2 projects",
        "ok      project other/single: found",
    ]
    assert fake.token not in done.stdout + done.stderr


def test_a_wrong_token(teamgauge: Teamgauge, variables: dict[str, str]) -> None:
    done = teamgauge("check", **variables | {"TEAMGAUGE_GITLAB__TOKEN": "geheim-wrong"})
    assert done.returncode == 1
    (line,) = about_gitlab(done)
    assert line.startswith("FAILED  gitlab: ")
    assert "does not accept the token" in line
    assert "geheim" not in done.stdout + done.stderr


def test_unknown_paths(teamgauge: Teamgauge, variables: dict[str, str]) -> None:
    done = teamgauge(
        "check",
        **variables
        | {"TEAMGAUGE_GITLAB__GROUPS": "acme,acne", "TEAMGAUGE_GITLAB__PROJECTS": "other/x"},
    )
    assert done.returncode == 1
    works, unknown_group, unknown_project = about_gitlab(done)[2:]
    assert works == "ok      group acme: 2 projects"
    assert unknown_group.startswith("FAILED  group acne: not found: check its path")
    assert unknown_project.startswith("FAILED  project other/x: not found: check its path")


def test_a_token_without_the_scope(
    teamgauge: Teamgauge, variables: dict[str, str], fake: GitLabFake
) -> None:
    fake.tokens[fake.token].scopes = ("read_user",)
    done = teamgauge("check", **variables)
    assert done.returncode == 1
    assert "read_api" in done.stdout


def test_a_token_that_ends_soon_and_a_clock_that_is_wrong_are_no_failures(
    teamgauge: Teamgauge, variables: dict[str, str], fake: GitLabFake
) -> None:
    soon = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    fake.tokens[fake.token].expires_at = soon
    fake.ahead = timedelta(minutes=-5)
    done = teamgauge("check", **variables)
    assert done.returncode == 0, done.stdout
    _, clock, token, *_ = about_gitlab(done)
    assert clock.startswith("warn    clock: GitLab's is ")
    assert clock.endswith(" seconds behind ours: let both follow one time server (NTP)")
    assert token == (
        "warn    gitlab.token: of teamgauge-reader, scopes read_api, valid until "
        f"{soon}: make another one before that day"
    )


def test_an_instance_that_does_not_answer(teamgauge: Teamgauge, variables: dict[str, str]) -> None:
    done = teamgauge("check", **variables | {"TEAMGAUGE_GITLAB__URL": "http://127.0.0.1:9"})
    assert done.returncode == 1
    (line,) = about_gitlab(done)
    assert line.startswith("FAILED  gitlab: GitLab at http://127.0.0.1:9 cannot be reached")


def test_a_limited_rate_is_not_waited_for_long(
    teamgauge: Teamgauge, variables: dict[str, str], fake: GitLabFake
) -> None:
    fake.fail_next(429, headers={"Retry-After": "0"}, times=None)

    done = teamgauge("check", **variables)

    assert done.returncode == 1
    assert "still limits the rate of requests" in done.stdout
    assert fake.count() == 2


def test_without_a_token(teamgauge: Teamgauge, variables: dict[str, str]) -> None:
    done = teamgauge("check", **variables | {"TEAMGAUGE_GITLAB__TOKEN": ""})
    assert done.returncode == 1
    first, group, _ = about_gitlab(done)
    assert "without a token: public projects only" in first
    assert group.startswith("FAILED  group acme: not found")
