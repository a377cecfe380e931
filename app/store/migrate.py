"""Brings a database to the newest revision, and says whether it is there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

import migrations
from app.errors import ConfigurationError
from app.store.engine import lock_key


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
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Upgrades in one transaction; two programs that start together wait for each other.

    Raises ConfigurationError for a database that a newer program has upgraded beyond ours.
    """
    present = present_revision(engine)
    if present == newest_revision() and revision == "head":
        return
    config = configuration()
    if present is not None and not _known(present):
        raise _too_new(present)
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key("migrate")})
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _known(revision: str) -> bool:
    revisions = ScriptDirectory.from_config(configuration()).walk_revisions()
    return any(script.revision == revision for script in revisions)


def _too_new(revision: str) -> ConfigurationError:
    return ConfigurationError(
        f"The database is at revision {revision}, which this program does not know: "
        "a newer teamgauge has been used on it.",
        "Install the newest teamgauge.",
    )


def downgrade(engine: Engine, revision: str) -> None:
    """Downgrades in one transaction; `base` empties the database."""
    config = configuration()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def require_newest(engine: Engine) -> None:
    """Raises ConfigurationError unless the database is at the revision that this program needs."""
    present, newest = present_revision(engine), newest_revision()
    if present is not None and not _known(present):
        raise _too_new(present)
    if present != newest:
        raise ConfigurationError(
            f"The database is at revision {present or 'none'}, this program needs {newest}.",
            "Run `teamgauge migrate`.",
        )
