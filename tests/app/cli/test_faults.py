"""Faults under a whole service: what readyz, pages, log and exit status say, and that it mends itself.

Each line of the table in docs/operations.md has its test here, or beside what it is about.
"""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from app.store.embedded import EmbeddedServer
from demo.gitlab import GitLabFake
from tests.app.cli.conftest import at_the_request
from tests.app.cli.faulty import PATIENCE, Disk, Served, company, configuration, fill, grow, serving
from tests.app.cli.test_endurance import embedded
from tests.app.cli.test_killed import Start, Teamgauge, contents, watch
from tests.collectors.gitlab.course import ALL

SECONDS_AWAY = 60 if ALL else 2
"""How long the database is away."""

MONTH = datetime.now(UTC).date().replace(day=1)
NOTES = '<div class="note">'


@pytest.fixture
def fake() -> GitLabFake:
    """A small company."""
    return company()


@pytest.fixture
def variables(fake: GitLabFake, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A configuration that leads to the company."""
    with fake.serving() as url:
        yield configuration(fake, url, tmp_path)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk with room for the database and little more."""
    disk = Disk("tmpfs", "size=320m,mode=711", "tmpfs")
    yield disk.folder
    disk.remove()


def notes(web: Served, path: str) -> str:
    """What a page tells of faults, as it stands there; it has to be shown at all."""
    page = web.get(path)
    assert page.status_code == 200, page.text
    return "".join(page.text.split(NOTES)[1:]).split("</main>", maxsplit=1)[0]


def test_the_disk_fills_up(
    teamgauge: Teamgauge,
    start: Start,
    environment: dict[str, str],
    variables: dict[str, str],
    fake: GitLabFake,
    small_disk: Path,
    tmp_path: Path,
    engine: Engine,
    database_url: str,
) -> None:
    """While a collector writes: it says so and ends, pages stay, and with room again all is as ever."""
    data = small_disk / "data"
    at = {**environment, **variables, "TEAMGAUGE_DATABASE__DATA_DIR": str(data)}
    elsewhere = {**variables, "TEAMGAUGE_DATABASE__URL": database_url}
    with serving(tmp_path, at) as web:
        for run in (at, elsewhere):
            assert teamgauge("collect", "files", **run).returncode == 0
        assert web.ready() == "ok"
        assert "disk" not in notes(web, "/teams/dev")
        address = "/api/v1/indicators/hiring_vs_plan/series?team=dev"
        before = web.get(address).json()["points"]

        grow(fake)
        with at_the_request(fake, 3) as asked:
            cron = start("collect", **at)
            assert asked.wait(PATIENCE)
            ballast = fill(small_disk)
        said, logged = cron.communicate(timeout=PATIENCE)
        assert cron.returncode == 1
        assert "gitlab: The database did not store what gitlab sent" in said
        assert "No space left on device. What was stored before is kept" in said
        assert "Make room, then start this again" in logged
        assert "Traceback" not in logged

        assert web.ready() == "disk_full"
        assert "has 0 MB left. Make room" in web.get("/readyz").json()["detail"]
        assert "The disk of the database has no room left." in notes(web, "/teams/dev")
        failed = "The last run failed: The database did not store what gitlab sent"
        assert failed in notes(web, "/data")
        assert before
        assert web.get(address).json()["points"] == before
        refused = teamgauge("collect", **at)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "has 0 MB left; nothing was begun." in refused.stderr

        ballast.unlink()
        assert web.ready() == "ok"
        assert "disk" not in notes(web, "/teams/dev")
        for run in (at, elsewhere):
            done = teamgauge("collect", **run)
            assert done.returncode == 0, done.stdout + done.stderr
        assert web.faults() == [("began", "disk_full"), ("ended", "disk_full")]
    with embedded(data) as own:
        found, expected = contents(own, MONTH), contents(engine, MONTH)
    for each in (found, expected):
        each.pop("positions")  # where which list was left off
    assert len(expected["merge_requests"]) == 440
    assert found == expected


@pytest.fixture
def failing_disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk in a file, which its system takes no changes for after an error, as real ones do."""
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(400 * 1024**2)
    made = subprocess.run(
        ["mkfs.ext4", "-q", "-F", "-O", "^has_journal", image], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("LOUD: there is no mkfs.ext4; no disk was spoilt")
    disk = Disk("ext4", "loop,errors=remount-ro", str(image))
    yield disk
    disk.remove()


def spoil(disk: Disk) -> None:
    """Has the system meet an error of the disk, after which it takes no changes."""
    device = subprocess.check_output(
        ["findmnt", "--noheadings", "--output", "SOURCE", str(disk.folder)], text=True
    )
    Path("/sys/fs/ext4", Path(device.strip()).name, "trigger_fs_error").write_text("1")


def test_the_disk_takes_no_changes(
    teamgauge: Teamgauge,
    environment: dict[str, str],
    variables: dict[str, str],
    failing_disk: Disk,
    tmp_path: Path,
) -> None:
    """Everybody says that and nothing else; with the disk mended and mounted anew all is there."""
    data = str(failing_disk.folder / "data")
    at = {**environment, **variables, "TEAMGAUGE_DATABASE__DATA_DIR": data}
    # It cannot even note that it is gone.
    with serving(tmp_path, at, status=1) as web:
        assert teamgauge("collect", "files", **at).returncode == 0
        before = web.get("/api/v1/teams").json()
        spoil(failing_disk)
        assert web.ready() == "read_only"
        assert "takes no changes" in web.get("/readyz").json()["detail"]
        # Postgres ends when it meets an error of its disk, and may have read all that is asked for.
        web.wait_until(lambda: web.get("/api/v1/teams").status_code == 503)
        page = web.get("/")
        assert page.status_code == 503
        assert "The database, or its disk, takes no changes" in page.text
        refused = teamgauge("collect", **at)
        assert refused.returncode == 1
        assert "takes no changes; nothing was begun." in refused.stderr
        assert [each for each in web.faults() if each[1] == "read_only"] == [("began", "read_only")]
    refused = teamgauge("serve", "--port", "0", **at)
    assert refused.returncode == 2
    assert refused.stderr.startswith(
        f"The data folder {data} cannot be used: Read-only file system"
    )
    assert "mount it anew" in refused.stderr

    failing_disk.unmount()
    subprocess.run(["e2fsck", "-fy", tmp_path / "disk.img"], stdout=subprocess.DEVNULL, check=False)
    failing_disk.mount()
    with serving(tmp_path, at) as web:
        assert web.ready() == "ok"
        assert web.get("/api/v1/teams").json() == before
        assert teamgauge("collect", "files", **at).returncode == 0
        assert web.faults() == []


@pytest.fixture
def external() -> Iterator[EmbeddedServer]:
    """A server that has the same address whenever it is started: its path is short enough for that."""
    with tempfile.TemporaryDirectory(prefix="tg-external-", dir="/tmp") as name:
        Path(name).chmod(0o755)  # the server's own account has to pass through
        yield EmbeddedServer(Path(name) / "data", settings={"fsync": "off"})


def test_the_database_is_away_for_a_while(
    teamgauge: Teamgauge,
    start: Start,
    environment: dict[str, str],
    variables: dict[str, str],
    fake: GitLabFake,
    tmp_path: Path,
    external: EmbeddedServer,
) -> None:
    """An external one is stopped under a web server and a collector, and started again."""
    with external.running() as url:
        at = {**environment, **variables, "TEAMGAUGE_DATABASE__URL": url}
        assert teamgauge("migrate", **at).returncode == 0
        assert teamgauge("collect", "files", **at).returncode == 0
    refused = teamgauge("serve", "--port", "0", **at)
    assert refused.returncode == 2
    assert refused.stderr.endswith("Check database.url and whether the server runs.\n")
    with ExitStack() as up:
        up.enter_context(external.running())
        with serving(tmp_path, at) as web:
            assert web.ready() == "ok"
            before = web.get("/api/v1/teams").json()
            with at_the_request(fake, 3) as asked:
                cron = start("collect", **at)
                assert asked.wait(PATIENCE)
                up.close()
            gone = time.monotonic()
            said, logged = cron.communicate(timeout=PATIENCE)
            assert cron.returncode == 1
            assert "The database did not store what gitlab sent" in said + logged
            assert "Traceback" not in logged
            while True:
                assert web.ready() == "database_away"
                for path in ("/", "/data", "/teams/dev"):
                    page = web.get(path)
                    assert page.status_code == 503
                    assert "The database does not answer." in page.text
                problem = web.get("/api/v1/teams").json()
                assert (problem["status"], problem["reason"]) == (503, "database_away")
                assert "teamgauge_database_up 0.0" in web.get("/metrics").text
                assert web.get("/healthz").status_code == 200
                if time.monotonic() - gone > SECONDS_AWAY:
                    break
                time.sleep(0.2)
            assert web.faults() == [("began", "database_away")]
            up.enter_context(external.running())
            web.wait_until(lambda: web.ready() == "ok")
            assert web.get("/api/v1/teams").json() == before
            assert web.get("/").status_code == 200
            assert web.faults() == [("began", "database_away"), ("ended", "database_away")]
            done = teamgauge("collect", **at)
            assert done.returncode == 0, done.stdout + done.stderr
            runs = web.get("/api/v1/runs").json()["items"]
            outcomes = [run["outcome"] for run in runs if run["source"] == "gitlab"]
            assert outcomes == ["done", "failed"]


FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"
"""Where Debian's package of that name has what shows a process another time."""

CURRENT = text(
    "SELECT v.indicator, v.variant, t.slug, v.period, v.value FROM indicator_values v"
    " JOIN teams t ON t.id = v.team_id WHERE v.superseded_at IS NULL AND NOT v.partial"
)


@pytest.fixture
def hour_ahead() -> dict[str, str]:
    """The environment of a process whose clock is an hour ahead."""
    found = sorted(Path("/").glob(FAKETIME[1:]))
    if not found:
        pytest.skip("LOUD: faketime is not installed; no clock was set back under a whole service")
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME": "+1h",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def test_the_clock_is_set_back_by_an_hour(
    teamgauge: Teamgauge,
    environment: dict[str, str],
    variables: dict[str, str],
    hour_ahead: dict[str, str],
    fake: GitLabFake,
    tmp_path: Path,
    engine: Engine,
    database_url: str,
    empty_database_url: str,
) -> None:
    """After a collection that took the time for an hour later: the next one loses and doubles nothing,
    and nobody has to wait until the hour has passed again."""
    at = {**environment, **variables, "TEAMGAUGE_DATABASE__URL": database_url}
    before = teamgauge("collect", **at, **hour_ahead)
    assert before.returncode == 0, before.stdout + before.stderr
    grow(fake)
    with serving(tmp_path, at) as web:
        answer = web.get("/readyz")
        assert answer.status_code == 200
        assert [each["reason"] for each in answer.json()["warnings"]] == ["clock_behind"]
        assert "The clock of the server is behind what was collected." in notes(web, "/teams/dev")
        after = teamgauge("collect", **at)
        assert after.returncode == 0, after.stdout + after.stderr
        assert "400 new" in after.stdout
        runs = web.get("/api/v1/runs").json()["items"]
        assert [run["outcome"] for run in runs] == ["done"] * 4
        assert web.get("/api/v1/indicators/open_mr_age/evidence?team=dev").json()["items"]
        assert web.faults() == [("began", "clock_behind")]

    elsewhere = {**variables, "TEAMGAUGE_DATABASE__URL": empty_database_url}
    for command in ("migrate", "collect"):
        assert teamgauge(command, **elsewhere).returncode == 0
    undisturbed = watch(empty_database_url)
    found, expected = contents(engine, MONTH), contents(undisturbed, MONTH)
    for name in ("merge_requests", "notes", "reviewers", "memberships", "merge_request_facts"):
        assert found[name] == expected[name], name
    assert len(expected["merge_requests"]) == 440
    values = []
    for each in (engine, undisturbed):
        with each.connect() as connection:
            values.append(sorted(map(tuple, connection.execute(CURRENT)), key=repr))
    assert values[0] == values[1]
    with engine.connect() as connection:
        turned = text("SELECT count(*) FROM indicator_values WHERE superseded_at <= recorded_at")
        superseded = text("SELECT count(*) FROM indicator_values WHERE superseded_at IS NOT NULL")
        assert connection.scalar(turned) == 0
        assert connection.scalar(superseded) > 0
