"""The organisation and what is planned for it, from files beside the configuration.

Each is read whole and checked whole before anything of it is stored. The four files that say who is
where refer to each other and are stored together; plan, openings and targets each by itself.
"""

from collections.abc import Iterator

from app.errors import ConfigurationError
from collectors.files.organisation import read_organisation
from collectors.files.planning import PLANNING, read_planning, without_planning
from collectors.files.problems import InvalidFileError
from collectors.record import Batch
from collectors.source import Context


def fetch(context: Context) -> Iterator[Batch]:
    """Everything that the files say; a file with a mistake leaves what is stored of it as it was.

    Raises InvalidFileError, after everything else was read, for mistakes in the files that say who
    is where, and ConfigurationError if there are no files.
    """
    files = context.settings.files
    total = len(files.organisation) + len(files.planning)
    if not total:
        raise ConfigurationError(
            "There are no files to collect.", "Put teams.yaml beside the configuration."
        )
    context.tell("files", 0, total)
    failure: InvalidFileError | None = None
    if files.organisation:
        try:
            organisation = read_organisation(files)
        except InvalidFileError as error:
            failure = error
        else:
            yield organisation
    context.tell("files", len(files.organisation), total)
    yield from _planning(context)
    context.tell("files", total, total)
    if failure is not None:
        raise failure


def _planning(context: Context) -> Iterator[Batch]:
    """Each of the files, held against the teams that are stored by now, whoever knows them."""
    files = context.settings.files.planning
    teams = [team.slug for team in context.known.teams()]
    read_before = context.known.positions()
    for key in PLANNING:
        if key not in files:
            yield without_planning(key)
            continue
        try:
            planning = read_planning(key, files[key], teams)
        except InvalidFileError as error:
            # Targets judge values, they do not make them: what is computed stays up to date.
            context.fail(error, holds_back=key in read_before and key != "targets")
        else:
            yield planning
