"""Whose account runs the embedded server, and how it reaches files below folders that are closed to it."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import AppError, ConfigurationError
from app.store.account import Account, reached, run_as, server_account
from app.store.binaries import Binaries, fitting, for_account, installed
from tests.app.store.conftest import (
    Attach,
    ordinary_account,
    owner_of,
    postgres_below,
    postmaster,
)

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/cwd").exists(), reason="LOUD: looks at processes the Linux way"
)


@pytest.fixture
def other() -> int:
    """Another account than ours, whose programs we may start."""
    number = ordinary_account()
    if number is None:
        pytest.skip("LOUD: needs root, to act as two accounts")
    return number


@pytest.fixture
def closed(our_folder: Path) -> Path:
    """A folder that only we may enter, as root's home or a fresh temporary one is."""
    folder = our_folder / "closed"
    folder.mkdir(mode=0o700)
    return folder


def modes(*folders: Path) -> list[tuple[int, int, int]]:
    """Mode and owners of each."""
    return [(stat.S_IMODE(s.st_mode), s.st_uid, s.st_gid) for s in (f.stat() for f in folders)]


def test_root_may_keep_data_below_a_closed_folder(closed: Path, other: int, attach: Attach) -> None:
    """The server's account cannot reach it by its path, and no mode is widened to let it."""
    before = modes(closed.parent, closed)
    holder = attach(closed / "data")
    holder.ask("CREATE TABLE kept AS SELECT 1 AS one")
    assert owner_of(postmaster(closed)) != 0
    assert modes(closed.parent, closed) == before
    holder.leave()
    again = attach(closed / "data")
    assert again.ask("SELECT one FROM kept") == "1"
    again.leave()
    assert not postgres_below(closed)
    assert modes(closed.parent, closed) == before


def test_an_ordinary_user_below_a_closed_folder(closed: Path, other: int, attach: Attach) -> None:
    before = modes(closed.parent, closed)
    assert attach(closed / "data", other).refused() == (
        f"The data folder {closed}/data cannot be used: Permission denied. "
        "Set database.data_dir to a folder that this account may write."
    )
    assert modes(closed.parent, closed) == before
    assert list(closed.iterdir()) == []


def test_root_uses_the_folder_of_a_user_as_that_user(
    our_folder: Path, other: int, attach: Attach
) -> None:
    """A user's `serve` and root's cron share the data; the user finds it as it was."""
    os.chown(our_folder, other, other)
    attach(our_folder / "data", other).leave()
    holder = attach(our_folder / "data")
    assert holder.ask("SELECT 1") == "1"
    assert owner_of(postmaster(our_folder)) == other
    beside = attach(our_folder / "data", other)
    assert beside.ask("SELECT 2") == "2"
    holder.leave()
    assert beside.ask("SELECT 3") == "3"
    beside.leave()
    assert not postgres_below(our_folder)
    assert {path.stat().st_uid for path in (our_folder / "data").rglob("*")} == {other}


def test_data_that_belongs_to_root_names_the_command(
    our_folder: Path, other: int, attach: Attach
) -> None:
    (our_folder / "data" / "postgres").mkdir(parents=True)
    account = server_account(our_folder / "absent", our_folder / "absent").name
    assert attach(our_folder / "data").refused() == (
        f"The data folder {our_folder}/data/postgres belongs to root, and Postgres does not run as "
        f"root. Give it away once: chown -R {account} '{our_folder}/data/postgres'"
    )


def test_an_account_without_a_name(our_folder: Path, other: int, attach: Attach) -> None:
    """As a container that is started with any number."""
    number = next(n for n in range(40_000, 60_000) if not _has_name(n))
    our_folder.chmod(0o777)
    assert attach(our_folder / "data", number).refused() == (
        f"The account number {number} has no name, and Postgres does not run without one. "
        "Add it to /etc/passwd, or set database.url to a Postgres of your own."
    )
    assert not (our_folder / "data" / "postgres.new").exists()


