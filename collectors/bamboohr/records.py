"""The rows that BambooHR's employees become; each names the table it feeds."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar

from app.store.tables import Base, Employment, Identity, Membership, Person, Team
from collectors.record import Record

SOURCE = "bamboohr"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord(Record):
    """An employee, whatever their status."""

    table: ClassVar[type[Base]] = Person

    source: str = SOURCE
    person_id: str
    name: str
    email: str | None
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRecord(Record):
    """The GitLab account that an employee's record names, in lower case."""

    table: ClassVar[type[Base]] = Identity

    source: str = SOURCE
    username: str
    person_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmploymentRecord(Record):
    """From a row of employmentStatus that employs to the one that terminates."""

    table: ClassVar[type[Base]] = Employment

    source: str = SOURCE
    person_id: str
    start_date: date
    end_date: date | None
    termination_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRecord(Record):
    """A manager with their direct reports, where teams are made from reporting lines."""

    table: ClassVar[type[Base]] = Team
    key: ClassVar[tuple[str, ...]] = ("slug",)
    retires: ClassVar[str | None] = "removed_at"

    source: str = SOURCE
    slug: str
    name: str
    parent: str | None
    owns: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRecord(Record):
    """What rows of jobInfo say, cut to the time employed."""

    table: ClassVar[type[Base]] = Membership

    source: str = SOURCE
    person_id: str
    team: str
    valid_from: date
    valid_to: date | None
    role: str
