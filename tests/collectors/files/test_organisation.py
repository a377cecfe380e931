"""The files as records, and as rows that change only where the files did."""

import csv
import io
import random
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.settings import FileSettings, Settings
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

FILES = {
    "teams": "teams.yaml",
    "people": "people.csv",
    "employment": "employment.csv",
    "memberships": "memberships.csv",
}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def files(folder: Path) -> FileSettings:
    return FileSettings.model_validate(
        {key: folder / name for key, name in FILES.items() if (folder / name).exists()}
    )


def rows(folder: Path, name: str, content: Sequence[str]) -> None:
    (folder / name).write_text("\n".join(content) + "\n", encoding="utf-8")


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


def as_written(record: Record) -> dict[str, Any]:
    """What a file can say of a record: everything but that it is the files that say it."""
    columns = asdict(record)
    assert columns.pop("source") == "files"
    return columns


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
        stored = store(session, "files", read_organisation(files(folder)), now)
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


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")),
    min_size=1,
    max_size=12,
)
SLUGS = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True).filter(
    lambda slug: slug != "organisation"
)
DAYS = st.dates(date(1990, 1, 1), date(2030, 12, 31))


@st.composite
def organisations(draw: st.DrawFn) -> dict[type[Record], list[Record]]:
    """Any organisation that is valid, as the records that reading it must give."""
    slugs = draw(st.lists(SLUGS, unique=True, max_size=6))
    teams: list[Record] = [
        TeamRecord(slug="organisation", name="Organisation", parent=None, owns=[])
    ]
    for place, slug in enumerate(slugs):
        parent = draw(st.sampled_from(["organisation", *slugs[:place]]))
        owns = draw(st.lists(st.from_regex(r"[a-z]{1,4}(/\*\*)?", fullmatch=True), unique=True))
        teams.append(TeamRecord(slug=slug, name=draw(WORDS), parent=parent, owns=owns))
    ids = draw(st.lists(WORDS, unique=True, max_size=5))
    accounts = draw(
        st.lists(
            st.from_regex(r"[a-z0-9_.-]{1,6}", fullmatch=True),
            unique=True,
            min_size=len(ids),
            max_size=len(ids),
        )
    )
    people: list[Record] = []
    identities: list[Record] = []
    employment: list[Record] = []
    memberships: list[Record] = []
    for person, account in zip(ids, accounts, strict=True):
        attributes = draw(st.dictionaries(st.sampled_from(["gender", "site"]), WORDS))
        email = draw(st.none() | st.just("a@example.com"))
        people.append(
            PersonRecord(person_id=person, name=draw(WORDS), email=email, attributes=attributes)
        )
        if draw(st.booleans()):
            identities.append(IdentityRecord(username=account, person_id=person))
        for first, end in draw(stretches()):
            kind = draw(st.sampled_from(["voluntary", "involuntary", "other"])) if end else None
            employment.append(
                EmploymentRecord(
                    person_id=person,
                    start_date=first,
                    end_date=end - timedelta(days=1) if end else None,
                    termination_type=kind,
                )
            )
        for team in slugs[:2]:
            for first, end in draw(stretches()):
                role = draw(st.sampled_from(["member", "manager"]))
                memberships.append(
                    MembershipRecord(
                        person_id=person, team=team, valid_from=first, valid_to=end, role=role
                    )
                )
    return {
        TeamRecord: teams,
        PersonRecord: people,
        IdentityRecord: identities,
        EmploymentRecord: employment,
        MembershipRecord: memberships,
    }


@st.composite
def stretches(draw: st.DrawFn) -> list[tuple[date, date | None]]:
    """Stretches of days that do not overlap, some of them touching, the last one perhaps open."""
    marks: list[date] = sorted(draw(st.lists(DAYS, unique=True, max_size=5)))
    found: list[tuple[date, date | None]] = [
        pair for pair in pairwise(marks) if draw(st.booleans())
    ]
    if draw(st.booleans()) and marks:
        found.append((marks[-1], None))
    return found


def written(organisation: dict[type[Record], list[Record]], folder: Path, seed: int) -> None:
    """Writes the files of an organisation with their rows in any order."""
    shuffled = random.Random(seed)
    teams = [as_written(team) for team in organisation[TeamRecord][1:]]
    accounts = {
        record.person_id: record.username
        for record in organisation[IdentityRecord]
        if isinstance(record, IdentityRecord)
    }
    people = []
    for record in organisation[PersonRecord]:
        row = as_written(record)
        row["gitlab_username"] = accounts.get(row["person_id"], "").upper()
        people.append({**row, **row.pop("attributes")})
    for content in (teams, people):
        shuffled.shuffle(content)
    (folder / "teams.yaml").write_text(yaml.safe_dump(teams, allow_unicode=True), encoding="utf-8")
    sheets = {
        "people.csv": (["person_id", "name", "email", "gitlab_username", "gender", "site"], people),
        "employment.csv": (
            ["person_id", "start_date", "end_date", "termination_type"],
            [as_written(each) for each in organisation[EmploymentRecord]],
        ),
        "memberships.csv": (
            ["person_id", "team", "role", "valid_from", "valid_to"],
            [as_written(each) for each in organisation[MembershipRecord]],
        ),
    }
    for name, (columns, content) in sheets.items():
        shuffled.shuffle(content)
        shuffled.shuffle(columns)
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns, extrasaction="ignore", restval="")
        writer.writeheader()
        writer.writerows(content)
        (folder / name).write_bytes(text.getvalue().encode())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(organisation=organisations(), seed=st.integers(0, 1000))
def test_any_valid_organisation_round_trips(
    organisation: dict[type[Record], list[Record]], seed: int, tmp_path: Path
) -> None:
    written(organisation, tmp_path, seed)
    batch = read_organisation(files(tmp_path))
    expected = [record for kind in organisation.values() for record in kind]
    assert sorted(map(repr, batch.records)) == sorted(
        repr(
            PersonRecord(**{**asdict(each), "attributes": _in_order(tmp_path, each.attributes)})
            if isinstance(each, PersonRecord)
            else each
        )
        for each in expected
    )


def _in_order(folder: Path, attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes in the order of the file's columns, in which they are read."""
    header = (folder / "people.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    return {column: attributes[column] for column in header if column in attributes}


def test_settings_name_the_source() -> None:
    assert Settings.model_validate({"files": {"teams": "/x"}}).configured_sources() == ("files",)
    assert Settings.model_validate({"files": {"plan": "/x"}}).configured_sources() == ("files",)
    assert Settings().configured_sources() == ()
