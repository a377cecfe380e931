"""`teamgauge restore`: a backup becomes the store of an empty database."""

import time
from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import ConfigOption, begin
from app.cli.progress import waiting


def restore(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", readable=False, help="What `backup` has written.")
    ],
    config: ConfigOption = None,
) -> int:
    """Bring the whole store back from a file, into an empty database."""
    settings = begin(context, config)
    from app.store import backup_file
    from app.store.database import embedded_folder, open_database
    from app.store.restore import require_usable
    from app.store.restore import restore as bring_back

    began = time.monotonic()
    with waiting("Bringing the store back"), backup_file.opened(file) as backup:
        # Before a database is looked at: what cannot be restored starts none.
        require_usable(backup.manifest)
        with open_database(settings, migrated=False) as engine:
            restored = bring_back(engine, backup, login=embedded_folder(settings) is not None)
    manifest = restored.manifest
    upgraded = (
        ""
        if restored.revision == manifest.revision
        else f", upgraded from {manifest.revision} to {restored.revision}"
    )
    typer.echo(
        f"restore: {file} of {manifest.made_at}{upgraded}, in {time.monotonic() - began:.1f} s."
    )
    return 0
