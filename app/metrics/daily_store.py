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

from app.metrics.calendar import first_of_month, months
from app.metrics.daily import DailyValues
from app.metrics.indicator import Indicator, Reason
from app.metrics.value_store import Recording, Written, store_values
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
    """All months of all teams, team after team; with the columns of daily_values.

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
    """Which row and column of `_Months` a team and day has."""

    team_ids: Sequence[int]
    months: Sequence[date]

    @property
    def rows(self) -> int:
        return len(self.team_ids) * len(self.months)

    def team_and_month(self, row: int) -> tuple[int, date]:
        return self.team_ids[row // len(self.months)], self.months[row % len(self.months)]

    def dates(self) -> npt.NDArray[np.int32]:
        """The month of each row, as Postgres counts days."""
        first = EPOCH.date().toordinal()
        days = [month.toordinal() - first for month in self.months]
        return np.tile(np.array(days, np.int32), len(self.team_ids))

    def arrange(self, days: Sequence[date], matrix: Matrix, into: Matrix) -> None:
        """Puts a matrix of days and teams into one of months and days of the month."""
        number = {month: index for index, month in enumerate(self.months)}
        of_month = [number[first_of_month(day)] for day in days]
        shaped = into.reshape(len(self.team_ids), len(self.months), DAYS_OF_A_MONTH)
        shaped[:, of_month, [day.day - 1 for day in days]] = matrix.T


def store_days(
    session: Session,
    indicator: Indicator,
    variant: str,
    computed: DailyValues,
    recording: Recording,
) -> Written:
    """Compares computed days with the stored ones and writes the difference."""
    days = computed.periods
    place = _Place(computed.team_ids, list(months(days[0], days[-1])))
    running = [day for day in days if recording.is_partial(day)]
    new = _computed(place, computed, [day for day in days if day not in running], recording)
    stored = _stored(session, indicator, variant, place)

    # What was over and is not over any more stands with the running day, and its value before it.
    withdrawn = np.zeros_like(stored.recorded)
    for day in running:
        place.arrange([day], np.ones((1, len(place.team_ids)), np.bool_), withdrawn)
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
    return written + store_values(session, indicator, variant, values, recording)


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
        now = np.full((len(over), len(place.team_ids)), _moment(recording.at))
        place.arrange(over, now, made.recorded_at)
    return made


def _moment(instant: datetime) -> int:
    """As Postgres counts in its binary format."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def _stored(session: Session, indicator: Indicator, variant: str, place: _Place) -> _Months:
    query = sql.SQL(
        "SELECT {columns} FROM daily_values WHERE indicator = {indicator} AND variant = {variant}"
        " AND team_id = ANY({teams}) AND month BETWEEN {first} AND {last}"
    ).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, LAYOUT)),
        indicator=sql.Literal(indicator.key),
        variant=sql.Literal(variant),
        teams=sql.Literal(list(place.team_ids)),
        first=sql.Literal(place.months[0]),
        last=sql.Literal(place.months[-1]),
    )
    found = read_columns(session, query, LAYOUT)
    column = {team_id: index for index, team_id in enumerate(place.team_ids)}
    months_by_date = place.dates()[: len(place.months)]
    row = np.array([column[team] for team in found["team_id"].tolist()], np.int64)
    row = row * len(place.months) + np.searchsorted(months_by_date, found["month"])
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
    for row, column in np.argwhere(where).tolist():
        team_id, month = place.team_and_month(row)
        period = month + timedelta(days=column)
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
                recording.cause(period).value,
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
    team_ids = np.repeat(np.array(place.team_ids, np.int64), len(place.months))
    dates = place.dates()
    layout: Layout = {"indicator": fixed_text(indicator.key), **LAYOUT}
    if variant:
        layout = {"variant": fixed_text(variant), **layout}

    def columns(which: npt.NDArray[np.int64]) -> dict[str, Any]:
        return {
            "variant": np.full(len(which), variant.encode()),
            "indicator": np.full(len(which), indicator.key.encode()),
            "team_id": team_ids[which],
            "month": dates[which],
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
            "first": computed.first_day,
            "last": computed.periods[-1],
            "running": list(running),
            "teams": list(computed.team_ids),
        },
    )
    return len(removed.all())
