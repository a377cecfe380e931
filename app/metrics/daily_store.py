"""Computed values of days → daily_values, a month of a team in a row; what they were, with the rest.

The rules are those of `value_store`: a value of a day that was over is superseded, with the reason,
into indicator_values, where the running day stands too. What did not change is not touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.calendar import first_of_month
from app.metrics.daily import DailyValues
from app.metrics.indicator import Indicator, Reason
from app.metrics.value_store import Recording, Written, stage_values
from app.store.columns import (
    BIGINT,
    DATE,
    DOUBLE,
    INTEGER,
    TIMESTAMPTZ,
    Array,
    Layout,
    fixed_text,
    read_columns,
    write_columns,
)
from app.store.engine import copy_rows
from app.store.tables.values import DAYS_OF_A_MONTH

MEASURES = ("value", "p25", "p75", "p95")
LAYOUT: Layout = {
    "team_id": BIGINT,
    "month": DATE,
    "n": Array(INTEGER, DAYS_OF_A_MONTH),
    **{name: Array(DOUBLE, DAYS_OF_A_MONTH) for name in MEASURES},
    "recorded_at": Array(TIMESTAMPTZ, DAYS_OF_A_MONTH),
}
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""From which Postgres counts in its binary format."""
NEVER = np.iinfo(np.int64).min
"""recorded_at of a day without a value: -infinity."""
HISTORY = (
    "indicator",
    "variant",
    "team_id",
    "period",
    "value",
    "n",
    "p25",
    "p75",
    "p95",
    "reason",
    "partial",
    "recorded_at",
    "superseded_at",
    "superseded_reason",
)

Matrix = npt.NDArray[Any]
"""Months of teams (rows), the days of the month (columns)."""


@dataclass(frozen=True, slots=True)
class _Months:
    """Months of teams, in order of their place; with the columns of daily_values.

    exists: whether the row is stored, by row.
    """

    n: Matrix
    measures: dict[str, Matrix]
    recorded_at: Matrix
    exists: npt.NDArray[np.bool_]

    @classmethod
    def without_values(cls, rows: int) -> "_Months":
        shape = (rows, DAYS_OF_A_MONTH)
        return cls(
            np.zeros(shape, np.int32),
            {name: np.full(shape, np.nan) for name in MEASURES},
            np.full(shape, NEVER),
            np.zeros(rows, np.bool_),
        )

    @property
    def recorded(self) -> Matrix:
        """Where there is a value."""
        where: Matrix = self.recorded_at != NEVER
        return where

    def differs(self, other: "_Months") -> Matrix:
        """Where both have a value, and not the same."""
        differing: Matrix = self.n != other.n
        for name in MEASURES:
            here, there = self.measures[name], other.measures[name]
            differing |= (here != there) & ~(np.isnan(here) & np.isnan(there))
        return differing & self.recorded & other.recorded

    def take(self, where: Matrix, other: "_Months") -> None:
        """Takes the values of the other over at some places."""
        self.n[where] = other.n[where]
        for name in MEASURES:
            self.measures[name][where] = other.measures[name][where]
        self.recorded_at[where] = other.recorded_at[where]


