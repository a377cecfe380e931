"""Reads the lists: what changed in each scope, the survey, and projects that were never read whole."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from app.errors import ConfigurationError
from collectors.gitlab.collection import Collection, Found, ProjectItem
from collectors.gitlab.errors import ForbiddenError, NotFoundError, ScopeError
from collectors.gitlab.merge_requests import newest
from collectors.gitlab.pages import pages
from collectors.gitlab.projects import Survey, survey
from collectors.gitlab.queries import PROJECT_MERGE_REQUESTS, Query
from collectors.gitlab.records import AddressRecord, FormerUsernameRecord, ProjectRecord
from collectors.gitlab.scopes import Scope, configured
from collectors.gitlab.side_by_side import Put
from collectors.gitlab.windows import is_begun, read_in_windows
from collectors.record import Batch, Reached, Record

OVERLAP = timedelta(minutes=5)
"""How far behind its position a list is read again: transactions of GitLab that took long, replicas
that lag, and GraphQL's times, which are whole seconds."""


def read_changes(collection: Collection) -> Iterator[Batch]:
    """For each scope what changed since its position, then its survey. Fills the collection.

    A group inside another one that could be read, and a single project inside a group, is covered
    by it and not asked for. Raises ConfigurationError where nothing is configured.
    """
    gitlab = collection.context.settings.gitlab
    waiting = configured(gitlab)
    if not waiting:
        raise ConfigurationError(
            "There is nothing to collect from GitLab.",
            "Name groups in gitlab.groups, or projects in gitlab.projects.",
        )
    while waiting:
        waiting = [scope for scope in waiting if not _is_covered(collection, scope)]
        ready = [
            scope
            for scope in waiting
            if not any(other is not scope and other.holds(scope.path) for other in waiting)
        ]
        waiting = [scope for scope in waiting if scope not in ready]
        yield from collection.stored_here([partial(_watch, collection, each) for each in ready])


def _is_covered(collection: Collection, scope: Scope) -> bool:
    if scope.kind == "group":
        return any(other.holds(scope.path) for other in collection.surveyed)
    paths = (found.record.path.lower() for found in collection.found.values())
    return scope.path.lower() in paths


def _watch(collection: Collection, scope: Scope, put: Put[Batch]) -> None:
    """The changes come before the survey: what the survey then shows and we do not have is new."""
    position = collection.positions.get(scope.key)
    try:
        if position is not None and (
            scope.kind == "group" or position.complete or is_begun(collection, scope)
        ):
            _read_list(
                collection,
                scope.merge_requests,
                scope.path,
                scope.key,
                since=position.through,
                whole=False,
                about=scope.about,
                put=lambda batch: put(_without_renamed(collection, batch)),
            )
        # Where the group's list is watched for the first time, it is from now on: projects are read
        # whole after this instant, which is taken from GitLab's own times.
        first = scope.kind == "group" and position is None
        for told in survey(
            collection.client,
            scope,
            collection.people,
            collection.surveys,
            # What is read whole in this run need not be compared.
            opened=position is not None and not collection.context.full,
            latest=first,
            verified=collection.verified_through(scope),
        ):
            collection.note(scope, told)
            _put_new_addresses(collection, told, put)
            put(_survey_batch(collection, scope, told, first=first))
            first = False
    except ScopeError as error:
        unreachable = isinstance(error, NotFoundError | ForbiddenError)
        collection.context.fail(error, holds_back=position is not None or not unreachable)
        collection.failed.append(scope)
        return
    collection.surveyed.append(scope)


def _survey_batch(
    collection: Collection,
    scope: Scope,
    told: Survey,
    *,
    first: bool,
) -> Batch:
    records: list[Record] = [project.record for project in told.projects]
    for person in told.people:
        records += [
            person,
            FormerUsernameRecord(account_id=person.id, username=person.username.lower()),
        ]
    latest = _past(collection, told.latest)
    reached = [Reached(scope=scope.key, through=latest, complete=False)] if first else []
    return Batch(records=records, reached=reached, refused=told.refused)


def _without_renamed(collection: Collection, batch: Batch) -> Batch:
    """Leaves out projects that were renamed: their rows are written when their merge requests have
    the new addresses, for by them a run that goes on tells that there is something to do."""
    records = [
        record
        for record in batch.records
        if not (isinstance(record, ProjectRecord) and _is_renamed(collection, record))
    ]
    return replace(batch, records=records)


