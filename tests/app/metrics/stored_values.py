"""Stored values that are written by hand, as refresh would write them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from sqlalchemy import event, insert, text
from sqlalchemy.orm import Session

from app.settings import Settings
from app.store.tables import Coverage, IndicatorValue, RefreshState

from .conftest import Store, at

SETTINGS = Settings.model_validate(
    {"reporting": {"history_start": "2022-01-01"}, "gitlab": {"groups": ["acme"]}}
)
# A Wednesday, half past nine.
THROUGH = at("2024-05-15 09:30")
RECORDED = at("2024-05-15 09:40")


class Values:
    """Writes stored values as refresh would."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.ids: dict[str, int] = {
            slug: id_ for id_, slug in session.execute(text("SELECT id, slug FROM teams"))
        }

    def put(
        self, key: str, team: str, period: str, value: float | None, variant: str = "", **more: Any
    ) -> None:
        """period: a day, or the first day of a month."""
        row = {
            "indicator": key,
            "variant": variant,
            "team_id": self.ids[team],
            "period": date.fromisoformat(period),
            "value": value,
            "n": 3,
            "reason": None if value is not None else "no_data",
            "partial": False,
            "recorded_at": RECORDED,
        }
        self.session.execute(insert(IndicatorValue).values(row | more))

    def cover(self, key: str, period: str, attributed: int, total: int) -> None:
        self.session.execute(
            insert(Coverage).values(
                indicator=key,
                period=date.fromisoformat(period),
                attributed=attributed,
                total=total,
                partial=False,
                recorded_at=RECORDED,
            )
        )


def prepared(store: Store) -> Values:
    """organisation ─ product ─ (checkout, search); data through 15 May 2024, 09:30."""
    store.team("product")
    store.team("checkout", "product", owns=["acme/checkout/**"])
    store.team("search", "product")
    through = THROUGH.isoformat()
    store.session.execute(
        insert(RefreshState).values(
            id=1,
            configuration={},
            definitions={},
            data_through=dict.fromkeys(("open_mr_review_time", "open_mr_age", "mr_rate"), through),
            refreshed_at=RECORDED,
        )
    )
    return Values(store.session)


def rates(values: Values, *numbers: float) -> None:
    """Rates of the months up to and with April 2024, newest last."""
    for back, number in enumerate(reversed(numbers)):
        month = 2024 * 12 + 3 - back
        day = date(month // 12, month % 12 + 1, 1).isoformat()
        values.put("mr_rate", "checkout", day, number, "narrow")


@contextmanager
def counted(session: Session) -> Iterator[list[str]]:
    """The statements that are sent inside."""
    statements: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(connection, "before_cursor_execute", note)