@dataclass(frozen=True, slots=True)
class _Place:
    """Which row and column of `_Months` a team and day has.

    chosen: which months (columns) of which teams (rows) have a row at all.
    """

    team_ids: Sequence[int]
    months: Sequence[date]
    chosen: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, computed: DailyValues) -> "_Place":
        """The months that hold a chosen day."""
        months = sorted({first_of_month(day) for day in computed.days})
        begins = np.searchsorted(
            [day.toordinal() for day in computed.days], [month.toordinal() for month in months]
        )
        chosen = np.logical_or.reduceat(computed.chosen, begins, axis=0).T
        return cls(computed.team_ids, months, chosen)

    @property
    def rows(self) -> int:
        return int(self.chosen.sum())

    @property
    def team(self) -> npt.NDArray[np.int64]:
        """The team of each row."""
        return np.array(self.team_ids, np.int64)[np.nonzero(self.chosen)[0]]

    @property
    def month(self) -> npt.NDArray[np.int32]:
        """The month of each row, as Postgres counts days."""
        first = EPOCH.date().toordinal()
        days = np.array([month.toordinal() - first for month in self.months], np.int32)
        return days[np.nonzero(self.chosen)[1]]

    def row_of(self, team: npt.NDArray[np.int64], month: npt.NDArray[np.int32]) -> Matrix:
        """The row of each pair of a team and a month that have one."""
        first = EPOCH.date().toordinal()
        months = [each.toordinal() - first for each in self.months]
        rows = np.cumsum(self.chosen).reshape(self.chosen.shape) - 1
        found: Matrix = rows[np.searchsorted(self.team_ids, team), np.searchsorted(months, month)]
        return found

    def arrange(self, days: Sequence[date], matrix: Matrix, into: Matrix) -> None:
        """Puts a matrix of days and teams into one of months and days of the month."""
        number = {month: index for index, month in enumerate(self.months)}
        of_month = np.array([number[first_of_month(day)] for day in days], np.int64)
        column = np.array([day.day - 1 for day in days], np.int64)
        whole = np.zeros((*self.chosen.shape, DAYS_OF_A_MONTH), matrix.dtype)
        there = np.zeros((len(self.months), DAYS_OF_A_MONTH), np.bool_)
        whole[:, of_month, column] = matrix.T
        there[of_month, column] = True
        team, month = np.nonzero(self.chosen)
        np.copyto(into, whole[team, month], where=there[month])


def store_days(
    session: Session,
    indicator: Indicator,
    variant: str,
    computed: DailyValues,
    recording: Recording,
) -> Written:
    """Compares computed days that are over with the stored ones and writes the difference.

    The running day is staged, for `store_staged`.
    """
    days, place = computed.days, _Place.of(computed)
    running = [day for day in days if recording.is_partial(day)]
    new = _computed(place, computed, [day for day in days if day not in running], recording)
    stored = _stored(session, indicator, variant, place)

    # What was over and is not over any more stands with the running day, and its value before it.
    withdrawn = np.zeros_like(stored.recorded)
    for day in running:
        place.arrange([day], computed.chosen[[days.index(day)]], withdrawn)
    withdrawn &= stored.recorded
    restated = stored.differs(new)
    added = new.recorded & ~stored.recorded
    _keep_history(session, indicator, variant, place, stored, restated | withdrawn, recording)
    stored.take(restated | added, new)
    stored.take(withdrawn, _Months.without_values(place.rows))
    changed = np.flatnonzero((restated | added | withdrawn).any(axis=1))
    _write(session, indicator, variant, place, stored, changed)

    over = _forget_running(session, indicator, variant, computed, running)
    lost = int(withdrawn.sum())
    written = Written(int(added.sum()) - over - lost, over, int(restated.sum()) + lost)
    values = [value for day in running for value in computed.of(day)]
    stage_values(session, indicator, variant, values, recording)
    return written


def _computed(
    place: _Place, computed: DailyValues, over: Sequence[date], recording: Recording
) -> _Months:
    """What was computed of the days that are over, recorded now."""
    made = _Months.without_values(place.rows)
    if over:
        rows = slice(len(over))  # only the last days can be running
        place.arrange(over, computed.n[rows], made.n)
        for name in MEASURES:
            place.arrange(over, getattr(computed, name)[rows], made.measures[name])
        now = np.where(computed.chosen[rows], _moment(recording.at), NEVER)
        place.arrange(over, now, made.recorded_at)
    return made


