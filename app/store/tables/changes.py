"""What changed: noted by triggers, read by `changes` and by `refresh`."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.tables.base import Base


class Change(Base):
    """A transaction that wrote a table from which answers are drawn.

    Each has a row of its own, so that no two wait for each other. Together the rows that are visible
    tell two states of the database apart: see `app.store.changes`.
    """

    __tablename__ = "changes"

    transaction: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Postgres's 64-bit number of the transaction."""
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    """When it first wrote: a restored database may give the same number again."""


class ChangedMergeRequest(Base):
    """A merge request of which something changed that its facts are derived from, since the last refresh.

    Each transaction that changes it has a row of its own, so that none waits for another; what a refresh
    has seen it takes away. A mark on the merge request itself would be one more version of a wide row, for
    setting it and for taking it off, with an entry in each of its indexes.
    """

    __tablename__ = "changed_merge_requests"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Of the merge request; it may have been deleted since."""
    transaction: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Postgres's 64-bit number of the transaction."""
