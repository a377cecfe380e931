"""What holds where several sources speak of the same person or opening: views, read by the metrics.

An HR system goes before the files. Of a person whom it knows, all employment and all memberships
are as it says, as soon as it says any; declared attributes that it does not tell are taken from the
files. The views are made by the migrations and are not part of `Base.metadata`.
"""

from datetime import date
from typing import Any

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.store.tables.base import Base


class View(DeclarativeBase):
    """Base of the views; they are only read."""

    metadata = MetaData()
    type_annotation_map = Base.type_annotation_map


class EffectivePerson(View):
    """A person, once."""

    __tablename__ = "effective_people"

    person_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str | None]
    attributes: Mapped[dict[str, Any]]
    source: Mapped[str]
    """The source whose word holds."""


class EffectiveIdentity(View):
    """A GitLab username and the person it belongs to, once for each username."""

    __tablename__ = "effective_identities"

    username: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str]
    source: Mapped[str]


class EffectiveEmployment(View):
    """One stretch of employment of a person."""

    __tablename__ = "effective_employment"

    person_id: Mapped[str] = mapped_column(primary_key=True)
    start_date: Mapped[date] = mapped_column(primary_key=True)
    end_date: Mapped[date | None]
    termination_type: Mapped[str | None]
    source: Mapped[str]


class EffectiveMembership(View):
    """A person in a team from one day up to, not including, another."""

    __tablename__ = "effective_memberships"

    person_id: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    valid_to: Mapped[date | None]
    role: Mapped[str]
    source: Mapped[str]


class EffectiveOpening(View):
    """An opening, once."""

    __tablename__ = "effective_openings"

    opening_id: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str | None]
    opened_on: Mapped[date]
    target_start_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    close_reason: Mapped[str | None]
    source: Mapped[str]
