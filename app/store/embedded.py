"""The embedded Postgres: who comes first starts it, who comes later attaches, the last one out stops it.

Three files in the data folder carry kernel locks (flock), which end with the process that holds them,
however it ends:

- `postgres.turn`: held while somebody starts, attaches or stops.
- `postgres.users`: shared by every attached process; who gets it alone is the last one.
- `postgres.alive`: inherited by every process of the server itself, so it tells for certain whether one
  is left, when `postmaster.pid` can only name a number that may belong to somebody else by now.

Connections go over a unix socket in the cluster's own folder, which only the server's account (and root)
can enter: that is the access control, so the socket asks for no password (`trust`). There is no TCP.
"""

import fcntl
import logging
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

import psycopg
from filelock import FileLock, Timeout
from platformdirs import site_cache_path, user_data_path
from psycopg.conninfo import make_conninfo
from psycopg.pq import Ping

from app.errors import AppError, ConfigurationError
from app.store.account import Account, give, reached, run_as, server_account
from app.store.binaries import Binaries, fitting, for_account

log = logging.getLogger(__name__)

DATABASE = USER = "teamgauge"
PORT = 5432
"""Only part of the socket's file name: nothing listens on TCP."""

ALWAYS = {
    "listen_addresses": "",
    "unix_socket_directories": ".",  # the cluster's folder, however long its path is
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "logging_collector": "on",  # log/monday.log …: a week, then overwritten
    "log_directory": "log",
    "log_filename": "%A.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
}
"""Settings that this module relies on: given at every start."""

AT_FIRST = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "log_checkpoints": "off",
    "client_connection_check_interval": "10s",  # a killed command's long query ends, too
    # Parallel queries share memory that is set aside at the start, then files: /dev/shm is small in
    # containers, and systemd empties it of a user's files when the user logs out.
    "min_dynamic_shared_memory": "128MB",
    "dynamic_shared_memory_type": "mmap",
}
"""Written into postgresql.conf of a new data folder; its owner may change them there."""

PATIENCE = 10.0
"""Seconds between two log lines while something is waited for."""


def default_data_dir() -> Path:
    """Where data lies unless database.data_dir says otherwise."""
    if sys.platform != "win32" and os.geteuid() == 0:
        return Path("/var/lib/teamgauge")
    return user_data_path("teamgauge", appauthor=False)


