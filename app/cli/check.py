"""`teamgauge check`: one line for each thing in the configuration, and what to do about what fails."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from app.cli.check_bamboohr import check_bamboohr
from app.cli.check_data import check_alerts, check_data, check_disk, check_watched
from app.cli.check_gitlab import Finding, check_gitlab
from app.cli.check_greenhouse import check_greenhouse
from app.cli.log import redacted
from app.cli.options import ConfigOption, begin, database
from app.cli.serve import permitted
from app.errors import AppError

if TYPE_CHECKING:
    from app.settings import Settings


MARKS = {True: "ok    ", None: "warn  ", False: "FAILED"}
"""What works, what works and is probably not meant so, and what does not work."""


def check(context: typer.Context, config: ConfigOption = None) -> int:
    """Connect to everything that is configured and say what works."""
    settings = begin(context, config)
    status = 0
    for works, what, sentence in findings(settings):
        typer.echo(redacted(f"{MARKS[works]}  {what}: {' '.join(sentence.split())}"))
        if works is False:
            status = 1
    return status


def findings(settings: "Settings") -> Iterator[Finding]:
    """Everything in the configuration, checked one after another."""
    if settings.path is None:
        yield True, "configuration", "no file, so the environment and the defaults hold"
    else:
        yield True, "configuration", str(settings.path)
    yield from _database(settings)
    yield from check_disk(settings)
    yield from _files(settings)
    yield from check_bamboohr(settings)
    yield from check_greenhouse(settings)
    yield from check_gitlab(settings)
    yield from check_alerts(settings)
    yield from _stored(settings)
    yield _server(settings)


def _database(settings: "Settings") -> Iterator[Finding]:
    from sqlalchemy import text

    from app.store.database import open_database
    from app.store.migrate import present_revision, require_newest

    embedded = not settings.database.url.get_secret_value()
    try:
        if embedded:
            from app.store.embedded import default_data_dir

            folder = settings.database.data_dir or default_data_dir()
            where = f"embedded Postgres in {folder}"
        else:
            where = "external Postgres"
        with open_database(settings) as engine:
            with engine.connect() as connection:
                version = connection.scalar(text("SHOW server_version"))
            require_newest(engine)
            revision = present_revision(engine)
    except AppError as error:
        yield False, "database", str(error)
    else:
        yield True, "database", f"{where}, version {version}, revision {revision}"
        yield from _roles(settings)


def _roles(settings: "Settings") -> Iterator[Finding]:
    """As whom the web server and the collectors work with the database."""
    from sqlalchemy import text

    from app.store.database import embedded_folder, open_database
    from app.store.roles import DatabaseRole

    works_as = {
        "web_url": (DatabaseRole.WEB, "the web server"),
        "collect_url": (DatabaseRole.COLLECT, "whoever collects"),
    }
    for key, (role, who) in works_as.items():
        try:
            with open_database(settings, role=role) as engine, engine.connect() as connection:
                name = connection.scalar(text("SELECT current_user"))
                # What every limited role must not: it is for the owner of the tables.
                free = connection.scalar(
                    text("SELECT has_table_privilege('alembic_version', 'UPDATE')")
                )
        except AppError as error:
            yield False, "database", str(error)
            continue
        limits = f"database.{key} can name a login that may do less: see docs/operations.md"
        if not free:
            limits = "which may do only what that needs"
        elif (
            embedded_folder(settings) is not None
            or getattr(settings.database, key).get_secret_value()
        ):
            yield False, "database", f"{who} works as {name}, which owns the tables: {limits}"
            continue
        yield True, "database", f"{who} works as {name}; {limits}"


def _stored(settings: "Settings") -> Iterator[Finding]:
    """What is in the database; where there is none to be had, that was told already."""
    try:
        with database(settings) as engine:
            yield from check_data(settings, engine)
            yield from check_watched(settings, engine)
    except AppError:
        return


def _files(settings: "Settings") -> Iterator[Finding]:
    given = settings.files.organisation
    if not given and not settings.files.planning:
        return
    from collectors.files.organisation import FEEDS, read_organisation
    from collectors.files.planning import PLANNING, read_planning
    from collectors.files.problems import InvalidFileError

    if given:
        try:
            batch = read_organisation(settings.files)
        except InvalidFileError as error:
            for problem in error.problems:
                yield False, "files", problem
        else:
            kinds = [type(record) for record in batch.records]
            for key, path in given.items():
                yield True, f"files.{key}", f"{path}, {_rows(kinds.count(FEEDS[key][0]))}"
    teams = _teams(settings) if settings.files.planning else ()
    for key in PLANNING:
        if key in settings.files.planning:
            path = settings.files.planning[key]
            try:
                count = len(read_planning(key, path, teams).records)
            except InvalidFileError as error:
                for problem in error.problems:
                    yield False, "files", problem
            else:
                yield True, f"files.{key}", f"{path}, {_rows(count)}"


def _teams(settings: "Settings") -> set[str]:
    """The teams that there will be: those of teams.yaml, those made from an HR system, the root."""
    from app.store.tables.organisation import ROOT_TEAM
    from collectors.files.problems import Problems
    from collectors.files.tree import read_teams
    from collectors.known import Known

    teams = {ROOT_TEAM}
    if settings.files.teams is not None:
        read = read_teams(settings.files.teams, Problems())  # its mistakes are listed already
        teams |= {team.slug for team in read or ()}
    if settings.bamboohr.team_from == "reports_to":
        try:
            with database(settings) as engine:
                known = Known(engine, "files").teams()
        except AppError:
            return teams  # the finding about the database says it
        teams |= {team.slug for team in known if team.source != "files"}
    return teams


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _server(settings: "Settings") -> Finding:
    try:
        permitted(settings)
    except AppError as error:
        return False, "server", str(error)
    return True, "server", f"{settings.server.host}, port {settings.server.port}"
