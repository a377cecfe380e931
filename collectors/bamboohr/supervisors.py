"""Who is meant by the name of a supervisor: jobInfo tells names, and two people may have one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from collectors.bamboohr.employment import Stretch
from collectors.bamboohr.people import Employee
from collectors.bamboohr.tables import JobRow


@dataclass(slots=True)
class Supervisors:
    """Finds the employee behind a name, or an id, in `reportsTo`.

    unknown: names that are nobody's. ambiguous: names that are several people's.
    """

    employees: Mapping[str, Employee]
    employment: Mapping[str, Sequence[Stretch]]
    unknown: set[str] = field(default_factory=set)
    ambiguous: set[str] = field(default_factory=set)
    _named: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        for employee in self.employees.values():
            for name in _forms(employee):
                self._named[name].add(employee.id)

    def of(self, row: JobRow) -> str | None:
        """The id of whom a row's employee reports to; None: to nobody, or it is not clear to whom.

        Of several people with the name it is the one whom the employee reports to now, if that is
        one of them, else the one who was employed when the row came into force.
        """
        told = row.supervisor
        if not told:
            return None
        if told in self.employees:
            found = {told}
        else:
            found = self._named.get(_plain(told), set())
        if not found:
            self.unknown.add(told)
            return None
        if len(found) > 1:
            found = found - {row.employee}
        if len(found) > 1:
            now = self.employees[row.employee].supervisor
            found = (
                {now} if now in found else {each for each in found if self._there(each, row.day)}
            )
        if len(found) != 1:
            self.ambiguous.add(told)
            return None
        (supervisor,) = found
        return supervisor if supervisor != row.employee else None

    def _there(self, employee: str, on: date) -> bool:
        return any(each.start <= on < each.end for each in self.employment.get(employee, ()))


def _forms(employee: Employee) -> set[str]:
    """How an employee's name may be written: with the first name, the preferred one or both."""
    firsts = {employee.first, employee.preferred} - {""}
    forms = {f"{first} {employee.last}" for first in firsts or {""}}
    forms |= {f"{employee.last}, {first}" for first in firsts if employee.last}
    if len(firsts) > 1:
        forms.add(f'{employee.first} "{employee.preferred}" {employee.last}')
        forms.add(f"{employee.first} ({employee.preferred}) {employee.last}")
    return {_plain(form) for form in forms} - {""}


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
