"""The rows that the files of the organisation become; each names the table it feeds."""

from dataclasses import dataclass

from collectors.organisation import (
    EmploymentRow,
    IdentityRow,
    MembershipRow,
    PersonRow,
    TeamRow,
)

SOURCE = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRecord(TeamRow):
    """A team of teams.yaml, or the built-in root."""

    source: str = SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord(PersonRow):
    """A row of people.csv without the account."""

    source: str = SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRecord(IdentityRow):
    """The account of a row of people.csv, in lower case."""

    source: str = SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class EmploymentRecord(EmploymentRow):
    """A row of employment.csv."""

    source: str = SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRecord(MembershipRow):
    """A row of memberships.csv."""

    source: str = SOURCE
