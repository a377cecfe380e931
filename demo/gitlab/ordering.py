"""Sorted lists with keyset cursors: a page begins after a sort value and an id, whatever moved meanwhile."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class BadCursor(ValueError):
    """A cursor that no list of this order has given out."""


class Backwards(str):
    """A text that sorts the other way round."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)

    def __gt__(self, other: str) -> bool:
        return str.__lt__(self, other)


def _comparable(value: Any, descending: bool) -> tuple[Any, ...]:
    """A sort value as something that compares; null comes last in both directions, as in GitLab."""
    if value is None:
        return (1, 0)
    if isinstance(value, datetime):
        number = (value - EPOCH) // MICROSECOND
        return (0, -number if descending else number)
    if isinstance(value, int):
        return (0, -value if descending else value)
    return (0, Backwards(value) if descending else value)


def _written(value: Any) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f000 +0000")
    return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted: by a column, ties by id, the highest first unless said otherwise.

    read: from an item to the column's value; kind: the type in which the value is compared.
    """

    column: str
    read: Callable[[Any], Any]
    kind: type
    descending: bool = False
    ties_ascending: bool = False

    def key(self, item: Any) -> tuple[Any, ...]:
        """What the list is sorted by."""
        tie = item.id if self.ties_ascending else -item.id
        return (*_comparable(self.read(item), self.descending), tie)

    def cursor(self, item: Any) -> str:
        """An opaque place right after this item."""
        place = {self.column: _written(self.read(item)), "id": str(item.id)}
        return urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")

    def key_of(self, cursor: str) -> tuple[Any, ...]:
        """The key of the item that a cursor was made from. Raises BadCursor."""
        try:
            place = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            written = place[self.column]
            value: Any = written
            if written is not None and self.kind is datetime:
                value = datetime.fromisoformat(f"{written[:26]}+00:00")
            elif written is not None and self.kind is int:
                value = int(written)
            number = int(place["id"])
            tie = number if self.ties_ascending else -number
            return (*_comparable(value, self.descending), tie)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadCursor("Please provide a valid cursor") from error


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a sorted list, as GraphQL tells it."""

    items: Sequence[Any]
    order: Order
    has_next: bool
    has_previous: bool


class Sorted:
    """Items in one order, with their keys beside them.

    presorted: the items come in the order already; keys are made when a cursor asks for them.
    """

    __slots__ = ("_keys", "items", "order")

    def __init__(self, items: Iterable[Any], order: Order, *, presorted: bool = False) -> None:
        self.order = order
        self._keys: list[tuple[Any, ...]] | None = None
        if presorted:
            self.items = list(items)
        else:
            keyed = sorted(((order.key(item), item) for item in items), key=lambda pair: pair[0])
            self._keys = [key for key, _ in keyed]
            self.items = [item for _, item in keyed]

    @property
    def keys(self) -> list[tuple[Any, ...]]:
        """What each item is sorted by."""
        if self._keys is None:
            self._keys = [self.order.key(item) for item in self.items]
        return self._keys

    def matching(self, accept: Callable[[Any], bool] | None) -> list[Any]:
        """All items that a filter accepts, in this order."""
        return list(self.items) if accept is None else [i for i in self.items if accept(i)]

    def page(
        self,
        accept: Callable[[Any], bool] | None,
        *,
        first: int | None,
        last: int | None,
        after: str | None,
        before: str | None,
    ) -> Page:
        """The accepted items between two cursors, `first` of them from the beginning or `last` from the end.

        Raises BadCursor.
        """
        start = bisect_right(self.keys, self.order.key_of(after)) if after else 0
        end = bisect_left(self.keys, self.order.key_of(before)) if before else len(self.items)
        backwards = last is not None
        places = range(end - 1, start - 1, -1) if backwards else range(start, end)
        size = last if last is not None else first if first is not None else len(self.items)
        taken: list[Any] = []
        more = False
        for item in self._accepted(places, accept):
            if len(taken) == size:
                more = True
                break
            taken.append(item)
        if backwards:
            taken.reverse()
        return Page(
            taken,
            self.order,
            has_next=before is not None or (more and not backwards),
            has_previous=after is not None or (more and backwards),
        )

    def _accepted(
        self, places: Iterable[int], accept: Callable[[Any], bool] | None
    ) -> Iterator[Any]:
        for place in places:
            item = self.items[place]
            if accept is None or accept(item):
                yield item
