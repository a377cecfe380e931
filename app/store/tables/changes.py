"""Which transactions changed something that an answer may tell: written by triggers, read by `changes`."""

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
