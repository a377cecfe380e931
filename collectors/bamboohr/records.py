"""The rows that BambooHR's employees become; each names the table it feeds."""

from dataclasses import dataclass, field

from collectors.organisation import (
    EmploymentRow,
    IdentityRow,
    MembershipRow,
    PersonRow,
    TeamRow,
)

SOURCE = "bamboohr"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord(PersonRow):
    """An employee, whatever their status."""

    source: str = SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRecord(IdentityRow):
    """The GitLab account that an employee's record names, in lower case."""

    source: str = SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class EmploymentRecord(EmploymentRow):
    """From a row of employmentStatus that employs to the one that terminates."""

    source: str = SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRecord(TeamRow):
    """A manager with their direct reports, where teams are made from reporting lines."""

    source: str = SOURCE
    owns: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRecord(MembershipRow):
    """What rows of jobInfo say, cut to the time employed."""

    source: str = SOURCE
