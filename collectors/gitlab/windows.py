"""Large projects are read whole in windows of creation times, many windows side by side.

A list is read page after page, each of which begins where the one before it ended, so that a list has
one request in flight at most. When a merge request was made never changes: windows by that time lose
nothing and read nothing twice, whatever happens meanwhile. What changes is met by the list of changes,
which is watched from before the first window on. The plan is stored as a position for each window, so
that a run that was interrupted goes on in every one of them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from collectors.gitlab.client import GitLabClient
from collectors.gitlab.collection import Collection, Found, Item, ProjectItem
from collectors.gitlab.errors import HeavyQueryError, QueryRefusedError, about_status
from collectors.gitlab.merge_requests import as_list, newest
from collectors.gitlab.pages import pages
from collectors.gitlab.queries import PROJECT_SPAN, PROJECT_WINDOW, with_stretches
from collectors.gitlab.scopes import Scope
from collectors.gitlab.side_by_side import Put
from collectors.record import Batch, Reached, RecordError, instant, value_at, whole

SMALLEST = 150
"""Merge requests in a window at least: a few pages, so that half-filled last ones cost little."""

FOR_EACH_THREAD = 8
"""Windows for each request in flight: when some are done sooner, there are others to go on with."""

STRETCHES = 32
"""Parts of a project's time that are counted at once: what fits below the complexity that GitLab
allows to who is not signed in."""

ROUNDS = 4
"""How often stretches are parted; 32 parts of 32 parts of ten years are half a week."""

MARK = " window:"
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A project's merge requests that were created from one instant to another, both included.

    after, before: None for the first and the last window, which are open to that side.
    scope_key: of the scope under which the project is collected.
    """

    scope_key: str
    project_id: int
    after: datetime | None
    before: datetime | None

    @property
    def key(self) -> str:
        """The name of its position."""
        bounds = f"{_written(self.after)}/{_written(self.before)}"
        return f"{self.scope_key}{MARK}{self.project_id} {bounds}"

    @classmethod
    def of(cls, key: str) -> "Window | None":
        """The window with a position of this name; None: it is the position of something else."""
        scope_key, mark, rest = key.partition(MARK)
        if not mark:
            return None
        number, _, bounds = rest.partition(" ")
        after, _, before = bounds.partition("/")
        return cls(scope_key, int(number), _read(after), _read(before))


def _written(bound: datetime | None) -> str:
    return "" if bound is None else bound.astimezone(UTC).isoformat()


