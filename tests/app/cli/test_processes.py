"""`serve` and `collect` as real processes on one embedded database: each killed in turn, each told to end."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from collectors.gitlab.client import TIMEOUT
from demo.gitlab import GitLabFake, World
from tests.app.cli.conftest import at_the_request
from tests.app.store.conftest import postgres_below, postmaster, wait_until_gone
from tests.clusters import PutCluster
from tests.collectors.gitlab.course import ALL
from tests.conftest import run_folder

Finished = subprocess.CompletedProcess[str]
Teamgauge = Callable[..., Finished]
Running = subprocess.Popen[str]
Start = Callable[..., Running]

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/cwd").exists(), reason="LOUD: looks at processes the Linux way"
)

NOW = datetime(2026, 3, 4, tzinfo=UTC)
PATIENCE = 120
"""Seconds that a machine may take on which much else runs."""

READ_TIMEOUT = TIMEOUT.read or 0.0
"""Seconds for which a collector waits for an answer while nobody tells it to end."""


@pytest.fixture
def fake() -> GitLabFake:
    """An instance with one project and three merge requests."""
    world = World(clock=lambda: NOW)
    world.add_group("acme")
    app, ada = world.add_project("acme/app"), world.add_user("ada", "Ada")
    for number in range(3):
        world.add_merge_request(app, ada, f"Change {number}", NOW - timedelta(days=9 + number))
    return GitLabFake(world)


@pytest.fixture
def variables(fake: GitLabFake, data_dir: Path) -> Iterator[dict[str, str]]:
    """A configuration that leads to the served fake and to a data folder of the test's own."""
    with fake.serving() as url:
        yield {
            "TEAMGAUGE_DATABASE__DATA_DIR": str(data_dir),
            "TEAMGAUGE_REPORTING__HISTORY_START": "2026-01-01",
            "TEAMGAUGE_GITLAB__URL": url,
            "TEAMGAUGE_GITLAB__TOKEN": fake.token,
            "TEAMGAUGE_GITLAB__GROUPS": "acme",
            "TEAMGAUGE_SERVER__PORT": "0",
        }


@pytest.fixture
def data_dir(cluster: PutCluster) -> Iterator[Path]:
    """A path as people have it, used before; no server may be left in it after the test."""
    with TemporaryDirectory(dir=run_folder()) as home:
        folder = cluster(Path(home, "Größe und Daten"), None)
        yield folder
        left = postgres_below(folder)
        for number in left:
            os.kill(number, signal.SIGKILL)
    assert not left, "a server outlived its last user"


