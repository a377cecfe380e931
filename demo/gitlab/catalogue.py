"""The lists of an instance, sorted once and kept until something changes, and the filters on them."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from demo.gitlab.access import Viewer
from demo.gitlab.ordering import Order, Sorted
from demo.gitlab.records import Group, MergeRequest, Project
from demo.gitlab.store import Store

MERGE_REQUEST_COLUMNS: dict[str, tuple[Callable[[Any], Any], type]] = {
    "created_at": (lambda item: item.created_at, datetime),
    "updated_at": (lambda item: item.updated_at, datetime),
    "merged_at": (lambda item: item.merged_at, datetime),
    "closed_at": (lambda item: item.closed_at, datetime),
    "title": (lambda item: item.title.lower(), str),
    "id": (lambda item: item.id, int),
}
"""Columns by which merge requests can be sorted."""

MERGE_REQUEST_ORDERS = {
    (column, descending): Order(column, read, kind, descending)
    for column, (read, kind) in MERGE_REQUEST_COLUMNS.items()
    for descending in (False, True)
}
"""Orders of merge requests, by column and whether they descend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRequestFilter:
    """What a list of merge requests is narrowed to; None: no matter. Times are inclusive."""

    state: str | None = None
    draft: bool | None = None
    iids: Collection[int] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None
    merged_after: datetime | None = None
    merged_before: datetime | None = None
    labels: Sequence[str] | None = None
    labelled: bool | None = None
    """Whether it has any label at all."""
    author_username: str | None = None
    author_id: int | None = None
    reviewer_username: str | None = None
    reviewer_id: int | None = None
    search: str | None = None
    source_branches: Sequence[str] | None = None
    target_branches: Sequence[str] | None = None

    def tests(self) -> list[Callable[[MergeRequest], bool]]:
        """One test for each thing that is asked for."""
        tests: list[Callable[[MergeRequest], bool]] = []
        if self.state is not None and self.state != "all":
            tests.append(lambda m: m.state == self.state)
        if self.iids is not None:
            iids = frozenset(self.iids)
            tests.append(lambda m: m.iid in iids)
        if self.draft is not None:
            tests.append(lambda m: m.draft is self.draft)
        tests += _between("created_at", self.created_after, self.created_before)
        tests += _between("updated_at", self.updated_after, self.updated_before)
        tests += _between("merged_at", self.merged_after, self.merged_before)
        if self.labels is not None:
            wanted = frozenset(self.labels)
            tests.append(lambda m: wanted <= {label.title for label in m.labels})
        if self.labelled is not None:
            tests.append(lambda m: bool(m.labels) is self.labelled)
        if self.author_username is not None:
            author = self.author_username.lower()
            tests.append(lambda m: m.author.username.lower() == author)
        if self.author_id is not None:
            tests.append(lambda m: m.author.id == self.author_id)
        if self.reviewer_username is not None:
            name = self.reviewer_username.lower()
            tests.append(lambda m: any(r.user.username.lower() == name for r in m.reviewers))
        if self.reviewer_id is not None:
            tests.append(lambda m: any(r.user.id == self.reviewer_id for r in m.reviewers))
        if self.search is not None:
            text = self.search.lower()
            tests.append(lambda m: text in m.title.lower() or text in m.description.lower())
        if self.source_branches is not None:
            sources = frozenset(self.source_branches)
            tests.append(lambda m: m.source_branch in sources)
        if self.target_branches is not None:
            targets = frozenset(self.target_branches)
            tests.append(lambda m: m.target_branch in targets)
        return tests

    def accept(self) -> Callable[[MergeRequest], bool] | None:
        """All tests in one; None where nothing is asked for."""
        tests = self.tests()
        if not tests:
            return None
        if len(tests) == 1:
            return tests[0]
        return lambda merge_request: all(test(merge_request) for test in tests)


def _between(
    column: str, after: datetime | None, before: datetime | None
) -> list[Callable[[MergeRequest], bool]]:
    read, _ = MERGE_REQUEST_COLUMNS[column]
    tests: list[Callable[[MergeRequest], bool]] = []
    if after is not None:
        tests.append(lambda m: (value := read(m)) is not None and value >= after)
    if before is not None:
        tests.append(lambda m: (value := read(m)) is not None and value <= before)
    return tests


class Catalogue:
    """Sorted lists of one store. Callers hold the store's lock."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._version = -1
        self._kept: dict[tuple[Any, ...], Any] = {}

    def keep(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What was made for this key, made anew after a change of the store."""
        if self._version != self.store.version:
            self._kept.clear()
            self._version = self.store.version
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def projects_of(self, group: Group, viewer: Viewer, *, subgroups: bool) -> list[Project]:
        """The projects of a group that the viewer may see."""
        found: list[Project] = self.keep(
            ("projects of", group.id, viewer, subgroups),
            lambda: [
                project
                for project in self.store.projects_of(group, include_subgroups=subgroups)
                if viewer.sees_project(project)
            ],
        )
        return found

    def visible_projects(self, viewer: Viewer) -> list[Project]:
        """All projects of the instance that the viewer may see."""
        found: list[Project] = self.keep(
            ("projects", viewer),
            lambda: [p for p in self.store.projects.values() if viewer.sees_project(p)],
        )
        return found

    def merge_requests(self, projects: Sequence[Project], order: Order) -> Sorted:
        """The merge requests of these projects in an order."""
        key = ("merge requests", tuple(project.id for project in projects), order)
        found: Sorted = self.keep(
            key,
            lambda: Sorted(
                (m for project in projects for m in project.merge_requests.values()), order
            ),
        )
        return found

    def merge_requests_with_iids(
        self, projects: Sequence[Project], iids: Collection[int], order: Order
    ) -> Sorted:
        """Those with one of these iids, found without reading the whole list."""
        return Sorted(
            (
                found
                for project in projects
                for iid in set(iids)
                if (found := project.merge_requests.get(iid)) is not None
            ),
            order,
        )
