"""`teamgauge migrate`."""

import typer

from app.cli.options import ConfigOption, begin


def migrate(context: typer.Context, config: ConfigOption = None) -> int:
    """Bring the database to the newest revision."""
    settings = begin(context, config)
    from app.store import migrate as migration
    from app.store.database import open_database

    with open_database(settings, migrated=False) as engine:
        before = migration.present_revision(engine)
        migration.upgrade(engine)
        after = migration.present_revision(engine)
    if before == after:
        typer.echo(f"The database is at the newest revision already, {after}.")
    else:
        typer.echo(f"The database went from revision {before or 'none'} to {after}.")
    return 0
