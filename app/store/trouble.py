"""What a failure of the database means: the one place that knows its codes."""

import errno
from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class Trouble(StrEnum):
    """What is the matter; each is the `reason` of an answer."""

    DATABASE_AWAY = "database_away"
    BUSY = "busy"
    NOT_MIGRATED = "not_migrated"
    READ_ONLY = "read_only"
    DISK_FULL = "disk_full"
    TOO_LONG = "too_long"


BY_SQLSTATE = {
    "53100": Trouble.DISK_FULL,
    "25006": Trouble.READ_ONLY,
    "57014": Trouble.TOO_LONG,  # given up because it took longer than it may
    "42P01": Trouble.NOT_MIGRATED,  # a table that does not exist
    "42703": Trouble.NOT_MIGRATED,  # a column that does not exist
}

BY_WORDS = {
    "No space left on device": Trouble.DISK_FULL,
    "Read-only file system": Trouble.READ_ONLY,
}
"""What the system says of a disk. Postgres hands it on under codes of other things: a disk that takes no
changes is "insufficient privilege" to it, and a server that does not start has none."""


BY_ERRNO = {errno.ENOSPC: Trouble.DISK_FULL, errno.EROFS: Trouble.READ_ONLY}

REMEDIES: Mapping[str | None, str] = {
    Trouble.DISK_FULL: "Make room, or move database.data_dir.",
    Trouble.READ_ONLY: "See why in the log of the system, and mount it anew.",
}
"""What to do about a disk."""


def trouble_of(error: Exception) -> Trouble | None:
    """What an error of a statement or connection means; None: it is no fault of the database."""
    if isinstance(error, PoolTimeoutError):
        return Trouble.BUSY
    if not isinstance(error, DBAPIError):
        return None
    for words, trouble in BY_WORDS.items():
        if words in str(error.orig):
            return trouble
    found = BY_SQLSTATE.get(getattr(error.orig, "sqlstate", None) or "")
    if found is None and _is_of_the_connection(error):
        return Trouble.DATABASE_AWAY
    return found


def _is_of_the_connection(error: DBAPIError) -> bool:
    # What libpq makes up itself when the server is gone has no code; psycopg names no more than its class.
    nameless = type(error) is DatabaseError and getattr(error.orig, "sqlstate", None) is None
    return nameless or isinstance(error, OperationalError | InterfaceError)


def reason_of(error: Exception) -> str:
    """What happened, in the driver's first line; it has no password in it."""
    return (str(getattr(error, "orig", None) or error).strip().splitlines() or [""])[0]
