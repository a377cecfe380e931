"""What one run of the GitLab collector shares: the client, what is known, and what was found so far."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock

from app.settings import gitlab_token
from collectors.gitlab.batches import merged
from collectors.gitlab.client import GitLabClient
from collectors.gitlab.errors import NotFoundError, ScopeError
from collectors.gitlab.pages import LARGEST, PageSize
from collectors.gitlab.projects import OpenMergeRequest, People, Survey, SurveyedProject
from collectors.gitlab.quarantine import Quarantine
from collectors.gitlab.reader import Reader
from collectors.gitlab.records import MergeRequestRecord, ProjectRecord
from collectors.gitlab.scopes import Scope
from collectors.gitlab.side_by_side import Put, side_by_side
from collectors.known import KnownPosition, KnownProject
from collectors.record import Batch
from collectors.retry import RetryPolicy
from collectors.source import Context

LARGEST_WITHOUT_TOKEN = 75
"""Merge requests on a page: what fits below the complexity that GitLab allows to who is not signed in."""

Job = Callable[[Put[Batch]], None]


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


@dataclass(slots=True)
class Collection:
    """What the steps of a run hand to each other.

    positions, projects: as they were before the run.
    found: the projects of the survey, by id. opened: what is open in it, by id.
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
    surveyed: list[Scope] = field(default_factory=list)
    failed: list[Scope] = field(default_factory=list)
    doubtful: list[Scope] = field(default_factory=list)
    merge_requests: PageSize = field(default_factory=lambda: PageSize(50))
    surveys: PageSize = field(default_factory=lambda: PageSize(100))
    listings: PageSize = field(default_factory=lambda: PageSize(100))
    done: int = 0
    total: int | None = None
    _lock: Lock = field(default_factory=Lock)

    def note(self, scope: Scope, told: Survey) -> None:
        """Takes over what a survey found. A project belongs to the first scope that has it."""
        with self._lock:
            for project in told.projects:
                self.found.setdefault(project.record.id, Found(project, scope))
            self.opened.update((each.id, each) for each in told.opened)
            if told.refused:
                self.doubtful.append(scope)

    def is_read_whole(self, scope: Scope) -> bool:
        """Whether all that a scope had when it was met first has been read."""
        position = self.positions.get(scope.key)
        return position is not None and position.complete

    def is_compared(self, found: Found) -> bool:
        """Whether what is open there can be held against what is stored: it was read before."""
        return not self.context.full and self.is_watched(found)

    def is_watched(self, found: Found) -> bool:
        """Whether it was read whole before this run, and its scope's list has been watched since."""
        position = self.positions.get(found.scope.project_key(found.record.id))
        return position is not None and position.complete

    def stored(self, jobs: Sequence[Job]) -> Iterator[Batch]:
        """What the jobs put, several jobs at once, as batches to store; with progress."""
        threads = self.context.settings.gitlab.concurrency
        for ready in side_by_side(jobs, threads, self.client.stop):
            for batch in merged(ready):
                self.done += sum(isinstance(each, MergeRequestRecord) for each in batch.records)
                total = None if self.total is None else max(self.total, self.done)
                self.context.tell("merge requests", self.done, total)
                yield batch

    def guarded(self, found: Found, job: Callable[[Put[Batch], str], None]) -> Job:
        """A job about one project, which is given the project's path: what it cannot read is a
        failure of this project alone. A project that was renamed since the survey is followed."""

        def run(put: Put[Batch]) -> None:
            try:
                try:
                    job(put, found.record.path)
                except NotFoundError:
                    path = self.present_path(found.record.id)
                    if path is None:
                        return  # deleted since the survey: the next run will notice
                    if path == found.record.path:
                        raise
                    job(put, path)
            except ScopeError as error:
                self.context.fail(error, holds_back=True)

        return run

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


def begin(context: Context, policy: RetryPolicy | None = None) -> Collection:
    """A collection that has asked for nothing yet; `end` must follow. Raises ConfigurationError."""
    token = gitlab_token(context.settings)
    client = GitLabClient(context.settings.gitlab, token, context.counters, policy)
    quarantine = Quarantine(context.known.quarantined())
    return Collection(
        context=context,
        client=client,
        positions=context.known.positions(),
        projects=context.known.projects(),
        quarantine=quarantine,
        reader=Reader(context, client, quarantine),
        people=People(
            context.known.accounts(), context.known.finished_runs(), signed_in=bool(token)
        ),
        merge_requests=PageSize(50, LARGEST if token else LARGEST_WITHOUT_TOKEN),
    )


def end(collection: Collection) -> None:
    """Ends threads and connections."""
    collection.client.stop()
    collection.reader.close()
    collection.client.close()
