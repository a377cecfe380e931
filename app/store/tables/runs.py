"""Collector runs, how far each source was read, and records that could not be taken."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.tables.base import Base


class Run(Base):
    """One run of one source."""

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_source_started_at", "source", "started_at"),
        Index("ix_runs_source_id", "source", "id"),
        Index(
            "ix_runs_source_data_through",
            "source",
            "data_through",
            postgresql_where=text("data_through is not null"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    kind: Mapped[str]
    """incremental, full, or marked: only what a webhook told of."""
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str]
    """running, done, partial (part could not be read) or failed. A run that was killed stays
    `running` until the next run of its source marks it failed."""
    message: Mapped[str] = mapped_column(server_default="")
    data_through: Mapped[datetime | None]
    """Instant up to which the source is complete after this run; null unless outcome is done."""
    requests: Mapped[int] = mapped_column(server_default=text("0"))
    requests_by_kind: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    rows_read: Mapped[int] = mapped_column(server_default=text("0"))
    rows_new: Mapped[int] = mapped_column(server_default=text("0"))
    rows_changed: Mapped[int] = mapped_column(server_default=text("0"))
    rows_deleted: Mapped[int] = mapped_column(server_default=text("0"))
    quarantined: Mapped[int] = mapped_column(server_default=text("0"))
    retries: Mapped[int] = mapped_column(server_default=text("0"))
    waited_seconds: Mapped[float] = mapped_column(server_default=text("0"))
    seconds: Mapped[float | None]
    """How long it took. Not from started_at on, which is the same for all sources of one command."""


class Position(Base):
    """How far a list of a source was read; moves forward only, in the transaction of its rows."""

    __tablename__ = "positions"

    source: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    """What was read, for instance `group:acme` or `project:17`."""
    through: Mapped[datetime | None]
    """Everything that changed up to here has been read."""
    complete: Mapped[bool] = mapped_column(server_default=text("false"))
    """The first whole reading has ended."""


class QuarantinedRecord(Base):
    """A record that could not be read; the run went on without it."""

    __tablename__ = "quarantined_records"

    source: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    """Where it lies: an address, or file and line."""
    kind: Mapped[str]
    reason: Mapped[str]
    seen_at: Mapped[datetime]