def _moment(instant: datetime) -> int:
    """As Postgres counts in its binary format."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def _stored(session: Session, indicator: Indicator, variant: str, place: _Place) -> _Months:
    query = sql.SQL(
        "SELECT {columns} FROM unnest({teams}::bigint[], {months}::integer[]) AS asked(team, number)"
        " JOIN daily_values ON indicator = {indicator} AND variant = {variant}"
        " AND team_id = team AND month = date '2000-01-01' + number"
    ).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, LAYOUT)),
        indicator=sql.Literal(indicator.key),
        variant=sql.Literal(variant),
        teams=sql.Literal(place.team.tolist()),
        months=sql.Literal(place.month.tolist()),
    )
    found = read_columns(session, query, LAYOUT)
    row = place.row_of(found["team_id"], found["month"])
    stored = _Months.without_values(place.rows)
    stored.n[row] = found["n"]
    for name in MEASURES:
        stored.measures[name][row] = found[name]
    stored.recorded_at[row] = found["recorded_at"]
    stored.exists[row] = True
    return stored


def _keep_history(
    session: Session,
    indicator: Indicator,
    variant: str,
    place: _Place,
    stored: _Months,
    where: Matrix,
    recording: Recording,
) -> None:
    """Writes superseded values down with the reason."""
    rows: list[tuple[object, ...]] = []
    team_ids, months = place.team.tolist(), place.month.tolist()
    for row, column in np.argwhere(where).tolist():
        team_id = team_ids[row]
        period = EPOCH.date() + timedelta(days=months[row] + column)
        cause = recording.cause(period, team_id)
        assert cause is not None, "only what was asked for is compared"
        value, p25, p75, p95 = (
            None if np.isnan(number := stored.measures[name][row, column]) else float(number)
            for name in MEASURES
        )
        rows.append(
            (
                indicator.key,
                variant,
                team_id,
                period,
                value,
                int(stored.n[row, column]),
                p25,
                p75,
                p95,
                Reason.NO_DATA.value if value is None else None,
                False,
                EPOCH + timedelta(microseconds=int(stored.recorded_at[row, column])),
                recording.at,
                cause.value,
            )
        )
    if rows:
        copy_rows(session, "indicator_values", HISTORY, rows)


def _write(
    session: Session,
    indicator: Indicator,
    variant: str,
    place: _Place,
    merged: _Months,
    rows: npt.NDArray[np.int64],
) -> None:
    """Writes rows of daily_values: new ones straight into it, others by way of a staging table."""
    team, month = place.team, place.month
    layout: Layout = {"indicator": fixed_text(indicator.key), **LAYOUT}
    if variant:
        layout = {"variant": fixed_text(variant), **layout}

    def columns(which: npt.NDArray[np.int64]) -> dict[str, Any]:
        return {
            "variant": np.full(len(which), variant.encode()),
            "indicator": np.full(len(which), indicator.key.encode()),
            "team_id": team[which],
            "month": month[which],
            "n": merged.n[which],
            **{name: measure[which] for name, measure in merged.measures.items()},
            "recorded_at": merged.recorded_at[which],
        }

    existing = merged.exists[rows]
    write_columns(session, "daily_values", layout, columns(rows[~existing]))
    if existing.any():
        session.execute(
            text(
                "CREATE TEMP TABLE IF NOT EXISTS computed_days"
                " (LIKE daily_values INCLUDING DEFAULTS) ON COMMIT DROP"
            )
        )
        session.execute(text("TRUNCATE computed_days"))
        write_columns(session, "computed_days", layout, columns(rows[existing]))
        taken = ", ".join(f"{name} = c.{name}" for name in (*MEASURES, "n", "recorded_at"))
        session.execute(
            text(
                f"UPDATE daily_values d SET {taken} FROM computed_days c"  # noqa: S608 - our names
                " WHERE d.indicator = c.indicator AND d.variant = c.variant"
                " AND d.team_id = c.team_id AND d.month = c.month"
            )
        )


def _forget_running(
    session: Session,
    indicator: Indicator,
    variant: str,
    computed: DailyValues,
    running: Sequence[date],
) -> int:
    """Removes what days that are over by now were while they were running; returns how many."""
    removed = session.scalars(
        text(
            "DELETE FROM indicator_values WHERE indicator = :indicator AND variant = :variant"
            " AND superseded_at IS NULL AND partial AND period >= :first AND period <= :last"
            " AND period <> ALL(:running) AND team_id = ANY(:teams) RETURNING id"
        ),
        {
            "indicator": indicator.key,
            "variant": variant,
            "first": computed.days[0],
            "last": computed.days[-1],
            "running": list(running),
            "teams": list(computed.team_ids),
        },
    )
    return len(removed.all())