def _is_renamed(collection: Collection, project: ProjectRecord) -> bool:
    known = collection.projects.get(project.id)
    return known is not None and known.web_url != project.web_url


def _put_new_addresses(collection: Collection, told: Survey, put: Put[Batch]) -> None:
    """The merge requests of renamed projects have new addresses, though GitLab touched none of them."""
    for found in told.projects:
        project = found.record
        if not _is_renamed(collection, project):
            continue
        old = f"{collection.projects[project.id].web_url}/"
        for stored in collection.context.known.merge_requests_of(project.id):
            records = [
                AddressRecord(id=number, web_url=f"{project.web_url}/{web_url.removeprefix(old)}")
                for number, web_url in stored.items()
                if web_url.startswith(old)
            ]
            put(Batch(records=records))


def read_whole_projects(collection: Collection) -> Iterator[Batch]:
    """Reads each project that is not watched yet (or all, if asked to) from its first merge request
    on, or from where an earlier run was interrupted. The largest come first."""
    full = collection.context.full
    new = [
        found
        for found in collection.found.values()
        if (full or not collection.is_watched(found)) and found.project.merge_requests is not None
    ]
    new.sort(key=lambda found: found.project.merge_requests or 0, reverse=True)
    if new:
        collection.total = collection.done + sum(_to_read(collection, found) for found in new)
    empty = [found for found in new if not found.project.merge_requests]
    if empty:
        yield Batch(reached=[_ended(found.scope.project_key(found.record.id)) for found in empty])
    yield from read_in_windows(
        collection,
        [found for found in new if found.project.merge_requests],
        lambda found: ReadProject(found=found),
    )
    ended = [
        scope.key
        for scope in collection.surveyed
        if scope.kind == "group" and not collection.is_read_whole(scope)
    ]
    if ended and not collection.context.held_back:
        yield Batch(reached=[_ended(key) for key in ended])


def _to_read(collection: Collection, found: Found) -> int:
    """About how many merge requests are to be read; what an interrupted run has is not."""
    count = found.project.merge_requests or 0
    stored = collection.projects.get(found.record.id)
    if collection.context.full or stored is None:
        return count
    return max(0, count - stored.merge_requests)


def _ended(key: str) -> Reached:
    return Reached(scope=key, through=None, complete=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadProject(ProjectItem):
    """Reads a project from its first merge request on, or from where an earlier run was interrupted."""

    def read(self, collection: Collection, put: Put[Batch], path: str) -> None:
        """Puts page after page of its list."""
        key = self.found.scope.project_key(self.found.record.id)
        position = collection.positions.get(key)
        resumed = position is not None and not collection.context.full
        _read_list(
            collection,
            PROJECT_MERGE_REQUESTS,
            path,
            key,
            since=position.through if position is not None and resumed else None,
            whole=True,
            about=self.found.about,
            put=put,
        )


def _read_list(
    collection: Collection,
    query: Query,
    path: str,
    key: str,
    *,
    since: datetime | None,
    whole: bool,
    about: str,
    put: Put[Batch],
) -> None:
    """Reads a list by the time of change; each page is put with the position that it brings.

    whole: with the end of the list, its first whole reading has ended.
    """
    variables = {
        "path": path,
        "updatedAfter": (since - OVERLAP).isoformat() if since is not None else None,
    }
    kind = "group" if query.name.startswith("group") else "project"
    for page in pages(
        collection.client,
        query,
        variables,
        collection.merge_requests,
        holder=lambda data: data.get(kind),
        about=about,
    ):
        ended = whole and page.last
        if page.nodes or ended:
            batch = collection.reader.batch(page.nodes, path)
            through = _past(collection, newest(page.nodes))
            reached = Reached(scope=key, through=through, complete=ended)
            put(replace(batch, reached=[reached]))


def _past(collection: Collection, instant: datetime | None) -> datetime | None:
    """A time of change, the present at most. What was imported with a date of the future must not
    carry the position there: everything that changes until then would be passed over."""
    return None if instant is None else min(instant, collection.client.clock.now())
