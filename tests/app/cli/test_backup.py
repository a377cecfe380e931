"""`teamgauge backup` and `restore` as a user has them, killed at their worst moments included."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url, text

from app.store import backup_file, migrate
from app.store.backup import backup
from app.store.backup_file import Manifest
from app.store.engine import lock_key
from tests.app.store.stores import definitions, everything, fill
from tests.databases import database, engines

Finished = subprocess.CompletedProcess[str]
Teamgauge = Callable[..., Finished]
Running = subprocess.Popen[str]
Start = Callable[..., Running]

PASSWORD = "geheim-0815"


@pytest.fixture(scope="module")
def filled(server_url: str, template: str) -> Iterator[Engine]:
    """A store that no test changes."""
    with engines(server_url, "filled", template) as make:
        engine = make()
        fill(engine)
        yield engine


@pytest.fixture(scope="module")
def saved(filled: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its backup."""
    return backup(filled, tmp_path_factory.mktemp("backup") / "store.tar").file


@pytest.fixture
def empty(server_url: str) -> Iterator[Engine]:
    """A database without tables."""
    with database(server_url, "empty") as url:
        engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool
        )
        yield engine


def configured(engine: Engine) -> dict[str, str]:
    """The environment that names a database, with a password though none is asked for."""
    url = engine.url.set(drivername="postgresql", password=PASSWORD)
    return {"TEAMGAUGE_DATABASE__URL": url.render_as_string(hide_password=False)}


def until(happened: Callable[[], object]) -> None:
    """Returns when it has."""
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)


def value(engine: Engine, query: str) -> object:
    with engine.connect() as connection:
        return connection.scalar(text(query))


@contextmanager
def held(engine: Engine, statement: str) -> Iterator[Connection]:
    """A transaction under way that somebody has to wait for, rolled back in the end."""
    with engine.connect() as connection:
        connection.execute(text(statement))
        yield connection
        connection.rollback()


WAITS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = '{}' AND wait_event_type = 'Lock'"
)
SOMEBODY = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid()"
)


def test_there_and_back(
    teamgauge: Teamgauge, program: Teamgauge, filled: Engine, empty: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "store.tar"
    done = program("backup", str(file), **configured(filled))
    assert (done.returncode, done.stderr) == (0, "")
    newest = migrate.newest_revision()
    size = f"{file.stat().st_size:,}"
    assert done.stdout.startswith(f"backup: {size} bytes in {file}, revision {newest}, in ")
    done = program("restore", str(file), **configured(empty))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"restore: {file} of ")
    assert everything(empty)["public.people"] == everything(filled)["public.people"]
    again = teamgauge("restore", str(file), **configured(empty))
    assert again.returncode == 2
    assert again.stderr.startswith(
        f"The database holds a store already, at revision {newest}, which was left as it is. "
    )


def test_a_folder_keeps_the_newest(teamgauge: Teamgauge, filled: Engine, tmp_path: Path) -> None:
    old = [tmp_path / f"teamgauge-2026-11-{day}T030000Z.tar" for day in (10, 11, 12)]
    for path in (*old, tmp_path / "other.tar"):
        path.touch()
    done = teamgauge("backup", str(tmp_path), "--rotate", "2", **configured(filled))
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == [f"backup: deleted {path}." for path in old[:2]]
    left = sorted(path.name for path in tmp_path.glob("*.tar"))
    assert left[:2] == ["other.tar", old[2].name]
    with backup_file.opened(tmp_path / left[2]):
        pass


def test_a_failed_backup_deletes_no_older_one(
    teamgauge: Teamgauge, empty: Engine, tmp_path: Path
) -> None:
    old = tmp_path / "teamgauge-2026-11-10T030000Z.tar"
    old.touch()
    (tmp_path / "teamgauge-2026-11-09T030000Z.tar").touch()
    done = teamgauge("backup", str(tmp_path), "--rotate", "1", **configured(empty))
    assert done.returncode == 2
    assert "holds no store yet: there is nothing to save." in done.stderr
    assert len(list(tmp_path.iterdir())) == 2


