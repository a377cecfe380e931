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

STAGED = ("indicator", "variant", *Value._fields, "partial", "cause")
MEASURED = Value._fields[2:]
"""What of a value of a team and a period may differ from the stored one."""


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


def open_staging(session: Session) -> None:
    """Makes the table into which the values of all indicators are put before they are stored."""
    session.execute(
        text(
            """
            CREATE TEMP TABLE computed_values (
                indicator text, variant text, team_id bigint, period date,
                value double precision, n bigint, numerator double precision,
                denominator double precision, p25 double precision, p75 double precision,
                p95 double precision, reason text, partial boolean, beside jsonb, cause text
            ) ON COMMIT DROP
            """
        )
    )


def stage_values(
    session: Session,
    indicator: Indicator,
    variant: str,
    values: Iterable[Value],
    recording: Recording,
) -> None:
    """Puts computed values beside those of other indicators and teams, for `store_staged`.

    Values that nobody asked for are left aside.
    """
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
            *measured, reason, beside = value
            yield (
                indicator.key,
                variant,
                *measured,
                reason.value if reason else None,
                orjson.dumps(dict(beside)).decode() if beside is not None else None,
                partial[period],
                cause.value,
            )

    copy_rows(session, "computed_values", STAGED, rows())


SAME_PERIOD = " AND ".join(
    f"s.{column} = c.{column}" for column in ("indicator", "variant", "team_id", "period")
)
DIFFERS = " OR ".join(f"s.{column} IS DISTINCT FROM c.{column}" for column in MEASURED)

# Values without an id have no row yet.
COMPARE = text(
    f"""
    CREATE TEMP TABLE differing_values ON COMMIT DROP AS
    SELECT c.*, s.id, s.partial AS was_partial
    FROM computed_values c
    LEFT JOIN indicator_values s ON {SAME_PERIOD} AND s.superseded_at IS NULL
    WHERE s.id IS NULL OR {DIFFERS} OR s.partial <> c.partial
    """  # noqa: S608 - our own column names
)
REPLACE = text(
    f"""
    UPDATE indicator_values s
    SET {", ".join(f"{column} = c.{column}" for column in MEASURED)}, partial = c.partial,
        recorded_at = :at
    FROM differing_values c WHERE s.id = c.id AND c.was_partial
    """  # noqa: S608 - our own column names
)
SUPERSEDE = text(
    """
    UPDATE indicator_values s SET superseded_at = :at, superseded_reason = c.cause
    FROM differing_values c WHERE s.id = c.id AND NOT c.was_partial
    """
)
ADD = text(
    f"""
    INSERT INTO indicator_values ({", ".join(STAGED[:-1])}, recorded_at)
    SELECT {", ".join(STAGED[:-1])}, :at FROM differing_values WHERE was_partial IS NOT true
    """  # noqa: S608 - our own column names
)


def store_staged(session: Session, at: datetime) -> Written:
    """Compares the values that were staged with the stored ones in one set-based step, and writes the
    difference. at: when they are recorded. The staging is over with it."""
    session.execute(COMPARE)
    replaced = session.execute(REPLACE, {"at": at})
    restated = session.execute(SUPERSEDE, {"at": at})
    new = session.execute(ADD, {"at": at})
    session.execute(text("DROP TABLE computed_values, differing_values"))
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
