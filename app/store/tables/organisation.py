"""People, their accounts, their employment, the team tree and who was in which team when.

What several sources say stands side by side here, each row with its source; `effective` says what
holds.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.tables.base import Base

ROOT_TEAM = "organisation"


def _of_a_person() -> ForeignKeyConstraint:
    """A row about a person goes with the person, as the same source tells of them."""
    return ForeignKeyConstraint(
        ["source", "person_id"], ["people.source", "people.person_id"], ondelete="CASCADE"
    )


class Person(Base):
    """Somebody known from HR data or from people.csv."""

    __tablename__ = "people"

    source: Mapped[str] = mapped_column(primary_key=True, server_default="files")
    """Who says so: files or the name of an HR system's collector."""
    person_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str | None]
    attributes: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    """Declared attributes by column name of people.csv, gender among them; absent: not declared."""


class Identity(Base):
    """A GitLab account that a person is known to use, by the username that was declared."""

    __tablename__ = "identities"
    __table_args__ = (
        _of_a_person(),
        Index("ix_identities_person_id", "person_id"),
    )

    source: Mapped[str] = mapped_column(primary_key=True, server_default="files")
    username: Mapped[str] = mapped_column(primary_key=True)
    """Lower case: GitLab compares usernames without regard to case."""
    person_id: Mapped[str]


class Employment(Base):
    """One stretch of employment of a person."""

    __tablename__ = "employment"
    __table_args__ = (
        _of_a_person(),
        CheckConstraint("end_date >= start_date", name="order"),
    )

    source: Mapped[str] = mapped_column(primary_key=True, server_default="files")
    person_id: Mapped[str] = mapped_column(primary_key=True)
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
        ForeignKey("teams.slug", onupdate="CASCADE", deferrable=True, initially="DEFERRED"),
        index=True,
    )
    """Slug of the parent; null for the root alone."""
    owns: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    source: Mapped[str] = mapped_column(server_default="files")
    """Who said so last: files, or an HR system in which a team is a manager with their reports."""
    removed_at: Mapped[datetime | None]
    """When the team vanished from its source: it is no longer shown, its stored values are kept."""


class Membership(Base):
    """A person in a team from one day up to, not including, another."""

    __tablename__ = "memberships"
    __table_args__ = (
        _of_a_person(),
        CheckConstraint("valid_to > valid_from", name="order"),
        CheckConstraint("role in ('member', 'manager')", name="role"),
        Index("ix_memberships_team", "team"),
    )

    source: Mapped[str] = mapped_column(primary_key=True, server_default="files")
    person_id: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str] = mapped_column(
        ForeignKey("teams.slug", onupdate="CASCADE"), primary_key=True
    )
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    valid_to: Mapped[date | None]
    """First day that no longer belongs to it; null while open."""
    role: Mapped[str]
