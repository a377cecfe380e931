"""A refresh whose shares others compute: the same values whoever does what, and whoever is killed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from threading import Event

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.errors import AppError
from app.metrics.indicator import Computed
from app.metrics.refresh import refresh
from app.metrics.shares import Bounds, Share
from app.settings import Settings
from app.store.engine import sessions
from collectors.queued.sharing import OF_WORKERS, Sharing, compute
from collectors.retry import StoppedError
from tests.app.metrics.conftest import Store
from tests.collectors.made import rows

TEAM_BY_TEAM = Bounds(merge_requests=1, values=1)
NOW = datetime(2024, 3, 20, 12, tzinfo=UTC)
SETTINGS = Settings.model_validate(
    {
        "reporting": {"history_start": "2024-01-01"},
        "gitlab": {"groups": ["acme"]},
        "files": {"teams": "/nowhere/teams.yaml"},
    }
)


def fill(session: Session) -> None:
    """Four teams below the organisation, whose people move, with merge requests of each."""
    store = Store(session)
    for number, team in enumerate(("red", "blue", "green", "white")):
        store.team(team, "red" if team == "white" else "organisation", owns=[f"acme/{team}"])
        store.project(number, f"acme/{team}")
    for number, (person, team) in enumerate(
        (("ann", "red"), ("ben", "blue"), ("cy", "green"), ("dee", "white"))
    ):
        store.person(person, number + 1)
        store.member(person, team, date(2024, 1, 1), date(2024, 2, 10))
        store.member(person, "blue" if team == "red" else "red", date(2024, 2, 10))
        for day in range(1, 9):
            merged = f"2024-02-{day + 9:02} 08:00" if day % 3 else None
            created = f"2024-01-{day * 3:02} 0{number}:00"
            store.merge_request(number + 1, created, project=number, merged=merged)
    store.collected("2024-03-20 12:00")
    session.commit()


Stored = list[str]


def stored(session: Session) -> Stored:
    """All values with their history, and the coverage."""
    queries = (
        "SELECT to_jsonb(v)::text FROM period_values v ORDER BY 1",
        "SELECT (to_jsonb(c) - 'id')::text FROM coverages c ORDER BY 1",
    )
    return [row for query in queries for row in session.scalars(text(query))]


@pytest.fixture
def expected(engine: Engine) -> Stored:
    """What one process stores that nobody helps; it is not kept."""
    with sessions(engine)() as session:
        fill(session)
        refresh(session, SETTINGS, NOW)
        return stored(session)


@dataclass
class Shared:
    """A refresh that hands out all it can; `between` is what happens before it goes on itself."""

    engine: Engine
    between: Callable[[], None] = lambda: None
    silent: float = 60.0
    bounds: Bounds = TEAM_BY_TEAM
    stopping: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.sharing = Sharing(
            self.engine, silent=self.silent, stopping=self.stopping, bounds=self.bounds
        )

    def __call__(self, shares: Iterator[Share]) -> Iterator[tuple[str, Computed]]:
        values = self.sharing(shares)
        self.between()
        return values

    def run(self) -> Stored:
        with self.sharing.clearing(), sessions(self.engine).begin() as session:
            refresh(session, SETTINGS, NOW, computing=self)
            found = stored(session)
        assert rows(self.engine, "SELECT count(*) FROM refresh_items") == [(0,)]
        return found


def items(engine: Engine, condition: str = "true") -> list[int]:
    query = f"SELECT id FROM refresh_items WHERE {condition} ORDER BY id"
    return [row[0] for row in rows(engine, query)]


def execute(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_others_compute_some_and_the_values_are_the_same(engine: Engine, expected: Stored) -> None:
    execute(engine, "INSERT INTO refresh_items (release, content) VALUES ('killed', '')")
    [left] = items(engine)

    def others() -> None:
        handed = items(engine)
        assert left not in handed, "of a refresh that was killed"
        assert len(handed) == 4
        jobs = rows(engine, "SELECT task_name, queue_name, args FROM queue.procrastinate_jobs")
        assert jobs == [("compute", "shares", {"item": item}) for item in handed]
        for item in (*handed[:2], left):
            compute(engine, item, silent=60)
        compute(engine, handed[0], silent=0)  # it is done: nobody does it again
        execute(engine, f"UPDATE refresh_items SET release = 'other' WHERE id = {handed[2]}")
        compute(engine, handed[2], silent=60)
        execute(
            engine,
            f"UPDATE refresh_items SET release = r.release FROM refresh_items r"
            f" WHERE refresh_items.id = {handed[2]} AND r.id = {handed[0]}",
        )
        assert items(engine, "outcome IS NOT NULL") == handed[:2]
        assert items(engine, "begun_at IS NOT NULL") == handed[:2]

    assert Shared(engine, others).run() == expected


def test_what_somebody_began_who_fell_silent_is_done_here(engine: Engine, expected: Stored) -> None:
    def others() -> None:
        execute(engine, "UPDATE refresh_items SET begun_at = now()")
        compute(engine, items(engine)[0], silent=60)
        assert items(engine, "outcome IS NOT NULL") == [], "somebody is at it"

    assert Shared(engine, others, silent=0.3).run() == expected


def test_whoever_cannot_compute_a_share_leaves_it(engine: Engine, expected: Stored) -> None:
    def others() -> None:
        first = items(engine)[0]
        execute(engine, f"UPDATE refresh_items SET content = 'broken' WHERE id = {first}")
        with pytest.raises(ValueError, match="pickled"):
            compute(engine, first, silent=60)
        assert items(engine, "begun_at IS NULL AND outcome IS NULL") == items(engine)

    with pytest.raises(ValueError, match="pickled"):
        Shared(engine, others).run()
    assert items(engine) == []
    assert Shared(engine).run() == expected


@pytest.mark.parametrize("stopped", [True, False])
def test_a_refresh_that_ends_early_leaves_nothing(
    engine: Engine, expected: Stored, *, stopped: bool
) -> None:
    stopping = Event()

    def others() -> None:
        compute(engine, items(engine)[0], silent=60)
        if stopped:
            stopping.set()
        else:  # the next refresh, which begins when this one has lost its connection
            execute(engine, "DELETE FROM refresh_items")

    with pytest.raises(StoppedError if stopped else AppError):
        Shared(engine, others, stopping=stopping).run()
    assert items(engine) == []
    with sessions(engine)() as session:
        assert stored(session) == []
    assert Shared(engine).run() == expected


def test_what_is_done_in_seconds_is_not_handed_out(engine: Engine, expected: Stored) -> None:
    def others() -> None:
        assert items(engine) == []

    assert Shared(engine, others, bounds=OF_WORKERS).run() == expected
