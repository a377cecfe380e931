"""The embedded server with real processes: start, attach, leave, and every way to be killed."""

import os
import re
import signal
import stat
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from app.store.embedded import EmbeddedServer
from tests.app.store.conftest import (
    Attach,
    owner_of,
    postgres_below,
    postmaster,
    wait_for,
    wait_until_gone,
)

# In every test `attach` comes after the folder, so that its processes leave before that is checked.
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/cwd").exists(), reason="LOUD: looks at processes the Linux way"
)


def kill(number: int) -> None:
    """Kills a process, unless it has ended by itself since it was listed."""
    with suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)


def test_first_start_and_clean_stop(folder: Path, account: int | None, attach: Attach) -> None:
    data_dir = folder / "not there" / "data"
    holder = attach(data_dir, account)
    assert holder.ask("SELECT 1 + 1") == "2"
    shown = {
        "server_encoding": "UTF8",
        "listen_addresses": "",
        "TimeZone": "UTC",
        "max_connections": "100",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "autovacuum": "on",
        "data_checksums": "on",
        "logging_collector": "on",
    }
    assert shown == {name: holder.ask(f"SHOW {name}") for name in shown}
    locale = "SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname = "
    assert holder.ask(locale + "current_database()") == "b C.UTF-8"
    holder.ask("CREATE TABLE kept AS SELECT 'Ä' AS word")
    holder.leave()
    assert not postgres_below(folder)
    assert not (data_dir / "postgres" / ".s.PGSQL.5432").exists()
    again = attach(data_dir, account)
    assert again.ask("SELECT word FROM kept") == "Ä"
    assert list((data_dir / "postgres" / "log").glob("*day.log"))
    again.leave()


def test_only_the_account_of_the_server_gets_in(
    folder: Path, account: int | None, attach: Attach
) -> None:
    holder = attach(folder / "data", account)
    assert holder.url
    cluster = folder / "data" / "postgres"
    assert stat.S_IMODE(cluster.stat().st_mode) == 0o700
    number = postmaster(folder)
    assert owner_of(number) == cluster.stat().st_uid != 0
    # Tokens in our environment are not the server's business.
    environment = Path(f"/proc/{number}/environ").read_bytes()
    assert b"LC_ALL=C" in environment
    assert b"glpat-hush" not in environment


def test_a_second_process_attaches_and_the_last_one_out_stops(
    folder: Path, data_dir: Path, account: int | None, attach: Attach
) -> None:
    web = attach(data_dir, account)
    assert web.url
    number = postmaster(folder)
    collector = attach(data_dir, account)
    assert collector.ask("SELECT 1") == "1"
    assert postmaster(folder) == number
    web.leave()
    assert postmaster(folder) == number
    assert collector.ask("SELECT 2") == "2"
    collector.leave()
    assert not postgres_below(folder)


def test_all_start_at_once(folder: Path, account: int | None, attach: Attach) -> None:
    holders = [attach(folder / "data", account) for _ in range(4)]
    started = {holder.ask("SELECT pg_postmaster_start_time()") for holder in holders}
    assert len(started) == 1
    for holder in holders:
        holder.let_go()
    for holder in holders:
        holder.leave()
    assert not postgres_below(folder)


@pytest.mark.parametrize("killed", ["who started", "who attached"])
def test_killing_one_leaves_the_other_undisturbed(
    killed: str, folder: Path, data_dir: Path, account: int | None, attach: Attach
) -> None:
    starter = attach(data_dir, account)
    assert starter.url
    attached = attach(data_dir, account)
    assert attached.url
    number = postmaster(folder)
    victim, other = (starter, attached) if killed == "who started" else (attached, starter)
    victim.kill()
    assert other.ask("SELECT 1") == "1"
    assert postmaster(folder) == number
    other.leave()
    assert not postgres_below(folder)


def test_after_killing_all_the_next_one_attaches_and_stops(
    folder: Path, data_dir: Path, account: int | None, attach: Attach
) -> None:
    web, collector = attach(data_dir, account), attach(data_dir, account)
    assert web.url == collector.url
    number = postmaster(folder)
    web.kill()
    collector.kill()
    assert postmaster(folder) == number, "nobody was left to stop it"
    following = attach(data_dir, account)
    assert following.url
    assert postmaster(folder) == number
    following.leave()
    assert not postgres_below(folder)


