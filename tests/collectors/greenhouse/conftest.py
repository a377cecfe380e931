"""A Greenhouse that is served, a database with three teams, and the collector between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.settings import Settings
from collectors import greenhouse, runner
from collectors.retry import RetryPolicy
from collectors.source import Source
from demo.greenhouse import GreenhouseFake, HiringWorld, settings_for

QUICK = RetryPolicy(base=0.001, cap=0.01, longest=0.2)
START = datetime(2026, 1, 5, 12, tzinfo=UTC)

TABLES = {
    "openings": "SELECT opening_id, team, opened_on::text, target_start_on::text, closed_on::text,"
    " close_reason FROM openings WHERE source = 'greenhouse' ORDER BY opening_id",
    "offers": "SELECT offer_id, opening_id, team, status, accepted_on::text, starts_on::text"
    " FROM offers WHERE source = 'greenhouse' ORDER BY offer_id",
}


class Clock:
    """The world's time, which passes only when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> datetime:
        """Moves on and says what time it is then."""
        self.now += timedelta(**time)
        return self.now


@dataclass
class Lab:
    """A world, the Greenhouse that serves it, and a database that is collected into."""

    world: HiringWorld
    clock: Clock
    fake: GreenhouseFake
    url: str
    engine: Engine

    def collect(
        self,
        *,
        full: bool = False,
        policy: RetryPolicy = QUICK,
        reporting: dict[str, Any] | None = None,
        **changes: Any,
    ) -> runner.RunReport:
        """One run at the world's time."""
        section = {**settings_for(self.url), **changes}
        self.fake.forget_requests()
        return runner.run(
            self.engine,
            Source(
                name="greenhouse",
                title="Greenhouse",
                fetch=partial(greenhouse.fetch, policy=policy),
            ),
            Settings.model_validate({"greenhouse": section, "reporting": reporting or {}}),
            full=full,
            started_at=self.clock(),
        )

    def sentences(self, **how: Any) -> list[str]:
        """What a run could not read."""
        return [str(each) for each in self.collect(**how).failures]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The answer of the lab's database."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def openings(self) -> list[tuple[Any, ...]]:
        """The stored openings."""
        return self.rows(TABLES["openings"])

    def offers(self) -> list[tuple[Any, ...]]:
        """The stored offers."""
        return self.rows(TABLES["offers"])

    def stamps(self) -> list[tuple[Any, ...]]:
        """Which transaction wrote each row: changes when a row is written again."""
        tables = ("openings", "offers", "positions", "quarantined_records")
        return [row for t in tables for row in self.rows(f"SELECT '{t}', xmin::text FROM {t}")]


@pytest.fixture
def lab(engine: Engine) -> Iterator[Lab]:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO teams (slug, name, parent) VALUES ('dev', 'Development', 'organisation'),"
                " ('backend', 'Backend', 'dev'), ('frontend', 'Front End', 'dev')"
            )
        )
    clock = Clock()
    world = HiringWorld(clock)
    fake = GreenhouseFake(world)
    fake.rate_limit = None
    with fake.serving() as url:
        yield Lab(world, clock, fake, url, engine)
