"""The demo's company once through its files and once through its BambooHR: the same people in the
same teams, but for what BambooHR cannot say."""

from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.settings import Settings
from collectors import bamboohr, files, runner
from collectors.source import Source
from demo.bamboohr import BambooHRFake
from demo.bamboohr.roster import company_of, employee_id
from demo.company import CompanyWorld, build, write_files
from demo.company.plan import SHARED_MANAGER
from tests.databases import engines

from .conftest import QUICK

TODAY = date(2026, 3, 10)

VIEWS = {
    "people": "SELECT person_id, name, email, attributes::text FROM effective_people",
    "identities": "SELECT username, person_id FROM effective_identities",
    "employment": "SELECT person_id, start_date, end_date, termination_type"
    " FROM effective_employment",
    "memberships": "SELECT person_id, team, role, valid_from, valid_to FROM effective_memberships",
}


@pytest.fixture(scope="module")
def world() -> CompanyWorld:
    return build(TODAY)


def collect(engine: Engine, settings: dict[str, Any], *sources: Source) -> None:
    for source in sources:
        done = runner.run(
            engine,
            source,
            Settings.model_validate(settings),
            full=False,
            started_at=datetime.now(UTC),
        )
        assert done.outcome == "done", done.failures
        assert done.remarks == ()


def effective(engine: Engine) -> dict[str, set[tuple[Any, ...]]]:
    with engine.connect() as connection:
        return {
            name: {tuple(row) for row in connection.execute(text(query))}
            for name, query in VIEWS.items()
        }


def test_both_ways_tell_the_same(
    world: CompanyWorld, engine: Engine, server_url: str, template: str, tmp_path: Path
) -> None:
    write_files(world, tmp_path)
    for name in ("people.csv", "employment.csv", "memberships.csv"):
        file = tmp_path / name
        written = file.read_text(encoding="utf-8")
        for person in world.people:
            # the person_id in the files is the HR system's id
            written = written.replace(f"{person.person_id},", f"{employee_id(person)},")
        file.write_text(written, encoding="utf-8")
    by_files = Source(name="files", title="Files", fetch=files.fetch)
    by_bamboohr = Source(
        name="bamboohr", title="BambooHR", fetch=partial(bamboohr.fetch, policy=QUICK)
    )
    paths = {
        key: str(tmp_path / file)
        for key, file in (
            ("teams", "teams.yaml"),
            ("people", "people.csv"),
            ("employment", "employment.csv"),
            ("memberships", "memberships.csv"),
        )
    }
    collect(engine, {"files": paths}, by_files)
    fake = BambooHRFake(company_of(world, TODAY))
    with fake.serving() as url, engines(server_url, "test", template) as make:
        other = make()
        settings = {
            "files": {"teams": paths["teams"]},
            "bamboohr": {"url": url, "api_key": fake.key},
        }
        collect(other, settings, by_files, by_bamboohr)
        assert len(fake.requests) == 5
        from_files, from_bamboohr = effective(engine), effective(other)
    assert len(from_files["people"]) == len(world.people) > 50
    for name in ("people", "identities", "employment"):
        assert from_bamboohr[name] == from_files[name]

    # One manager leads two teams: BambooHR knows one department at a time, the first.
    first, second = SHARED_MANAGER
    (manager,) = (
        person
        for person in world.people
        if {stay.team for stay in person.stays if stay.role == "manager"} == {first, second}
    )
    stay = next(each for each in manager.stays if each.team == second)
    unsaid = {(str(employee_id(manager)), second, "manager", stay.valid_from, stay.valid_to)}
    assert from_bamboohr["memberships"] == from_files["memberships"] - unsaid
    assert unsaid < from_files["memberships"]
