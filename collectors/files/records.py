"""The rows that the files of the organisation become; each names the table it feeds."""

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from app.store.tables import Base, Employment, Identity, Membership, Person, Team
from collectors.record import Record

SOURCE = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRecord(Record):
    """A team of teams.yaml, or the built-in root. A team that vanished keeps its stored values."""

    table: ClassVar[type[Base]] = Team
    key: ClassVar[tuple[str, ...]] = ("slug",)
    retires: ClassVar[str | None] = "removed_at"

    slug: str
    name: str
    parent: str | None
    owns: list[str]
    source: str = SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord(Record):
    """A row of people.csv without the account."""

    table: ClassVar[type[Base]] = Person

    source: str = SOURCE
    person_id: str
    name: str
    email: str | None
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRecord(Record):
    """The account of a row of people.csv, in lower case."""

    table: ClassVar[type[Base]] = Identity

    source: str = SOURCE
    username: str
    person_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmploymentRecord(Record):
    """A row of employment.csv."""

    table: ClassVar[type[Base]] = Employment

    source: str = SOURCE
    person_id: str
    start_date: date
    end_date: date | None
    termination_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRecord(Record):
    """A row of memberships.csv."""

    table: ClassVar[type[Base]] = Membership

    source: str = SOURCE
    person_id: str
    team: str
    valid_from: date
    valid_to: date | None
    role: str
