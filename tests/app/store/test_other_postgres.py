"""A store moves between versions of Postgres, and between the embedded one and one over TLS."""

import os
import socket
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from app.errors import ConfigurationError
from app.settings import Settings
from app.store import backup_file, migrate
from app.store.account import Account, reached, run_as, server_account
from app.store.backup import backup
from app.store.binaries import Binaries, for_account, installed, major_version
from app.store.clients import server_of
from app.store.cluster import USER
from app.store.database import open_database
from app.store.engine import make_engine
from app.store.restore import restore
from tests.app.store.conftest import wait_until_gone
from tests.app.store.stores import everything, fill
from tests.databases import administer

INITDB = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
PASSWORD = "geheim-0815"


def below(data_dir: Path) -> Settings:
    return Settings.model_validate({"database": {"data_dir": data_dir}})


def new_cluster(binaries: Binaries, folder: Path, user: str) -> Account:
    """Makes data files of a Postgres, of the account that is to run it."""
    folder.parent.mkdir(exist_ok=True)
    folder.mkdir(mode=0o700)
    account = server_account(folder.parent / "none", folder.parent)
    if not account.ours:
        os.chown(folder, account.uid, account.gid)
    with reached(account, folder) as (name, descriptors):
        command = [binaries.program("initdb"), f"--pgdata={name}", f"--username={user}", *INITDB]
        made = run_as(account, command, descriptors=descriptors)
    assert made.returncode == 0, made.stderr
    return account


def of_the_system() -> Binaries:
    """The newest Postgres that Debian has installed; skips loudly where there is none."""
    found = [
        Binaries(path.parent.parent, major_version(path))
        for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")
    ]
    if not found:
        pytest.skip("LOUD: Debian's Postgres is not installed; not tried with another one")
    return max(found, key=lambda binaries: binaries.version)


def bring_back(engine: Engine, file: Path) -> None:
    with backup_file.opened(file) as found:
        restore(engine, found)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_data_of_an_older_version_is_served_and_moves_to_the_newest(our_folder: Path) -> None:
    """The way that docs/operations.md describes, with both versions that are installed."""
    newest, *_, oldest = installed()
    assert oldest.version < newest.version
    old, new, file = our_folder / "old", our_folder / "new", our_folder / "store.tar"
    account = server_account(old, our_folder)
    runnable = oldest if account.ours else for_account(oldest, account, [our_folder / "programs"])
    new_cluster(runnable, old / "postgres", USER)
    with open_database(below(old)) as engine:
        assert server_of(engine).version == oldest.version
        fill(engine)
        before = everything(engine)
        assert backup(engine, file).manifest.client == oldest.version
    with open_database(below(new), migrated=False) as engine:
        assert server_of(engine).version == newest.version
        bring_back(engine, file)
        after = everything(engine)
    for table in ("people", "positions", "daily_values", "work_items"):
        assert after[f"public.{table}"] == before[f"public.{table}"] != []
    assert after["sequences"] == before["sequences"]


@pytest.mark.external
def test_data_of_a_version_that_is_not_installed_is_left_as_it_is(our_folder: Path) -> None:
    debian = of_the_system()
    if debian.version in {each.version for each in installed()}:
        pytest.skip(f"LOUD: Postgres {debian.version} comes with teamgauge; nothing to refuse")
    folder = our_folder / "data" / "postgres"
    new_cluster(debian, folder, USER)
    before = digests(folder)
    with pytest.raises(ConfigurationError) as raised, open_database(below(folder.parent)):
        pass
    sentence = str(raised.value)
    assert f"{folder} was made by Postgres {debian.version}, but the installed " in sentence
    assert f"With a teamgauge that brings Postgres {debian.version}: `teamgauge backup" in sentence
    assert "`teamgauge restore FILE` (docs/operations.md" in sentence
    assert digests(folder) == before


@pytest.fixture
def over_tls(our_folder: Path) -> Iterator[str]:
    """The address of an empty database on Debian's Postgres, which takes nobody without TLS and a
    password."""
    debian = of_the_system()
    folder = our_folder / "external" / "data"
    account = new_cluster(debian, folder, "tester")
    certificate, key = folder / "server.crt", folder / "server.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    for path in (certificate, key):
        os.chown(path, account.uid, account.gid)
    (folder / "pg_hba.conf").write_text(
        "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c ssl=on -c fsync=off"
    options += f" -c unix_socket_directories={folder}"
    control = [debian.program("pg_ctl"), f"--pgdata={folder}", f"--log={folder / 'log'}", "--wait"]
    started = run_as(account, [*control, "start", f"--options={options}"], folder=folder)
    assert started.returncode == 0, (folder / "log").read_text()
    try:
        local = f"postgresql://tester@/postgres?host={folder}&port={port}"
        administer(local, f"ALTER ROLE tester PASSWORD '{PASSWORD}'")
        administer(local, "CREATE DATABASE moved")
        yield f"postgresql://tester:{PASSWORD}@127.0.0.1:{port}/moved?sslmode=require"
    finally:
        stopped = run_as(account, [*control, "--mode=immediate", "stop"], folder=folder)
        assert stopped.returncode == 0, stopped.stderr
        # pg_ctl waits for the file with the server's number, which goes away before the server does.
        wait_until_gone(folder)


@pytest.mark.external
def test_a_store_moves_to_another_server_and_back(
    engine: Engine, over_tls: str, empty_database_url: str, tmp_path: Path
) -> None:
    """From a newer Postgres to an older one over TLS, which the programs that come along do not know."""
    fill(engine)
    before = everything(engine)
    there, back = make_engine(over_tls), make_engine(empty_database_url)
    try:
        assert server_of(there).encrypted
        backup(engine, tmp_path / "there.tar")
        bring_back(there, tmp_path / "there.tar")
        migrate.require_newest(there)
        saved = backup(there, tmp_path / "back.tar")
        assert saved.manifest.client >= server_of(there).version
        with there.begin() as connection:
            connection.execute(text("DELETE FROM identities"))
        bring_back(back, tmp_path / "back.tar")
        after = everything(back)
    finally:
        there.dispose()
        back.dispose()
    for table in ("people", "identities", "positions", "daily_values", "work_items"):
        assert after[f"public.{table}"] == before[f"public.{table}"] != []
    assert after["sequences"] == before["sequences"]
