"""People, their accounts, their employment, the team tree and who was in which team when."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.tables.base import Base

ROOT_TEAM = "organisation"


class Person(Base):
    """Somebody known from HR data or from people.csv."""

    __tablename__ = "people"

    person_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str | None]
    attributes: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    """Declared attributes by column name of people.csv, gender among them; absent: not declared."""


class Identity(Base):
    """A GitLab account that a person is known to use, by the username that was declared."""

    __tablename__ = "identities"

    username: Mapped[str] = mapped_column(primary_key=True)
    """Lower case: GitLab compares usernames without regard to case."""
    person_id: Mapped[str] = mapped_column(
        ForeignKey("people.person_id", ondelete="CASCADE"), index=True
    )


class Employment(Base):
    """One stretch of employment of a person."""

    __tablename__ = "employment"
    __table_args__ = (CheckConstraint("end_date >= start_date", name="order"),)

    person_id: Mapped[str] = mapped_column(
        ForeignKey("people.person_id", ondelete="CASCADE"), primary_key=True
    )
    start_date: Mapped[date] = mapped_column(primary_key=True)
    end_date: Mapped[date | None]
    """Last day employed; null while employed."""
    termination_type: Mapped[str | None]
    """voluntary, involuntary or other; null while employed."""


class Team(Base):
    """A node of the team tree; the built-in root `organisation` holds every team without a parent."""

    __tablename__ = "teams"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    parent: Mapped[str | None] = mapped_column(
        ForeignKey("teams.slug", deferrable=True, initially="DEFERRED"), index=True
    )
    """Slug of the parent; null for the root alone."""
    owns: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    removed_at: Mapped[datetime | None]
    """When the team vanished from its source: it is no longer shown, its stored values are kept."""


class Membership(Base):
    """A person in a team from one day up to, not including, another."""

    __tablename__ = "memberships"
    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="order"),
        CheckConstraint("role in ('member', 'manager')", name="role"),
        Index("ix_memberships_team", "team"),
    )

    person_id: Mapped[str] = mapped_column(
        ForeignKey("people.person_id", ondelete="CASCADE"), primary_key=True
    )
    team: Mapped[str] = mapped_column(ForeignKey("teams.slug"), primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    valid_to: Mapped[date | None]
    """First day that no longer belongs to it; null while open."""
    role: Mapped[str]
