"""Processes that hold the embedded server, and a look at the server from outside, by the system's eyes."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import psycopg
import pytest

from app.store.binaries import installed
from tests.clusters import PutCluster
from tests.quick import quick_place

HOLDER = Path(__file__).parent / "holder.py"
CHECKOUT = Path(__file__).parents[3]


class Holder:
    """A process that is attached to the server, or about to be."""

    def __init__(self, data_dir: Path, account: int | None, settings: dict[str, str]) -> None:
        command = [sys.executable, "-W", "error", str(HOLDER), str(data_dir)]
        command += ["--account", str(account)] if account is not None else []
        command += [f"--setting={name}={value}" for name, value in settings.items()]
        path = os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a terminal of its own, as it were
            env=os.environ | {"PYTHONPATH": path, "SECRET_TOKEN": "glpat-hush"},
        )
        self._url = ""

    @property
    def url(self) -> str:
        """The database's address; waits until the process is attached."""
        assert self.process.stdout is not None
        self._url = self._url or self.process.stdout.readline().strip()
        if not self._url:
            pytest.fail(f"did not attach: {self.process.communicate()[1]}")
        return self._url

    def ask(self, query: str) -> str:
        """One value from the database, over a connection of the test's own."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            row = cursor.fetchone() if cursor.description else None
            return str(row[0]) if row else ""

    def let_go(self) -> None:
        """Lets the process end by itself, without waiting for it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.stdin = None

    def told(self) -> str:
        """The next line of its log."""
        assert self.process.stderr is not None
        return self.process.stderr.readline().rstrip()

    def leave(self) -> None:
        """Lets the process end by itself, and expects that it does so without complaint."""
        _, errors = self.process.communicate()
        assert self.process.returncode == 0, errors

    def refused(self) -> str:
        """The sentence with which the process ended."""
        _, errors = self.process.communicate()
        assert self.process.returncode == 3, errors
        assert "Traceback" not in errors
        return errors.strip().splitlines()[-1]

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.communicate()


class Attach(Protocol):
    """Starts a process that attaches."""

    def __call__(self, data_dir: Path, account: int | None = None, **settings: str) -> Holder: ...


@pytest.fixture
def attach() -> Iterator[Attach]:
    """Starts processes that attach; those that are left at the end leave then."""
    holders: list[Holder] = []

    def start(data_dir: Path, account: int | None = None, **settings: str) -> Holder:
        holders.append(Holder(data_dir, account, settings))
        return holders[-1]

    yield start
    for holder in holders:
        try:
            holder.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:  # the test has failed in the middle
            holder.kill()


def ordinary_account() -> int | None:
    """An ordinary account for a process; None: we are one."""
    if os.geteuid() != 0:
        return None
    number = pwd.getpwnam("nobody").pw_uid
    program = installed()[0].program("postgres")
    tried = subprocess.run(["/bin/sh", "-c", 'test -x "$0"', program], user=number, check=False)
    if tried.returncode != 0:
        pytest.skip("LOUD: no other account reaches this environment; not tried as ordinary user")
    return number


@pytest.fixture(params=["root", "ordinary user"])
def account(request: pytest.FixtureRequest) -> int | None:
    """The account to start processes as; None: our own."""
    if request.param == "ordinary user":
        return ordinary_account()
    if os.geteuid() != 0:
        pytest.skip("LOUD: the tests do not run as root; not tried as root")
    return None


def new_folder(account: int | None) -> Path:
    """A folder of the account below one that everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="tg-store-", dir=quick_place()))
    folder.chmod(0o755)
    if account is not None:
        os.chown(folder, account, account)
    return folder


def postgres_below(folder: Path) -> list[int]:
    """The processes of servers whose cluster lies below the folder, whatever their files claim."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = os.readlink(process / "cwd")
            name = (process / "comm").read_text().strip()
        except OSError:
            continue  # ended meanwhile, or somebody else's
        if name.startswith("postgres") and Path(where).is_relative_to(folder.resolve()):
            found.append(int(process.name))
    return found


def postmaster(data_dir: Path) -> int:
    """The number of the server's first process: the one that is nobody's child there."""
    alive = postgres_below(data_dir)
    parents = {number: _status(number, "PPid") for number in alive}
    (first,) = [
        number for number, parent in parents.items() if parent is not None and parent not in alive
    ]
    return first


def _status(number: int, field: str) -> int | None:
    """A number from the status of a process; None: it has ended, as those that serve a question do."""
    try:
        lines = Path(f"/proc/{number}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(next(line.split()[1] for line in lines if line.startswith(f"{field}:")))


def owner_of(number: int) -> int | None:
    """The account a process runs as."""
    return _status(number, "Uid")


def wait_for(file: Path) -> None:
    """Returns when the file is there."""
    end = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < end, f"{file} does not appear"
        time.sleep(0.02)


def wait_until_gone(folder: Path) -> None:
    """Returns when no server is left below the folder."""
    end = time.monotonic() + 60
    while postgres_below(folder):
        assert time.monotonic() < end, "a server does not end"
        time.sleep(0.02)


def _checked_and_removed(folder: Path) -> None:
    left = postgres_below(folder)
    for number in left:
        os.kill(number, signal.SIGKILL)
    shutil.rmtree(folder)
    assert not left, "a server outlived its last user"


@pytest.fixture
def folder(account: int | None) -> Iterator[Path]:
    """A folder of the account's own; no server may be left in it after the test."""
    made = new_folder(account)
    yield made
    _checked_and_removed(made)


@pytest.fixture
def our_folder() -> Iterator[Path]:
    """The same for a test that runs once, as whoever runs the tests."""
    made = new_folder(None)
    yield made
    _checked_and_removed(made)


@pytest.fixture
def data_dir(folder: Path, account: int | None, cluster: PutCluster) -> Path:
    """A data folder below `folder` whose cluster was made before."""
    return cluster(folder / "data", account)


@pytest.fixture
def our_data_dir(our_folder: Path, cluster: PutCluster) -> Path:
    """A data folder below `our_folder` whose cluster was made before."""
    return cluster(our_folder / "data", None)
