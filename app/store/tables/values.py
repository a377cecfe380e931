"""Indicator values with their history, the coverage beside them, and targets."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, DateTime, Double, ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.tables.base import TIDIED_SOON, Base

REASONS_OF_RESTATEMENT = (
    "superseded_reason in ('late_data', 'membership', 'configuration', 'definition', 'time_passed')"
)

DAYS_OF_A_MONTH = 31
"""Items in each array of daily_values, whatever the month."""


class IndicatorValue(Base):
    """What an indicator was for a team in a period, from recorded_at up to superseded_at.

    The present values of daily indicators are in daily_values, as far as the days are over.
    """

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
        # Values of the running month are replaced again and again, each on its page.
        {"postgresql_with": {"fillfactor": "90", **TIDIED_SOON}},
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


class DailyValue(Base):
    """What a daily indicator was for a team on the days of a month that are over.

    A month in a row, for there are millions of days: each array has an item for each day of the
    month, from 1 on. What was superseded, and the running day, are in indicator_values.
    """

    __tablename__ = "daily_values"
    # A day is added to every row of its month: it stays on its page, and no index has to follow.
    __table_args__ = ({"postgresql_with": {"fillfactor": "80", **TIDIED_SOON}},)

    indicator: Mapped[str] = mapped_column(primary_key=True)
    variant: Mapped[str] = mapped_column(primary_key=True, server_default="")
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    """The first day of the month."""
    n: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    value: Mapped[list[float]] = mapped_column(ARRAY(Double))
    """NaN where there is no value: nothing was there to be measured."""
    p25: Mapped[list[float]] = mapped_column(ARRAY(Double))
    p75: Mapped[list[float]] = mapped_column(ARRAY(Double))
    p95: Mapped[list[float]] = mapped_column(ARRAY(Double))
    recorded_at: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)))
    """-infinity where no value was recorded: the day is not over, or lies before history_start."""


class Coverage(Base):
    """Attributed and all merge requests of an indicator's population in a period, organisation-wide.

    Kept apart from the values: one unattributed merge request must not restate every team's value.
    """

    __tablename__ = "coverages"
    __table_args__ = (
        CheckConstraint(REASONS_OF_RESTATEMENT, name="superseded_reason"),
        Index(
            "ix_coverages_superseded",
            "indicator",
            "period",
            postgresql_where=text("superseded_at is not null"),
        ),
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
    team: Mapped[str] = mapped_column(
        ForeignKey("teams.slug", onupdate="CASCADE"), primary_key=True
    )
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    value: Mapped[float | None]
    """Null withdraws the target from this day on."""
