"""Brings the store of a backup into an empty database: all of it in one transaction, then up to date."""

import re
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from sqlalchemy import Connection, Engine, inspect, text

from app.errors import AppError, ConfigurationError
from app.store import clients, migrate
from app.store.backup import MIGRATING, own_schema
from app.store.backup_file import PIECE, Backup, Manifest
from app.store.clients import Restoring, Server
from app.store.engine import advisory_lock, quoted
from app.store.queue import SCHEMA
from app.store.tables import Base
from app.store.tables.effective import View
from app.store.tables.organisation import ROOT_TEAM

PREAMBLE = 100
"""Lines within which an archive's settings come, before anything is made."""

NEWER_SETTING, KNOWS_IT = b"SET transaction_timeout = 0;\n", 17
"""What pg_restore says to every server, and since which version a server knows it."""

JOBS = "procrastinate_jobs"

WAIT = "10s"
"""How long an empty store is waited for that somebody looks at."""


@dataclass(frozen=True)
class Restored:
    """A store that was brought back. revision: the one it has now."""

    manifest: Manifest
    revision: str


def restore(engine: Engine, backup: Backup, *, login: bool = False) -> Restored:
    """Brings back a backup: the whole store or, with an error, nothing.

    login: see `app.store.grants`. Raises ConfigurationError for a backup of a newer program, and for a
    database that holds anything: then nothing was written. AppError when Postgres fails in the middle:
    the database is empty then.
    """
    manifest = backup.manifest
    server = clients.server_of(engine)
    programs = clients.for_restore(manifest.client, server)
    with advisory_lock(engine, *MIGRATING):
        with engine.begin() as connection:
            _require_schema(manifest, own_schema(connection))
            _empty(connection)
        _bring_back(engine, backup, programs, server)
    migrate.upgrade(engine, login=login)
    migrate.grant(engine, login=login)  # backups hold no privileges
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return Restored(manifest, migrate.newest_revision())


def require_usable(manifest: Manifest) -> None:
    """Raises ConfigurationError for what a newer program has saved."""
    if not migrate.is_known(manifest.revision):
        raise ConfigurationError(
            f"The backup holds a store at revision {manifest.revision:.40}, which this program does "
            f"not know: teamgauge {manifest.teamgauge:.40} made it.",
            "Install that version, or the newest one.",
        )


def _require_schema(manifest: Manifest, schema: str) -> None:
    if schema != manifest.schema:
        raise ConfigurationError(
            f"The backup holds tables of the schema {manifest.schema:.70}, "
            f"but those of this database's login would be in {schema}.",
            f"Set its search_path to {manifest.schema:.70}.",
        )


