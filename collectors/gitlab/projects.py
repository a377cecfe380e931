"""The survey: which projects there are, how much they hold, what is open, who is called what, and a
slice of everything to be held against what is stored."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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

PORTIONS = 3
"""Such fields in one survey: what fits below the complexity that GitLab allows."""

SLICE = 80
"""Merge requests in a slice: what fits beside them."""

ONE_SECOND = timedelta(seconds=1)
"""What GraphQL's times are told in."""


@dataclass(frozen=True, slots=True)
class SurveyedProject:
    """A project. merge_requests: how many it has; None: they cannot be read.

    hidden: whether it has a list of them that is not shown; else merge requests are switched off.
    """

    record: ProjectRecord
    merge_requests: int | None
    hidden: bool = False


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


@dataclass(frozen=True, slots=True)
class SlicedMergeRequest:
    """As much of a merge request in any state as tells whether what is stored still holds."""

    id: int
    project_id: int
    iid: int
    state: str
    updated_at: datetime
    reviewers: frozenset[int]
    notes_count: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Everything of a scope that was created from `since` (None: the beginning) to before `until`
    (None: the end); what was created at that very second may be told as well."""

    since: datetime | None
    until: datetime | None
    told: Sequence[SlicedMergeRequest]


@dataclass(slots=True)
class Survey:
    """What one answer to a survey tells. latest: when anything changed last; None: not asked, or
    there is nothing. slice: None where it was not asked. refused: projects that cannot be read."""

    projects: list[SurveyedProject] = field(default_factory=list)
    opened: list[OpenMergeRequest] = field(default_factory=list)
    people: list[AccountRecord] = field(default_factory=list)
    latest: datetime | None = None
    slice: Slice | None = None
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
        self._told: set[int] = set()
        self._untold: set[int] = set()

    @property
    def told(self) -> frozenset[int]:
        """The accounts that were asked for by id and that GitLab told of."""
        with self._lock:
            return frozenset(self._told)

    @property
    def untold(self) -> frozenset[int]:
        """The accounts that were asked for by id and that GitLab does not have (any more)."""
        with self._lock:
            return frozenset(self._untold)

    def take(self) -> list[Sequence[int]]:
        """The portions for the next survey."""
        with self._lock:
            taken = self._waiting[:PORTIONS]
            del self._waiting[:PORTIONS]
            return taken

    def note(self, asked: Sequence[int], nodes: Sequence[Any]) -> None:
        """Takes over who was told of a portion, and so who was not."""
        try:
            told = {value_at(node, "id", convert=global_id) for node in nodes if node is not None}
        except RecordError:
            return  # whoever cannot be read is there nevertheless
        with self._lock:
            self._told |= told
            self._untold |= set(asked) - told

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
    verified: datetime | None = None,
) -> Iterator[Survey]:
    """Surveys a scope: its lists are read on side by side, so that each request brings of all.

    opened: whether to ask what is open, and a slice of everything: a survey without is the first.
    latest: when anything changed last (of a group). verified: the creation at which the slices
    begin; each answer continues where the one before ended.
    Raises a GitLabError; NotFoundError where the group or project is null.
    """
    lists = ("projects", "opened", "locked") if opened else ("projects",)
    waiting: dict[str, str | None] = dict.fromkeys(lists)
    slices = opened
    while waiting:
        variables: dict[str, Any] = {"path": scope.path}
        for name in ("projects", "opened", "locked"):
            variables[name] = name in waiting
        variables |= {f"{name}After": cursor for name, cursor in waiting.items()}
        if scope.kind == "group":
            variables["latest"] = latest
        variables |= {"verified": slices, "verifiedAfter": _written(verified) if slices else None}
        data = _ask(client, scope, variables, people, size)
        found = scope.holder(data)
        if found is None:
            raise about_status(404, client.base_url, scope.about)
        told = Survey(people=_people(data))
        try:
            following = _read(scope, found, waiting, told)
            if found.get("verified") is not None:
                told.slice = _slice(found["verified"], verified)
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
        if told.slice is None or told.slice.until is None:
            slices = False
        else:
            verified = told.slice.until


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
            data = client.graphql(query, given, about=scope.about, attempts=2)
        except (HeavyQueryError, QueryRefusedError):
            people.stop()
        else:
            for n, ids in enumerate(portions):
                nodes = dig(data, f"people{n}.nodes")[1]
                if isinstance(nodes, list):
                    people.note(ids, nodes)
            return data
    try:
        return ask(client, with_people(name, 0), variables, size, scope.about)
    except HeavyQueryError:
        if not variables["verified"]:
            raise
        # What is asked beside the rest must not keep the rest from being told.
        given = {**variables, "verified": False, "verifiedAfter": None}
        return ask(client, with_people(name, 0), given, size, scope.about)


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
    # Where merge requests are switched off, or for members alone, GitLab counts none.
    _, enabled = dig(node, "mergeRequestsEnabled")
    return SurveyedProject(
        read(ProjectRecord, node),
        None if enabled is False else count,
        hidden=enabled is not False and count is None,
    )


def _slice(found: Any, since: datetime | None) -> Slice:
    """What was told of a slice that begins at `since`; what cannot be read counts as not told."""
    nodes = [node for node in value_at(found, "nodes", convert=as_list) if node is not None]
    told, newest = [], None
    for node in nodes:
        with suppress(RecordError):
            at: datetime = value_at(node, "createdAt", convert=instant)
            newest = at if newest is None else max(newest, at)
            told.append(_sliced(node))
    if len(nodes) < SLICE or newest is None:
        return Slice(since, None, told)
    if newest == since:  # a whole slice of one second: the rest of that second is passed over
        return Slice(since + ONE_SECOND, since + ONE_SECOND, told)
    return Slice(since, newest, told)


def _sliced(node: Any) -> SlicedMergeRequest:
    return SlicedMergeRequest(
        id=value_at(node, "id", convert=global_id),
        project_id=value_at(node, "project.id", convert=global_id),
        iid=value_at(node, "iid", convert=whole),
        state=value_at(node, "state", convert=text),
        updated_at=value_at(node, "updatedAt", convert=instant),
        reviewers=_reviewers(node),
        notes_count=value_at(node, "notes.count", convert=whole),
    )


def _reviewers(node: Any) -> frozenset[int]:
    nodes = value_at(node, "reviewers.nodes", convert=as_list, optional=True) or ()
    present = [each for each in nodes if each is not None]
    return frozenset(value_at(each, "id", convert=global_id) for each in present)


def _written(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _open(node: Any) -> OpenMergeRequest:
    return OpenMergeRequest(
        id=value_at(node, "id", convert=global_id),
        project_id=value_at(node, "project.id", convert=global_id),
        iid=value_at(node, "iid", convert=whole),
        updated_at=value_at(node, "updatedAt", convert=instant),
        title=value_at(node, "title", convert=text),
        draft=value_at(node, "draft", convert=flag),
        labels=value_at(node, "labels.nodes", convert=labels_of, optional=True) or (),
        reviewers=_reviewers(node),
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
