"""A small collection that meets every kind of request, made again and again on the same ground."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Engine, text

from app.settings import Settings
from app.store.tables import Base
from collectors import gitlab, runner
from collectors.retry import RetryPolicy
from collectors.runner import RunReport
from collectors.source import Source
from demo.gitlab import GitLabFake, Request, World
from tests.collectors.gitlab.conftest import Clock, small_world
from tests.collectors.gitlab.test_collect import fill

ALL = os.environ.get("TEAMGAUGE_TEST_FAULTS") == "all"
"""Whether each fault is tried everywhere (`make test-faults`), or at a few places (`make test`)."""

OF_RUNS = ("runs", "work_items", "rate_limits", "marks", "changes", "changed_merge_requests")
"""Tables that tell of runs, not of what they read."""

Contents = dict[str, list[tuple[Any, ...]]]

QUICK = RetryPolicy(base=0.001, cap=0.002, longest=0.01, limited_attempts=4)
TOKEN = "glpat-SECRET-course"
SETTINGS: dict[str, Any] = {
    "groups": ["acme"],
    "projects": ["solo/tool"],
    "handbook": [{"project": "acme/handbook", "paths": ["docs/**"]}],
    "reviewer_rows": "all",
    "concurrency": 1,  # so that the requests of two runs come in the same order
}
COMPLEXITY = 175
"""What GitLab allows at most: so little that lists of merge requests need several pages."""


def before(world: World, clock: Clock) -> None:
    """Three projects in a group, one beside it, one that will be hidden; work of every state."""
    for path in ("acme/handbook", "acme/leaving"):
        world.add_project(path)
    world.add_group("solo")
    world.add_project("solo/tool")
    fill(world, clock, 28)
    ada, ben, cleo = (world.user(name) for name in ("ada", "ben", "cleo"))
    for number in range(3):
        page = world.add_merge_request(
            world.project("acme/handbook"),
            ada,
            f"Page {number}",
            clock.pass_(hours=1),
            paths=[f"docs/{number}.md", "README.md"],
        )
        world.merge(page, ben, clock.pass_(hours=1))
    long = world.add_merge_request(
        world.project("acme/app"), cleo, "Long", clock.pass_(hours=1), reviewers=[ada]
    )
    for number in range(130):
        world.comment(long, ben, f"Word {number}", clock.pass_(minutes=1))


def after(world: World, clock: Clock) -> None:
    """What happens between two runs: all that a list, the survey or a count alone can tell."""
    ada, ben, cleo, dan = (world.user(name) for name in ("ada", "ben", "cleo", "dan"))
    clock.pass_(days=3)
    app, lib = world.project("acme/app"), world.project("acme/deep/lib")
    changes = list(app.merge_requests.values())
    still_open = [each for each in changes if each.state == "opened"]
    done = [each for each in changes if each.state != "opened"]
    long = next(each for each in changes if each.title == "Long")
    world.comment(long, ada, "Another word", clock.pass_(hours=1))
    world.merge(still_open[0], dan, clock.pass_(hours=1))
    world.silent = frozenset({"reviewers", "labels"})
    world.request_review(still_open[1], ben, [dan, cleo], clock.pass_(hours=1))
    world.add_label(still_open[2], "late", clock.pass_(hours=1))
    world.silent = frozenset()
    world.delete_merge_request(next(e for e in lib.merge_requests.values() if e.state == "opened"))
    world.delete_merge_request(done[0])
    new = world.add_merge_request(lib, ben, "New", clock.pass_(hours=1), reviewers=[ada])
    world.request_review(new, ben, [cleo], clock.pass_(hours=1))
    world.rename_user(dan, "daniel", "Daniel")
    world.hide_project(world.project("acme/leaving"))
    young = world.add_project("acme/young")
    for number in range(2):
        made = world.add_merge_request(
            young, cleo, f"Young {number}", clock.pass_(hours=1), reviewers=[ada]
        )
        world.request_review(made, cleo, [ben], clock.pass_(minutes=5))
    page = world.add_merge_request(
        world.project("acme/handbook"), ben, "More", clock.pass_(hours=1), paths=["docs/new.md"]
    )
    world.merge(page, ada, clock.pass_(hours=1))
    tool = world.project("solo/tool")
    world.comment(next(iter(tool.merge_requests.values())), cleo, "Hm", clock.pass_(hours=1))


@dataclass
class Course:
    """One run over the same ground: into an empty database, or into one that knows an earlier state.

    whole: the tables after an undisturbed run. dirty: the merge requests that it marked.
    requests: what it asked for, in order. remarks: what it said.
    """

    fake: GitLabFake
    url: str
    engine: Engine
    following: bool
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))
    whole: Contents = field(default_factory=dict)
    dirty: set[int] = field(default_factory=set)
    requests: list[Request] = field(default_factory=list)
    remarks: tuple[str, ...] = ()

    def keep(self) -> None:
        """Takes what is stored now for the ground on which every run begins."""
        with self.engine.begin() as connection:
            connection.execute(text("CREATE SCHEMA ground"))
            connection.execute(text("DELETE FROM changed_merge_requests"))
            for table in Base.metadata.sorted_tables:
                connection.execute(
                    text(f"CREATE TABLE ground.{table.name} AS TABLE public.{table.name}")
                )

    def mend(self) -> None:
        """Ends whatever was wrong with GitLab."""
        self.fake.faults.clear()
        self.fake.tokens[TOKEN].requests_left = None
        self.fake.max_complexity = COMPLEXITY

    def restore(self) -> None:
        """Puts the ground back, and GitLab in order."""
        self.mend()
        with self.engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(text(f"DELETE FROM {table.name}"))
            for table in Base.metadata.sorted_tables:
                connection.execute(
                    text(
                        f"INSERT INTO {table.name} OVERRIDING SYSTEM VALUE"
                        f" SELECT * FROM ground.{table.name}"
                    )
                )
            connection.execute(text("DELETE FROM changed_merge_requests"))  # it was noted

    def collect(self, *, full: bool = False, **changes: Any) -> RunReport:
        """One run."""
        source = Source(name="gitlab", title="GitLab", fetch=partial(gitlab.fetch, policy=QUICK))
        settings = {"url": self.url, "token": TOKEN, **SETTINGS, **changes}
        self.fake.forget_requests()
        return runner.run(
            self.engine,
            source,
            Settings.model_validate({"gitlab": settings}),
            full=full,
            started_at=datetime.now(UTC),
        )

    def contents(self) -> Contents:
        """Every row of every table but the log of runs; instants of our own doing as such."""
        found = {}
        with self.engine.connect() as connection:
            for table in Base.metadata.sorted_tables:
                if table.name not in OF_RUNS:
                    # A position may lie further back: then more than needed is read again.
                    columns = [e for e in table.columns if e.name not in ("dirty", "through")]
                    rows = connection.execute(table.select().with_only_columns(*columns))
                    found[table.name] = sorted(
                        (tuple(self._settled(value) for value in row) for row in rows), key=repr
                    )
        return found

    def _settled(self, value: Any) -> Any:
        return "now" if isinstance(value, datetime) and value >= self.begun else value

    def marked(self) -> set[int]:
        """The merge requests that the refresh of the indicators will look at."""
        with self.engine.connect() as connection:
            marked = connection.execute(text("SELECT id FROM changed_merge_requests"))
            return set(marked.scalars())

    def remember(self) -> None:
        """Makes the undisturbed run."""
        self.restore()
        report = self.collect()
        assert (report.outcome, report.failures) == ("done", ()), report
        self.whole, self.dirty = self.contents(), self.marked()
        self.requests, self.remarks = list(self.fake.requests), report.remarks

    def differences(self) -> list[str]:
        """What is stored otherwise than after the undisturbed run."""
        found = []
        for table, rows in self.contents().items():
            whole = self.whole[table]
            found += [f"{table} lacks {row}" for row in whole if row not in rows]
            if table != "positions":  # one more is of a part that was read by itself for once
                found += [f"{table} has {row}" for row in rows if row not in whole]
        missed = self.dirty - self.marked()
        return found + ([f"not marked: {sorted(missed)}"] if missed else [])


def places(course: Course, few: Sequence[float] = (0.0, 0.5, 1.0)) -> Sequence[int]:
    """How many requests are let through before a fault: every number, or those at a few places."""
    last = len(course.requests) - 1
    return range(last + 1) if ALL else sorted({round(place * last) for place in few})


def wrong_with(course: Course, report: RunReport) -> list[str]:
    """What is wrong with a run and with what it says of itself: nothing may be lost in silence."""
    wrong = []
    told = [str(each) for each in report.failures]
    with course.engine.connect() as connection:
        row = connection.exec_driver_sql(
            "SELECT outcome, message, data_through, requests FROM runs ORDER BY id DESC LIMIT 1"
        ).one()
    if (row.outcome, row.data_through) != (report.outcome, report.data_through):
        wrong.append(f"the table of runs says {row}")
    if row.requests < len(course.fake.requests):
        wrong.append(f"{row.requests} requests are counted, {len(course.fake.requests)} were made")
    wrong += [
        f"the run tells {row.message!r}"
        for sentence in told
        if sentence not in row.message or TOKEN in sentence
    ]
    if report.outcome == "done":
        if set(report.remarks) <= set(course.remarks):  # else somebody is told of what differs
            wrong += course.differences()
        if told or report.quarantined or report.data_through is None:
            wrong.append(f"done, but {told}")
    elif not told and not report.quarantined:
        wrong.append("not done, and says nothing")
    elif report.data_through is not None and course.following and not report.quarantined:
        wrong += course.differences()  # it says that what was collected before is up to date
    return wrong


def wrong_after(course: Course) -> list[str]:
    """What is wrong with the run after one that was disturbed: it mends everything."""
    report = course.collect()
    wrong = wrong_with(course, report)
    if report.outcome != "done":
        wrong.append(f"it is {report.outcome}: {[str(each) for each in report.failures]}")
    with course.engine.connect() as connection:
        if connection.scalar(text("SELECT count(*) FROM runs WHERE outcome = 'running'")):
            wrong.append("a run goes on for ever")
    return [f"in the next run {each}" for each in [*wrong, *course.differences()]]


@contextmanager
def courses(make_engine: Callable[[], Engine]) -> Iterator[tuple[Course, Course]]:
    """The first run, and one that follows an earlier one."""
    made = []
    for _ in range(2):
        clock = Clock()
        world = small_world(clock)
        before(world, clock)
        fake = GitLabFake(world, token=TOKEN)
        fake.max_complexity = COMPLEXITY
        made.append((clock, world, fake))
    (_, _, first), (clock, world, second) = made
    with first.serving() as first_url, second.serving() as second_url:
        pair = (
            Course(first, first_url, make_engine(), following=False),
            Course(second, second_url, make_engine(), following=True),
        )
        pair[1].begun = datetime.now(UTC)
        report = pair[1].collect()
        assert report.outcome == "done", report
        after(world, clock)
        for course in pair:
            course.keep()
            course.begun = datetime.now(UTC)
            course.remember()
        yield pair
