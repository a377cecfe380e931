"""The rows about people and teams, whoever tells them; each source says what its own are made of."""

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from app.store.tables import Base, Employment, Identity, Membership, Person, Team
from collectors.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRow(Record):
    """A team. One that vanished keeps its stored values."""

    table: ClassVar[type[Base]] = Team
    key: ClassVar[tuple[str, ...]] = ("slug",)
    retires: ClassVar[str | None] = "removed_at"

    source: str
    slug: str
    name: str
    parent: str | None
    owns: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow(Record):
    """A person."""

    table: ClassVar[type[Base]] = Person

    source: str
    person_id: str
    name: str
    email: str | None
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRow(Record):
    """A GitLab account of a person, in lower case."""

    table: ClassVar[type[Base]] = Identity

    source: str
    username: str
    person_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmploymentRow(Record):
    """A stretch of employment."""

    table: ClassVar[type[Base]] = Employment

    source: str
    person_id: str
    start_date: date
    end_date: date | None
    termination_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRow(Record):
    """A person in a team."""

    table: ClassVar[type[Base]] = Membership

    source: str
    person_id: str
    team: str
    valid_from: date
    valid_to: date | None
    role: str
