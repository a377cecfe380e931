"""The organisation from files beside the configuration: read whole, checked whole, stored at once."""

from collections.abc import Iterator

from app.errors import ConfigurationError
from collectors.files.organisation import read_organisation
from collectors.record import Batch
from collectors.source import Context


def fetch(context: Context) -> Iterator[Batch]:
    """Everything that the files say, as one batch, so that a mistake in one leaves all as they were.

    Raises InvalidFileError for the mistakes in the files, ConfigurationError if there are no files.
    """
    files = context.settings.files
    if not files.organisation:
        raise ConfigurationError(
            "There are no files to collect.", "Put teams.yaml beside the configuration."
        )
    context.tell("files", 0, len(files.organisation))
    yield read_organisation(files)
    context.tell("files", len(files.organisation), len(files.organisation))
