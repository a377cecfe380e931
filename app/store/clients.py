"""Postgres's own programs for saving a database and bringing it back: which there are, which fits a server.

The wheel's know no TLS. Where a connection is encrypted, or the server is newer than they are, those of
the system serve, as Debian's package postgresql-client brings them.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo
from sqlalchemy import Engine, text

from app.errors import ConfigurationError
from app.store.binaries import DISTRIBUTION, PACKAGE, Binaries, installed, major_version
from app.store.engine import connection_options

OF_THE_SYSTEM = ("/usr/lib/postgresql/*/bin/pg_dump", "/usr/pgsql-*/bin/pg_dump")
"""Where Debian and Red Hat put each version, beside whatever is found by PATH."""

NEEDED = ("pg_dump", "pg_restore", "psql")

INSTALL = (
    "Install the client programs of Postgres {version} or newer, on Debian: "
    "apt-get install postgresql-client"
)


@dataclass(frozen=True)
class Server:
    """What programs have to know of a server before they connect to it."""

    version: int
    """The major one."""
    shown_version: str
    encrypted: bool
    """Whether our own connection speaks TLS, so that theirs has to."""


@dataclass(frozen=True)
class Restoring:
    """The programs for one restore: who reads the archive, and who speaks to the server."""

    reading: Binaries
    speaking: Binaries


def server_of(engine: Engine) -> Server:
    """The server behind an engine."""
    with engine.connect() as connection:
        number = int(connection.scalar(text("SHOW server_version_num")) or 0)
        shown = str(connection.scalar(text("SHOW server_version")))
        driver = connection.connection.driver_connection
        assert driver is not None
        return Server(number // 10_000, shown.split(maxsplit=1)[0], bool(driver.pgconn.ssl_in_use))


def for_dump(server: Server) -> Binaries:
    """The oldest programs that read the server: what they write is read by the most.

    Raises ConfigurationError when there are none.
    """
    found = _fitting(_all(), server.version, encrypted=server.encrypted)
    if found is None:
        raise _lacking(server, server.version)
    return found


def for_restore(made_by: int, server: Server) -> Restoring:
    """The oldest programs that read an archive of such a pg_dump, and those that reach the server.

    Raises ConfigurationError when there are none.
    """
    every = _all()
    reading = _fitting(every, made_by, encrypted=False)
    if reading is None:
        raise ConfigurationError(
            f"The backup was made by pg_dump {made_by}, and there is only {_versions(every)} here.",
            INSTALL.format(version=made_by),
        )
    if not server.encrypted or _speaks_tls(reading):
        return Restoring(reading, reading)
    speaking = _fitting(every, 0, encrypted=True)
    if speaking is None:
        raise _lacking(server, server.version)
    return Restoring(reading, speaking)


def _fitting(found: Iterable[Binaries], oldest: int, *, encrypted: bool) -> Binaries | None:
    enough = sorted(
        (each for each in found if each.version >= oldest), key=lambda each: each.version
    )
    return next((each for each in enough if not encrypted or _speaks_tls(each)), None)


def _lacking(server: Server, version: int) -> ConfigurationError:
    every = _all()
    if any(each.version >= version for each in every):
        return ConfigurationError(
            f"The connection to the database is encrypted, and the pg_dump of {DISTRIBUTION} "
            "knows no TLS.",
            INSTALL.format(version=version),
        )
    return ConfigurationError(
        f"The database is Postgres {server.shown_version}, and there is only pg_dump "
        f"{_versions(every)} here, which cannot read it.",
        INSTALL.format(version=version),
    )


def _versions(found: Iterable[Binaries]) -> str:
    versions = sorted({each.version for each in found})
    return " and ".join(map(str, versions)) or "none"


def _all() -> tuple[Binaries, ...]:
    """The wheel's programs, then the system's."""
    wheel = installed() if find_spec(PACKAGE) else ()
    paths = [path for each in OF_THE_SYSTEM for path in sorted(Path("/").glob(each[1:]))]
    by_path = shutil.which("pg_dump")
    if by_path is not None:
        paths.append(Path(by_path))
    return (
        *wheel,
        *(
            Binaries(path.parent.parent, major_version(path))
            for path in paths
            if all((path.parent / name).exists() for name in NEEDED)
        ),
    )


@cache
def _speaks_tls(client: Binaries) -> bool:
    """Whether the programs were built with TLS: without it they refuse to require it before they look
    for the server, which is a socket that is not there."""
    answer = subprocess.run(
        [client.program("psql"), "--no-psqlrc", "--dbname", "host=/nonexistent sslmode=require"],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return "not compiled in" not in answer.stderr


def connection_of(engine: Engine) -> tuple[str, dict[str, str]]:
    """How a program reaches the engine's database: its argument, and its environment with the password,
    which the list of processes must not show.

    Raises ConfigurationError for another secret in the address, which can only be an argument.
    """
    given = {**engine.dialect.create_connect_args(engine.url)[1], **connection_options(engine.url)}
    plain, secret = {}, {}
    for option in Conninfo.get_defaults():
        name = option.keyword.decode()
        if name not in given:
            continue
        if option.dispchar != b"*":
            plain[name] = given[name]
        elif option.envvar is not None:
            secret[option.envvar.decode()] = str(given[name])
        else:
            raise ConfigurationError(
                f"The parameter {name} of the database's address cannot be given to pg_dump in secret.",
                "Use a key without a passphrase, or a password.",
            )
    return make_conninfo(**plain), environment(secret)


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a program: ours, since it decides about the connection (certificates, .pgpass),
    without our configuration and its secrets."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TEAMGAUGE_")}
    return kept | {"LC_ALL": "C"} | dict(more or {})


def last_line(said: bytes) -> str:
    """The sentence that a program ended with, without its own name and place."""
    lines = said.decode(errors="replace").strip().splitlines()
    telling = [line for line in lines if "error: " in line or "ERROR:  " in line]
    line = (telling or lines or ["it left no message"])[-1]
    for mark in ("ERROR:  ", "error: "):
        line = line.rpartition(mark)[2]
    return line.strip().rstrip(".")
