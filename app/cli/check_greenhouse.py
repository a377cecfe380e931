"""What `check` asks Greenhouse: whether the client is accepted, and which lists it may read."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.cli.check_gitlab import Finding
from app.errors import ConfigurationError
from app.settings import required_greenhouse_secret

if TYPE_CHECKING:
    from app.settings import Settings

LISTS = ("departments", "jobs", "close_reasons", "openings", "offers")


def check_greenhouse(settings: "Settings") -> Iterator[Finding]:
    """One finding for the account, and one for each list that the credential may not read."""
    from collectors.greenhouse.client import GreenhouseClient
    from collectors.greenhouse.errors import ListError, SourceError
    from collectors.retry import RetryPolicy
    from collectors.source import Counters

    if "greenhouse" not in settings.configured_sources():
        return
    try:
        secret = required_greenhouse_secret(settings)
    except ConfigurationError as error:
        yield False, "greenhouse", error.message
        return
    impatient = RetryPolicy(attempts=2, first_attempts=2, limited_attempts=2, longest=30.0)
    client = GreenhouseClient(settings.greenhouse, secret, Counters(), impatient)
    readable = []
    try:
        for name in LISTS:
            try:
                next(client.pages(name))
            except ListError as error:
                yield False, "greenhouse", str(error)
            else:
                readable.append(name.replace("_", " "))
    except SourceError as error:  # nothing more can be asked
        yield False, "greenhouse", str(error)
        return
    finally:
        client.close()
    if readable:
        yield True, "greenhouse", f"{settings.greenhouse.url}, may read {', '.join(readable)}"