def test_what_cannot_be_restored_makes_no_database(teamgauge: Teamgauge, tmp_path: Path) -> None:
    manifest = Manifest(
        format=1, teamgauge="9.0", revision="9999", postgres="18", client=18, schema="a", made_at=""
    )
    with backup_file.taking_place(tmp_path / "newer.tar", overwrite=False) as stream:
        backup_file.write(stream, manifest, lambda _: None)
    (tmp_path / "other.tar").write_text("something else")
    for name, sentence in (
        ("newer", "The backup holds a store at revision 9999, which this program does not know: "),
        ("other", "other.tar is no backup of teamgauge."),
    ):
        done = teamgauge("restore", f"{name}.tar")
        assert done.returncode == 2
        assert sentence in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_backup_that_is_ended_leaves_no_file(
    start: Start, teamgauge: Teamgauge, filled: Engine, tmp_path: Path, number: signal.Signals
) -> None:
    """While pg_dump waits for a table; and nowhere in the list of processes stands the password."""
    folder = tmp_path / "kept"
    folder.mkdir()
    with held(filled, "LOCK TABLE people IN ACCESS EXCLUSIVE MODE"):
        running = start("backup", str(folder / "store.tar"), **configured(filled))
        until(lambda: value(filled, WAITS.format("pg_dump")))
        (child,) = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in (running.pid, child)]
        assert "/pg_dump\0" in commands[1]
        assert not any(PASSWORD in command for command in commands)
        running.send_signal(number)
        running.communicate()
    left = [path.name for path in folder.iterdir()]
    # By SIGKILL nobody is left to remove it; what comes later does (see tests of backup_file).
    assert all(name.endswith(backup_file.PARTIAL) for name in left)
    assert len(left) == (number == signal.SIGKILL)
    until(lambda: not Path(f"/proc/{child}").exists())
    assert teamgauge("backup", str(folder / "store.tar"), **configured(filled)).returncode == 0
    with backup_file.opened(folder / "store.tar"):
        pass


def test_a_backup_that_is_killed_while_it_writes(
    start: Start, filled: Engine, tmp_path: Path
) -> None:
    """Whatever was written until then, nothing has the name of a backup."""

    def written() -> int:
        return max(
            (path.stat().st_size for path in tmp_path.glob(f".*{backup_file.PARTIAL}")), default=0
        )

    running = start("backup", "store.tar", **configured(filled))
    until(lambda: written() > 1000 or running.poll() is not None)
    running.kill()
    running.communicate()
    if (tmp_path / "store.tar").exists():  # it had ended before
        with backup_file.opened(tmp_path / "store.tar"):
            pass


@pytest.mark.parametrize(
    ("obstacle", "number"),
    [
        ("accounts", signal.SIGKILL),
        ("ix_runs_source_id", signal.SIGKILL),
        ("ix_runs_source_id", signal.SIGTERM),
    ],
)
def test_a_restore_that_is_ended_leaves_nothing_or_all(
    start: Start,
    filled: Engine,
    saved: Path,
    empty: Engine,
    obstacle: str,
    number: signal.Signals,
) -> None:
    """At its first table, or after all rows: somebody else's table of that name, which is not committed
    yet, has to be waited for."""
    with held(empty, f"CREATE TABLE {obstacle} ()") as connection:
        running = start("restore", str(saved), **configured(empty))
        until(lambda: value(empty, WAITS.format("psql")))
        running.send_signal(number)
        running.communicate()
        connection.rollback()
    until(lambda: value(empty, SOMEBODY) == 0)
    found = everything(empty)
    # Who is killed with its last lines handed over already has restored the store.
    if (obstacle, number) == ("ix_runs_source_id", signal.SIGKILL) and len(found) > 1:
        assert definitions(empty) == definitions(filled)
        assert found["public.people"] == everything(filled)["public.people"]
    else:
        assert found == {"sequences": []}


def test_a_restore_that_is_killed_before_it_upgrades_is_whole(
    start: Start, teamgauge: Teamgauge, empty: Engine, server_url: str, tmp_path: Path
) -> None:
    with engines(server_url, "old", "") as make:
        old = make()
        migrate.upgrade(old, "0009")
        with old.begin() as connection:
            connection.execute(text("INSERT INTO people VALUES ('p', 'Ada', NULL, '{}', 'files')"))
        backup(old, tmp_path / "old.tar")
    with (
        held(empty, "CREATE TABLE ix_runs_source_id ()") as obstacle,
        empty.connect() as next_one,
    ):
        running = start("restore", "old.tar", **configured(empty))
        until(lambda: value(empty, WAITS.format("psql")))
        # Whoever upgrades needs this lock, for which somebody else stands in line already.
        lock = f"SELECT pg_advisory_lock({lock_key('migrate')})"
        waiting = Thread(target=next_one.execute, args=(text(lock),))
        waiting.start()
        advisory = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event = 'advisory'"
        )
        until(lambda: value(empty, advisory))
        obstacle.rollback()
        waiting.join()
        until(lambda: value(empty, advisory))
        running.kill()
        running.communicate()
    assert migrate.present_revision(empty) == "0009"
    assert teamgauge("migrate", **configured(empty)).returncode == 0
    assert value(empty, "SELECT name FROM people") == "Ada"
    migrate.require_newest(empty)
