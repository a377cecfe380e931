"""What commands share: the configuration they are given, and the database it names."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import log
from app.store.roles import DatabaseRole

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from app.settings import Settings

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        readable=False,  # whoever reads it says why it cannot be read
        help="The configuration file; without it TEAMGAUGE_CONFIG or ./teamgauge.toml.",
    ),
]


def begin(context: typer.Context, config: Path | None) -> "Settings":
    """Sets up logging and reads the configuration that was named before or after the command."""
    from app.settings import load_settings, secrets

    log.start(terminal=sys.stderr.isatty())
    settings = load_settings(chosen(context, config))
    log.keep_out(secrets(settings))
    from app.store.engine import name_program  # which takes its time: what is wrong is told before

    name_program(context.command_path)
    return settings


def chosen(context: typer.Context, config: Path | None) -> Path | None:
    """The configuration file that the command line names, if any."""
    return config or context.obj


@contextmanager
def database(
    settings: "Settings",
    pool_size: int | None = None,
    role: DatabaseRole = DatabaseRole.OWNER,
) -> "Iterator[Engine]":
    """The database, at the revision that this program needs.

    An embedded one is brought there; an external one must be, else AppError names `migrate`.
    pool_size: see `app.store.engine`; None: as many as any command has. role: as whom.
    """
    from app.store.database import open_database
    from app.store.engine import POOL_SIZE
    from app.store.migrate import require_newest

    with open_database(settings, pool_size=pool_size or POOL_SIZE, role=role) as engine:
        require_newest(engine)
        yield engine
