"""The files of the embedded Postgres: making them, starting a server on them, asking it to stop."""

import logging
import os
import re
import shlex
import shutil
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from platformdirs import site_cache_path

from app.errors import AppError
from app.store.account import Account, reached, run_as, server_account
from app.store.binaries import Binaries, fitting, for_account

log = logging.getLogger(__name__)

USER = "teamgauge"
PORT = 5432
"""Only part of the socket's file name: nothing listens on TCP."""

ALWAYS = {
    "listen_addresses": "",
    "unix_socket_directories": ".",  # the cluster's folder, however long its path is
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "logging_collector": "on",  # log/Monday.log …: a week, then overwritten
    "log_directory": "log",
    "log_filename": "%A.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
}
"""Settings that this program relies on: given at every start."""

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
    "client_connection_check_interval": "10s",  # the long query of a killed command ends, too
    # Parallel queries share memory that is set aside at the start, then files: /dev/shm is small in
    # containers, and systemd empties it of a user's files when the user logs out.
    "min_dynamic_shared_memory": "128MB",
    "dynamic_shared_memory_type": "mmap",
}
"""Written into postgresql.conf of a new data folder; its owner may change them there."""


class Cluster:
    """The Postgres data folder below data_dir. Whoever starts on it holds the lock of its processes."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.folder = data_dir / "postgres"
        self._logged: dict[Path, int] = {}

    def start(self, settings: Mapping[str, str], lock: int) -> None:
        """Starts a server, on new files if there are none. Returns before it accepts connections.

        lock: a descriptor that every process started here inherits and holds to its end.
        Raises AppError when it cannot be started.
        """
        binaries = fitting(self.folder)
        account = server_account(self.folder, self.data_dir)
        if not account.ours:
            places = (self.data_dir, site_cache_path("teamgauge"))
            binaries = for_account(binaries, account, places)
        if not (self.folder / "PG_VERSION").exists():
            self._make(binaries, account, lock)
        self._set_aside_what_died()
        self._clear_logs()
        options = [f"--{name}={value}" for name, value in (ALWAYS | dict(settings)).items()]
        with reached(account, self.folder) as (name, descriptors):
            answer = run_as(
                account,
                [
                    *(binaries.program("pg_ctl"), "start", "--no-wait", "--pgdata", name),
                    *("--log", "start.log", "--options", shlex.join(options)),
                ],
                descriptors=(lock, *descriptors),
                folder=self.folder,
            )
        if answer.returncode != 0:
            raise AppError(f"The embedded Postgres did not start: {_reason(answer.stderr)}.")

    def _make(self, binaries: Binaries, account: Account, lock: int) -> None:
        """Makes the files beside their place and moves them there when they are whole."""
        log.info("making the data folder %s", self.folder)
        new = self.data_dir / "postgres.new"
        if new.exists():
            shutil.rmtree(new)
        new.mkdir(mode=0o700)
        if not account.ours:
            os.chown(new, account.uid, account.gid, follow_symlinks=False)
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
                descriptors=(lock, *descriptors),
            )
        if answer.returncode != 0:
            raise AppError(
                f"The data folder {self.folder} cannot be made: {_reason(answer.stderr)}."
            )
        new.rename(self.folder)

    def _set_aside_what_died(self) -> None:
        """A server that was killed left its number in two files; by now it may be somebody else's.

        The lock in hand shows that no server of ours is left. One that a person started by hand has
        not got it, but shows in the shared memory that the file names. Raises AppError then.
        """
        file = self.folder / "postmaster.pid"
        try:
            lines = file.read_text().splitlines()
        except FileNotFoundError:
            return
        if len(lines) > 6 and _in_use(*lines[6].split()):
            raise AppError(
                f"The data folder {self.folder} is in use by a Postgres that was started by hand "
                f"(process {lines[0].strip()}).",
                "Stop it, then start again.",
            )
        file.rename(file.with_suffix(".pid.stale"))
        (self.folder / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)

    def ask_to_stop(self) -> None:
        """Fast shutdown: ends sessions, writes everything out. Only for a server that has just answered.

        Then the number in its file is its own, whatever a killed one may have left there before.
        """
        with suppress(FileNotFoundError, ProcessLookupError):
            number = (self.folder / "postmaster.pid").read_text().split()[0]
            os.kill(int(number), signal.SIGINT)

    def last_words(self) -> str:
        """What the server that start() started said before it ended."""
        said = b""
        for file in self._logs():
            text = file.read_bytes()
            before = self._logged.get(file, 0)
            said += text[before:] if before <= len(text) else text
        return _reason(said.decode(errors="replace"))

    def _logs(self) -> list[Path]:
        """The logs there are, the one written last at the end."""
        found = [self.folder / "start.log", *(self.folder / "log").glob("*.log")]
        return sorted((file for file in found if file.exists()), key=_written)

    def _clear_logs(self) -> None:
        """Postgres empties the log of a weekday only if it runs at midnight: cron's servers do not."""
        (self.folder / "start.log").unlink(missing_ok=True)
        for file in self._logs():
            if time.time() - _written(file) > 6 * 86_400:
                file.unlink()
        self._logged = {file: file.stat().st_size for file in self._logs()}


def _written(file: Path) -> float:
    return file.stat().st_mtime


def _in_use(key: str, number: str) -> bool:
    """Whether a process is attached to this System V shared memory, as far as the system tells."""
    try:
        segments = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    except FileNotFoundError:
        return False  # not Linux: there Postgres itself refuses, and says so
    fields = (line.split() for line in segments)
    return any(field[:2] == [key, number] and field[6] != "0" for field in fields)


ENTRY = re.compile(r"\b(LOG|CONTEXT|FATAL|PANIC|error): +(.+)")
SUMMARY = re.compile(r"configuration file .* contains errors|could not load .*\.conf")


def _reason(text: str) -> str:
    """The sentence that matters in what a Postgres program wrote.

    That is the last that ended it. Where it only says which file of settings is wrong, what and where
    stands in the entry before it.
    """
    reason, cause = "", ""
    for kind, said in ENTRY.findall(text):
        if kind == "LOG":
            cause = said
        elif kind == "CONTEXT":
            cause += f" ({said})"
        # A server that is not ready yet says so to whoever knocks.
        elif not said.startswith("the database system is "):
            reason = f"{said}: {cause}" if SUMMARY.fullmatch(said) else said
    lines = text.strip().splitlines() or ["it left no message"]
    return (reason or lines[-1]).rstrip(".")
