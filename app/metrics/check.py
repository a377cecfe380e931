"""The vocabulary of data quality: one kind of finding, and how its cases are listed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

Item = dict[str, object]
"""A case: its address, and the text that says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of finding. find: (items up to a limit, how many there are)."""

    kind: str
    title: str
    effect: str
    remedy: str
    find: Callable[[Session, int | None], tuple[Sequence[Item], int]]


def listed(
    statement: str, item: Callable[[Any], Item]
) -> Callable[[Session, int | None], tuple[Sequence[Item], int]]:
    """A finding whose items are the rows of a statement of our own."""

    def find(session: Session, most: int | None) -> tuple[Sequence[Item], int]:
        rows = session.execute(
            text(f"SELECT *, count(*) OVER () AS total FROM ({statement}) s LIMIT :most"),  # noqa: S608
            {"most": most},
        ).all()
        return [item(row) for row in rows], rows[0].total if rows else 0

    return find
