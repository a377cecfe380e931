"""Who is signed in, tokens of scripts, and what was done by whom."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Identity, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.tables.base import Base


class SignedIn(Base):
    """A session of somebody who signed in; without its row the cookie is worth nothing."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index("ix_sessions_subject", "subject"),
        Index("ix_sessions_expires_at", "expires_at"),
    )

    id_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """SHA-256 of what the cookie carries: who reads the table cannot become anybody."""
    subject: Mapped[str]
    """`sub`: who it is to the provider, for ever."""
    provider_session: Mapped[str | None]
    """`sid`: the provider's session, which may be ended there."""
    name: Mapped[str]
    email: Mapped[str | None]
    """Lower case, and only if the provider verified it."""
    username: Mapped[str | None]
    """Lower case: of the GitLab that is collected."""
    groups: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    """To the minute."""
    expires_at: Mapped[datetime]
    address: Mapped[str] = mapped_column(server_default="")
    """Where it was begun, as far as known."""
    browser: Mapped[str] = mapped_column(server_default="")
    """In what, in words such as `Firefox on Linux`."""


class ApiToken(Base):
    """What a script shows instead of signing in; only its hash is kept."""

    __tablename__ = "api_tokens"
    __table_args__ = (
        CheckConstraint("role in ('viewer', 'manager', 'director', 'admin')", name="role"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    """What it is for, in the words of who made it."""
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    """SHA-256: tokens are 256 random bits, for which a slow hash does nothing."""
    role: Mapped[str]
    teams: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    """Slugs of the teams that a manager or a director has, each with everything below it."""
    created_by: Mapped[str]
    """The subject of who made it; empty: the command line."""
    created_by_name: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    """To the minute."""
    revoked_at: Mapped[datetime | None]


class AuditEvent(Base):
    """Something that somebody did. Rows are added and, once they are old, deleted; never changed."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_at", "at"),
        Index("ix_audit_events_action_id", "action", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    actor: Mapped[str]
    """`user:SUBJECT`, `token:ID`, or `program:NAME` of one that changed data by itself."""
    actor_name: Mapped[str] = mapped_column(server_default="")
    action: Mapped[str]
    """`app.auth.audit.ACTIONS` lists them."""
    object: Mapped[str] = mapped_column(server_default="")
    """What it was done to: an address, a team, a token."""
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    address: Mapped[str] = mapped_column(server_default="")
    """The address of who asked, as far as known."""
