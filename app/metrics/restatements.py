"""Values of periods that were over and came out differently later: what was, what is, and why."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, and_, cast, func, select, tuple_
from sqlalchemy.orm import Session, aliased

from app.errors import InvalidValueError
from app.metrics import INDICATORS, get_indicator, periods
from app.metrics.calendar import local_midnight, month_label
from app.metrics.indicator import Cadence, Reason, Restated
from app.metrics.stored import measured_on, reason_on
from app.metrics.teams import load_tree, visible_teams
from app.settings import Settings
from app.store.tables import DailyValue, IndicatorValue, Team

DAYS = 31
"""How far back without `from`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Restatement:
    """A stored value and the one that superseded it, in the indicator's unit.

    id: of the superseded row. recorded_at: when it had been recorded. value_now: what took its
    place then; both null where a categorical indicator gives no value.
    """

    id: int
    indicator: str
    variant: str | None
    team: str
    period: str
    value: float | None
    reason_of_null: Reason | None
    value_now: float | None
    reason_of_null_now: Reason | None
    recorded_at: datetime
    superseded_at: datetime
    reason: Restated


def restatements(
    session: Session,
    settings: Settings,
    *,
    from_: str | None = None,
    to: str | None = None,
    team: str | None = None,
    indicator: str | None = None,
    periods_of: Collection[date] | None = None,
    limit: int | None = 100,
    before: tuple[datetime, int] | None = None,
) -> list[Restatement]:
    """What was restated from a day (or month) to another, both inclusive and local, newest first.

    Without `from` the last 31 days. periods_of: only values of these days, or of the months that
    begin on them. limit: None for all. before: only those after this one in the order of the list,
    (superseded_at, id). Raises NotFoundError (field `team` or `key`) and InvalidValueError.
    """
    first, end = _range(settings, from_, to)
    # What took its place is superseded itself by now, or in force: a month, or a day that is over.
    old, later, new = IndicatorValue, aliased(IndicatorValue), aliased(IndicatorValue)
    over = DailyValue
    day = cast(func.extract("day", old.period), Integer)
    value_now = func.coalesce(later.value, new.value, measured_on("value", day))
    reason_now = func.coalesce(later.reason, new.reason, reason_on(day))
    statement = (
        select(old, Team.slug, value_now, reason_now)
        .join(Team, Team.id == old.team_id)
        .outerjoin(later, and_(_took_place(later, old), later.superseded_at.is_not(None)))
        .outerjoin(new, and_(_took_place(new, old), new.superseded_at.is_(None)))
        .outerjoin(
            over,
            and_(
                over.indicator == old.indicator,
                over.variant == old.variant,
                over.team_id == old.team_id,
                over.month == cast(func.date_trunc("month", old.period), Date),
                over.recorded_at[day] == old.superseded_at,
            ),
        )
        .where(
            old.superseded_at.is_not(None),
            old.superseded_at >= first,
            old.superseded_at < end,
            old.indicator.in_([each.key for each in INDICATORS]),
        )
        .order_by(old.superseded_at.desc(), old.id.desc())
        .limit(limit)
    )
    if team is not None:
        statement = statement.where(old.team_id == load_tree(session).find(team, "team").id)
    visible = visible_teams(session)
    if visible is not None:
        statement = statement.where(Team.slug.in_(visible))
    if indicator is not None:
        statement = statement.where(old.indicator == get_indicator(indicator).key)
    if periods_of is not None:
        statement = statement.where(old.period.in_(periods_of))
    if before is not None:
        statement = statement.where(tuple_(old.superseded_at, old.id) < tuple_(*before))
    return [_restatement(*row) for row in session.execute(statement)]


def _took_place(new: Any, old: type[IndicatorValue]) -> ColumnElement[bool]:
    """Whether a value was recorded when another one was superseded by it."""
    return and_(
        new.indicator == old.indicator,
        new.variant == old.variant,
        new.team_id == old.team_id,
        new.period == old.period,
        new.recorded_at == old.superseded_at,
    )


def _restatement(
    old: IndicatorValue, team: str, value_now: float | None, reason_now: str | None
) -> Restatement:
    assert old.superseded_at is not None
    assert old.superseded_reason is not None
    return Restatement(
        id=old.id,
        indicator=old.indicator,
        variant=old.variant or None,
        team=team,
        period=_label(old.indicator, old.period),
        value=old.value,
        reason_of_null=None if old.reason is None else Reason(old.reason),
        value_now=value_now,
        reason_of_null_now=None if reason_now is None else Reason(reason_now),
        recorded_at=old.recorded_at,
        superseded_at=old.superseded_at,
        reason=Restated(old.superseded_reason),
    )


def _range(settings: Settings, from_: str | None, to: str | None) -> tuple[datetime, datetime]:
    zone = settings.reporting.zone
    last = datetime.now(zone).date() if to is None else periods.parse(to, "to").last
    first = last - timedelta(days=DAYS - 1) if from_ is None else periods.parse(from_, "from").first
    if first > last:
        raise InvalidValueError(f"from {first} lies after to {last}.", "from")
    return local_midnight(first, zone), local_midnight(last + timedelta(days=1), zone)


def _label(key: str, period: date) -> str:
    monthly = get_indicator(key).cadence is Cadence.MONTHLY
    return month_label(period) if monthly else period.isoformat()
