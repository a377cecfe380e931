"""The survey: which projects there are, how much they hold, what is open, who is called what."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from collectors.gitlab.client import GitLabClient
from collectors.gitlab.errors import HeavyQueryError, QueryRefusedError, about_status
from collectors.gitlab.merge_requests import as_list, page_of
from collectors.gitlab.pages import PageSize, ask
from collectors.gitlab.queries import with_people
from collectors.gitlab.records import (
    AccountRecord,
    ProjectRecord,
    global_id,
    labels_of,
    read_account,
)
from collectors.gitlab.scopes import Scope
from collectors.record import (
    RecordError,
    Refused,
    dig,
    flag,
    instant,
    read,
    text,
    value_at,
    whole,
)

PORTION = 100
"""People asked for in one field."""

PORTIONS = 5
"""Such fields in one survey: what fits below the complexity that GitLab allows."""


@dataclass(frozen=True, slots=True)
class SurveyedProject:
    """A project. merge_requests: how many it has; None: they cannot be read."""

    record: ProjectRecord
    merge_requests: int | None


@dataclass(frozen=True, slots=True)
class OpenMergeRequest:
    """As much of an open merge request as tells whether what is stored still holds."""

    id: int
    project_id: int
    iid: int
    updated_at: datetime
    title: str
    draft: bool
    labels: Sequence[str]
    reviewers: frozenset[int]


@dataclass(slots=True)
class Survey:
    """What one answer to a survey tells. latest: when anything changed last; None: not asked, or
    there is nothing. refused: projects that cannot be read."""

    projects: list[SurveyedProject] = field(default_factory=list)
    opened: list[OpenMergeRequest] = field(default_factory=list)
    people: list[AccountRecord] = field(default_factory=list)
    latest: datetime | None = None
    refused: list[Refused] = field(default_factory=list)


class People:
    """The accounts whose names are to be looked at again, handed out in portions as surveys go by.

    Somebody may be renamed, or become a bot, without any merge request being touched. A survey
    asks for some hundred people on the way; where there are more than the surveys of one run can
    carry, each run begins where the one before it ended.
    """

    def __init__(self, ids: Sequence[int], run: int, *, signed_in: bool) -> None:
        """ids: ascending. run: how many runs there were before this one. signed_in: without a token
        GitLab tells nobody by id."""
        asked = ids if signed_in else ()
        portions = [asked[start : start + PORTION] for start in range(0, len(asked), PORTION)]
        first = run * PORTIONS % len(portions) if len(portions) > PORTIONS else 0
        self._waiting = portions[first:] + portions[:first]
        self._lock = Lock()

    def take(self) -> list[Sequence[int]]:
        """The portions for the next survey."""
        with self._lock:
            taken = self._waiting[:PORTIONS]
            del self._waiting[:PORTIONS]
            return taken

    def stop(self) -> None:
        """Hands out nobody any more: this GitLab does not tell people."""
        with self._lock:
            self._waiting.clear()


def survey(
    client: GitLabClient,
    scope: Scope,
    people: People,
    size: PageSize,
    *,
    opened: bool,
    latest: bool,
) -> Iterator[Survey]:
    """Surveys a scope: its lists are read on side by side, so that each request brings of all.

    opened: whether to ask what is open. latest: when anything changed last (of a group).
    Raises a GitLabError; NotFoundError where the group or project is null.
    """
    lists = ("projects", "opened", "locked") if opened else ("projects",)
    waiting: dict[str, str | None] = dict.fromkeys(lists)
    while waiting:
        variables: dict[str, Any] = {"path": scope.path}
        for name in ("projects", "opened", "locked"):
            variables[name] = name in waiting
        variables |= {f"{name}After": cursor for name, cursor in waiting.items()}
        if scope.kind == "group":
            variables["latest"] = latest
        data = _ask(client, scope, variables, people, size)
        found = scope.holder(data)
        if found is None:
            raise about_status(404, client.base_url, scope.about)
        told = Survey(people=_people(data))
        try:
            following = _read(scope, found, waiting, told)
            if scope.kind == "group" and latest:
                told.latest = _latest(found)
        except RecordError as error:
            raise QueryRefusedError(
                f"The survey of {scope.about} cannot be read: {error}."
            ) from error
        yield told
        if any(waiting[name] == cursor for name, cursor in following.items()):
            raise QueryRefusedError(f"The lists of {scope.about} never end.")
        waiting, latest = following, False


def _ask(
    client: GitLabClient,
    scope: Scope,
    variables: Mapping[str, Any],
    people: People,
    size: PageSize,
) -> Mapping[str, Any]:
    """Asks with people beside it; where that is what GitLab refuses, without them."""
    name = f"{scope.kind}_survey"
    portions = people.take()
    if portions:
        asked = {
            f"people{n}": [f"gid://gitlab/User/{number}" for number in ids]
            for n, ids in enumerate(portions)
        }
        try:
            query = with_people(name, len(portions))
            given = {**variables, **asked, "size": size.now}
            return client.graphql(query, given, about=scope.about, attempts=2)
        except (HeavyQueryError, QueryRefusedError):
            people.stop()
    return ask(client, with_people(name, 0), variables, size, scope.about)


def _read(
    scope: Scope, found: Mapping[str, Any], waiting: Mapping[str, str | None], told: Survey
) -> dict[str, str | None]:
    """Reads the lists that were asked for; gives the cursors of those that go on."""
    following: dict[str, str | None] = {}
    for name in waiting:
        if name == "projects" and scope.kind == "project":
            told.projects.append(_project(found))
            continue
        if found.get(name) is None:
            raise RecordError(f"{name} is null")
        nodes, cursor = page_of(found, name)
        if cursor is not None:
            following[name] = cursor
        told_of = [node for node in nodes if node is not None]
        if name == "projects":
            _read_projects(told_of, told)
        else:
            _read_open(told_of, told)
    return following


def _read_projects(nodes: Sequence[Any], told: Survey) -> None:
    for node in nodes:
        try:
            told.projects.append(_project(node))
        except RecordError as error:
            told.refused.append(Refused(kind="project", address=_address(node), reason=str(error)))


def _read_open(nodes: Sequence[Any], told: Survey) -> None:
    """One that cannot be read counts as one that is not listed, and so is asked for by its number."""
    for node in nodes:
        with suppress(RecordError):
            told.opened.append(_open(node))


def _project(node: Any) -> SurveyedProject:
    count = value_at(node, "mergeRequests.count", convert=whole, optional=True)
    return SurveyedProject(read(ProjectRecord, node), count)


def _open(node: Any) -> OpenMergeRequest:
    nodes = value_at(node, "reviewers.nodes", convert=as_list, optional=True) or ()
    reviewers = [each for each in nodes if each is not None]
    return OpenMergeRequest(
        id=value_at(node, "id", convert=global_id),
        project_id=value_at(node, "project.id", convert=global_id),
        iid=value_at(node, "iid", convert=whole),
        updated_at=value_at(node, "updatedAt", convert=instant),
        title=value_at(node, "title", convert=text),
        draft=value_at(node, "draft", convert=flag),
        labels=value_at(node, "labels.nodes", convert=labels_of, optional=True) or (),
        reviewers=frozenset(value_at(each, "id", convert=global_id) for each in reviewers),
    )


def _latest(found: Mapping[str, Any]) -> datetime | None:
    nodes = value_at(found, "latest.nodes", convert=as_list, optional=True) or []
    return max((value_at(node, "updatedAt", convert=instant) for node in nodes), default=None)


def _people(data: Mapping[str, Any]) -> list[AccountRecord]:
    """Those of the people asked for whom GitLab shows; who cannot be read stays as he is known."""
    found = []
    for name, connection in data.items():
        if name.startswith("people") and connection is not None:
            for node in dig(connection, "nodes")[1] or ():
                with suppress(RecordError):
                    found.append(read_account(node))
    return found


def _address(node: Any) -> str:
    for path in ("webUrl", "fullPath", "id"):
        _, value = dig(node, path)
        if isinstance(value, str):
            return value
    return "?"
