"""What is to be hired: the plan, openings and offers, each as its source last told."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.store.tables.base import Base


class PlannedHeadcount(Base):
    """How many people a team is to have at the end of a month."""

    __tablename__ = "plan"
    __table_args__ = (
        CheckConstraint("planned_headcount >= 0", name="planned_headcount"),
        CheckConstraint("extract(day from month) = 1", name="month"),
    )

    team: Mapped[str] = mapped_column(
        ForeignKey("teams.slug", onupdate="CASCADE"), primary_key=True
    )
    month: Mapped[date] = mapped_column(primary_key=True)
    """The first day of the month."""
    planned_headcount: Mapped[int]


class Opening(Base):
    """A place to be filled."""

    __tablename__ = "openings"
    __table_args__ = (Index("ix_openings_team", "team"),)

    source: Mapped[str] = mapped_column(primary_key=True, server_default="files")
    opening_id: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str | None] = mapped_column(ForeignKey("teams.slug", onupdate="CASCADE"))
    """Null where the source names a team that there is not."""
    opened_on: Mapped[date]
    target_start_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    """The day on which it was closed; null while open."""
    close_reason: Mapped[str | None]


class Offer(Base):
    """An offer to a candidate; who it is, is not kept."""

    __tablename__ = "offers"

    source: Mapped[str] = mapped_column(primary_key=True)
    offer_id: Mapped[str] = mapped_column(primary_key=True)
    opening_id: Mapped[str | None]
    team: Mapped[str | None] = mapped_column(ForeignKey("teams.slug", onupdate="CASCADE"))
    status: Mapped[str]
    """As the source calls it."""
    accepted_on: Mapped[date | None]
    """The day of the acceptance; null unless it was accepted."""
    starts_on: Mapped[date | None]
