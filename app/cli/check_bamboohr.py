"""What `check` asks BambooHR: whether the key is accepted, and whether it may read the history tables."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.cli.check_gitlab import Finding
from app.errors import ConfigurationError
from app.settings import required_bamboohr_key

if TYPE_CHECKING:
    from app.settings import Settings


def check_bamboohr(settings: "Settings") -> Iterator[Finding]:
    """One finding: the address with what can be read there, or what is in the way."""
    from collectors.bamboohr.client import BambooHRClient
    from collectors.bamboohr.errors import BambooHRError, NotFoundError, no_company
    from collectors.bamboohr.tables import EMPLOYMENT_STATUS, JOB_INFO, changed_employees
    from collectors.retry import RetryPolicy
    from collectors.source import Counters

    own = settings.bamboohr
    if "bamboohr" not in settings.configured_sources():
        return
    try:
        key = required_bamboohr_key(settings)
    except ConfigurationError as error:
        yield False, "bamboohr", error.message
        return
    impatient = RetryPolicy(attempts=2, first_attempts=2, limited_attempts=2, longest=10.0)
    client = BambooHRClient(own.url, key, Counters(), impatient)
    try:
        for table in (EMPLOYMENT_STATUS, JOB_INFO):
            # Nobody has changed since now: an answer of a few bytes.
            changed_employees(client, table, datetime.now(UTC))
    except NotFoundError:
        yield False, "bamboohr", str(no_company(own.url))
    except BambooHRError as error:
        yield False, "bamboohr", str(error)
    else:
        tables = f"{EMPLOYMENT_STATUS} and {JOB_INFO}"
        teams = own.team_from.replace("_", " ")
        yield True, "bamboohr", f"{own.url}, may read {tables}, teams by {teams}"
    finally:
        client.close()
