"""Saves the whole store as it stood at one moment, while everything goes on: pg_dump into a `backup_file`."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from sqlalchemy import Connection, Engine, text

from app import __version__
from app.errors import AppError, ConfigurationError
from app.store import backup_file, clients, migrate
from app.store.backup_file import FORMAT, PIECE, Manifest
from app.store.engine import advisory_lock, quoted
from app.store.queue import SCHEMA

LEFT_OUT = ("changes", "sessions")
"""Tables whose rows stay behind: what tells two states of this very database apart, and who is signed in."""

MIGRATING = "migrate", "a migration or a restore"
"""The lock under which the tables are changed, and what does that."""


@dataclass(frozen=True)
class Saved:
    """A backup that was made. size: of the file, in bytes."""

    file: Path
    manifest: Manifest
    size: int


def backup(engine: Engine, target: Path, *, overwrite: bool = False) -> Saved:
    """Writes the store of a database into a file: whole or, with an error, not at all.

    Readers and writers go on meanwhile; only migrations have to wait. Raises ConfigurationError for a
    target that cannot be written or is taken, for a database without a store and one of a newer
    program, and where no fitting pg_dump is installed; LockedError while the tables are changed; AppError
    when pg_dump fails.
    """
    server = clients.server_of(engine)
    client = clients.for_dump(server)
    with (
        backup_file.taking_place(target, overwrite=overwrite) as stream,
        advisory_lock(engine, *MIGRATING, shared=True),
        engine.connect().execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        ) as connection,
    ):
        # It idles here while pg_dump works.
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        snapshot = str(connection.scalar(text("SELECT pg_export_snapshot()")))
        manifest = Manifest(
            format=FORMAT,
            teamgauge=__version__,
            revision=_revision(connection),
            postgres=server.shown_version,
            client=client.version,
            schema=own_schema(connection),
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        arguments, environment = clients.connection_of(engine)
        command = [
            *(client.program("pg_dump"), "--no-password", f"--dbname={arguments}"),
            *("--format=custom", f"--snapshot={snapshot}", "--no-owner", "--no-privileges"),
            *(
                "--no-publications",
                "--no-subscriptions",
                "--no-security-labels",
                "--no-tablespaces",
            ),
            *(f"--schema={quoted(each)}" for each in (manifest.schema, SCHEMA)),
            *(
                f"--exclude-table-data={quoted(manifest.schema)}.{quoted(each)}"
                for each in LEFT_OUT
            ),
        ]
        backup_file.write(stream, manifest, lambda sink: _dump(command, environment, sink))
        size = stream.tell()
    return Saved(target, manifest, size)


def own_schema(connection: Connection) -> str:
    """The schema in which the tables of the connection are or would be made.

    Raises ConfigurationError when its search path leads nowhere.
    """
    found = connection.scalar(text("SELECT current_schema()"))
    if found is None:
        raise ConfigurationError(
            "The search_path of the database's login leads to no schema that exists.",
            "Create the schema, or mend the search_path.",
        )
    return str(found)


def _revision(connection: Connection) -> str:
    """The revision of the store. Raises ConfigurationError where there is none, or one of a newer
    program."""
    present = migrate.revision_of(connection)
    if present is None:
        raise ConfigurationError("The database holds no store yet: there is nothing to save.")
    migrate.require_known(present)
    return present


def _dump(command: list[str], environment: dict[str, str], sink: IO[bytes]) -> None:
    """Writes what pg_dump makes. Raises AppError with its sentence when it fails."""
    with TemporaryFile() as said:
        program = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,  # Ctrl-C in a terminal is for us, who end it
        )
        try:
            assert program.stdout is not None
            while piece := program.stdout.read(PIECE):
                sink.write(piece)
            status = program.wait()
        finally:
            program.kill()
            program.communicate()
        if status != 0:
            said.seek(0)
            raise AppError(f"The backup failed: {clients.last_line(said.read())}.")
