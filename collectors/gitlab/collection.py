"""What one run of the GitLab collector shares: the client, what is known, and what was found so far."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any

from pydantic import TypeAdapter

from app.settings import gitlab_token
from collectors.gitlab.batches import merged
from collectors.gitlab.client import GitLabClient
from collectors.gitlab.errors import NotFoundError, ScopeError
from collectors.gitlab.pages import LARGEST, PageSize
from collectors.gitlab.projects import OpenMergeRequest, People, Slice, Survey, SurveyedProject
from collectors.gitlab.quarantine import Quarantine
from collectors.gitlab.reader import Reader
from collectors.gitlab.records import MergeRequestRecord, ProjectRecord
from collectors.gitlab.scopes import Scope
from collectors.gitlab.side_by_side import Put, side_by_side
from collectors.known import KnownPosition, KnownProject
from collectors.record import Batch
from collectors.retry import RetryPolicy
from collectors.source import Context, Handed

LARGEST_WITHOUT_TOKEN = 75
"""Merge requests on a page: what fits below the complexity that GitLab allows to who is not signed in."""

PATHS_AT_ONCE = 20
"""Merge requests whose changed paths are asked for in one request: GitLab computes each one's
differences from the repository."""

ROWS_MISSING = (
    "This GitLab does not tell when somebody became a reviewer;"
    " starts of reviews are taken from notes alone."
)

_WRITTEN: TypeAdapter[Any] = TypeAdapter(Any)

Job = Callable[[Put[Batch]], None]
"""What only this process can do."""


@dataclass(frozen=True, slots=True)
class Found:
    """A project that is collected, and the scope under which it is."""

    project: SurveyedProject
    scope: Scope

    @property
    def record(self) -> ProjectRecord:
        """The project's row."""
        return self.project.record

    @property
    def about(self) -> str:
        """For sentences."""
        return f"the project {self.record.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(ABC):
    """Work that any process can do: data, which says on what. Every kind stands in `items.KINDS`.

    Whoever does it begins with what is stored then and with what the item says. It may be done
    twice, wholly or in part, and nothing is different.
    """

    @abstractmethod
    def run(self, collection: "Collection", put: Put[Batch]) -> None:
        """Does it and puts what is to be stored, in order. Raises a SourceError, which ends the run."""

    def handed(self) -> Handed:
        """It as the queue carries it, for `items.read`."""
        return Handed(type(self).__name__, _WRITTEN.dump_python(self, mode="json"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectItem(Item):
    """Work on one project: what it cannot read is a failure of this project alone. A project that
    was renamed since the survey is followed."""

    found: Found

    @abstractmethod
    def read(self, collection: "Collection", put: Put[Batch], path: str) -> None:
        """Does the work on the project, which is at this path now. Raises a GitLabError."""

    def run(self, collection: "Collection", put: Put[Batch]) -> None:
        """Does the work wherever the project is now; the context notes what cannot be read."""
        record = self.found.record
        try:
            try:
                self.read(collection, put, record.path)
            except NotFoundError:
                path = collection.present_path(record.id)
                if path is None:
                    return  # deleted since the survey: the next run will notice
                if path == record.path:
                    raise
                self.read(collection, put, path)
        except ScopeError as error:
            collection.context.fail(error, holds_back=True)


@dataclass(slots=True)
class Collection:
    """What the steps of a run hand to each other.

    positions, projects: as they were before the run.
    found: the projects of the survey, by id. opened: what is open in it, by id. slices: those of
    each scope, in order.
    surveyed: the scopes whose survey came to its end. failed: those that could not be read.
    doubtful: those with a project that cannot be read.
    """

    context: Context
    client: GitLabClient
    positions: dict[str, KnownPosition]
    projects: dict[int, KnownProject]
    quarantine: Quarantine
    reader: Reader
    people: People
    found: dict[int, Found] = field(default_factory=dict)
    opened: dict[int, OpenMergeRequest] = field(default_factory=dict)
    slices: list[tuple[Scope, Slice]] = field(default_factory=list)
    surveyed: list[Scope] = field(default_factory=list)
    failed: list[Scope] = field(default_factory=list)
    doubtful: list[Scope] = field(default_factory=list)
    merge_requests: PageSize = field(default_factory=lambda: PageSize(50))
    surveys: PageSize = field(default_factory=lambda: PageSize(100))
    listings: PageSize = field(default_factory=lambda: PageSize(100))
    changed_paths: PageSize = field(default_factory=lambda: PageSize(PATHS_AT_ONCE, PATHS_AT_ONCE))
    done: int = 0
    total: int | None = None
    _lock: Lock = field(default_factory=Lock)

    def note(self, scope: Scope, told: Survey) -> None:
        """Takes over what a survey found. A project belongs to the first scope that has it."""
        with self._lock:
            for project in told.projects:
                self.found.setdefault(project.record.id, Found(project, scope))
            self.opened.update((each.id, each) for each in told.opened)
            if told.slice is not None:
                self.slices.append((scope, told.slice))
            if told.refused:
                self.doubtful.append(scope)

    def is_read_whole(self, scope: Scope) -> bool:
        """Whether all that a scope had when it was met first has been read."""
        position = self.positions.get(scope.key)
        return position is not None and position.complete

    def verified_through(self, scope: Scope) -> datetime | None:
        """The creation up to which a scope's merge requests were verified; None: a new round begins."""
        position = self.positions.get(scope.verified_key)
        return None if position is None else position.through

    def is_compared(self, found: Found) -> bool:
        """Whether what is open there can be held against what is stored: it was read before."""
        return not self.context.full and self.is_watched(found)

    def is_watched(self, found: Found) -> bool:
        """Whether it was read whole before this run, and its scope's list has been watched since."""
        position = self.positions.get(found.scope.project_key(found.record.id))
        return position is not None and position.complete

    def stored(self, items: Sequence[Item]) -> Iterator[Batch]:
        """What the items put, several at once, as batches to store; with progress.

        Where others help, they store what there is themselves, and nothing comes from here.
        """
        if self.context.hand_out is not None:
            self.context.hand_out([item.handed() for item in items])
            return
        yield from self.stored_here([partial(item.run, self) for item in items])

    def stored_here(self, jobs: Sequence[Job]) -> Iterator[Batch]:
        """What the jobs put, several at once in this process, as batches to store; with progress."""
        threads = self.context.settings.gitlab.concurrency
        for ready in side_by_side(jobs, threads, self.client.stop):
            for batch in merged(ready):
                self.done += sum(isinstance(each, MergeRequestRecord) for each in batch.records)
                total = None if self.total is None else max(self.total, self.done)
                self.context.tell("merge requests", self.done, total)
                yield batch

    def present_path(self, project_id: int) -> str | None:
        """Where a project is now; None: GitLab does not have it (any more). Raises a GitLabError."""
        try:
            answer = self.client.rest(
                f"/projects/{project_id}", "project", about=f"the project with id {project_id}"
            )
        except NotFoundError:
            return None
        path = answer.get("path_with_namespace") if isinstance(answer, dict) else None
        return path if isinstance(path, str) else None


def begin(
    context: Context, policy: RetryPolicy | None = None, *, helping: bool = False
) -> Collection:
    """A collection that has asked for nothing yet; `end` must follow.

    helping: it does items of another process's run, which need not know all projects and accounts.
    Raises ConfigurationError.
    """
    token = gitlab_token(context.settings)
    pace = context.pace(context.settings.gitlab.url, token)
    client = GitLabClient(context.settings.gitlab, token, context.counters, policy, pace)
    context.on_stop(client.stop)
    quarantine = Quarantine(context.known.quarantined())
    projects = {} if helping else context.known.projects()
    accounts = [] if helping else context.known.accounts()
    return Collection(
        context=context,
        client=client,
        positions=context.known.positions(),
        projects=projects,
        quarantine=quarantine,
        reader=Reader(context, client, quarantine),
        people=People(accounts, context.known.finished_runs(), signed_in=bool(token)),
        merge_requests=PageSize(50, LARGEST if token else LARGEST_WITHOUT_TOKEN),
    )


def end(collection: Collection) -> None:
    """Ends threads and connections."""
    collection.client.stop()
    collection.reader.close()
    collection.client.close()
