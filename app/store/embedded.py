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
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import psycopg
from filelock import FileLock, Timeout
from platformdirs import user_data_path
from psycopg.conninfo import make_conninfo
from psycopg.pq import Ping

from app.errors import AppError, ConfigurationError
from app.store.cluster import PORT, USER, Cluster
from app.store.trouble import BY_ERRNO, REMEDIES

log = logging.getLogger(__name__)

DATABASE = "teamgauge"

TELL = 10.0
"""Seconds between two log lines while something is waited for."""

SILENCE = 60.0
"""Seconds after which a server that lives but answers nothing at all is given up."""


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
        self.settings = dict(settings)
        self._cluster = Cluster(self.data_dir)

    @contextmanager
    def running(self) -> Iterator[str]:
        """Attaches to the server, after starting it if need be, and yields the database's address.

        Waits as long as a start, a recovery or a stop under way takes. On the way out the last one
        stops the server. Raises AppError with one sentence when it cannot run.
        """
        self._prepare()
        with _plain_path(self._cluster.folder) as address, self._attached(address):
            yield f"postgresql://{USER}@/{DATABASE}?host={address}&port={PORT}"

    def recover(self) -> None:
        """Starts the server again if it ended under us, who are attached: it was killed, or its unit."""
        with _plain_path(self._cluster.folder) as address, self._turn():
            self._attach_or_start(address)

    def _make_data_dir(self) -> None:
        """Makes the folder; of several programs that start together one does, with its mode."""
        try:
            self.data_dir.mkdir(parents=True)
        except FileExistsError:
            if not self.data_dir.is_dir():
                raise
        else:
            self.data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)

    def _prepare(self) -> None:
        """Makes the data folder and its lock files."""
        try:
            if not self.data_dir.exists():
                self._make_data_dir()
            for name in ("turn", "users", "alive"):
                os.close(self._open(name))
        except OSError as error:
            raise ConfigurationError(
                f"The data folder {self.data_dir} cannot be used: {error.strerror}.",
                REMEDIES.get(
                    BY_ERRNO.get(error.errno or 0),
                    "Set database.data_dir to a folder that this account may write.",
                ),
            ) from error

    def _open(self, name: str) -> int:
        """Opens a lock file. It belongs to the folder's owner, even if root is the first to come."""
        path = self.data_dir / f"postgres.{name}"
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return os.open(path, flags)
        if os.geteuid() == 0:
            owner = self.data_dir.stat()
            os.chown(descriptor, owner.st_uid, owner.st_gid)
        return descriptor

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
                lock.acquire(timeout=TELL)
            except Timeout:
                log.info("waiting for another process to start or stop %s", self._cluster.folder)
        try:
            yield
        finally:
            lock.release()

    def _leave(self, users: int, address: str) -> None:
        if not _only_one(users):
            return
        if not self._cluster.folder.exists():
            return  # deleted under us, or never made; a server without its files ends by itself
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
        for answer in self._answers(address, "accept connections"):
            if answer is Ping.OK:
                self._require_database(address)
                return
            with self._alone() as lock:
                if lock is None:
                    continue  # starting, recovering, shutting down, or the remains of a killed one
                if started:
                    raise AppError(
                        f"The embedded Postgres in {self._cluster.folder} did not start: "
                        f"{self._cluster.last_words()}."
                    )
                self._cluster.start(self.settings, lock)
                started = True

    def _stop(self, address: str) -> None:
        """Returns when the last process of the server is gone."""
        asked = False
        for answer in self._answers(address, "stop"):
            with self._alone() as lock:
                if lock is not None:
                    return
            if not asked and answer is not Ping.NO_RESPONSE:
                self._cluster.ask_to_stop()
                asked = True

    def _answers(self, address: str, awaited: str) -> Iterator[Ping]:
        """Asks the server again and again, now and then with a line in the log.

        A recovery may take its time: while somebody answers, be it with "starting up", there is no
        end. Raises AppError when processes are left that have not answered for SILENCE seconds.
        """
        began = told = heard = time.monotonic()
        pause = 0.01
        while True:
            answer = _ping(address)
            yield answer
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)  # the server's log has a line for every question
            now = time.monotonic()
            if answer is not Ping.NO_RESPONSE:
                heard = now
            if now - heard > SILENCE:
                raise AppError(
                    f"Processes of a Postgres still use {self._cluster.folder}, "
                    f"but have not answered for {SILENCE:.0f} seconds.",
                    f"See {self._cluster.folder / 'log'}; end them, then start again.",
                )
            if now - told > TELL:
                told = now
                log.info(
                    "waiting for the database in %s to %s (%d s)",
                    *(self._cluster.folder, awaited, now - began),
                )

    def _require_database(self, address: str) -> None:
        """Makes our database unless it is there: the first start may have been killed before it."""
        try:
            with psycopg.connect(_conninfo(address), autocommit=True) as connection:
                query = "SELECT 1 FROM pg_database WHERE datname = %s"
                if connection.execute(query, (DATABASE,)).fetchone() is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.Error as error:
            reason = str(error).strip().splitlines()[0]
            raise AppError(
                f"The embedded Postgres in {self._cluster.folder} does not serve: {reason}."
            ) from error


def _only_one(descriptor: int) -> bool:
    """Takes the exclusive lock of an open file, unless another open file holds any."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
    try:  # /tmp has a short name on every system; TMPDIR may not
        temporary = tempfile.TemporaryDirectory(prefix="teamgauge-", dir="/tmp")
    except OSError as error:
        raise ConfigurationError(
            f"The path {folder} is too long or too unusual for a socket, "
            f"and /tmp cannot hold a short name for it: {error.strerror}.",
            "Set database.data_dir to a short path of plain letters.",
        ) from error
    with temporary as own:
        descriptor = os.open(own, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)  # systemd-tmpfiles leaves locked folders alone
            link = Path(own, "postgres")
            link.symlink_to(folder)
            yield str(link)
        finally:
            os.close(descriptor)
