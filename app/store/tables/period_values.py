"""Every value that was recorded, one row each, wherever it is kept: a view, for whoever asks in SQL."""

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from app.store.tables.effective import View


class PeriodValue(View):
    """What an indicator was for a team in a period; see `IndicatorValue` and `DailyValue`."""

    __tablename__ = "period_values"

    indicator: Mapped[str] = mapped_column(primary_key=True)
    variant: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(primary_key=True)
    period: Mapped[date] = mapped_column(primary_key=True)
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
    recorded_at: Mapped[datetime] = mapped_column(primary_key=True)
    superseded_at: Mapped[datetime | None]
    superseded_reason: Mapped[str | None]
