"""What a webhook marked: read by number, so that it is known minutes later. Whole runs do not need it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from collectors.gitlab.collection import Collection, Found, ProjectItem, begin, end
from collectors.gitlab.pages import by_number
from collectors.gitlab.projects import SurveyedProject
from collectors.gitlab.records import MergeRequestRecord, ProjectRecord
from collectors.gitlab.scopes import configured
from collectors.gitlab.side_by_side import Put
from collectors.record import Batch, Served
from collectors.retry import RetryPolicy
from collectors.source import Context


def read_marked(context: Context, policy: RetryPolicy | None = None) -> Iterator[Batch]:
    """The merge requests that were marked, some fifty in a request; marks are taken with what is read.

    Only of projects that were read whole and are still in the configuration; all other marks are taken
    for nothing. Nothing is deleted here: what is not told stays until a whole run has looked.
    policy: how patient it is. Raises ConfigurationError, and a SourceError when GitLab cannot be read.
    """
    marks = context.known.marks()
    if not marks:
        return
    collection = begin(context, policy)
    try:
        found = {number: _found(collection, number) for number in marks}
        yield Batch(
            served=[
                each
                for number, numbers in marks.items()
                if found[number] is None
                for each in _served(number, numbers)
            ]
        )
        yield from collection.stored(
            [
                ReadMarked(found=project, marks=marks[number])
                for number, project in found.items()
                if project is not None
            ]
        )
    finally:
        end(collection)


def _found(collection: Collection, project_id: int) -> Found | None:
    """A project as it is stored; None: it is not, or its lists are not watched."""
    known = collection.projects.get(project_id)
    if known is None:
        return None
    for scope in configured(collection.context.settings.gitlab):
        position = collection.positions.get(scope.project_key(project_id))
        if scope.holds(known.path) and position is not None and position.complete:
            name = known.path.rpartition("/")[2]
            record = ProjectRecord(
                id=known.id, path=known.path, name=name, web_url=known.web_url, archived=False
            )
            return Found(SurveyedProject(record, known.merge_requests), scope)
    return None


def _served(project_id: int, marks: Mapping[int, datetime]) -> list[Served]:
    return [
        Served(project_id=project_id, iid=iid, seen_at=seen_at) for iid, seen_at in marks.items()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMarked(ProjectItem):
    """Reads merge requests of a project that were marked. marks: when, by number."""

    marks: Mapping[int, datetime]

    def read(self, collection: Collection, put: Put[Batch], path: str) -> None:
        """Puts them as they are now, each with its mark."""
        waiting = dict(self.marks)
        for nodes in by_number(
            collection.client,
            path,
            sorted(self.marks),
            collection.merge_requests,
            about=self.found.about,
        ):
            batch = collection.reader.batch(nodes, path, anew=True)
            told = {
                each.iid for each in batch.records if isinstance(each, MergeRequestRecord)
            } & waiting.keys()
            marks = {iid: waiting.pop(iid) for iid in told}
            put(replace(batch, served=_served(self.found.record.id, marks)))
        # The others are not there, or cannot be read: in both cases a whole run says so.
        put(Batch(served=_served(self.found.record.id, waiting)))
