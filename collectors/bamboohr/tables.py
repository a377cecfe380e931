"""The history tables jobInfo and employmentStatus: whole, and whose rows changed since a moment."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar, TypeVar

from collectors.bamboohr.client import BambooHRClient
from collectors.bamboohr.errors import RequestRefusedError
from collectors.record import RecordError, Refused, text, value_at

EMPLOYMENT_STATUS = "employmentStatus"
JOB_INFO = "jobInfo"

NO_DAY = "0000-00-00"
"""How BambooHR writes a date that was never filled in."""


def identifier(value: Any) -> str:
    """The id of an employee or a row, which BambooHR writes as a number here and as a text there."""
    written = words(value)
    if not written:
        raise RecordError("is empty")
    return written


def by_age(number: str) -> tuple[int, str]:
    """Sorts ids as they were given out: they are numbers that grow."""
    return len(number), number


def day(value: Any) -> date:
    """A day as YYYY-MM-DD."""
    written = text(value).strip()
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", written) and written != NO_DAY:
            return date.fromisoformat(written)
    except ValueError:
        pass
    raise RecordError(f"is not a day: {written[:60]!r}")


def words(value: Any) -> str:
    """A text, or a number as a text, without blanks around it."""
    return text(str(value) if isinstance(value, int | float) else value).strip()


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a history table; number: its id, from which the order of entry follows."""

    employee: str
    number: str
    day: date

    @property
    def order(self) -> tuple[date, tuple[int, str]]:
        """Rows come into force by day; of one day's the one entered last holds."""
        return self.day, by_age(self.number)


@dataclass(frozen=True, slots=True)
class StatusRow(Row):
    """A row of employmentStatus. termination: the kind of ending, in the company's own words."""

    table: ClassVar[str] = EMPLOYMENT_STATUS

    status: str
    termination: str

    @property
    def terminates(self) -> bool:
        """Whether its day is the last one employed."""
        return self.status.casefold() == "terminated"


@dataclass(frozen=True, slots=True)
class JobRow(Row):
    """A row of jobInfo; empty texts where it does not say. supervisor: a name, or an id."""

    table: ClassVar[str] = JOB_INFO

    department: str
    division: str
    supervisor: str


R = TypeVar("R", StatusRow, JobRow)


@dataclass(slots=True)
class Table:
    """What was read of a table. told: the names of all fields that any row had."""

    rows: list[Any] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    told: set[str] = field(default_factory=set)


def read_table(client: BambooHRClient, name: str) -> Table:
    """A whole table of everybody, in one request. Raises a BambooHRError."""
    about = f"the table {name}"
    answer = client.get(f"v1/employees/all/tables/{name}", f"table_{name}", about=about)
    if not isinstance(answer, list):
        raise _not_a_table(client, about)
    return read_rows(name, answer)


def changed_employees(client: BambooHRClient, name: str, since: datetime) -> set[str]:
    """Whose record changed since a moment, as the table tells it. Raises a BambooHRError."""
    about = f"changes of the table {name}"
    answer = client.get(
        f"v1/employees/changed/tables/{name}",
        f"changed_{name}",
        about=about,
        since=moment(since),
    )
    employees = answer.get("employees") if isinstance(answer, dict) else None
    return set(_by_employee(client, employees, about))


def deleted_employees(client: BambooHRClient, since: datetime) -> set[str]:
    """Who was deleted since a moment. Raises a BambooHRError."""
    about = "deleted employees"
    answer = client.get(
        "v1/employees/changed", "deleted", about=about, since=moment(since), type="deleted"
    )
    employees = answer.get("employees") if isinstance(answer, dict) else None
    return set(_by_employee(client, employees, about))


def moment(at: datetime) -> str:
    """A moment of UTC as BambooHR takes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def read_rows(name: str, answer: Sequence[Any]) -> Table:
    """The rows of an answer; those that cannot be read are refused with the reason."""
    table = Table()
    read = READERS[name]
    for place, content in enumerate(answer):
        if isinstance(content, Mapping):
            table.told.update(content)
        try:
            table.rows.append(read(content))
        except RecordError as error:
            address = _address(name, content, place)
            table.refused.append(Refused(kind=f"row of {name}", address=address, reason=str(error)))
    return table


def _status_row(content: Any) -> StatusRow:
    return StatusRow(
        **_common(content),
        status=value_at(content, "employmentStatus", convert=words),
        termination=_word(content, "terminationTypeId", "terminationType"),
    )


def _job_row(content: Any) -> JobRow:
    return JobRow(
        **_common(content),
        department=_word(content, "department"),
        division=_word(content, "division"),
        supervisor=_word(content, "reportsTo"),
    )


def _common(content: Any) -> dict[str, Any]:
    if not isinstance(content, Mapping):
        raise RecordError("the row is not an object")
    return {
        "employee": value_at(content, "employeeId", convert=identifier),
        "number": value_at(content, "id", convert=identifier),
        "day": value_at(content, "date", convert=day),
    }


def _word(content: Any, *paths: str) -> str:
    """A text that may be missing: the key may not see it, or nothing was entered."""
    return value_at(content, *paths, convert=words, optional=True, absent=None) or ""


READERS: Mapping[str, Callable[[Any], Row]] = {
    EMPLOYMENT_STATUS: _status_row,
    JOB_INFO: _job_row,
}


def _address(name: str, content: Any, place: int) -> str:
    row = content if isinstance(content, Mapping) else {}
    employee, number = row.get("employeeId", "unknown"), row.get("id", f"number {place + 1}")
    return f"employees/{employee}/tables/{name}/{number}"


def _by_employee(client: BambooHRClient, employees: Any, about: str) -> Mapping[str, Any]:
    """Employees by id; PHP, which BambooHR is written in, sends an empty map as an empty list."""
    if employees == []:
        return {}
    if not isinstance(employees, Mapping):
        raise _not_a_table(client, about)
    return employees


def _not_a_table(client: BambooHRClient, about: str) -> RequestRefusedError:
    return RequestRefusedError(f"BambooHR at {client.url} does not tell {about} in a known form.")
