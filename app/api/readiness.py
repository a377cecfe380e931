"""Whether this server can answer: what `/readyz` says, and why not."""

import os
import shutil
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.errors import AppError
from app.store import migrate

LEAST_FREE = 100 * 1024 * 1024
"""Bytes of a disk below which the database on it may stop any moment."""

WRITABLE = text(
    "SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only')::bool IS FALSE"
)


class NotReadyError(AppError):
    """The server is alive and cannot answer. reason: one word, for programs."""

    def __init__(self, reason: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.reason = reason


class Readiness:
    """What a server needs in order to answer. folder: where the embedded database lies, or None."""

    def __init__(self, engine: Engine, folder: Path | None, least_free: int = LEAST_FREE) -> None:
        # A statement of its own each: what was read first must not be what was true long ago.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._folder = folder
        self._least_free = least_free
        self._draining = False

    def drain(self) -> None:
        """From now on it is not ready: the server is about to end."""
        self._draining = True

    def require(self) -> None:
        """Raises NotReadyError unless a request would be answered."""
        if self._draining:
            raise NotReadyError("draining", "This server is about to end.", "Ask another one.")
        if self._folder is not None:
            self._require_disk(self._folder)
        try:
            with self._engine.connect() as connection:
                writable = connection.execute(WRITABLE).scalar_one()
            self._require_migrated()
        except PoolTimeoutError as error:
            raise NotReadyError("busy", "Every connection to the database is in use.") from error
        except DBAPIError as error:
            raise NotReadyError(
                "database_away", "The database does not answer.", "See whether it runs."
            ) from error
        if not writable:
            raise NotReadyError(
                "read_only",
                "The database takes no changes: it is a standby, or default_transaction_read_only is on.",
                "Name the primary in database.url.",
            )

    def _require_migrated(self) -> None:
        try:
            migrate.require_newest(self._engine)
        except AppError as error:
            if migrate.is_under_way(self._engine):
                raise NotReadyError("migrating", "The database is being migrated.") from error
            raise NotReadyError("not_migrated", error.message, error.hint) from error

    def _require_disk(self, folder: Path) -> None:
        try:
            free = shutil.disk_usage(folder).free
            read_only = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
        except FileNotFoundError:
            return  # then the database does not answer either, which is told as such
        if read_only:
            raise NotReadyError("read_only", f"The disk of {folder} takes no changes.")
        if free < self._least_free:
            raise NotReadyError(
                "disk_full",
                f"The disk of {folder} has {free // 1024**2:,} MB left.",
                "Make room, or move database.data_dir.",
            )
