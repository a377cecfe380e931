"""What there was to tell, and what whom was told: written by `teamgauge alert` alone."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.tables.base import Base


class AlertState(Base):
    """How an indicator of a team, a source, or a team's report of a month stands.

    A change is told once to each channel: whoever was told something else than `state` is still to be
    told. What has changed back before it could be told is no news.
    """

    __tablename__ = "alert_states"
    __table_args__ = (CheckConstraint("kind in ('indicator', 'source', 'report')", name="kind"),)

    team: Mapped[str] = mapped_column(
        ForeignKey("teams.slug", onupdate="CASCADE"), primary_key=True
    )
    """The slug; of a source that of the organisation."""
    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    """The indicator's key, the source's name, or the month as 2026-10."""
    state: Mapped[str]
    """on_target or off_target; fresh or stale; due."""
    since: Mapped[datetime]
    """When it became so."""
    told: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    """By channel (webhook, email) the state that was told last; absent: nothing yet."""
