"""The files as records, and as rows that change only where the files did."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.settings import Settings
from app.store.tables import Base, Employment, Identity, Membership, Person, Team
from collectors.files.organisation import read_organisation
from collectors.files.records import (
    EmploymentRecord,
    IdentityRecord,
    MembershipRecord,
    PersonRecord,
    TeamRecord,
)
from collectors.record import Record
from collectors.storing import Stored, store
from tests.collectors.files.made import as_written, files, rows

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def company(folder: Path) -> None:
    """A small organisation with everything that the files can say."""
    (folder / "teams.yaml").write_text(
        """
# The tree.
- slug: organisation
  name: Acme
  owns: [acme/handbook]
- slug: dev
  name: Development
- slug: backend
  name: 2024
  parent: dev
  owns:
    - acme/backend/**
    - acme/api
- {slug: frontend, name: yes, parent: dev, owns: }
""",
        encoding="utf-8",
    )
    rows(
        folder,
        "people.csv",
        [
            "person_id,name,email,gitlab_username,gender,location",
            "p1,Ada,ada@example.com,Ada,female,Berlin",
            'p2, "Ben, the second",,,,',
            "",
            ",,,,,",
            "p3,Cleo,,@cleo.c,,Oslo",
        ],
    )
    rows(
        folder,
        "employment.csv",
        [
            "person_id,start_date,end_date,termination_type",
            "p1,2019-01-01,2020-01-31,voluntary",
            "p1,2020-02-01,,",
            "p3,2021-01-01,2021-01-01,other",
        ],
    )
    rows(
        folder,
        "memberships.csv",
        [
            "valid_to,person_id,team,role,valid_from",
            "2020-01-01,p1,backend,member,2019-01-01",
            ",p1,backend,manager,2020-01-01",
            ",p1,frontend,manager,2020-01-01",
            ",p3,organisation,member,2021-01-01",
        ],
    )


def records(folder: Path, kind: type[Record]) -> list[dict[str, Any]]:
    found = [each for each in read_organisation(files(folder)).records if type(each) is kind]
    return [as_written(each) for each in found]


def test_what_the_files_say(tmp_path: Path) -> None:
    company(tmp_path)
    (tmp_path / "people.csv").write_text(
        "person_id,name,email,gitlab_username,gender,location\r\n"
        "p1,Ada,ada@example.com,Ada,female,Berlin\r\n"
        'p2,"Ben,\nthe second",,,,\r\n\r\n,,,,,\r\np3,Cleo,,@cleo.c,,Oslo',
        encoding="utf-8-sig",
        newline="",
    )
    assert records(tmp_path, TeamRecord) == [
        {"slug": "organisation", "name": "Acme", "parent": None, "owns": ["acme/handbook"]},
        {"slug": "dev", "name": "Development", "parent": "organisation", "owns": []},
        {
            "slug": "backend",
            "name": "2024",
            "parent": "dev",
            "owns": ["acme/backend/**", "acme/api"],
        },
        {"slug": "frontend", "name": "yes", "parent": "dev", "owns": []},
    ]
    assert records(tmp_path, PersonRecord) == [
        {
            "person_id": "p1",
            "name": "Ada",
            "email": "ada@example.com",
            "attributes": {"gender": "female", "location": "Berlin"},
        },
        {"person_id": "p2", "name": "Ben,\nthe second", "email": None, "attributes": {}},
        {"person_id": "p3", "name": "Cleo", "email": None, "attributes": {"location": "Oslo"}},
    ]
    assert records(tmp_path, IdentityRecord) == [
        {"username": "ada", "person_id": "p1"},
        {"username": "cleo.c", "person_id": "p3"},
    ]
    assert records(tmp_path, EmploymentRecord)[1:] == [
        {
            "person_id": "p1",
            "start_date": date(2020, 2, 1),
            "end_date": None,
            "termination_type": None,
        },
        {
            "person_id": "p3",
            "start_date": date(2021, 1, 1),
            "end_date": date(2021, 1, 1),
            "termination_type": "other",
        },
    ]
    assert records(tmp_path, MembershipRecord)[0] == {
        "person_id": "p1",
        "team": "backend",
        "valid_from": date(2019, 1, 1),
        "valid_to": date(2020, 1, 1),
        "role": "member",
    }


def test_only_what_a_file_covers_is_complete(tmp_path: Path) -> None:
    company(tmp_path)
    for name in ("people.csv", "employment.csv", "memberships.csv"):
        (tmp_path / name).unlink()
    batch = read_organisation(files(tmp_path))
    assert [each.record for each in batch.complete] == [TeamRecord]
    assert {type(each) for each in batch.records} == {TeamRecord}


@pytest.mark.parametrize("content", ["", "# - slug: later\n", "[]", "---\n"])
def test_no_teams_leave_the_root(content: str, tmp_path: Path) -> None:
    (tmp_path / "teams.yaml").write_text(content)
    assert records(tmp_path, TeamRecord) == [
        {"slug": "organisation", "name": "Organisation", "parent": None, "owns": []}
    ]


def collect(engine: Engine, folder: Path, now: datetime = NOW) -> Stored:
    """Reads the files and stores them, as a run does."""
    with Session(engine) as session:
        stored = store(session, "files", read_organisation(files(folder)), now, kept="gender")
        session.commit()
    return stored


def table(engine: Engine, kind: type[Base]) -> set[tuple[Any, ...]]:
    """All rows of a table, and which transaction wrote each."""
    columns = kind.__table__.columns
    with Session(engine) as session:
        return {
            tuple(str(value) for value in row)
            for row in session.execute(select(*columns.values()).add_columns(_written(kind)))
        }


def _written(kind: type[Base]) -> Any:
    from sqlalchemy import literal_column

    return literal_column(f"{kind.__tablename__}.xmin::text")


TABLES = (Team, Person, Identity, Employment, Membership)


def test_the_same_files_again_change_nothing(engine: Engine, tmp_path: Path) -> None:
    company(tmp_path)
    first = collect(engine, tmp_path)
    # organisation is there from the beginning and gets its name and globs from the file
    assert (first.new, first.changed, first.deleted) == (3 + 3 + 2 + 3 + 4, 1, 0)
    before = {kind: table(engine, kind) for kind in TABLES}
    again = collect(engine, tmp_path)
    assert (again.new, again.changed, again.deleted) == (0, 0, 0)
    assert {kind: table(engine, kind) for kind in TABLES} == before


def test_the_order_of_rows_does_not_matter(engine: Engine, tmp_path: Path) -> None:
    company(tmp_path)
    collect(engine, tmp_path)
    for name in ("people.csv", "employment.csv", "memberships.csv"):
        header, *content = (tmp_path / name).read_text().splitlines()
        rows(tmp_path, name, [header, *reversed(content)])
    teams = yaml.safe_load((tmp_path / "teams.yaml").read_text())
    for team in teams:
        team["name"] = {"backend": "2024", "frontend": "yes"}.get(team["slug"], team["name"])
    (tmp_path / "teams.yaml").write_text(yaml.safe_dump(teams[::-1]))
    again = collect(engine, tmp_path)
    assert (again.new, again.changed, again.deleted) == (0, 0, 0)


def test_a_reorganisation_writes_only_what_changed(engine: Engine, tmp_path: Path) -> None:
    company(tmp_path)
    collect(engine, tmp_path)
    before = table(engine, Membership)
    # frontend is dissolved; Ada ends there and goes on in backend, Cleo joins backend
    rows(
        tmp_path,
        "memberships.csv",
        [
            "person_id,team,role,valid_from,valid_to",
            "p1,backend,member,2019-01-01,2020-01-01",
            "p1,backend,manager,2020-01-01,",
            "p1,frontend,manager,2020-01-01,2025-07-01",
            "p3,organisation,member,2021-01-01,",
            "p3,backend,member,2025-07-01,",
        ],
    )
    stored = collect(engine, tmp_path)
    assert (stored.new, stored.changed, stored.deleted) == (1, 1, 0)
    after = table(engine, Membership)
    assert len(before & after) == 3
    assert {row[:5] for row in after - before} == {
        ("files", "p1", "frontend", "2020-01-01", "2025-07-01"),
        ("files", "p3", "backend", "2025-07-01", "None"),
    }


def test_a_team_that_vanished_is_retired_and_may_return(engine: Engine, tmp_path: Path) -> None:
    company(tmp_path)
    collect(engine, tmp_path)
    whole = (tmp_path / "teams.yaml").read_text()
    rows(tmp_path, "memberships.csv", ["person_id,team,role,valid_from,valid_to"])
    (tmp_path / "teams.yaml").write_text(
        "".join(line for line in whole.splitlines(keepends=True) if "frontend" not in line)
    )
    assert collect(engine, tmp_path).deleted == 4 + 1
    with Session(engine) as session:
        retired = session.scalars(select(Team).where(Team.removed_at.is_not(None))).all()
        assert [team.slug for team in retired] == ["frontend"]
        assert retired[0].removed_at == NOW
        number = retired[0].id
    (tmp_path / "teams.yaml").write_text(whole)
    collect(engine, tmp_path)
    with Session(engine) as session:
        assert session.scalars(select(Team).where(Team.removed_at.is_not(None))).all() == []
        assert session.scalars(select(Team.id).where(Team.slug == "frontend")).one() == number


def test_an_account_that_changes_hands(engine: Engine, tmp_path: Path) -> None:
    company(tmp_path)
    collect(engine, tmp_path)
    text = (tmp_path / "people.csv").read_text()
    swapped = text.replace(",Ada,female", ",cleo.c,female").replace("@cleo.c", "ada")
    (tmp_path / "people.csv").write_text(swapped)
    stored = collect(engine, tmp_path)
    assert (stored.new, stored.changed, stored.deleted) == (0, 2, 0)
    with Session(engine) as session:
        found = {row.username: row.person_id for row in session.scalars(select(Identity))}
    assert found == {"ada": "p3", "cleo.c": "p1"}


def test_somebody_who_is_taken_out_goes_with_everything(engine: Engine, tmp_path: Path) -> None:
    company(tmp_path)
    collect(engine, tmp_path)
    for name in ("people.csv", "employment.csv", "memberships.csv"):
        lines = (tmp_path / name).read_text().splitlines()
        rows(tmp_path, name, [line for line in lines if "p3" not in line])
    assert collect(engine, tmp_path).deleted == 4
    assert all("p3" not in row for kind in TABLES for row in table(engine, kind))


def test_settings_name_the_source() -> None:
    assert Settings.model_validate({"files": {"teams": "/x"}}).configured_sources() == ("files",)
    assert Settings.model_validate({"files": {"plan": "/x"}}).configured_sources() == ("files",)
    assert Settings().configured_sources() == ()
