"""Rows by their ids, so many at a time as fit into memory."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

PORTION = 25_000
"""Merge requests that are read at a time with all that happened on them: bounds the memory."""


class Portion(ABC):
    """Some merge requests, by their ids."""

    @abstractmethod
    def within(self, column: str) -> sql.Composed:
        """The condition on a column with their ids, as COPY takes it: without parameters."""

    def where(self, column: str) -> str:
        """The same as text; nothing is in it but the column and numbers."""
        return self.within(column).as_string()


@dataclass(frozen=True, slots=True)
class Range(Portion):
    """The merge requests whose ids are in a range, both ends included."""

    first: int
    last: int

    def within(self, column: str) -> sql.Composed:
        return sql.SQL("{} BETWEEN {} AND {}").format(
            sql.Identifier(column), sql.Literal(self.first), sql.Literal(self.last)
        )


@dataclass(frozen=True, slots=True)
class Chosen(Portion):
    """Single merge requests."""

    ids: Sequence[int]

    def within(self, column: str) -> sql.Composed:
        return sql.SQL("{} = ANY({}::bigint[])").format(
            sql.Identifier(column), sql.Literal(self.ids)
        )


def all_portions(
    session: Session, table: str = "merge_requests", key: str = "id", size: int = PORTION
) -> Iterator[Range]:
    """Every row of a table, in order of a key of whole numbers. No list of all ids is ever made.

    table, key: names of our own. size: how many rows a portion has.
    """
    first = session.scalar(text(f"SELECT min({key}) FROM {table}"))  # noqa: S608 - our own names
    following = text(
        f"SELECT {key} FROM {table} WHERE {key} >= :first"  # noqa: S608 - our own names
        f" ORDER BY {key} OFFSET :size LIMIT 1"
    )
    while first is not None:
        after = session.scalar(following, {"first": first, "size": size})
        yield Range(first, np.iinfo(np.int64).max if after is None else after - 1)
        first = after


def portions_of(ids: npt.NDArray[np.int64]) -> Iterator[Chosen]:
    """These merge requests; ids: in order, each once."""
    for start in range(0, len(ids), PORTION):
        yield Chosen(ids[start : start + PORTION].tolist())
