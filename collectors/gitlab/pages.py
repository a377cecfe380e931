"""Paging through GraphQL lists with a page size that gives way when GitLab groans, and grows back."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from collectors.gitlab.client import GitLabClient
from collectors.gitlab.errors import HeavyQueryError, QueryRefusedError, about_status
from collectors.gitlab.merge_requests import UNTOLD, as_list, page_of
from collectors.gitlab.queries import MERGE_REQUESTS_BY_NUMBER, Query
from collectors.record import RecordError, dig, value_at

LARGEST = 100
"""GitLab gives no more on a page."""

SLOW, QUICK = 15.0, 5.0
"""Seconds for a page: from SLOW on the next one is smaller (GitLab gives up after 30), below QUICK
it may be larger."""

IN_A_ROW = 3
"""So many merge requests one after the other that GitLab fails to tell: it is not they that ail."""

CALM = 5
"""So many good pages after a failure before a larger one is tried."""


class PageSize:
    """How many nodes to ask for at once; threads that read the same sort of list share one."""

    def __init__(self, start: int, largest: int = LARGEST) -> None:
        self._lock = Lock()
        self._size = min(start, largest)
        self._largest = largest
        self._good = 0
        self._needed = 1

    @property
    def now(self) -> int:
        """The size to ask for next."""
        return self._size

    def failed(self, size: int, *, never: bool) -> bool:
        """A page of this size was too much; False: there is no smaller one.

        never: GitLab will not take this size on any day, so that it is not tried again.
        """
        with self._lock:
            self._good, self._needed = 0, CALM
            if size <= 1:  # which says nothing about larger ones: it may be this one node
                return False
            if never:
                self._largest = min(self._largest, size // 2)
            self._size = min(self._size, size // 2)
            return True

    def passed(self, size: int, seconds: float) -> None:
        """A page of this size came after so many seconds."""
        with self._lock:
            if seconds >= SLOW:
                self._good, self._needed = 0, CALM
                self._size = max(1, min(self._size, size // 2))
            elif seconds < QUICK and size >= self._size:
                self._good += 1
                if self._good >= self._needed and self._size < self._largest:
                    self._size = min(self._largest, self._size * 2)
                    self._good = 0


@dataclass(frozen=True, slots=True)
class NodesPage:
    """A page of a list. last: nothing follows. count: of the whole list, where it was asked for."""

    nodes: list[Any]
    last: bool
    count: int | None


def notes_beside(size: int) -> int:
    """How many notes to ask for with each merge request: fewer when even small pages are too much."""
    return 100 if size >= 10 else 20


def ask(
    client: GitLabClient,
    query: Query,
    variables: Mapping[str, Any],
    size: PageSize,
    about: str,
) -> Mapping[str, Any]:
    """One answer to a query with `$size` (and `$notes`), asked for with smaller sizes if need be.

    Raises a GitLabError; HeavyQueryError when even the smallest page is too much.
    """
    while True:
        asked = size.now
        given = dict(variables)
        given["size"] = asked
        if "$notes: Int!" in query.text:
            given["notes"] = notes_beside(asked)
        begun = time.monotonic()
        try:
            # While a smaller page can be tried, patience with a failing one would be wasted.
            data = client.graphql(query, given, about=about, attempts=2 if asked > 1 else None)
        except HeavyQueryError as error:
            if not size.failed(asked, never=error.complexity):
                raise
        else:
            size.passed(asked, time.monotonic() - begun)
            return data


def pages(
    client: GitLabClient,
    query: Query,
    variables: Mapping[str, Any],
    size: PageSize,
    *,
    holder: Callable[[Mapping[str, Any]], Any],
    about: str,
) -> Iterator[NodesPage]:
    """All pages of the `mergeRequests` of what `holder` finds in an answer.

    A merge request that GitLab fails to tell even alone comes as an outline: see `_outline`.
    Raises a GitLabError; NotFoundError where the holder is null, ForbiddenError where its list is.
    """
    after: str | None = None
    untold = 0
    while True:
        given = {**variables, "after": after}
        try:
            data = ask(client, query, {**given, **_whole(query)}, size, about)
        except HeavyQueryError as error:
            untold += 1
            data = _outline(client, query, {**given, "size": 1}, holder, about, error, untold)
        else:
            untold = 0
        found = holder(data)
        listed = _list_of(client, found, about)
        try:
            nodes, cursor = page_of(found, "mergeRequests")
        except RecordError as error:
            raise QueryRefusedError(f"The list of {about} cannot be read: {error}.") from error
        yield NodesPage(nodes, cursor is None, listed.get("count"))
        if cursor is None:
            return
        if cursor == after:
            raise QueryRefusedError(f"The list of {about} never ends.")
        after = cursor


def _whole(query: Query) -> dict[str, bool]:
    """The variable by which a query tells more than outlines, where it can tell less."""
    return {"whole": True} if "$whole: Boolean!" in query.text else {}


def _outline(
    client: GitLabClient,
    query: Query,
    variables: Mapping[str, Any],
    holder: Callable[[Mapping[str, Any]], Any],
    about: str,
    error: HeavyQueryError,
    untold: int,
) -> Mapping[str, Any]:
    """Asks for nothing but where a merge request is that GitLab fails to tell, and marks it so.

    One that makes every answer fail must not keep from us all that comes after it in its list.
    Raises the error where that is not what ails: the query as such, or GitLab as a whole.
    """
    if error.complexity or untold >= IN_A_ROW or not _whole(query):
        raise error
    data = client.graphql(query, {**variables, "whole": False, "notes": 1}, about=about)
    for node in dig(holder(data), "mergeRequests.nodes")[1] or ():
        if node is not None:
            node[UNTOLD] = error.message
    return data


def _list_of(client: GitLabClient, holder: Any, about: str) -> Any:
    """The list of a group or project. Raises NotFoundError, ForbiddenError where there is none."""
    if holder is None:
        raise about_status(404, client.base_url, about)
    if holder.get("mergeRequests") is None:
        raise about_status(403, client.base_url, f"the merge requests of {about}")
    return holder["mergeRequests"]


def by_number(
    client: GitLabClient, path: str, numbers: Sequence[int], size: PageSize, about: str
) -> Iterator[list[Any]]:
    """The merge requests of a project with these numbers, page by page; what is not told is not there.

    Raises a GitLabError; NotFoundError where the project is null, ForbiddenError where its list is.
    """
    waiting = [str(number) for number in numbers]
    untold = 0
    while waiting:
        asked = waiting[: size.now]
        given = {"path": path, "numbers": asked, "size": len(asked)}
        begun = time.monotonic()
        try:
            data = client.graphql(
                MERGE_REQUESTS_BY_NUMBER,
                {**given, "notes": notes_beside(size.now), "whole": True},
                about=about,
                attempts=2 if len(asked) > 1 else None,
            )
        except HeavyQueryError as error:
            if size.failed(len(asked), never=error.complexity):
                continue
            untold += 1
            data = _outline(
                client,
                MERGE_REQUESTS_BY_NUMBER,
                given,
                lambda data: data.get("project"),
                about,
                error,
                untold,
            )
        else:
            untold = 0
            size.passed(len(asked), time.monotonic() - begun)
        waiting = waiting[len(asked) :]
        listed = _list_of(client, data.get("project"), about)
        try:
            nodes = value_at(listed, "nodes", convert=as_list)
        except RecordError as error:
            raise QueryRefusedError(f"The list of {about} cannot be read: {error}.") from error
        yield nodes
