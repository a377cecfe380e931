"""Whether this server can answer: what `/readyz` says, and why not."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.auth.provider import AWAY
from app.errors import AppError
from app.faults import CLOCK_BEHIND, Faults
from app.store import disk, migrate
from app.store.trouble import REMEDIES, Trouble, trouble_of

WRITABLE = text(
    "SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only')::bool IS FALSE"
)


MIGRATING = "migrating"

NEWEST = text("SELECT max(data_through) FROM runs")

CLOCKS_MAY_DIFFER = timedelta(minutes=5)
"""By so much a source's clock may be ahead of ours before ours is told to be wrong."""

LOOKED_AT_EVERY = 1.0
"""Seconds between two looks at the disk on behalf of pages, which may be many."""

OVER_WITH_AN_ANSWER = (Trouble.DATABASE_AWAY, Trouble.BUSY)
"""What is over as soon as the database answers something."""

WARNINGS: Mapping[str, str] = {
    Trouble.DISK_FULL: "The disk of the database was full when something was written last.",
    Trouble.READ_ONLY: "The database took no changes when something was written last.",
    AWAY: "The provider of sign-in did not answer last; who is signed in stays so.",
    CLOCK_BEHIND: "The clock of this machine is behind what was collected: it was set back, or is wrong.",
}
"""What keeps a server from a part of its work while it answers."""


class NotReadyError(AppError):
    """The server is alive and cannot answer. reason: one word, for programs."""

    def __init__(self, reason: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.reason = reason


class Readiness:
    """What a server needs in order to answer.

    folder: where the embedded database lies, or None. faults: where it is noted what is wrong, and what
    is well again. least_free: bytes of a disk below which the database on it may stop any moment.
    """

    def __init__(
        self,
        engine: Engine,
        folder: Path | None,
        faults: Faults,
        least_free: int = disk.LEAST_FREE,
    ) -> None:
        # A statement of its own each: what was read first must not be what was true long ago.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._folder = folder
        self._faults = faults
        self._least_free = least_free
        self._draining = False
        self._looked_at = float("-inf")

    def drain(self) -> None:
        """From now on it is not ready: the server is about to end."""
        self._draining = True

    def require(self) -> Mapping[str, str]:
        """What is wrong though requests are answered: a sentence by each reason.

        Raises NotReadyError unless a request would be answered.
        """
        if self._draining:
            raise NotReadyError("draining", "This server is about to end.", "Ask another one.")
        trouble = self.look_at_disk()
        if trouble is not None:
            raise NotReadyError(trouble.trouble, trouble.sentence, trouble.remedy)
        try:
            with self._engine.connect() as connection:
                writable = connection.execute(WRITABLE).scalar_one()
            self._require_migrated()
            with self._engine.connect() as connection:
                self.look_at_clock(connection.execute(NEWEST).scalar_one())
        except PoolTimeoutError as error:
            raise NotReadyError("busy", "Every connection to the database is in use.") from error
        except DBAPIError as error:
            trouble_now = trouble_of(error)
            if trouble_now in (Trouble.DISK_FULL, Trouble.READ_ONLY):
                what = "is full" if trouble_now is Trouble.DISK_FULL else "takes no changes"
                sentence = f"The database does not start: its disk {what}."
                raise NotReadyError(trouble_now, sentence, REMEDIES[trouble_now]) from error
            raise NotReadyError(
                "database_away", "The database does not answer.", "See whether it runs."
            ) from error
        if not writable:
            raise NotReadyError(
                "read_only",
                "The database takes no changes: it is a standby, or default_transaction_read_only is on.",
                "Name the primary in database.url.",
            )
        self._faults.end(*OVER_WITH_AN_ANSWER, Trouble.NOT_MIGRATED, MIGRATING)
        if self._folder is None:
            self._faults.end(Trouble.READ_ONLY)
        present = self._faults.present
        return {reason: sentence for reason, sentence in WARNINGS.items() if reason in present}

    def _require_migrated(self) -> None:
        try:
            migrate.require_newest(self._engine)
        except AppError as error:
            if migrate.is_under_way(self._engine):
                raise NotReadyError(MIGRATING, "The database is being migrated.") from error
            raise NotReadyError("not_migrated", error.message, error.hint) from error

    def look_at_disk(self) -> disk.DiskTrouble | None:
        """What is wrong with the disk of the embedded database; that is noted, also where nothing is."""
        if self._folder is None:
            return None
        found = disk.trouble_with(self._folder, self._least_free)
        for each in (Trouble.DISK_FULL, Trouble.READ_ONLY):
            if found is not None and found.trouble is each:
                self._faults.begin(each, found.sentence)
            else:
                self._faults.end(each)
        return found

    def note_change(self) -> None:
        """Notes that something could be written; the disk of the embedded database is looked at itself."""
        if self._folder is None:
            self._faults.end(Trouble.DISK_FULL, Trouble.READ_ONLY)

    def look_at_clock(self, newest: datetime | None) -> None:
        """Notes whether our clock is behind what was collected. newest: up to when anything was."""
        behind = timedelta(0) if newest is None else newest - datetime.now(UTC)
        if behind > CLOCKS_MAY_DIFFER:
            minutes = behind // timedelta(minutes=1)
            self._faults.begin(
                CLOCK_BEHIND, f"The clock is {minutes} minutes behind what was collected."
            )
        else:
            self._faults.end(CLOCK_BEHIND)

    def look(self, newest: datetime | None) -> None:
        """Notes how things stand when the database has just answered. newest: as in `look_at_clock`."""
        self._faults.end(*OVER_WITH_AN_ANSWER)
        now = monotonic()
        if now - self._looked_at > LOOKED_AT_EVERY:
            self._looked_at = now
            self.look_at_disk()
        self.look_at_clock(newest)
