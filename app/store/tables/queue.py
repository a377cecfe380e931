"""What several processes share while they collect: handed-out work, rate limits, and marks."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.tables.base import Base


class WorkItem(Base):
    """A piece of a run that was handed out through the queue; gone when the source's next run begins.

    Whoever does it writes `holder`, and stores only as long as it is theirs: a process that was taken
    for dead and is not can no longer write.
    """

    __tablename__ = "work_items"
    __table_args__ = (Index("ix_work_items_run_id", "run_id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    kind: Mapped[str]
    fields: Mapped[dict[str, Any]]
    job_id: Mapped[int | None]
    """Its job in the queue, which may be gone."""
    holder: Mapped[str | None]
    """Which attempt does it now; null: nobody."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    """What was asked for and stored, written together with what was stored; names as in `runs`."""
    finished_at: Mapped[datetime | None]
    ended_run: Mapped[str | None]
    """The sentence with which it ended the whole run; null: it did not."""
    failures: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    """What could not be read of it: message, hint, status, and whether it holds the source back."""
    remarks: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))


class RateLimit(Base):
    """What is left of a token's rate limit, shared by every process that uses the token."""

    __tablename__ = "rate_limits"

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    """Of the address and the token; neither can be found from it."""
    per_window: Mapped[int] = mapped_column(server_default=text("0"))
    """Requests that a window allows; 0: not known."""
    remaining: Mapped[int] = mapped_column(server_default=text("0"))
    """Requests that may still begin in this window."""
    resets_at: Mapped[datetime]
    """When the next window begins, by the database's clock."""
    window: Mapped[float] = mapped_column(server_default=text("0"))
    """Which window it is: its end as the source writes it, in seconds since 1970."""
    guessed: Mapped[bool] = mapped_column(server_default=text("false"))
    """That window has ended, and no answer has told of the next one, which has begun here."""
    quiet_until: Mapped[datetime]
    """No request may begin before, by the database's clock: the source asked for that."""


class Mark(Base):
    """Something that the source said has changed, to be read next; collection is right without it."""

    __tablename__ = "marks"

    source: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    iid: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Of the merge request in its project; 0: the project itself."""
    seen_at: Mapped[datetime]
    """When it was said last."""


class RefreshItem(Base):
    """A share of a refresh that others may compute; gone with the refresh, or when the next one begins.

    Unlogged: whatever the server loses with it, it has lost the refresh's transaction as well.
    """

    __tablename__ = "refresh_items"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    release: Mapped[str]
    """Of the program that handed it out: another one may compute otherwise."""
    content: Mapped[bytes]
    """What it is computed from, as `app.metrics.packed` writes it."""
    begun_at: Mapped[datetime | None]
    """When it was begun last, by the database's clock."""
    outcome: Mapped[bytes | None]
    """The values; null: they are not computed yet."""
