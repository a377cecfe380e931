"""Reads what refresh stored: values, coverages, and how far the data reach."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    Date,
    DateTime,
    Double,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    column,
    false,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import ColumnElement

from app.metrics import get_indicator
from app.metrics.calendar import first_of_month
from app.metrics.indicator import Cadence
from app.store.tables import Coverage, DailyValue, IndicatorValue, RefreshState


@dataclass(frozen=True, slots=True)
class Wanted:
    """The periods that are asked for of an indicator; variant is empty for one without variants.

    teams: ids of the teams whose values are asked for; coverages are those of the organisation.
    """

    indicator: str
    variant: str
    periods: frozenset[date]
    teams: frozenset[int]


class Stored(NamedTuple):
    """A stored value; see `IndicatorValue`. A tuple, for there are thousands of them."""

    indicator: str
    team_id: int
    period: date
    value: float | None
    n: int
    numerator: float | None
    denominator: float | None
    p25: float | None
    p75: float | None
    p95: float | None
    reason: str | None
    partial: bool
    beside: Mapping[str, Any] | None
    recorded_at: datetime
    superseded_at: datetime | None
    superseded_reason: str | None


Values = dict[tuple[int, str, date], Stored]
"""Stored values by team id, indicator key and period."""

Coverages = dict[tuple[str, date], float | None]
"""Attributed share (0 to 1, None where nothing was to be attributed) by indicator key and period."""

COLUMNS = (
    IndicatorValue.indicator,
    IndicatorValue.team_id,
    IndicatorValue.period,
    IndicatorValue.value,
    IndicatorValue.n,
    IndicatorValue.numerator,
    IndicatorValue.denominator,
    IndicatorValue.p25,
    IndicatorValue.p75,
    IndicatorValue.p95,
    IndicatorValue.reason,
    IndicatorValue.partial,
    IndicatorValue.beside,
    IndicatorValue.recorded_at,
    IndicatorValue.superseded_at,
    IndicatorValue.superseded_reason,
)


def load_data_through(session: Session) -> dict[str, datetime]:
    """By indicator key, the instant up to which its sources were collected; empty before a refresh."""
    reached = session.scalar(select(RefreshState.data_through))
    return {
        key: datetime.fromisoformat(instant) for key, instant in (reached or {}).items() if instant
    }


def load_values(
    session: Session, wanted: Collection[Wanted], known_at: datetime | None = None
) -> Values:
    """The values of the teams, as they are or as they stood at an instant. One statement."""
    matches = or_(
        *(
            and_(
                IndicatorValue.indicator == each.indicator,
                IndicatorValue.variant == each.variant,
                IndicatorValue.period == _any_of(each.periods),
                IndicatorValue.team_id == _any_team(each.teams),
            )
            for each in wanted
        )
    )
    statement = select(*COLUMNS).where(matches)
    arms = [
        *_as_known(statement, IndicatorValue.recorded_at, IndicatorValue.superseded_at, known_at),
        *(
            _days(each, known_at)
            for each in wanted
            if get_indicator(each.indicator).cadence is Cadence.DAILY
        ),
    ]
    # All at once: asking for one row after another costs more than all that is done with them.
    rows = map(Stored._make, session.execute(union_all(*arms)).all())
    return {(row.team_id, row.indicator, row.period): row for row in rows}


NOT_A_NUMBER = cast(literal("NaN"), Double)


def measured_on(name: str, item: ColumnElement[int]) -> ColumnElement[Any]:
    """A measure of a day in `DailyValue`; null where there is no value. item: the day of the month."""
    return func.nullif(getattr(DailyValue, name)[item], NOT_A_NUMBER)


def reason_on(item: ColumnElement[int]) -> ColumnElement[Any]:
    """Why there is no value on a day; null where there is one."""
    return case((DailyValue.value[item] == NOT_A_NUMBER, "no_data"))


NEVER = cast(literal("-infinity"), DateTime(timezone=True))


def _days(wanted: Wanted, known_at: datetime | None) -> Select[*tuple[Any, ...]]:
    """The present values of days that are over, in the columns of COLUMNS."""
    periods = sorted(wanted.periods)
    asked = (
        func.unnest(
            bindparam(None, periods, type_=ARRAY(Date())),
            bindparam(None, [first_of_month(day) for day in periods], type_=ARRAY(Date())),
            bindparam(None, [day.day for day in periods], type_=ARRAY(Integer())),
        )
        .table_valued(column("period", Date), column("month", Date), column("item", Integer))
        .render_derived()
    )
    item = asked.c.item
    recorded_at = DailyValue.recorded_at[item]
    statement = select(
        DailyValue.indicator,
        DailyValue.team_id,
        asked.c.period,
        measured_on("value", item),
        DailyValue.n[item],
        cast(null(), Double),
        cast(null(), Double),
        measured_on("p25", item),
        measured_on("p75", item),
        measured_on("p95", item),
        reason_on(item),
        false(),
        cast(null(), JSONB),
        recorded_at,
        cast(null(), DateTime(timezone=True)),
        cast(null(), Text),
    ).where(
        DailyValue.indicator == wanted.indicator,
        DailyValue.variant == wanted.variant,
        DailyValue.team_id == _any_team(wanted.teams),
        DailyValue.month == asked.c.month,
        recorded_at > NEVER,
    )
    return statement if known_at is None else statement.where(recorded_at <= known_at)


def _any_team(team_ids: Collection[int]) -> ColumnElement[Any]:
    return any_(bindparam(None, sorted(team_ids), type_=ARRAY(IndicatorValue.team_id.type)))


def load_coverages(
    session: Session, wanted: Iterable[Wanted], known_at: datetime | None = None
) -> Coverages:
    """The coverages of the periods, as they are or as they stood at an instant. One statement."""
    matches = or_(
        *(
            and_(Coverage.indicator == each.indicator, Coverage.period == _any_of(each.periods))
            for each in wanted
        )
    )
    statement = select(
        Coverage.indicator, Coverage.period, Coverage.attributed, Coverage.total
    ).where(matches)
    rows = session.execute(
        union_all(*_as_known(statement, Coverage.recorded_at, Coverage.superseded_at, known_at))
    )
    return {
        (indicator, period): attributed / total if total else None
        for indicator, period, attributed, total in rows
    }


def _any_of(periods: Iterable[date]) -> ColumnElement[Any]:
    return any_(bindparam(None, sorted(periods), type_=ARRAY(Date())))


def _as_known(
    statement: Select[*tuple[Any, ...]],
    recorded_at: InstrumentedAttribute[datetime],
    superseded_at: InstrumentedAttribute[datetime | None],
    known_at: datetime | None,
) -> Sequence[Select[*tuple[Any, ...]]]:
    """The rows in force now, or those that were in force at an instant."""
    current = statement.where(superseded_at.is_(None))
    if known_at is None:
        return [current]
    # Two arms, so that each is answered from its own partial index.
    return [
        current.where(recorded_at <= known_at),
        statement.where(recorded_at <= known_at, superseded_at > known_at),
    ]
