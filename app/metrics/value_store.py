"""Computed values → indicator_values and coverages, with history: nothing over is overwritten.

A value of a period that was over when it was recorded is superseded, with the reason; one of the
running day or month is replaced. What did not change is not touched.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.indicator import Covered, Indicator, Restated, Value
from app.store.engine import copy_rows

VALUE_COLUMNS = (
    "team_id",
    "period",
    "value",
    "n",
    "numerator",
    "denominator",
    "p25",
    "p75",
    "p95",
    "reason",
    "partial",
    "beside",
    "cause",
)
MEASURED = ("value", "n", "numerator", "denominator", "p25", "p75", "p95", "reason", "beside")


@dataclass(frozen=True, slots=True)
class Written:
    """Rows written: new periods, periods that were running, and restatements with history."""

    new: int = 0
    replaced: int = 0
    restated: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.new + other.new, self.replaced + other.replaced, self.restated + other.restated
        )

    @property
    def total(self) -> int:
        """All rows written."""
        return self.new + self.replaced + self.restated


@dataclass(frozen=True, slots=True)
class Recording:
    """When values are recorded, which periods are running, and why the value of a period and a team
    may differ from the stored one.

    cause: None where a value was not asked for; without a team: why the coverage may.
    """

    at: datetime
    is_partial: Callable[[date], bool]
    cause: Callable[[date, int | None], Restated | None]


def store_values(
    session: Session,
    indicator: Indicator,
    variant: str,
    values: Iterable[Value],
    recording: Recording,
) -> Written:
    """Compares computed values with the stored ones in one set-based step and writes the difference.

    Values that nobody asked for are left aside.
    """
    session.execute(
        text(
            """
            CREATE TEMP TABLE IF NOT EXISTS computed_values (
                team_id bigint, period date, value double precision, n bigint,
                numerator double precision, denominator double precision,
                p25 double precision, p75 double precision, p95 double precision,
                reason text, partial boolean, beside jsonb, cause text
            ) ON COMMIT DROP
            """
        )
    )
    session.execute(text("TRUNCATE computed_values"))
    # The same few hundred periods come once for every team: ask once for each.
    partial: dict[date, bool] = {}

    def rows() -> Iterable[tuple[object, ...]]:
        for value in values:
            period = value.period
            cause = recording.cause(period, value.team_id)
            if cause is None:
                continue
            if period not in partial:
                partial[period] = recording.is_partial(period)
            yield (
                value.team_id,
                period,
                value.value,
                value.n,
                value.numerator,
                value.denominator,
                value.p25,
                value.p75,
                value.p95,
                value.reason.value if value.reason else None,
                partial[period],
                orjson.dumps(dict(value.beside)).decode() if value.beside is not None else None,
                cause.value,
            )

    copy_rows(session, "computed_values", VALUE_COLUMNS, rows())
    session.execute(text("ANALYZE computed_values"))
    differs = " OR ".join(f"s.{column} IS DISTINCT FROM c.{column}" for column in MEASURED)
    asked = {"indicator": indicator.key, "variant": variant, "at": recording.at}
    same_period = (
        "s.indicator = :indicator AND s.variant = :variant AND s.team_id = c.team_id"
        " AND s.period = c.period AND s.superseded_at IS NULL"
    )
    assigned = ", ".join(f"{column} = c.{column}" for column in MEASURED)
    replaced = session.execute(
        text(
            f"""
            UPDATE indicator_values s
            SET {assigned}, partial = c.partial, recorded_at = :at
            FROM computed_values c
            WHERE {same_period} AND s.partial AND ({differs} OR s.partial <> c.partial)
            """  # noqa: S608 - our own column names
        ),
        asked,
    )
    restated = session.execute(
        text(
            f"""
            UPDATE indicator_values s SET superseded_at = :at, superseded_reason = c.cause
            FROM computed_values c
            WHERE {same_period} AND NOT s.partial AND ({differs} OR s.partial <> c.partial)
            """  # noqa: S608 - our own column names
        ),
        asked,
    )
    columns = ", ".join(VALUE_COLUMNS[:-1])
    # Materialised: with a nested loop, which the planner takes for a table that was empty a moment
    # ago, each row would be looked for among all those that this very statement has written.
    new = session.execute(
        text(
            f"""
            WITH known AS MATERIALIZED (
                SELECT c.team_id, c.period FROM computed_values c
                JOIN indicator_values s ON {same_period}
            )
            INSERT INTO indicator_values (indicator, variant, {columns}, recorded_at)
            SELECT :indicator, :variant, {columns}, :at FROM computed_values c
            WHERE NOT EXISTS (SELECT 1 FROM known k
                              WHERE k.team_id = c.team_id AND k.period = c.period)
            """  # noqa: S608 - our own column names
        ),
        asked,
    )
    superseded = _count(restated)
    return Written(_count(new) - superseded, _count(replaced), superseded)


def store_coverage(
    session: Session, indicator: Indicator, coverage: Iterable[Covered], recording: Recording
) -> Written:
    """The same for the coverage of an indicator: superseded with its reason, replaced while running."""
    computed = list(coverage)
    if not computed:
        return Written()
    stored = {
        row.period: row
        for row in session.execute(
            text(
                "SELECT id, period, attributed, total, partial FROM coverages"
                " WHERE indicator = :indicator AND superseded_at IS NULL AND period = ANY(:periods)"
            ),
            {"indicator": indicator.key, "periods": [covered.period for covered in computed]},
        )
    }
    written = Written()
    inserted: list[tuple[object, ...]] = []
    for covered in computed:
        cause = recording.cause(covered.period, None)
        if cause is None:
            continue
        partial = recording.is_partial(covered.period)
        row = stored.get(covered.period)
        if row is not None:
            if (row.attributed, row.total, row.partial) == (
                covered.attributed,
                covered.total,
                partial,
            ):
                continue
            if row.partial:
                session.execute(text("DELETE FROM coverages WHERE id = :id"), {"id": row.id})
                written += Written(replaced=1)
            else:
                session.execute(
                    text(
                        "UPDATE coverages SET superseded_at = :at, superseded_reason = :cause"
                        " WHERE id = :id"
                    ),
                    {
                        "at": recording.at,
                        "cause": cause.value,
                        "id": row.id,
                    },
                )
                written += Written(restated=1)
        else:
            written += Written(new=1)
        inserted.append(
            (
                indicator.key,
                covered.period,
                covered.attributed,
                covered.total,
                partial,
                recording.at,
            )
        )
    columns = ("indicator", "period", "attributed", "total", "partial", "recorded_at")
    copy_rows(session, "coverages", columns, inserted)
    return written


def _count(result: object) -> int:
    rowcount = getattr(result, "rowcount", 0)
    assert isinstance(rowcount, int)
    return rowcount