@pytest.mark.parametrize("whom", ["the postmaster", "every process of the server"])
def test_killing_the_server_loses_nothing(
    whom: str, folder: Path, data_dir: Path, account: int | None, attach: Attach
) -> None:
    web = attach(data_dir, account)
    web.ask("CREATE TABLE kept AS SELECT 1 AS one")
    killed = postmaster(folder)
    for number in [killed] if whom == "the postmaster" else postgres_below(folder):
        kill(number)
    following = attach(data_dir, account)
    assert following.ask("SELECT one FROM kept") == "1"
    assert postmaster(folder) != killed
    # The web server was attached all the time, so it has the new server too and is the last one out.
    following.leave()
    assert web.ask("SELECT one FROM kept") == "1"
    web.leave()
    assert not postgres_below(folder)


def test_killing_everything_at_once(
    folder: Path, data_dir: Path, account: int | None, attach: Attach
) -> None:
    web = attach(data_dir, account)
    web.ask("CREATE TABLE kept AS SELECT 1 AS one")
    web.process.kill()
    for number in postgres_below(folder):
        kill(number)
    web.process.communicate()
    following = attach(data_dir, account)
    assert following.ask("SELECT one FROM kept") == "1"
    following.leave()


@pytest.mark.parametrize("moment", range(8))
def test_killed_at_any_moment_of_the_first_start(
    moment: int, our_folder: Path, attach: Attach
) -> None:
    """From before initdb, over the middle of it, to a server that is just coming up."""
    first = attach(our_folder / "data")
    states = [
        (our_folder / "data").exists,
        (our_folder / "data" / "postgres.new").exists,
        (our_folder / "data" / "postgres.new" / "PG_VERSION").exists,
        (our_folder / "data" / "postgres.new" / "global" / "pg_control").exists,
        (our_folder / "data" / "postgres.new" / "base" / "5").exists,
        (our_folder / "data" / "postgres" / "PG_VERSION").exists,
        (our_folder / "data" / "postgres" / "postmaster.pid").exists,
        (our_folder / "data" / "postgres" / ".s.PGSQL.5432").exists,
    ]
    end = time.monotonic() + 60
    while not states[moment]():
        assert time.monotonic() < end
    first.kill()
    following = attach(our_folder / "data")
    assert following.ask("SELECT current_database()") == "teamgauge"
    following.leave()
    assert not (our_folder / "data" / "postgres.new").exists()


@pytest.mark.parametrize(
    "name",
    ["with a blank", "größe, 数据", "quo\"te's $HOME `id` \\", "lang" * 40],
    ids=["blank", "comma and non-ASCII", "shell", "long"],
)
def test_any_path(name: str, folder: Path, account: int | None, attach: Attach) -> None:
    data_dir = folder / name / "data"
    holder = attach(data_dir, account)
    second = attach(data_dir, account)
    assert holder.ask("SELECT pg_postmaster_start_time()") == second.ask(
        "SELECT pg_postmaster_start_time()"
    )
    assert (data_dir / "postgres" / "PG_VERSION").exists()
    links = re.findall(r"host=(/tmp/teamgauge-[^/]+)", holder.url + second.url)
    assert len(links) == 2
    holder.leave()
    second.leave()
    assert not [link for link in links if Path(link).exists()]


def test_interrupting_one_terminal_leaves_the_server_to_the_other(
    folder: Path, data_dir: Path, account: int | None, attach: Attach
) -> None:
    starter = attach(data_dir, account)
    assert starter.url
    other = attach(data_dir, account)
    assert other.url
    number = postmaster(folder)
    # Ctrl-C reaches the whole foreground group: the program and all it started in its session.
    os.killpg(starter.process.pid, signal.SIGINT)
    starter.process.communicate()
    assert postmaster(folder) == number
    assert other.ask("SELECT 1") == "1"
    other.leave()
    assert not postgres_below(folder)


