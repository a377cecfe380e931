"""Reads the files that say who is where, all of them before anything is stored."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from app.settings import FileSettings
from collectors.files.problems import Problems
from collectors.files.records import (
    SOURCE,
    EmploymentRecord,
    IdentityRecord,
    MembershipRecord,
    PersonRecord,
    TeamRecord,
)
from collectors.files.sheet import Cells, near, read_sheet, rows
from collectors.files.tree import read_teams
from collectors.record import Batch, Complete, Record

PEOPLE = ("person_id", "name", "email", "gitlab_username")
GENDER = ("gender",)
EMPLOYMENT = ("person_id", "start_date", "end_date", "termination_type")
MEMBERSHIPS = ("person_id", "team", "role", "valid_from", "valid_to")
TERMINATIONS = ("voluntary", "involuntary", "other")
ROLES = ("member", "manager")

NEEDS = {"employment": ("people",), "memberships": ("people", "teams")}
FEEDS: dict[str, tuple[type[Record], ...]] = {
    "teams": (TeamRecord,),
    "people": (PersonRecord, IdentityRecord),
    "employment": (EmploymentRecord,),
    "memberships": (MembershipRecord,),
}


def read_organisation(files: FileSettings) -> Batch:
    """Everything that the configured files say, complete for the tables that they feed.

    Raises InvalidFileError with the first mistake (and all others in `problems`) if there is one.
    """
    given = files.organisation
    problems = Problems()
    records: list[Record] = []
    slugs: list[str] | None = None
    people: dict[str, int] | None = None
    for key, needed in NEEDS.items():
        missing = [other for other in needed if other not in given]
        if key in given and missing:
            reason = f"the file needs {' and '.join(f'files.{other}' for other in missing)} as well"
            problems.add(given[key].name, 0, "", reason)
    if "teams" in given:
        teams = read_teams(given["teams"], problems)
        if teams is not None:
            slugs = [team.slug for team in teams]
            records += teams
    if "people" in given:
        found, people = read_people(given["people"], problems)
        records += found
    if "employment" in given and "people" in given:
        records += read_employment(given["employment"], people, problems)
    if "memberships" in given and "people" in given and "teams" in given:
        records += read_memberships(given["memberships"], people, slugs, problems)
    problems.refuse()
    return Batch(
        records=records,
        complete=[
            Complete(record=record, column="source", values=[SOURCE])
            for key in given
            for record in FEEDS[key]
        ],
    )


def read_people(path: Path, problems: Problems) -> tuple[list[Record], dict[str, int] | None]:
    """The people with their accounts, and the line of each person_id; None: the file is unreadable."""
    sheet = read_sheet(path, problems, PEOPLE, GENDER, others=True)
    records: list[Record] = []
    people: dict[str, int] = {}
    accounts: dict[str, tuple[str, int]] = {}
    if sheet is None:
        return records, None
    declared = [column for column in sheet.columns if column not in PEOPLE]
    for cells in rows(sheet):
        person = cells.needed("person_id")
        name = cells.needed("name")
        if person in people:
            cells.refuse("person_id", f"{person} is already there (line {people[person]})")
            continue
        if person:
            people[person] = cells.row.line
        email = cells.text("email")
        if email and not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
            cells.refuse("email", f'"{email}" is not an e-mail address')
        attributes = {column: cells.text(column) for column in declared if cells.text(column)}
        records.append(
            PersonRecord(person_id=person, name=name, email=email or None, attributes=attributes)
        )
        account = cells.text("gitlab_username").removeprefix("@").lower()
        if not account:
            continue
        if not re.fullmatch(r"[a-z0-9_.-]+", account):
            cells.refuse("gitlab_username", f'"{account}" is not a GitLab username')
        elif account in accounts:
            other, line = accounts[account]
            cells.refuse(
                "gitlab_username", f"the account {account} already belongs to {other} (line {line})"
            )
        else:
            accounts[account] = (person, cells.row.line)
            records.append(IdentityRecord(username=account, person_id=person))
    return records, people


def read_employment(path: Path, people: dict[str, int] | None, problems: Problems) -> list[Record]:
    """The stretches of employment; those of one person do not overlap.

    people: the known ones; None: unknown, so that nobody is refused.
    """
    sheet = read_sheet(path, problems, EMPLOYMENT)
    records: list[Record] = []
    stretches = Stretches()
    for cells in rows(sheet):
        person = _known_person(cells, people)
        start = cells.day("start_date", needed=True)
        end = cells.day("end_date")
        ended = bool(cells.text("end_date"))
        termination = cells.text("termination_type")
        if start and end and end < start:
            cells.refuse("end_date", f"{end} is before the start_date {start}")
        elif ended:
            termination = cells.one_of("termination_type", TERMINATIONS)
        elif termination:
            cells.refuse("termination_type", "there is one, but the end_date is empty")
        if start is None or (ended and (end is None or end < start)):
            continue
        stretches.add((person,), start, end + timedelta(days=1) if end else date.max, cells)
        records.append(
            EmploymentRecord(
                person_id=person,
                start_date=start,
                end_date=end,
                termination_type=termination or None,
            )
        )
    stretches.refuse_overlaps("start_date", "{0} was already employed then")
    return records


def read_memberships(
    path: Path, people: dict[str, int] | None, slugs: Sequence[str] | None, problems: Problems
) -> list[Record]:
    """The memberships; those of one person in one team do not overlap, but may touch.

    people, slugs: the known ones; None: unknown, so that none is refused.
    """
    sheet = read_sheet(path, problems, MEMBERSHIPS)
    records: list[Record] = []
    stretches = Stretches()
    for cells in rows(sheet):
        person = _known_person(cells, people)
        team = cells.needed("team")
        if team and slugs is not None and team not in slugs:
            cells.refuse("team", f"there is no team {team}{near(team, slugs)}")
        role = cells.one_of("role", ROLES)
        first = cells.day("valid_from", needed=True)
        end = cells.day("valid_to")
        if first and end and end <= first:
            cells.refuse("valid_to", f"{end} must be after the valid_from {first}, it is exclusive")
            continue
        if first is None or (end is None and cells.text("valid_to")):
            continue
        stretches.add((person, team), first, end or date.max, cells)
        records.append(
            MembershipRecord(person_id=person, team=team, valid_from=first, valid_to=end, role=role)
        )
    stretches.refuse_overlaps("valid_from", "{0} was already in {1} then")
    return records


@dataclass(frozen=True, slots=True)
class Stretches:
    """Stretches of days of somebody or something, which must not overlap."""

    found: dict[tuple[str, ...], list[tuple[date, date, Cells]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, whose: tuple[str, ...], first: date, end: date, cells: Cells) -> None:
        """Notes a stretch from a day up to, not including, another."""
        self.found[whose].append((first, end, cells))

    def refuse_overlaps(self, column: str, reason: str) -> None:
        """Refuses, of two stretches that overlap, the one that stands further down."""
        for whose, stretches in self.found.items():
            stretches.sort(key=lambda each: (each[0], each[2].row.line))
            reach, holder = date.min, stretches[0][2]
            for first, end, cells in stretches:
                if first < reach:
                    upper, lower = sorted((holder, cells), key=lambda each: each.row.line)
                    lower.refuse(column, f"{reason.format(*whose)} (line {upper.row.line})")
                if end > reach:
                    reach, holder = end, cells


def _known_person(cells: Cells, people: dict[str, int] | None) -> str:
    person = cells.needed("person_id")
    if person and people is not None and person not in people:
        cells.refuse("person_id", f"there is no person {person}")
    return person
