"""Any valid organisation, written as files in any order, is read as it was."""

import csv
import io
import random
from dataclasses import asdict
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.files.organisation import read_organisation
from collectors.files.records import (
    EmploymentRecord,
    IdentityRecord,
    MembershipRecord,
    PersonRecord,
    TeamRecord,
)
from collectors.record import Record
from tests.collectors.files.made import as_written, files

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
