"""`teamgauge migrate`."""

import typer

from app.cli.options import ConfigOption, begin


def migrate(context: typer.Context, config: ConfigOption = None) -> int:
    """Bring the database to the newest revision."""
    settings = begin(context, config)
    from app.store import migrate as migration
    from app.store.database import embedded_folder, open_database

    with open_database(settings, migrated=False) as engine:
        before = migration.present_revision(engine)
        login = embedded_folder(settings) is not None
        migration.upgrade(engine, login=login)
        after = migration.present_revision(engine)
        # Also where nothing had to be upgraded: somebody may have made the roles since.
        missing = (
            migration.grant(engine, login=login) if after == migration.newest_revision() else []
        )
    if before == after:
        typer.echo(f"The database is at the newest revision already, {after}.")
    else:
        typer.echo(f"The database went from revision {before or 'none'} to {after}.")
    if missing:
        typer.echo(
            f"There is no role {' and no role '.join(missing)}, and this login may not make any: "
            "docs/operations.md says what to do where the web server is to have a login of its own."
        )
    return 0
