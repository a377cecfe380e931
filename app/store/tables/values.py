"""Indicator values with their history, the coverage beside them, and targets."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.tables.base import Base

REASONS_OF_RESTATEMENT = (
    "superseded_reason in ('late_data', 'membership', 'configuration', 'definition', 'time_passed')"
)


class IndicatorValue(Base):
    """What an indicator was for a team in a period, from recorded_at up to superseded_at."""

    __tablename__ = "indicator_values"
    __table_args__ = (
        CheckConstraint(REASONS_OF_RESTATEMENT, name="superseded_reason"),
        Index(
            "uq_indicator_values_current",
            "indicator",
            "variant",
            "team_id",
            "period",
            unique=True,
            postgresql_where=text("superseded_at is null"),
        ),
        Index(
            "ix_indicator_values_superseded",
            "indicator",
            "variant",
            "team_id",
            "period",
            postgresql_where=text("superseded_at is not null"),
        ),
        Index(
            "ix_indicator_values_superseded_at",
            "superseded_at",
            "id",
            postgresql_where=text("superseded_at is not null"),
        ),
        Index(
            "ix_indicator_values_period",
            "period",
            "indicator",
            postgresql_where=text("superseded_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    indicator: Mapped[str]
    variant: Mapped[str]
    """Key of the variant; empty for an indicator without variants."""
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id"))
    period: Mapped[date]
    """The day, or the first day of the month."""
    value: Mapped[float | None]
    n: Mapped[int]
    numerator: Mapped[float | None]
    denominator: Mapped[float | None]
    p25: Mapped[float | None]
    p75: Mapped[float | None]
    p95: Mapped[float | None]
    reason: Mapped[str | None]
    partial: Mapped[bool]
    beside: Mapped[dict[str, Any] | None]
    recorded_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]
    superseded_reason: Mapped[str | None]


class Coverage(Base):
    """Attributed and all merge requests of an indicator's population in a period, organisation-wide.

    Kept apart from the values: one unattributed merge request must not restate every team's value.
    """

    __tablename__ = "coverages"
    __table_args__ = (
        CheckConstraint(REASONS_OF_RESTATEMENT, name="superseded_reason"),
        Index(
            "uq_coverages_current",
            "indicator",
            "period",
            unique=True,
            postgresql_where=text("superseded_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    indicator: Mapped[str]
    period: Mapped[date]
    attributed: Mapped[int]
    total: Mapped[int]
    partial: Mapped[bool]
    recorded_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]
    superseded_reason: Mapped[str | None]


class Target(Base):
    """A target on top of the built-in ones; inherited down the tree."""

    __tablename__ = "targets"

    indicator: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str] = mapped_column(ForeignKey("teams.slug"), primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    value: Mapped[float | None]
    """Null withdraws the target from this day on."""