def _read(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _of_project(found: Found) -> tuple[str, int]:
    return found.scope.key, found.record.id


def _windows(positions: Iterable[str]) -> dict[tuple[str, int], list[Window]]:
    """The windows among positions, by the key of their scope and their project's id, in order."""
    found: dict[tuple[str, int], list[Window]] = {}
    for key in sorted(positions):
        window = Window.of(key)
        if window is not None:
            found.setdefault((window.scope_key, window.project_id), []).append(window)
    return found


def is_begun(collection: Collection, scope: Scope) -> bool:
    """Whether a single project is being read in windows: its list is watched meanwhile."""
    return any(key.startswith(f"{scope.key}{MARK}") for key in collection.positions)


def read_in_windows(
    collection: Collection, new: Sequence[Found], rest: Callable[[Found], Item]
) -> Iterator[Batch]:
    """Reads projects whole: the large ones in windows, the others each as one list beside them.

    new: with at least one merge request each. rest: how one is read that is not large.
    """
    full = collection.context.full
    begun = {} if full else _windows(collection.positions)
    former = _windows(collection.positions) if full else {}
    total = sum(found.project.merge_requests or 0 for found in new)
    threads = collection.context.settings.gitlab.concurrency
    size = max(SMALLEST, total // (threads * FOR_EACH_THREAD))
    large = [
        found
        for found in new
        if _of_project(found) in begun or (found.project.merge_requests or 0) > 2 * size
    ]
    yield from _forget(collection, large)
    yield from collection.stored(
        [
            PlanWindows(
                found=found,
                size=size,
                former=tuple(each.key for each in former.get(_of_project(found), ())),
            )
            for found in large
            if _of_project(found) not in begun
        ]
    )
    positions = collection.context.known.positions() if large else {}
    planned = _windows(positions)
    items: list[tuple[int, Item]] = [
        (found.project.merge_requests or 0, rest(found)) for found in new if found not in large
    ]
    for found in large:
        items += [
            (size, ReadWindow(found=found, window=window.key))
            for window in planned.get(_of_project(found), ())
            if not positions[window.key].complete
        ]
    # What takes longest is begun first, so that nothing long is left alone in the end.
    items.sort(key=lambda item: item[0], reverse=True)
    yield from collection.stored([item for _, item in items])
    if large:
        yield from _ended(collection, large)


def _forget(collection: Collection, large: Sequence[Found]) -> Iterator[Batch]:
    """Gives up windows of projects that are no longer there, or were read whole since: whatever
    comes back is read from its beginning. Those of a scope that could not be read are kept."""
    unsure = {scope.key for scope in (*collection.failed, *collection.doubtful)}
    sure = {scope.key for scope in collection.surveyed} - unsure
    kept = {_of_project(found) for found in large}
    stale = [
        window.key
        for project, windows in _windows(collection.positions).items()
        if project[0] in sure and project not in kept
        for window in windows
    ]
    if stale:
        yield Batch(forget=stale)


def _ended(collection: Collection, large: Sequence[Found]) -> Iterator[Batch]:
    """The projects of which every window was read are read whole, and need no windows any more."""
    positions = collection.context.known.positions()
    planned = _windows(positions)
    for found in large:
        windows = planned.get(_of_project(found), ())
        if windows and all(positions[window.key].complete for window in windows):
            key = found.scope.project_key(found.record.id)
            yield Batch(
                reached=[Reached(scope=key, through=None, complete=True)],
                forget=[window.key for window in windows],
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWindows(ProjectItem):
    """Parts a project into windows of about so many merge requests, and puts their positions.

    former: names of the positions of an earlier plan, which are given up.
    """

    size: int
    former: tuple[str, ...]

    def read(self, collection: Collection, put: Put[Batch], path: str) -> None:
        """Counts the project's merge requests over time. Raises a GitLabError."""
        found, client = self.found, collection.client
        oldest, youngest, latest = _span(client, path, found.about)
        reached = []
        if found.scope.kind == "project" and not collection.is_watched(found):
            # Its own list is watched from now on; a group's is already.
            through = min(latest, client.clock.now())
            reached.append(Reached(scope=found.scope.key, through=through, complete=False))
        all_time = _Stretch(oldest, youngest, found.project.merge_requests or 0)
        counted = _counted(client, path, found.about, all_time, self.size)
        bounds = [None, *_cuts(counted, self.size), None]
        reached += [
            Reached(
                scope=Window(found.scope.key, found.record.id, after, before).key,
                through=None,
                complete=False,
            )
            for after, before in pairwise(bounds)
        ]
        put(Batch(reached=reached, forget=self.former))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadWindow(ProjectItem):
    """Reads a window from where it was left. window: the name of its position."""

    window: str

    def read(self, collection: Collection, put: Put[Batch], path: str) -> None:
        """Each page is put with the position that it brings. Raises a GitLabError."""
        window = Window.of(self.window)
        assert window is not None
        position = collection.context.known.positions().get(self.window)
        through = position.through if position is not None else None
        variables = {
            "path": path,
            "createdAfter": _variable(through or window.after),
            "createdBefore": _variable(window.before),
        }
        for page in pages(
            collection.client,
            PROJECT_WINDOW,
            variables,
            collection.merge_requests,
            holder=lambda data: data.get("project"),
            about=self.found.about,
        ):
            batch = collection.reader.batch(page.nodes, path)
            reached = Reached(
                scope=self.window,
                through=newest(page.nodes, "createdAt"),
                complete=page.last,
            )
            put(replace(batch, reached=[reached]))


def _variable(bound: datetime | None) -> str | None:
    return None if bound is None else bound.isoformat()


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of a project's time, and how many merge requests were created in it."""

    start: datetime
    end: datetime
    count: int

    def parts(self, number: int) -> list[tuple[datetime, datetime]]:
        """The stretch in so many parts; less where they would be shorter than a second."""
        seconds = (self.end - self.start) // SECOND
        number = max(1, min(number, seconds))
        bounds = [self.start + n * seconds // number * SECOND for n in range(number)]
        return list(pairwise([*bounds, self.end]))


def _span(client: GitLabClient, path: str, about: str) -> tuple[datetime, datetime, datetime]:
    """(first creation, last creation, last change) of a project's merge requests.

    Where there is none any more: the present, three times.
    """
    data = client.graphql(PROJECT_SPAN, {"path": path}, about=about)
    project = data.get("project")
    if project is None:
        raise about_status(404, client.base_url, about)
    told = []
    for name, of in (("oldest", "createdAt"), ("newest", "createdAt"), ("latest", "updatedAt")):
        if project.get(name) is None:
            raise about_status(403, client.base_url, f"the merge requests of {about}")
        try:
            nodes = value_at(project, f"{name}.nodes", convert=as_list)
            told.append(value_at(nodes[0], of, convert=instant) if nodes else client.clock.now())
        except RecordError as error:
            raise QueryRefusedError(f"The list of {about} cannot be read: {error}.") from error
    oldest, youngest, latest = told
    return oldest, youngest, latest


def _counted(
    client: GitLabClient, path: str, about: str, all_time: _Stretch, size: int
) -> list[_Stretch]:
    """A project's time in stretches with so few merge requests in each that they may be taken for
    evenly spread over it. all_time: with the number of all, which the survey told."""
    # Twice what a stretch has where the work went on evenly; more than that was imported at once.
    most = max(size, 2 * all_time.count // STRETCHES)
    stretches = [all_time]
    for _ in range(ROUNDS):
        large = [
            each
            for each in stretches
            if (each is all_time or each.count > most) and len(each.parts(2)) > 1
        ]
        large.sort(key=lambda each: each.count, reverse=True)
        del large[STRETCHES // 2 :]
        if not large:
            break
        try:
            parted = _count(client, path, about, large)
        except HeavyQueryError:
            break  # cut as if they were even: the windows differ more in size, and that is all
        stretches = sorted(
            [*(each for each in stretches if each not in large), *parted],
            key=lambda each: each.start,
        )
    return stretches


def _count(
    client: GitLabClient, path: str, about: str, stretches: Sequence[_Stretch]
) -> list[_Stretch]:
    """The parts of some stretches, counted with one request."""
    parts = [part for each in stretches for part in each.parts(STRETCHES // len(stretches))]
    variables: dict[str, str] = {}
    for n, (start, end) in enumerate(parts):
        variables |= {f"after{n}": start.isoformat(), f"before{n}": end.isoformat()}
    query = with_stretches(len(parts))
    data = client.graphql(query, {"path": path, **variables}, about=about, attempts=2)
    project = data.get("project")
    if project is None:
        raise about_status(404, client.base_url, about)
    try:
        return [
            _Stretch(start, end, value_at(project, f"count{n}.count", convert=whole))
            for n, (start, end) in enumerate(parts)
        ]
    except RecordError as error:
        raise QueryRefusedError(f"{about} cannot be counted: {error}.") from error


def _cuts(stretches: Sequence[_Stretch], size: int) -> list[datetime]:
    """Where one window ends and the next begins, for about so many merge requests in each."""
    total = sum(each.count for each in stretches)
    number = -(-total // size)
    cuts: list[datetime] = []
    before = 0
    for each in stretches:
        # As if they were spread evenly over the stretch.
        first, last = -(-before * number // total), -(-(before + each.count) * number // total)
        for n in range(max(first, 1), last):
            part = (n * total / number - before) / each.count
            at = each.start + int((each.end - each.start) / SECOND * part) * SECOND
            if at > stretches[0].start and (not cuts or at > cuts[-1]):
                cuts.append(at)
        before += each.count
    return cuts
