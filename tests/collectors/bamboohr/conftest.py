"""A company whose BambooHR is served, a database with teams, and the collector between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.settings import Settings
from collectors import bamboohr, runner
from collectors.retry import RetryPolicy
from collectors.source import Progress, Source
from demo.bamboohr import BambooHRFake, Company, Employee

QUICK = RetryPolicy(base=0.001, cap=0.01, longest=0.05, attempts=3, first_attempts=2)
LONG_AGO = datetime(2025, 1, 1, 12, tzinfo=UTC)

TEAMS = (
    ("engineering", "Engineering", "organisation"),
    ("backend", "Backend Team", "engineering"),
    ("frontend", "Frontend", "engineering"),
)
"""(slug, name, parent) of what teams.yaml holds."""

TABLES = ("people", "identities", "employment", "memberships", "teams", "quarantined_records")


def day(written: str) -> date:
    return date.fromisoformat(written)


class Clock:
    """The company's time: long ago, until `now` lets the real time in for later changes."""

    def __init__(self) -> None:
        self.at: datetime | None = LONG_AGO

    def __call__(self) -> datetime:
        return self.at or datetime.now(UTC)

    def now(self) -> None:
        """From here on changes happen at the time of the real clock, as the collector's runs do."""
        self.at = None


@dataclass
class Lab:
    """A company, the BambooHR that serves it, and a database that is collected into."""

    company: Company
    clock: Clock
    fake: BambooHRFake
    url: str
    engine: Engine
    seen: list[Progress] = field(default_factory=list)

    def collect(
        self,
        *,
        full: bool = False,
        started_at: datetime | None = None,
        engine: Engine | None = None,
        **settings: Any,
    ) -> runner.RunReport:
        """One run, by department unless told otherwise."""
        own = {"url": self.url, "api_key": self.fake.key, **settings}
        source = Source(
            name="bamboohr", title="BambooHR", fetch=partial(bamboohr.fetch, policy=QUICK)
        )
        self.fake.forget_requests()
        return runner.run(
            engine or self.engine,
            source,
            Settings.model_validate({"bamboohr": own}),
            full=full,
            started_at=started_at or datetime.now(UTC),
            report=self.seen.append,
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The answer of the lab's database."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def employment(self) -> list[tuple[Any, ...]]:
        """(person, first day, last day, kind of ending) as it is stored."""
        return self.rows(
            "SELECT person_id, start_date::text, end_date::text, termination_type FROM employment"
            " WHERE source = 'bamboohr' ORDER BY person_id::int, start_date"
        )

    def memberships(self) -> list[tuple[Any, ...]]:
        """(person, team, role, first day, day after the last) as it is stored."""
        return self.rows(
            "SELECT person_id, team, role, valid_from::text, valid_to::text FROM memberships"
            " WHERE source = 'bamboohr' ORDER BY person_id::int, valid_from, team"
        )

    def stored(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything, with the transaction that wrote each row."""
        return {
            name: sorted(self.rows(f"SELECT t.*, xmin::text FROM {name} t"), key=repr)
            for name in TABLES
        }

    def add_teams(self, teams: Sequence[tuple[str, str, str]] = TEAMS) -> None:
        """Teams as the files' collector stores them."""
        with self.engine.begin() as connection:
            for slug, name, parent in teams:
                connection.execute(
                    text("INSERT INTO teams (slug, name, parent) VALUES (:slug, :name, :parent)"),
                    {"slug": slug, "name": name, "parent": parent},
                )

    def hire(
        self,
        id: int,
        name: str,
        since: str,
        department: str | None = "Backend Team",
        *,
        reports_to: Employee | None = None,
        **fields: Any,
    ) -> Employee:
        """An employee with the first row in each table."""
        first, _, last = name.partition(" ")
        employee = self.company.add(first, last, id=id, **fields)
        self.company.status(employee, day(since))
        self.company.job(employee, day(since), department, reports_to=reports_to)
        return employee


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def company(clock: Clock) -> Company:
    return Company(clock)


@pytest.fixture
def lab(company: Company, clock: Clock, engine: Engine) -> Iterator[Lab]:
    fake = BambooHRFake(company)
    with fake.serving() as url:
        lab = Lab(company, clock, fake, url, engine)
        lab.add_teams()
        yield lab


def later(report: runner.RunReport, **time: float) -> datetime:
    """So much after a run began."""
    return report.started_at + timedelta(**time)
