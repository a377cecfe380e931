"""The company behind the fake: employees with the rows of their history tables, and when each changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from threading import RLock

TABLES = ("employmentStatus", "jobInfo")

VOLUNTARY = "Resignation (Voluntary)"
INVOLUNTARY = "Termination (Involuntary)"
OTHER = "End of contract"
"""Kinds of endings as an account may name them."""


@dataclass(slots=True, eq=False)
class StatusRow:
    """A row of employmentStatus."""

    id: int
    day: date
    status: str
    kind: str | None = None


@dataclass(slots=True, eq=False)
class JobRow:
    """A row of jobInfo; reports_to: the employee, whose name of today is told; day: None: not filled in."""

    id: int
    day: date | None
    department: str | None = None
    division: str | None = None
    reports_to: "Employee | None" = None
    title: str | None = None


@dataclass(slots=True, eq=False)
class Employee:
    """An employee. fields: what else the record holds, by the alias of each field."""

    id: int
    first: str
    last: str
    preferred: str | None
    email: str | None
    fields: dict[str, str | None]
    changed_at: datetime
    inserted_at: datetime
    statuses: list[StatusRow] = field(default_factory=list)
    jobs: list[JobRow] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name that BambooHR shows."""
        return f"{self.preferred or self.first} {self.last}"

    @property
    def hired(self) -> date | None:
        """The first day employed."""
        return min((row.day for row in self.statuses if row.status != "Terminated"), default=None)

    def status_on(self, day: date) -> StatusRow | None:
        """The row of employmentStatus that holds on a day."""
        begun = [row for row in self.statuses if row.day <= day]
        return max(begun, key=lambda row: (row.day, row.id), default=None)

    def job_on(self, day: date) -> JobRow | None:
        """The row of jobInfo that holds on a day."""
        begun = [(row.day, row.id, row) for row in self.jobs if row.day and row.day <= day]
        return max(begun)[-1] if begun else None


class Company:
    """One company's account. Everything that changes an employee notes when, by `clock`.

    labels: the label of each field beyond the standard ones, by its alias; an account that lacks a
    field does not list it.
    """

    def __init__(
        self,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self.clock = clock
        self.labels = dict(
            {"gender": "Gender", "customGitLabUsername": "GitLab Username"}
            if labels is None
            else labels
        )
        self.employees: dict[int, Employee] = {}
        self.deleted: dict[int, datetime] = {}
        self.lock = RLock()
        self._last_id = 100
        self._last_row = 0

    # Employees ----------------------------------------------------------------------------------

    def add(
        self,
        first: str,
        last: str,
        *,
        preferred: str | None = None,
        email: str | None = None,
        id: int | None = None,
        **fields: str | None,
    ) -> Employee:
        """A new employee without any history."""
        with self.lock:
            self._last_id = max(self._last_id + 1, id or 0)
            now = self.clock()
            number = self._last_id if id is None else id
            employee = Employee(number, first, last, preferred, email, fields, now, now)
            self.employees[number] = employee
            return employee

    def edit(self, employee: Employee, **fields: str | None) -> None:
        """Changes fields of the record; `first`, `last`, `preferred` and `email` among them."""
        with self.lock:
            for name, value in fields.items():
                if name in {"first", "last", "preferred", "email"}:
                    setattr(employee, name, value)
                else:
                    employee.fields[name] = value
            self._touch(employee)

    def delete(self, employee: Employee) -> None:
        """Removes an employee with all of the history."""
        with self.lock:
            del self.employees[employee.id]
            self.deleted[employee.id] = self.clock()

    # History ------------------------------------------------------------------------------------

    def status(
        self, employee: Employee, day: date, status: str = "Full-Time", kind: str | None = None
    ) -> StatusRow:
        """A row of employmentStatus."""
        with self.lock:
            row = StatusRow(self._next_row(), day, status, kind)
            employee.statuses.append(row)
            self._touch(employee)
            return row

    def terminate(
        self, employee: Employee, last_day: date, kind: str | None = VOLUNTARY
    ) -> StatusRow:
        """The row of employmentStatus that ends the employment."""
        return self.status(employee, last_day, "Terminated", kind)

    def job(
        self,
        employee: Employee,
        day: date,
        department: str | None = None,
        *,
        division: str | None = None,
        reports_to: Employee | None = None,
        title: str | None = "Engineer",
    ) -> JobRow:
        """A row of jobInfo."""
        with self.lock:
            row = JobRow(self._next_row(), day, department, division, reports_to, title)
            employee.jobs.append(row)
            self._touch(employee)
            return row

    def remove(self, employee: Employee, row: StatusRow | JobRow) -> None:
        """Deletes a row of either table."""
        with self.lock:
            if isinstance(row, StatusRow):
                employee.statuses.remove(row)
            else:
                employee.jobs.remove(row)
            self._touch(employee)

    def changed_since(self, moment: datetime) -> Sequence[Employee]:
        """Employees whose record or history changed at or after a moment."""
        return [each for each in self.employees.values() if each.changed_at >= moment]

    def _touch(self, employee: Employee) -> None:
        employee.changed_at = self.clock()

    def _next_row(self) -> int:
        self._last_row += 1
        return self._last_row