def _has_name(number: int) -> bool:
    try:
        pwd.getpwuid(number)
    except KeyError:
        return False
    return True


def test_data_of_somebody_else_is_refused(our_folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may use the data of everybody; tried as another account above")
    with pytest.raises(ConfigurationError, match="belongs to the account root"):
        server_account(Path("/"), Path("/"))


@pytest.fixture
def account(other: int) -> Account:
    """The other account, as the server's."""
    entry = pwd.getpwuid(other)
    return Account(entry.pw_name, other, entry.pw_gid, ours=False)


def test_programs_run_without_our_rights(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATA", "/elsewhere")
    monkeypatch.setenv("TEAMGAUGE_GITLAB__TOKEN", "geheim")
    answer = run_as(account, ["/bin/sh", "-c", "id -u; id -G; umask; pwd; env"])
    user, groups, mask, folder, *environment = answer.stdout.splitlines()
    assert (int(user), int(groups)) == (account.uid, account.gid)
    assert (mask, folder) == ("0077", "/")
    names = {line.partition("=")[0] for line in environment}
    assert names - {"PATH", "LD_LIBRARY_PATH", "LC_ALL", "PWD", "SHLVL", "_", "OLDPWD"} == set()


def test_a_closed_folder_has_a_name_all_the_same(closed: Path, account: Account) -> None:
    inner = closed / "inner"
    inner.mkdir()
    os.chown(inner, account.uid, account.gid)
    (inner / "found").touch()
    with reached(account, inner) as (name, descriptors):
        assert name != str(inner)
        answer = run_as(account, ["/bin/ls", name], descriptors=descriptors)
        assert answer.stdout == "found\n"
        assert run_as(account, ["/bin/ls", str(inner)]).returncode != 0
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptors[0])


@pytest.fixture
def hidden(closed: Path) -> Iterator[Binaries]:
    """The programs in an environment below a closed folder, as below root's home."""
    newest = installed()[0]
    package = newest.folder.parent
    copy = closed / "site-packages" / package.name
    shutil.copytree(newest.folder, copy / newest.folder.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, copy.with_name(libraries.name), symlinks=True)
    yield Binaries(copy / newest.folder.name, newest.version)
    shutil.rmtree(closed / "site-packages")


def test_programs_that_the_account_cannot_reach_are_copied_once(
    hidden: Binaries, our_folder: Path, account: Account
) -> None:
    place = our_folder / "place"
    copied = for_account(hidden, account, [our_folder / "closed" / "no", place])
    assert copied.folder.is_relative_to(place)
    answer = run_as(account, [copied.program("initdb"), "--version"])
    assert answer.stdout.startswith("initdb (PostgreSQL)")
    made = copied.folder.stat().st_ctime_ns
    assert for_account(hidden, account, [place]) == copied
    assert copied.folder.stat().st_ctime_ns == made
    assert [path.name for path in place.iterdir()] == [copied.folder.parts[-3]]
    assert for_account(copied, account, []) == copied, "what can be run is run where it is"


def test_no_place_for_the_programs(hidden: Binaries, closed: Path, account: Account) -> None:
    (closed / "file").touch()
    with pytest.raises(AppError) as raised:
        for_account(hidden, account, [closed / "file", closed / "also closed"])
    assert str(raised.value) == (
        f"The account {account.name}, which runs the embedded Postgres for root, may not run the "
        f"programs in {hidden.folder}. Install teamgauge where every account may read, such as "
        "/opt. Or set database.url to a Postgres 15 or newer of your own."
    )


def test_the_version_that_made_the_data_is_used(our_folder: Path) -> None:
    assert fitting(our_folder) == installed()[0]
    answer = subprocess.run(
        [installed()[0].program("postgres"), "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f" {installed()[0].version}." in answer.stdout
    (our_folder / "PG_VERSION").write_text(f"{installed()[0].version}\n")
    assert fitting(our_folder) == installed()[0]
