"""What GraphQL's connection fields answer: a page with its cursors, counted only when asked."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError

from demo.gitlab.complexity import MAX_PAGE
from demo.gitlab.ordering import BadCursor, Page, Sorted


@dataclass(frozen=True, slots=True)
class PageInfo:
    """Where a page lies in its list."""

    has_next: bool
    has_previous: bool
    start: str | None
    end: str | None


@dataclass(frozen=True, slots=True)
class Edge:
    """An item with its cursor."""

    node: Any
    cursor: str


class KeysetConnection:
    """A page of a sorted list. wrap: from an item to what its type's fields are read from."""

    __slots__ = ("_accept", "_items", "_page", "_wrap")

    def __init__(
        self,
        items: Sorted,
        accept: Callable[[Any], bool] | None,
        *,
        first: int | None = None,
        last: int | None = None,
        after: str | None = None,
        before: str | None = None,
        wrap: Callable[[Any], Any] | None = None,
    ) -> None:
        _check(first, last)
        self._items = items
        self._accept = accept
        self._wrap = wrap
        size = None if last is not None else min(first if first is not None else MAX_PAGE, MAX_PAGE)
        try:
            self._page: Page = items.page(
                accept,
                first=size,
                last=None if last is None else min(last, MAX_PAGE),
                after=after,
                before=before,
            )
        except BadCursor as error:
            raise GraphQLError(str(error)) from error

    def nodes(self) -> list[Any]:
        """The items of the page."""
        wrap = self._wrap
        return list(self._page.items) if wrap is None else [wrap(i) for i in self._page.items]

    def edges(self) -> list[Edge]:
        """The items of the page with their cursors."""
        cursor = self._page.order.cursor
        return [
            Edge(node, cursor(item))
            for node, item in zip(self.nodes(), self._page.items, strict=True)
        ]

    def page_info(self) -> PageInfo:
        """Where the page lies; the cursors of an empty one are null."""
        page = self._page
        if not page.items:
            return PageInfo(page.has_next, page.has_previous, None, None)
        start, end = page.order.cursor(page.items[0]), page.order.cursor(page.items[-1])
        return PageInfo(page.has_next, page.has_previous, start, end)

    def count(self) -> int:
        """How many items the whole list has, whatever the page."""
        if self._accept is None:
            return len(self._items.items)
        return sum(1 for item in self._items.items if self._accept(item))


class ListConnection:
    """A page of a short list that has no order of its own; cursors count from the beginning."""

    __slots__ = ("_from", "_items", "_to")

    def __init__(
        self,
        items: Sequence[Any],
        *,
        first: int | None = None,
        last: int | None = None,
        after: str | None = None,
        before: str | None = None,
    ) -> None:
        _check(first, last)
        self._items = items
        start = _position(after) if after else 0
        end = min(_position(before) - 1, len(items)) if before else len(items)
        if last is not None:
            start = max(start, end - min(last, MAX_PAGE))
        else:
            end = min(end, start + min(first if first is not None else MAX_PAGE, MAX_PAGE))
        self._from = start
        self._to = max(start, end)

    def nodes(self) -> list[Any]:
        """The items of the page."""
        return list(self._items[self._from : self._to])

    def edges(self) -> list[Edge]:
        """The items of the page with their cursors."""
        return [Edge(item, _cursor(self._from + n)) for n, item in enumerate(self.nodes(), 1)]

    def page_info(self) -> PageInfo:
        """Where the page lies; the cursors of an empty one are null."""
        has_next, has_previous = self._to < len(self._items), self._from > 0
        if self._from == self._to:
            return PageInfo(has_next, has_previous, None, None)
        return PageInfo(has_next, has_previous, _cursor(self._from + 1), _cursor(self._to))

    def count(self) -> int:
        """How many items the whole list has, whatever the page."""
        return len(self._items)


def _check(first: int | None, last: int | None) -> None:
    if first is not None and last is not None:
        raise GraphQLError("Can only provide either `first` or `last`, not both")


def _cursor(position: int) -> str:
    return urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


def _position(cursor: str) -> int:
    try:
        return int(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as error:
        raise GraphQLError("Please provide a valid cursor") from error