class EmbeddedServer:
    """The Postgres of one data folder, shared by every process that uses the folder.

    data_dir: made when it is not there; the cluster is its subfolder `postgres`.
    settings: server settings on top, in force if this process is the one that starts the server.
    """

    def __init__(self, data_dir: Path, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        self.data_dir = Path(os.path.realpath(data_dir.expanduser()))
        self.cluster = self.data_dir / "postgres"
        self.settings = dict(settings)

    @contextmanager
    def running(self) -> Iterator[str]:
        """Attaches to the server, after starting it if need be, and yields the database's address.

        Waits as long as a start, a recovery or a stop under way takes. On the way out the last one
        stops the server. Raises AppError with one sentence when it cannot run.
        """
        self._prepare()
        with _plain_path(self.cluster) as address, self._attached(address):
            yield f"postgresql://{USER}@/{DATABASE}?host={address}&port={PORT}"

    def _prepare(self) -> None:
        """Makes the data folder and its lock files, owned by the folder's owner even if root comes first."""
        try:
            if not self.data_dir.exists():
                self.data_dir.mkdir(parents=True)
                self.data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
            owner = self.data_dir.stat()
            for name in ("turn", "users", "alive"):
                descriptor = self._open(name)
                if os.geteuid() == 0:
                    os.chown(descriptor, owner.st_uid, owner.st_gid)
                os.close(descriptor)
        except OSError as error:
            raise ConfigurationError(
                f"The data folder {self.data_dir} cannot be used: {error.strerror}.",
                "Set database.data_dir to a folder that this account may write.",
            ) from error

    def _open(self, name: str) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self.data_dir / f"postgres.{name}", flags, 0o600)

    @contextmanager
    def _attached(self, address: str) -> Iterator[None]:
        users = self._open("users")
        try:
            with self._turn():
                fcntl.flock(users, fcntl.LOCK_SH)
                self._attach_or_start(address)
            yield
        finally:
            try:
                self._leave(users, address)
            finally:
                os.close(users)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Only one process at a time starts, attaches or stops; the others wait here."""
        lock = FileLock(self.data_dir / "postgres.turn")
        while not lock.is_locked:
            try:
                lock.acquire(timeout=PATIENCE)
            except Timeout:
                log.info("waiting for another process to start or stop %s", self.cluster)
        try:
            yield
        finally:
            lock.release()

    def _leave(self, users: int, address: str) -> None:
        if not _only_one(users):
            return
        # Somebody may have attached since; that is decided in turn, and never by waiting for a turn
        # with the lock in hand, which who has the turn may be waiting for.
        fcntl.flock(users, fcntl.LOCK_UN)
        with self._turn():
            if _only_one(users):
                self._stop(address)

    @contextmanager
    def _alone(self) -> Iterator[int | None]:
        """The lock of the server's processes, open; None while any process of a server is left."""
        descriptor = self._open("alive")
        try:
            yield descriptor if _only_one(descriptor) else None
        finally:
            os.close(descriptor)  # without LOCK_UN: a server that inherited it goes on holding it

    def _attach_or_start(self, address: str) -> None:
        started = False
        for _ in _waiting(f"the database in {self.cluster} to accept connections"):
            if _ping(address) is Ping.OK:
                self._require_database(address)
                return
            with self._alone() as alive:
                if alive is None:
                    continue  # starting, recovering, shutting down, or the remains of a killed server
                if started:
                    raise AppError(
                        f"The embedded Postgres in {self.cluster} did not start: {self._failure()}"
                    )
                self._start(alive)
                started = True

    def _start(self, alive: int) -> None:
        """Starts a server that inherits the lock. Returns at once; raises AppError when it cannot."""
        binaries = fitting(self.cluster)
        account = server_account(self.cluster, self.data_dir)
        if not account.ours:
            places = (self.data_dir, site_cache_path("teamgauge"))
            binaries = for_account(binaries, account, places)
        if not (self.cluster / "PG_VERSION").exists():
            self._initialise(binaries, account, alive)
        self._set_aside_what_died()
        (self.cluster / "start.log").unlink(missing_ok=True)
        options = [f"--{name}={value}" for name, value in (ALWAYS | self.settings).items()]
        with reached(account, self.cluster) as (name, descriptors):
            answer = run_as(
                account,
                [
                    *(binaries.program("pg_ctl"), "start", "--no-wait", "--pgdata", name),
                    *("--log", "start.log", "--options", shlex.join(options)),
                ],
                descriptors=(alive, *descriptors),
                folder=self.cluster,
            )
        if answer.returncode != 0:
            raise AppError(f"pg_ctl cannot start Postgres: {_last_line(answer.stderr)}")

    def _initialise(self, binaries: Binaries, account: Account, alive: int) -> None:
        """Makes the cluster beside its place and moves it there when it is whole."""
        new = self.data_dir / "postgres.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        give(account, new)
        options = [f"--set={name}={value}" for name, value in (ALWAYS | AT_FIRST).items()]
        with reached(account, new) as (name, descriptors):
            answer = run_as(
                account,
                [
                    *(binaries.program("initdb"), f"--pgdata={name}", f"--username={USER}"),
                    *("--auth-local=trust", "--auth-host=reject", "--encoding=UTF8"),
                    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                    *("--no-instructions", *options),
                ],
                descriptors=(alive, *descriptors),
            )
        if answer.returncode != 0:
            raise AppError(
                f"The data folder {self.cluster} cannot be made: {_last_line(answer.stderr)}"
            )
        new.rename(self.cluster)

    def _set_aside_what_died(self) -> None:
        """Called with the server's lock in hand: what a killed server left names nobody of ours."""
        pid_file = self.cluster / "postmaster.pid"
        with suppress(FileNotFoundError):
            pid_file.rename(self.cluster / "postmaster.pid.stale")
        (self.cluster / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)

    def _failure(self) -> str:
        """What a server that ended says in its log, one line."""
        files = [self.cluster / "start.log", *(self.cluster / "log").glob("*.log")]
        for file in sorted(files, key=lambda file: file.stat().st_mtime, reverse=True):
            lines = file.read_text(errors="replace").splitlines()
            for line in reversed(lines):
                if found := re.search(r"(?:FATAL|PANIC): +(.*)", line):
                    return f"{found[1]}."
        return f"see {self.cluster / 'log'}."

    def _require_database(self, address: str) -> None:
        """Makes our database unless it is there: the first start may have been killed before it."""
        with psycopg.connect(_conninfo(address), autocommit=True) as connection:
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)
            ).fetchone()
            if found is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _stop(self, address: str) -> None:
        """Fast shutdown; returns when the last process of the server is gone."""
        asked = False
        for _ in _waiting(f"the database in {self.cluster} to stop"):
            with self._alone() as alive:
                if alive is not None:
                    return
            # A server that answers is the one that wrote the file, so the number is its own.
            if not asked and _ping(address) is not Ping.NO_RESPONSE:
                with suppress(FileNotFoundError, ProcessLookupError):
                    number = (self.cluster / "postmaster.pid").read_text().split()[0]
                    os.kill(int(number), signal.SIGINT)
                    asked = True


def _only_one(descriptor: int) -> bool:
    """Takes the exclusive lock of an open file, unless another open file holds any."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _waiting(what: str) -> Iterator[None]:
    """Turns of a loop without end, with a pause between them and now and then a line in the log."""
    began = told = time.monotonic()
    while True:
        yield
        time.sleep(0.02)
        if time.monotonic() - told >= PATIENCE:
            told = time.monotonic()
            log.info("waiting for %s (%d s)", what, told - began)


def _conninfo(address: str) -> str:
    return make_conninfo(host=address, port=PORT, user=USER, dbname="postgres", connect_timeout=5)


def _ping(address: str) -> Ping:
    """What a real connection meets: a server (OK), one that is starting or stopping (REJECT), none."""
    return Ping(psycopg.pq.PGconn.ping(_conninfo(address).encode()))


@contextmanager
def _plain_path(folder: Path) -> Iterator[str]:
    """The folder, or a short plain name for it while it is used.

    The path of a socket has less than 104 bytes, and a comma or a blank in an address is not read
    alike by all.
    """
    path = str(folder)
    if re.fullmatch(r"[A-Za-z0-9/._-]{1,88}", path):
        yield path
        return
    # /tmp has a short name on every system; TMPDIR may not.
    with tempfile.TemporaryDirectory(prefix="teamgauge-", dir="/tmp") as own:
        descriptor = os.open(own, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)  # systemd-tmpfiles leaves locked folders alone
            link = Path(own, "postgres")
            link.symlink_to(folder)
            yield str(link)
        finally:
            os.close(descriptor)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