def address(process: Running) -> str:
    """The address that a server prints once it answers."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("teamgauge serves http://"), line + str(process.communicate())
    return line.split()[2]


def collected(done: Finished) -> str:
    """What the source said in a run that went well."""
    assert done.returncode == 0, done.stdout + done.stderr
    return next(line for line in done.stdout.splitlines() if line.startswith("gitlab: done"))


def runs(base: str) -> list[str]:
    """Outcomes of the runs of the source, the newest first."""
    items = httpx.get(f"{base}api/v1/runs", timeout=PATIENCE).json()["items"]
    return [run["outcome"] for run in items if run["source"] == "gitlab"]


def end(process: Running) -> None:
    process.terminate()
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_postgres_is_killed_under_a_web_server(
    start: Start, teamgauge: Teamgauge, variables: dict[str, str], data_dir: Path
) -> None:
    web = start("serve", **variables)
    base = address(web)
    assert " 0 new" not in collected(teamgauge("collect", **variables))
    killed = postmaster(data_dir)
    os.kill(killed, signal.SIGKILL)
    wait_until_gone(data_dir)
    assert httpx.get(f"{base}readyz", timeout=PATIENCE).status_code == 200
    assert postmaster(data_dir) != killed
    assert runs(base) == ["done"]
    assert " 0 new, 0 changed" in collected(teamgauge("collect", **variables))
    assert runs(base) == ["done", "done"]
    end(web)


@pytest.mark.parametrize("number", [1, 2] if ALL else [2])
def test_postgres_is_killed_under_a_collector(
    start: Start,
    teamgauge: Teamgauge,
    variables: dict[str, str],
    fake: GitLabFake,
    data_dir: Path,
    number: int,
) -> None:
    """At any of its requests: it says so and ends; the next one starts the database again."""
    with at_the_request(fake, number) as asked:
        cron = start("collect", **variables)
        assert asked.wait(PATIENCE)
        os.kill(postmaster(data_dir), signal.SIGKILL)
        wait_until_gone(data_dir)
    stdout, stderr = cron.communicate(timeout=PATIENCE)
    assert cron.returncode == 1, stdout + stderr
    assert "The database" in stdout + stderr
    assert "Traceback" not in stderr
    collected(teamgauge("collect", **variables))
    assert " 0 new, 0 changed" in collected(teamgauge("collect", **variables))
    assert not postgres_below(data_dir)


def test_the_web_server_is_killed_while_cron_collects(
    start: Start,
    teamgauge: Teamgauge,
    variables: dict[str, str],
    fake: GitLabFake,
    data_dir: Path,
) -> None:
    """The collector goes on, and is now the last one out."""
    web = start("serve", **variables)
    address(web)
    with at_the_request(fake, 1) as asked:
        cron = start("collect", **variables)
        assert asked.wait(PATIENCE)
        web.kill()
        web.communicate(timeout=PATIENCE)
        assert postgres_below(data_dir)
    stdout, stderr = cron.communicate(timeout=PATIENCE)
    assert cron.returncode == 0, stdout + stderr
    assert not postgres_below(data_dir)
    following = start("serve", **variables)
    assert runs(address(following)) == ["done"]
    end(following)


def test_the_collector_is_killed_beside_a_web_server(
    start: Start, teamgauge: Teamgauge, variables: dict[str, str], fake: GitLabFake, data_dir: Path
) -> None:
    web = start("serve", **variables)
    base = address(web)
    number = postmaster(data_dir)
    with at_the_request(fake, 1) as asked:
        cron = start("collect", **variables)
        assert asked.wait(PATIENCE)
        cron.kill()
        cron.communicate(timeout=PATIENCE)
    assert runs(base) == ["running"]
    assert postmaster(data_dir) == number
    collected(teamgauge("collect", **variables))
    assert runs(base) == ["done", "failed"]
    end(web)


def test_everything_is_killed_at_once(
    start: Start, teamgauge: Teamgauge, variables: dict[str, str], fake: GitLabFake, data_dir: Path
) -> None:
    web = start("serve", **variables)
    address(web)
    with at_the_request(fake, 1) as asked:
        cron = start("collect", **variables)
        assert asked.wait(PATIENCE)
        for process in (web, cron):
            process.kill()
        for left in postgres_below(data_dir):
            with suppress(ProcessLookupError):  # it ends with the first of them
                os.kill(left, signal.SIGKILL)
        for process in (web, cron):
            process.communicate(timeout=PATIENCE)
    collected(teamgauge("collect", **variables))
    assert not postgres_below(data_dir)


def test_who_is_left_over_from_a_kill_is_used_and_stopped(
    start: Start, teamgauge: Teamgauge, variables: dict[str, str], data_dir: Path
) -> None:
    web = start("serve", **variables)
    address(web)
    number = postmaster(data_dir)
    web.kill()
    web.communicate(timeout=PATIENCE)
    assert postmaster(data_dir) == number, "nobody was left to stop it"
    collected(teamgauge("collect", **variables))
    assert not postgres_below(data_dir)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_telling_them_to_end_stops_the_database(
    start: Start,
    variables: dict[str, str],
    fake: GitLabFake,
    data_dir: Path,
    number: signal.Signals,
) -> None:
    web = start("serve", **variables)
    base = address(web)
    with at_the_request(fake, 1) as asked:
        cron = start("collect", **variables)
        assert asked.wait(PATIENCE)
        cron.send_signal(number)
    stdout, stderr = cron.communicate(timeout=PATIENCE)
    assert (cron.returncode, stdout) == (130, "")
    assert "Traceback" not in stderr
    assert "Interrupted; what was stored so far is kept." in stderr
    assert runs(base) == ["failed"]
    web.send_signal(number)
    stdout, stderr = web.communicate(timeout=PATIENCE)
    assert (web.returncode, stdout) == (0, "")
    assert "Traceback" not in stderr
    assert not postgres_below(data_dir)


def test_a_collector_alone_stops_the_database_when_it_is_told_to_end(
    start: Start,
    variables: dict[str, str],
    fake: GitLabFake,
    data_dir: Path,
) -> None:
    """GitLab may keep it waiting: for its answer it does not wait any longer."""
    with at_the_request(fake, 1) as asked:
        cron = start("collect", **variables)
        assert asked.wait(PATIENCE)
        cron.send_signal(signal.SIGINT)
        cron.communicate(timeout=READ_TIMEOUT / 3)
    assert cron.returncode == 130
    assert not postgres_below(data_dir)
