"""Which account runs the embedded server when we are root, and how that account reaches the data folder."""

import os
import pwd
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from app.errors import AppError, ConfigurationError

ACCOUNTS = ("teamgauge", "nobody")
"""Runs the server of a new data folder for root: the first that exists."""

KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""All that Postgres gets of our environment: no PG* that would redirect it, no token of ours."""


@dataclass(frozen=True)
class Account:
    """An account of the system. `ours`: the one we run as, so that nothing has to be given up."""

    name: str
    uid: int
    gid: int
    ours: bool


def server_account(cluster: Path, data_dir: Path) -> Account:
    """Who runs the server: we ourselves, or for root (whom Postgres refuses) somebody without power.

    For root: the owner of the data folder that is there, so that a user and root share one, else the
    first of ACCOUNTS. Raises ConfigurationError when the folder belongs to somebody else, or when
    the account has no name (Postgres' initdb asks for it).
    """
    ours = os.geteuid()
    owners = [path.stat().st_uid for path in (cluster, data_dir) if path.exists()]
    if ours != 0:
        if owners and owners[0] != ours:
            raise ConfigurationError(
                f"The data folder {cluster} belongs to the account {_name(owners[0])}.",
                "Run teamgauge as that account, or set database.data_dir to a folder of your own.",
            )
        return _account(ours)
    unprivileged = [owner for owner in owners if owner != 0]
    account = _account(unprivileged[0]) if unprivileged else _first_of(ACCOUNTS)
    if cluster.exists() and owners[0] == 0:
        raise ConfigurationError(
            f"The data folder {cluster} belongs to root, and Postgres does not run as root.",
            f"Give it away once: chown -R {account.name} '{cluster}'",
        )
    return account


def _first_of(names: Sequence[str]) -> Account:
    for name in names:
        with suppress(KeyError):
            return _account(pwd.getpwnam(name).pw_uid)
    raise ConfigurationError(
        f"Postgres does not run as root, and there is no account named {' or '.join(names)}.",
        "Run teamgauge as an ordinary user.",
    )


def _account(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise ConfigurationError(
            f"The account number {uid} has no name, and Postgres does not run without one.",
            "Add it to /etc/passwd, or set database.url to a Postgres of your own.",
        ) from None
    return Account(entry.pw_name, uid, entry.pw_gid, ours=uid == os.geteuid())


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def run_as(
    account: Account,
    command: Sequence[str],
    *,
    descriptors: tuple[int, ...] = (),
    folder: Path = Path("/"),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """Runs a program as the account, in a session of its own so that Ctrl-C in our terminal misses it.

    descriptors: open files that the program keeps. folder: where it starts; entered before our rights
    are given up, so the account need not be able to reach it.
    """
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return subprocess.run(
        command,
        user=None if account.ours else account.uid,
        group=None if account.ours else account.gid,
        extra_groups=None if account.ours else [],
        umask=0o077,
        start_new_session=True,
        pass_fds=descriptors,
        cwd=folder,
        env=kept | {"LC_ALL": "C"} | dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


@contextmanager
def reached(account: Account, folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A name under which a program of the account finds the folder, and the descriptors it needs for it.

    Below a folder that is closed to the account (root's home, a `mktemp -d`) no path leads there, and
    modes of folders that are not ours stay as they are. Linux has a name without a path: the open
    folder itself, inherited as /proc/self/fd/N. The same serves for a path that the shell between
    pg_ctl and postgres would take apart. Raises AppError where neither works.
    """
    if not re.search(r'["$`\\\n]', str(folder)):
        # `--` and $0: the path is never read as an option or as shell.
        answer = run_as(account, ["/bin/sh", "-c", 'cd -- "$0"', str(folder)])
        if answer.returncode == 0:
            yield str(folder), ()
            return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        name = f"/proc/self/fd/{descriptor}"
        if not Path(name).exists():
            raise AppError(
                f"The account {account.name} cannot reach the data folder {folder}.",
                "Set database.data_dir to a folder below ones that every account may enter.",
            )
        yield name, (descriptor,)
    finally:
        os.close(descriptor)