def _empty(connection: Connection) -> None:
    """Makes sure that nothing of a store is there; tables into which nothing was ever collected go.

    Raises ConfigurationError when anything would be lost.
    """
    seen = inspect(connection)
    found = {*seen.get_table_names(), *seen.get_view_names()}
    present = migrate.revision_of(connection)
    if present is None:
        others = sorted(found & {*Base.metadata.tables, *View.metadata.tables})
        if others or SCHEMA in seen.get_schema_names():
            what = f"table {others[0]}" if others else f"schema {SCHEMA}"
            raise ConfigurationError(
                f"The database has a {what} that is not of teamgauge.",
                "Take a database of its own.",
            )
    else:
        migrate.require_known(present)
        tables = [name for name in Base.metadata.tables if name in found]
        if seen.has_table(JOBS, SCHEMA):
            tables.append(f"{SCHEMA}.{JOBS}")
        connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT}'"))
        connection.execute(text(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"))
        if any(_holds_rows(connection, table) for table in tables):
            raise ConfigurationError(
                f"The database holds a store already, at revision {present}, which was left as it is.",
                "A backup is restored into an empty one: name another database in database.url, or "
                "another folder in database.data_dir.",
            )
    migrate.remove(connection)


def _holds_rows(connection: Connection, table: str) -> bool:
    """Whether anything is in a table but what the migrations themselves have put there."""
    theirs = {"teams": f" WHERE slug <> '{ROOT_TEAM}'", "changes": " WHERE false"}
    query = f"SELECT EXISTS (SELECT FROM {table}{theirs.get(table, '')})"  # noqa: S608 - our own names
    return bool(connection.scalar(text(query)))


def _bring_back(engine: Engine, backup: Backup, programs: Restoring, server: Server) -> None:
    """Has psql do what pg_restore reads in the archive.

    Not pg_restore alone: it says to every server what an older one does not know, and cannot end its
    transaction with statements of ours. What commits it is the last line that psql gets, so that it is
    rolled back however the lines before it end. Raises AppError.
    """
    reader = programs.reading.program("pg_restore")
    arguments, environment = clients.connection_of(engine)
    with TemporaryDirectory() as folder, TemporaryFile() as unread, TemporaryFile() as refused:
        wanted = Path(folder, "list")
        with backup.from_its_begin() as stream:
            listed = subprocess.run(
                [reader, "--list"],
                env=clients.environment(),
                stdin=stream,
                capture_output=True,
                check=False,
            )
        if listed.returncode != 0:
            raise _failed(listed.stderr)
        wanted.write_bytes(_without_schema(listed.stdout, backup.manifest.schema))
        with backup.from_its_begin() as stream:
            reading = subprocess.Popen(
                [reader, "--file=-", "--no-owner", "--no-privileges", f"--use-list={wanted}"],
                env=clients.environment(),
                stdin=stream,
                stdout=subprocess.PIPE,
                stderr=unread,
                start_new_session=True,  # Ctrl-C in a terminal is for us, who end it
            )
        speaking = subprocess.Popen(
            [
                *(programs.speaking.program("psql"), "--no-psqlrc", "--no-password", "--quiet"),
                *("--set=ON_ERROR_STOP=1", "--file=-", f"--dbname={arguments}"),
            ],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=refused,
            start_new_session=True,
        )
        try:
            done = _hand_over(reading, speaking, server, backup.manifest)
        finally:
            for program in (speaking, reading):
                program.kill()
                with suppress(BrokenPipeError):
                    program.communicate()  # closes what is open to it, and waits for its end
        if not done:
            refused.seek(0)
            unread.seek(0)
            raise _failed(refused.read() or unread.read())


def _without_schema(listed: bytes, schema: str) -> bytes:
    """What to restore, without the schema of the tables: it is there, as in every new database."""
    name = re.escape(schema)
    made = re.compile(rf"\d+; \d+ \d+ (SCHEMA - {name} |COMMENT - SCHEMA {name} )")
    lines = listed.decode().splitlines(keepends=True)
    return "".join(line for line in lines if not made.match(line)).encode()


def _hand_over(
    reading: subprocess.Popen[bytes],
    speaking: subprocess.Popen[bytes],
    server: Server,
    manifest: Manifest,
) -> bool:
    """Gives the one's lines to the other, in a transaction; false where either of them failed."""
    source, sink = reading.stdout, speaking.stdin
    assert source is not None
    assert sink is not None
    try:
        sink.write(b"BEGIN;\n")
        for _ in range(PREAMBLE):
            line = source.readline()
            if line != NEWER_SETTING or server.version >= KNOWS_IT:
                sink.write(line)
        shutil.copyfileobj(source, sink, PIECE)
        if reading.wait() != 0:
            return False
        sink.write(_ending(manifest.schema))
        sink.close()
    except BrokenPipeError:
        pass  # it has ended, and says why
    return speaking.wait() == 0


def _ending(schema: str) -> bytes:
    """What is not as it was, and the end of the transaction.

    The store's changes are counted anew, and nobody works any more: jobs that somebody was at when the
    backup was made are at once somebody else's.
    """
    changes, workers = f"{quoted(schema)}.changes", f"{SCHEMA}.procrastinate_workers"
    return f"""
        DO $ending$ BEGIN
            IF to_regclass($name${changes}$name$) IS NOT NULL THEN
                INSERT INTO {changes} (transaction) VALUES (pg_current_xact_id()::text::bigint);
            END IF;
            IF to_regclass('{workers}') IS NOT NULL THEN
                DELETE FROM {workers};
            END IF;
        END $ending$;
        COMMIT;
    """.encode()  # noqa: S608 - the schema is quoted, the rest is ours


def _failed(said: bytes) -> AppError:
    return AppError(
        f"The restore failed: {clients.last_line(said)}.", "The database was left empty."
    )