def test_interrupting_the_only_one_stops_the_server(
    folder: Path, data_dir: Path, account: int | None, attach: Attach
) -> None:
    holder = attach(data_dir, account)
    assert holder.url
    os.killpg(holder.process.pid, signal.SIGINT)
    holder.process.communicate()
    assert not postgres_below(folder)


def test_the_number_of_a_killed_server_may_belong_to_somebody_else(
    folder: Path, data_dir: Path, account: int | None, attach: Attach
) -> None:
    """The worst case: a process of the server's own account, which Postgres itself gives way to."""
    holder = attach(data_dir, account)
    holder.ask("CREATE TABLE kept AS SELECT 1 AS one")
    cluster = data_dir / "postgres"
    for number in postgres_below(folder):
        kill(number)
    holder.kill()
    runs_as = cluster.stat().st_uid if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "600"], user=runs_as) as bystander:
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            lines = (cluster / name).read_text().splitlines(keepends=True)
            (cluster / name).write_text("".join([f"{bystander.pid}\n", *lines[1:]]))
        following = attach(data_dir, account)
        assert following.ask("SELECT one FROM kept") == "1"
        assert bystander.poll() is None
        following.leave()
        assert bystander.poll() is None
        bystander.kill()


def test_a_long_recovery_is_waited_for(
    our_folder: Path, our_data_dir: Path, attach: Attach
) -> None:
    """A real recovery after a kill, which asks for each piece of its journal from an archive.

    The archive's command waits until the test lets it go on, which it does when more than ten
    seconds have gone by: as long as any recovery takes, and no longer.
    """
    holder = attach(our_data_dir)
    holder.ask("CREATE TABLE kept AS SELECT 1 AS one")
    for number in postgres_below(our_folder):
        kill(number)
    holder.kill()
    cluster = our_data_dir / "postgres"
    (cluster / "recovery.signal").touch(mode=0o600)
    os.chown(cluster / "recovery.signal", cluster.stat().st_uid, cluster.stat().st_gid)
    began = time.monotonic()
    patient = attach(
        our_data_dir,
        restore_command="until test -e go; do sleep 0.05; done; false",
        hot_standby="off",
    )
    wait_for(cluster / "postmaster.pid.stale")  # it is its turn, and it starts the server
    second = attach(our_data_dir)
    assert re.match(
        rf"waiting for the database in {cluster} to accept connections \(1\d s\)", patient.told()
    )
    assert second.told() == f"waiting for another process to start or stop {cluster}"
    waited = time.monotonic() - began
    assert waited > 10
    assert patient.process.poll() is None
    (cluster / "go").touch()
    assert patient.ask("SELECT one FROM kept") == "1"
    assert second.ask("SELECT one FROM kept") == "1"
    patient.leave()
    second.leave()
    assert not postgres_below(our_folder)


def test_who_comes_while_the_last_one_stops_starts_anew(
    our_folder: Path, our_data_dir: Path, attach: Attach
) -> None:
    first = attach(our_data_dir)
    assert first.url
    number = postmaster(our_folder)
    os.kill(number, signal.SIGSTOP)
    first.let_go()
    second = attach(our_data_dir)
    os.kill(number, signal.SIGCONT)
    first.leave()
    assert second.ask("SELECT 1") == "1"
    second.leave()
    assert not postgres_below(our_folder)


def test_leaving_when_the_data_folder_was_deleted(
    our_folder: Path, our_data_dir: Path, attach: Attach
) -> None:
    holder = attach(our_data_dir)
    assert holder.url
    number = postmaster(our_folder)
    subprocess.run(["rm", "-rf", our_data_dir], check=True)
    holder.leave()
    os.kill(number, signal.SIGQUIT)  # it would notice by itself within a minute
    wait_until_gone(our_folder)


def test_one_process_may_attach_twice(our_folder: Path, our_data_dir: Path) -> None:
    server = EmbeddedServer(our_data_dir, {"fsync": "off"})
    with server.running() as outer:
        with EmbeddedServer(our_data_dir).running() as inner:
            assert inner == outer
        with psycopg.connect(outer) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("off",)
    assert not postgres_below(our_folder)
