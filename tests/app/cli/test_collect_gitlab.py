"""`collect` against an API fake of GitLab: exit statuses, one sentence each, nothing half-written."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.store.engine import advisory_lock
from app.store.tables import MergeRequest, Project, Run, Team
from demo.gitlab import GitLabFake, Request, World

Finished = subprocess.CompletedProcess[str]
Teamgauge = Callable[..., Finished]

NOW = datetime(2024, 3, 4, tzinfo=UTC)


@pytest.fixture
def fake() -> GitLabFake:
    """An instance with two merge requests, one of them by somebody of the team."""
    world = World(clock=lambda: NOW)
    world.add_group("acme", visibility="public")
    app = world.add_project("acme/app", visibility="public")
    ada = world.add_user("ada", "Ada")
    ben = world.add_user("ben", "Ben")
    merged = world.add_merge_request(app, ada, "First", NOW - timedelta(days=20))
    world.merge(merged, ben, NOW - timedelta(days=10))
    world.add_merge_request(app, ben, "Second", NOW - timedelta(days=5))
    return GitLabFake(world)


@pytest.fixture
def variables(fake: GitLabFake, database_url: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A configuration that leads to the served fake, and the files of a team."""
    (tmp_path / "teams.yaml").write_text('- {slug: backend, name: Backend, owns: ["acme/**"]}\n')
    (tmp_path / "people.csv").write_text(
        "person_id,name,email,gitlab_username,gender\np1,Ada,,ada,\n"
    )
    (tmp_path / "memberships.csv").write_text(
        "person_id,team,role,valid_from,valid_to\np1,backend,member,2024-01-01,\n"
    )
    with fake.serving() as url:
        yield {
            "TEAMGAUGE_DATABASE__URL": database_url,
            "TEAMGAUGE_REPORTING__HISTORY_START": "2024-01-01",
            "TEAMGAUGE_GITLAB__URL": url,
            "TEAMGAUGE_GITLAB__TOKEN": fake.token,
            "TEAMGAUGE_GITLAB__GROUPS": "acme",
        }


def count(engine: Engine, table: type[MergeRequest | Project | Team]) -> int:
    with Session(engine) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def outcomes(engine: Engine) -> dict[str, str]:
    with Session(engine) as session:
        return {run.source: run.outcome for run in session.scalars(select(Run).order_by(Run.id))}


def of_gitlab(done: Finished) -> list[str]:
    """What standard output says of the source, below the line with its counts."""
    assert "Traceback" not in done.stderr
    for line in done.stderr.splitlines():
        json.loads(line)
    return [line for line in done.stdout.splitlines() if line.startswith("gitlab: ")]


def test_everything(teamgauge: Teamgauge, variables: dict[str, str], engine: Engine) -> None:
    done = teamgauge("collect", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert of_gitlab(done)[0].startswith("gitlab: done, ")
    assert count(engine, MergeRequest) == 2
    assert outcomes(engine) == {"files": "done", "gitlab": "done"}
    assert "not computed" not in done.stdout
    assert not done.stdout.splitlines()[-1].startswith("indicators: 0 values new")
    with Session(engine) as session:
        started = set(session.scalars(select(Run.started_at)))
    assert len(started) == 1, "all sources of one command are of one instant"


def test_a_wrong_token(teamgauge: Teamgauge, variables: dict[str, str], engine: Engine) -> None:
    done = teamgauge("collect", **variables | {"TEAMGAUGE_GITLAB__TOKEN": "geheim-wrong"})
    assert done.returncode == 1
    counts, sentence = of_gitlab(done)
    assert counts.startswith("gitlab: failed, 0 rows read")
    assert "does not accept the token" in sentence
    assert "read_api" in sentence
    assert "geheim" not in done.stdout + done.stderr
    assert count(engine, Team) == 2, "the files were read all the same"
    assert (count(engine, Project), count(engine, MergeRequest)) == (0, 0)
    assert outcomes(engine) == {"files": "done", "gitlab": "failed"}


def test_an_unknown_group(teamgauge: Teamgauge, variables: dict[str, str], engine: Engine) -> None:
    done = teamgauge("collect", **variables | {"TEAMGAUGE_GITLAB__GROUPS": "acme,acne"})
    assert done.returncode == 1
    counts, sentence = of_gitlab(done)
    assert counts.startswith("gitlab: partial, ")
    assert "acne" in sentence
    assert count(engine, MergeRequest) == 2, "the other group was read all the same"
    assert outcomes(engine)["gitlab"] == "partial"


def test_only_an_unknown_group(
    teamgauge: Teamgauge, variables: dict[str, str], engine: Engine
) -> None:
    done = teamgauge("collect", "gitlab", **variables | {"TEAMGAUGE_GITLAB__GROUPS": "acne"})
    assert done.returncode == 1
    assert "acne" in of_gitlab(done)[1]
    assert (count(engine, Project), count(engine, MergeRequest)) == (0, 0)
    assert list(outcomes(engine)) == ["gitlab"]


def test_bad_files_do_not_stop_gitlab(
    teamgauge: Teamgauge, variables: dict[str, str], engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text("person_id\n")
    done = teamgauge("collect", **variables)
    assert done.returncode == 1
    assert "files: failed, 0 rows read" in done.stdout
    assert "people.csv, line 1: the column name is missing" in done.stdout
    assert count(engine, MergeRequest) == 2
    assert count(engine, Team) == 1
    assert outcomes(engine) == {"files": "failed", "gitlab": "done"}


def test_one_source_that_is_locked(
    teamgauge: Teamgauge, variables: dict[str, str], engine: Engine
) -> None:
    with advisory_lock(engine, "collect:gitlab", "the test"):
        done = teamgauge("collect", **variables)
    assert done.returncode == 75
    assert "Another run of the source gitlab is under way" in of_gitlab(done)[0]
    assert outcomes(engine) == {"files": "done"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_when_it_is_told_to(
    start: Callable[..., subprocess.Popen[str]],
    variables: dict[str, str],
    fake: GitLabFake,
    engine: Engine,
    number: signal.Signals,
) -> None:
    """Threads that wait for GitLab do not hold the command up."""
    asked = Event()

    def note(_: Request) -> bool:
        asked.set()
        return True

    fake.fail_next(503, headers={"Retry-After": "600"}, times=None, match=note)
    process = start("collect", "gitlab", **variables)
    assert asked.wait(60)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stdout == ""
    assert "Traceback" not in stderr
    assert outcomes(engine) == {"gitlab": "failed"}
