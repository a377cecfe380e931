"""Brings a database to the newest revision, and says whether it is there.

A newer program may have upgraded it while this one runs. Where none of its revisions took anything away
that this one needs, the database says so, and both work side by side: see docs/operations.md.
"""

import re
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

import migrations
from app.errors import ConfigurationError
from app.store import grants
from app.store.engine import lock_key
from app.store.roles import DatabaseRole


def configuration() -> Config:
    """Alembic's configuration without a file: the revisions lie in the installed package."""
    config = Config()
    assert migrations.__file__ is not None
    config.set_main_option(
        "script_location", str(Path(migrations.__file__).parent).replace("%", "%%")
    )
    config.set_main_option("path_separator", "os")
    return config


def newest_revision() -> str:
    """The revision that this program needs."""
    head = ScriptDirectory.from_config(configuration()).get_current_head()
    assert head is not None
    return head


def present_revision(engine: Engine) -> str | None:
    """The revision the database is at; None for an empty database."""
    with engine.connect() as connection:
        return revision_of(connection)


def revision_of(connection: Connection) -> str | None:
    """The same as a transaction sees it."""
    return MigrationContext.configure(connection).get_current_revision()


def oldest_program(revision: str = "head") -> str:
    """The revision of the oldest program that may use a database at a revision of ours.

    Every revision back to one that is no expansion leaves all in place that programs before it need.
    """
    scripts = ScriptDirectory.from_config(configuration())
    oldest = ""
    for script in scripts.walk_revisions("base", revision):
        oldest = script.revision
        if getattr(script.module, "phase", "contract") != "expand":
            break
    return oldest


def upgrade(engine: Engine, revision: str = "head", *, login: bool = False) -> None:
    """Upgrades in one transaction; two programs that start together wait for each other.

    login: see `app.store.grants`. Raises ConfigurationError for a database that a newer program has
    upgraded beyond ours.
    """
    present = present_revision(engine)
    if present == newest_revision() and revision == "head":
        return
    config = configuration()
    if present is not None and not is_known(present):
        _require_compatible(engine, present)
        return
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key("migrate")})
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        # Beside the revision itself, where a program finds it that does not know the revision.
        note = f"Usable by every program that needs revision {oldest_program(revision)} or newer."
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{note}'"))
        if revision == "head":
            grants.grant(connection, login=login)


def grant(engine: Engine, *, login: bool = False) -> list[DatabaseRole]:
    """Grants the roles of a database at the newest revision what they are to have, as `upgrade` does;
    answers those that there are not and that we may not make."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key("migrate")})
        return grants.grant(connection, login=login)


def is_under_way(engine: Engine) -> bool:
    """Whether some program upgrades the database now."""
    with engine.begin() as connection:
        free = connection.scalar(
            text("SELECT pg_try_advisory_xact_lock_shared(:key)"), {"key": lock_key("migrate")}
        )
    return not free


def is_known(revision: str) -> bool:
    """Whether this program knows a revision; it does not know those of newer ones."""
    revisions = ScriptDirectory.from_config(configuration()).walk_revisions()
    return any(script.revision == revision for script in revisions)


def require_known(revision: str) -> None:
    """Raises ConfigurationError for the revision of a database that a newer program has upgraded."""
    if not is_known(revision):
        raise ConfigurationError(
            f"The database is at revision {revision}, which this program does not know: "
            "a newer teamgauge has been used on it.",
            "Install the newest teamgauge.",
        )


def _require_compatible(engine: Engine, present: str) -> None:
    """Raises ConfigurationError unless the database says that this older program may use it."""
    with engine.connect() as connection:
        note = connection.scalar(
            text("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')")
        )
    found = re.search(r"needs revision (\w+) or newer", note or "")
    if found is None or not is_known(found[1]):
        require_known(present)


def downgrade(engine: Engine, revision: str) -> None:
    """Downgrades in one transaction; `base` empties the database."""
    with engine.begin() as connection:
        _downgrade(connection, revision)


def _downgrade(connection: Connection, revision: str) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


def remove(connection: Connection) -> None:
    """Removes everything that the revisions have made, and that they were here."""
    if revision_of(connection) is not None:
        _downgrade(connection, "base")
    connection.execute(text("DROP TABLE IF EXISTS alembic_version"))


def require_newest(engine: Engine) -> None:
    """Raises ConfigurationError unless the database is at the revision that this program needs, or at a
    newer one that leaves all of that in place."""
    present, newest = present_revision(engine), newest_revision()
    if present is not None and not is_known(present):
        _require_compatible(engine, present)
        return
    if present != newest:
        raise ConfigurationError(
            f"The database is at revision {present or 'none'}, this program needs {newest}.",
            "Run `teamgauge migrate`.",
        )
