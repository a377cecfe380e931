"""Projects that GitLab no longer shows: which of them are gone, and which are merely out of reach.

GitLab answers 404 alike for what was deleted and for what a token may no longer see. What is stored
leaves the indicators only where that is proven; else it keeps its values, and is listed under data
quality until it is shown again, or until a full run is told to take GitLab's word for it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors.gitlab.collection import Collection, Item
from collectors.gitlab.errors import ForbiddenError, ScopeError
from collectors.gitlab.records import GoneRecord, UnreachableRecord
from collectors.gitlab.scopes import Scope, of_project
from collectors.gitlab.side_by_side import Put
from collectors.known import KnownProject
from collectors.record import Batch, Record

MARKED = re.compile(r"-(?:deletion_scheduled|deleted)-(?P<id>\d+)$")
"""What GitLab puts behind the path of a project, or of a group with all in it, that was marked for
deletion some days before it is deleted."""


NAMED = 5
"""Projects of one kind that a remark names."""


def settle_projects(collection: Collection) -> Iterator[Batch]:
    """Decides about each project whose merge requests are stored and are not shown.

    Left alone: what may belong to a scope that could not be read.
    """
    known = collection.context.known.projects()
    yield from _note_reach(collection, known)
    unsure = [*collection.failed, *collection.doubtful]
    keys = {scope.key for scope in unsure}
    kept = {own[1] for key in collection.positions if (own := of_project(key)) and own[0] in keys}
    yield from collection.stored(
        [
            SettleProject(project=project, surveyed=tuple(collection.surveyed))
            for project in known.values()
            if project.merge_requests
            and project.id not in collection.found
            and project.id not in kept
            and not any(scope.holds(project.path) for scope in unsure)
        ]
    )
    watched = {
        found.scope.project_key(number)
        for number, found in collection.found.items()
        # While they are out of reach nobody watches them: then they are read whole again.
        if found.project.merge_requests is not None
    }
    sure = {scope.key for scope in collection.surveyed if scope not in unsure}
    forget = [
        key
        for key in collection.positions
        if (own := of_project(key)) and key not in watched and own[0] in sure
    ]
    strangers: list[str] = []
    if not unsure:
        projects = [found.record for found in collection.found.values()]
        strangers = collection.quarantine.strangers(projects)
    if forget or strangers:
        yield Batch(forget=forget, accepted=strangers)


def _note_reach(collection: Collection, known: dict[int, KnownProject]) -> Iterator[Batch]:
    """What came back within reach, and what is out of it though the project itself is shown."""
    records: list[Record] = []
    hidden: list[str] = []
    for number, found in collection.found.items():
        project = known.get(number)
        if found.project.hidden and (project is None or not project.merge_requests):
            hidden.append(found.record.path)
        if project is None:
            continue
        if found.project.merge_requests is not None:
            if project.unreachable:
                records.append(UnreachableRecord(id=number, unreachable_since=None))
        elif project.merge_requests:
            records += _out_of_reach(collection, project, "its merge requests are not shown")
    if hidden:
        more = f" and {len(hidden) - NAMED} more" if len(hidden) > NAMED else ""
        collection.context.remark(
            f"GitLab shows none of the merge requests of {', '.join(sorted(hidden)[:NAMED])}{more}:"
            " the token may not see them, and nothing is known of them."
        )
    if records:
        yield Batch(records=records)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleProject(Item):
    """Decides about a project that the survey did not have. surveyed: the scopes that were read."""

    project: KnownProject
    surveyed: tuple[Scope, ...]

    def run(self, collection: Collection, put: Put[Batch]) -> None:
        """Puts what is gone, or that it is out of reach."""
        settle(collection, self.project, self.surveyed, put)


def settle(
    collection: Collection, project: KnownProject, surveyed: Sequence[Scope], put: Put[Batch]
) -> None:
    """The second look at a project that the survey did not have: it is asked for before anything is
    given up. One that is known to be out of reach is not asked for again, but in a full run."""
    context = collection.context
    configured = any(scope.holds(project.path) for scope in surveyed)
    if project.unreachable and configured and not context.full:
        return
    try:
        path = collection.present_path(project.id)
    except ForbiddenError:
        put(
            Batch(
                records=_out_of_reach(collection, project, "it may no longer be read"),
                # Whoever had it in what was collected may have it again, and nobody watched it.
                forget=[
                    key
                    for key in collection.positions
                    if ((own := of_project(key)) and own[1] == project.id)
                    or key == Scope("project", project.path).key
                ],
            )
        )
        return
    except ScopeError as error:
        context.fail(error, holds_back=True)
        return
    if path is not None and any(scope.holds(path) for scope in surveyed):
        return  # it came back, or the list moved while it was read: the next run will see it
    if path is None and configured and not context.full and not is_marked(project):
        put(
            Batch(
                records=_out_of_reach(
                    collection, project, "it was deleted, or the token may no longer see it"
                )
            )
        )
        return
    # Deleted, moved away, or taken out of the configuration: not in silence.
    context.remark(
        f"The project {project.path} is no longer among what is collected:"
        f" its {project.merge_requests} merge requests count as deleted."
    )
    for gone in context.known.merge_requests_of(project.id):
        put(Batch(records=[GoneRecord(id=each, deleted_at=context.started_at) for each in gone]))
    if project.unreachable:
        put(Batch(records=[UnreachableRecord(id=project.id, unreachable_since=None)]))


def is_marked(project: KnownProject) -> bool:
    """Whether GitLab had marked it, or a group in which it lies, for deletion when it was seen last."""
    *groups, own = project.path.split("/")
    found = MARKED.search(own)
    if found is not None and int(found["id"]) == project.id:
        return True
    return any(MARKED.search(group) for group in groups)


def _out_of_reach(collection: Collection, project: KnownProject, why: str) -> list[Record]:
    """The mark on a project that is out of reach, and the sentence about it; nothing where it has it."""
    if project.unreachable:
        return []
    context = collection.context
    context.remark(
        f"The project {project.path} is out of reach: {why}. Its {project.merge_requests} merge"
        " requests keep their values as they were read last."
    )
    return [UnreachableRecord(id=project.id, unreachable_since=context.started_at)]
