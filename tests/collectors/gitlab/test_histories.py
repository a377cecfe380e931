"""Random histories with faults, kills and re-runs: the tables become those of a fresh full collection."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, text

from app.settings import Settings
from collectors import gitlab, runner
from collectors.gitlab import counts, windows
from collectors.gitlab.projects import SLICE
from collectors.record import Batch
from collectors.retry import RetryPolicy
from collectors.source import Context, Source
from demo.gitlab import GitLabFake
from tests.collectors.gitlab.company import HANDBOOK, STEPS, Company
from tests.collectors.gitlab.conftest import empty, rows
from tests.collectors.gitlab.truth import BESIDE, LIVE, STORED, expected, shown

MINUTES = float(os.environ.get("TEAMGAUGE_HISTORIES_MINUTES", "0"))
"""How long to play; 0: as many histories as an ordinary run of the tests has time for."""

FEW = 10
"""That many."""

PATIENT = RetryPolicy(base=0.0005, cap=0.002, longest=0.01, attempts=4, first_attempts=3)

CONFIGURATIONS = (
    ("acme", "beta"),
    ("acme/deep", "beta", "acme"),
    ("acme",),
    ("acme/deep",),
)
"""Groups that may be collected: two, such that overlap, less, and one with the handbook beside it."""

PLACES = st.integers(1, 12)
"""A request of a run, counted from its first."""

NUMBERS = st.integers(0, 10_000)
SECONDS = st.sampled_from((0, 1, 50, 400, 3000))


PAST = (("comment", "merge"), ("ask", "close"), ("comment", "ask"), ("approve", "merge"), ())
"""What happened on merge requests before the history begins."""


class Killed(BaseException):
    """The process ends here: what was not committed is not there."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong from a request on. times: with how many in a row; above what patience bears,
    something cannot be read in that run."""

    kind: str
    at: int
    times: int

    def switch_on(self, fake: GitLabFake) -> None:
        given: dict[str, Any] = {"skip": self.at - 1, "times": self.times}
        if self.kind == "drop":
            fake.drop_next(**given)
        elif self.kind == "truncate":
            fake.truncate_next(**given)
        elif self.kind == "time out":
            fake.time_out_next(**given)
        elif self.kind == "errors":
            answer = {"data": {"project": None}, "errors": [{"message": "Internal server error"}]}
            fake.fail_next(200, body=answer, **given)
        elif self.kind == "complexity":
            words = "Query has complexity of 301, which exceeds max complexity of 250"
            fake.fail_next(200, body={"errors": [{"message": words}]}, **given)
        else:
            fake.fail_next(int(self.kind), **given)


FAULTS = st.builds(
    Fault,
    kind=st.sampled_from(
        ("drop", "truncate", "time out", "errors", "complexity", "429", "500", "502", "503", "403")
    ),
    at=PLACES,
    times=st.sampled_from((1, 1, 2, 7)),
)
MEANWHILE = st.tuples(PLACES, st.sampled_from(STEPS), NUMBERS)


@dataclass
class Tally:
    """What was tried, over all histories."""

    histories: int = 0
    steps: int = 0
    runs: int = 0
    faults: int = 0
    kills: int = 0
    meanwhile: int = 0
    comparisons: int = 0


def stored(engine: Engine, query: str) -> set[tuple[Any, ...]]:
    """The rows of a query over what is live, lists as tuples."""
    return {
        tuple(tuple(each) if isinstance(each, list) else each for each in row)
        for row in rows(engine, f"{LIVE} {query}")
    }


class Histories(RuleBasedStateMachine):
    """Things happen in a GitLab, before and during runs; runs fail, are killed and made again."""

    engine: ClassVar[Engine]
    fresh: ClassVar[Engine]
    tally: ClassVar[Tally]

    def __init__(self) -> None:
        super().__init__()
        self.tally.histories += 1
        empty(self.engine)
        self.company = Company()
        self.world = self.company.world
        self.fake = self.company.fake
        self.chosen: Sequence[str] = CONFIGURATIONS[0]
        self.kept: dict[int, set[int]] = {}
        self.stack = ExitStack()
        self.url = self.stack.enter_context(self.fake.serving())

    def teardown(self) -> None:
        """Every history ends with the comparison, and with that of a full run, after which nothing is
        out of reach but what is switched off."""
        try:
            if sys.exc_info()[0] is None:
                self.compare()
                self.run_cleanly(self.engine, full=True)
                self.agree(since_then=False)
                off = {p.id for p in self.world.projects.values() if not p.merge_requests_enabled}
                assert self.unreachable() <= off
        finally:
            self.stack.close()

    # What happens ------------------------------------------------------------------------------

    @initialize(silent=st.booleans(), n=NUMBERS)
    def begin(self, silent: bool, n: int) -> None:
        """There is a past, which was collected. Some versions of GitLab leave updated_at alone when
        reviewers are set."""
        if silent:
            self.world.silent = frozenset({"reviewers", "assignees"})
        for k in range(10):
            self.company.create(n + k)
            for name in PAST[k % len(PAST)]:
                self.company.step(name)(n + k)
            self.company.clock.pass_(400)
        self.run_cleanly(self.engine)

    @rule(
        steps=st.lists(st.tuples(st.sampled_from(STEPS), NUMBERS, SECONDS), min_size=1, max_size=6)
    )
    def happens(self, steps: list[tuple[str, int, int]]) -> None:
        """Things happen between the runs, with some seconds after each."""
        self.tally.steps += len(steps)
        for name, n, seconds in steps:
            before = self.company.out_of_sight()
            self.company.step(name)(n)
            after = self.company.out_of_sight()
            for number in after - before:
                if ids := self.live_in(number):
                    self.kept[number] = ids
            for number in before - after:
                self.kept.pop(number, None)
            self.company.clock.pass_(seconds)

    @rule(
        chosen=st.sampled_from((None, None, None, *CONFIGURATIONS)),
        full=st.sampled_from((False, False, False, True)),
        concurrency=st.sampled_from((1, 4)),
        faults=st.lists(FAULTS, max_size=2),
        killed=st.none() | st.integers(1, 5),
        meanwhile=st.lists(MEANWHILE, max_size=3),
    )
    def collect(
        self,
        chosen: Sequence[str] | None,
        full: bool,
        concurrency: int,
        faults: list[Fault],
        killed: int | None,
        meanwhile: list[tuple[int, str, int]],
    ) -> None:
        """A run in which things go wrong, during which things happen, and which may be killed.

        chosen: what is to be collected from now on; None: what it was.
        """
        self.tally.steps += 1
        if chosen is not None:
            self.chosen = chosen
            self.kept.clear()
        self.tally.faults += len(faults)
        self.tally.meanwhile += len(meanwhile)
        self.fake.forget_requests()
        for fault in faults:
            fault.switch_on(self.fake)
        before = self.company.out_of_sight()
        changes = [(place, Once(self.company.step(name), n)) for place, name, n in meanwhile]
        for place, change in changes:
            self.fake.before_answer(place, change)
        try:
            self.run(self.engine, full=full, concurrency=concurrency, killed=killed)
        except Killed:
            self.tally.kills += 1
            with self.engine.begin() as connection:  # nobody was left to write how it ended
                connection.execute(
                    text(
                        "UPDATE runs SET outcome = 'running', finished_at = NULL"
                        " WHERE id = (SELECT max(id) FROM runs)"
                    )
                )
        self.fake.faults.clear()
        for _, change in changes:
            change()  # where the run ended before
        if full:
            self.kept.clear()
        for number in before ^ self.company.out_of_sight():
            self.kept.pop(number, None)

    @rule(seldom=st.integers(0, 3))
    def compare_now(self, seldom: int) -> None:
        """In the middle of a history as well."""
        if seldom == 0:
            self.tally.steps += 1
            self.compare()

    # What must hold ----------------------------------------------------------------------------

    def compare(self) -> None:
        """One run in which nothing goes wrong, and the tables are those of a fresh collection and of
        the world. One more asks for what changed, and that is nothing.

        What nothing but the slices can tell takes a round of them: one run for a small GitLab.
        """
        for _ in range(self.round()):
            self.run_cleanly(self.engine)
        self.agree()
        for number, ids in self.kept.items():
            if self.is_to_be_kept(number):
                assert self.live_in(number) >= ids, f"project {number} keeps what was read"
        again = self.run_cleanly(self.engine)
        assert (again.rows_new, again.rows_changed, again.rows_deleted) == (0, 0, 0)
        assert set(again.requests_by_kind) <= {
            *("group_merge_requests", "group_survey"),
            *("project_merge_requests", "project_survey"),
        }
        assert again.requests <= 2 * len(self.chosen) + 2 + len(self.world.merge_requests) / 25

    def round(self) -> int:
        """After how many runs everything has been in a slice."""
        begun = rows(self.engine, "SELECT 1 FROM positions WHERE scope LIKE '% verified'")
        there = len(self.world.merge_requests)
        return 1 if there <= SLICE and not begun else there // SLICE + 2

    def agree(self, *, since_then: bool = True) -> None:
        """The tables are those of a fresh collection and of the world. since_then: whether anything
        happened after the last fresh one."""
        self.tally.comparisons += 1
        if since_then:
            empty(self.fresh)
            self.run_cleanly(self.fresh)
        truth = expected(self.world, self.chosen, [HANDBOOK])
        for name, query in STORED.items():
            told = truth[name]
            assert stored(self.fresh, query) == told, f"{name} of a fresh collection"
            assert stored(self.engine, query) == told, name
        for name, query in BESIDE.items():
            assert stored(self.engine, query) == stored(self.fresh, query), name
        assert not self.unreachable() & {
            each.id for each in shown(self.world, self.chosen, [HANDBOOK])
        }

    def is_to_be_kept(self, number: int) -> bool:
        """Whether nothing tells that a project which is out of sight is gone: it was in one of the
        groups and not marked for deletion when it was seen last, and does not show up elsewhere."""
        ((path,),) = rows(self.engine, f"SELECT path FROM projects WHERE id = {number}")
        return (
            self.holds(path)
            and "-deletion_scheduled-" not in path
            and not self.is_elsewhere(number)
        )

    def is_elsewhere(self, number: int) -> bool:
        """Whether a project is shown outside of the groups."""
        now = self.world.projects.get(number)
        return now is not None and not now.hidden and not self.holds(now.full_path)

    def holds(self, path: str) -> bool:
        return any(path.startswith(f"{group}/") for group in self.chosen)

    def live_in(self, number: int) -> set[int]:
        found = rows(
            self.engine,
            f"SELECT id FROM merge_requests WHERE project_id = {number} AND deleted_at IS NULL",
        )
        return {id_ for (id_,) in found}

    def unreachable(self) -> set[int]:
        """The projects that are listed as out of reach."""
        query = (
            "SELECT id FROM projects p WHERE unreachable_since IS NOT NULL AND EXISTS"
            " (SELECT 1 FROM merge_requests WHERE project_id = p.id AND deleted_at IS NULL)"
        )
        return {number for (number,) in rows(self.engine, query)}

    # Runs --------------------------------------------------------------------------------------

    def run_cleanly(self, engine: Engine, *, full: bool = False) -> runner.RunReport:
        report = self.run(engine, full=full, concurrency=4, killed=None)
        assert report.outcome == "done", report.failures
        return report

    def run(
        self, engine: Engine, *, full: bool, concurrency: int, killed: int | None
    ) -> runner.RunReport:
        """killed: at which request, counted from the first."""

        def fetch(context: Context) -> Iterator[Batch]:
            for batch in gitlab.fetch(context, PATIENT):
                if killed is not None and self.fake.count() >= killed:
                    raise Killed
                yield batch

        self.tally.runs += 1
        # Whoever sees it elsewhere takes it for gone, and it may come back with nothing to be read.
        for number in [each for each in self.kept if self.is_elsewhere(each)]:
            del self.kept[number]
        self.fake.forget_requests()
        self.fake.ahead = self.company.clock.now - datetime.now(UTC)
        given = {
            "groups": self.chosen,
            "url": self.url,
            "token": self.fake.token,
            "reviewer_rows": "all",
            "concurrency": concurrency,
            "handbook": [{"project": HANDBOOK, "paths": ["doc/**"]}],
        }
        return runner.run(
            engine,
            Source(name="gitlab", title="GitLab", fetch=fetch),
            Settings.model_validate({"gitlab": given}),
            full=full,
            started_at=datetime.now(UTC),
        )


class Once:
    """Something that happens during a run, or else after it."""

    def __init__(self, step: Callable[[int], None], n: int) -> None:
        self._step = step
        self._n = n
        self._happened = False

    def __call__(self) -> None:
        if not self._happened:
            self._happened = True
            self._step(self._n)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done for large projects only is done for these small ones."""
    monkeypatch.setattr(windows, "SMALLEST", 5)
    monkeypatch.setattr(counts, "PAGE", 5)


@pytest.fixture
def quiet() -> Iterator[None]:
    """Thousands of runs have nothing to say to the log."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.mark.timeout(MINUTES * 60 + 1800)
@pytest.mark.usefixtures("quiet", "small")
def test_histories(two_engines: tuple[Engine, Engine]) -> None:
    """`make test-histories` plays them for half an hour."""
    tally = Tally()

    class Played(Histories):
        pass

    Played.engine, Played.fresh = two_engines
    Played.tally = tally
    until = time.monotonic() + MINUTES * 60
    chosen = settings(
        max_examples=20 if MINUTES else FEW,
        stateful_step_count=20 if MINUTES else 8,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    while True:
        run_state_machine_as_test(Played, settings=chosen)
        print(tally, flush=True)
        if time.monotonic() >= until:
            break

    assert tally.comparisons >= tally.histories > 0
