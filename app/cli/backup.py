"""`teamgauge backup`: the whole store in a file, or one more file in a folder that keeps the newest few."""

import time
from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import ConfigOption, begin
from app.cli.progress import waiting
from app.errors import ConfigurationError


def backup(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            readable=False,
            help="Where to write it; in a folder that exists it is called by the time.",
        ),
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace FILE if it exists.")
    ] = False,
    rotate: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="FILE is a folder: keep its newest N backups and delete older ones.",
        ),
    ] = None,
    config: ConfigOption = None,
) -> int:
    """Save the whole store into a file, while everything goes on."""
    settings = begin(context, config)
    from app.store import backup_file, backup_folder
    from app.store.backup import backup as save
    from app.store.database import open_database, require_store

    began = time.monotonic()
    if rotate is not None and not file.is_dir():
        raise ConfigurationError(f"{file} is no folder.", "--rotate keeps the newest in a folder.")
    target = backup_folder.new_name(file) if file.is_dir() else file
    backup_file.require_free(target, overwrite=overwrite)
    require_store(settings)
    with waiting("Saving the store"), open_database(settings, migrated=False) as engine:
        saved = save(engine, target, overwrite=overwrite)
    typer.echo(
        f"backup: {saved.size:,} bytes in {saved.file}, revision {saved.manifest.revision}, "
        f"in {time.monotonic() - began:.1f} s."
    )
    for old in backup_folder.rotated(file, rotate, target) if rotate is not None else ():
        typer.echo(f"backup: deleted {old}.")
    return 0
