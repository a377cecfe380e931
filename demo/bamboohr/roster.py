"""The invented company as its BambooHR has it: each person's stays as rows of the history tables."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time

from demo.bamboohr.company import INVOLUNTARY, OTHER, VOLUNTARY, Company, Employee
from demo.company.build import CompanyWorld
from demo.company.plan import TeamPlan
from demo.company.roster import Person, Stay

KINDS = {"voluntary": VOLUNTARY, "involuntary": INVOLUNTARY, "other": OTHER}
TITLES = {"manager": "Engineering Manager", "member": "Engineer"}


def in_two_teams(world: CompanyWorld) -> frozenset[str]:
    """Ids of the people who are in two teams at one time, which BambooHR cannot say."""
    return frozenset(
        person.person_id for person in world.people if len(list(told(person))) < len(person.stays)
    )


def company_of(world: CompanyWorld, today: date, *, without: Collection[str] = ()) -> Company:
    """The employees of the company, whose records last changed when the day began.

    A department is a team, by its name. What BambooHR cannot say is left out: of two stays at one
    time only the first is told, so that who leads two teams is in one of them.
    without: ids of people whom BambooHR does not have.
    """
    company = Company(lambda: datetime.combine(today, time.min, UTC))
    employees = {
        person.person_id: _add(company, person, world.declared.get(person.person_id))
        for person in world.people
        if person.person_id not in without
    }
    chart = _Chart(world.people, world.teams)
    names = {team.slug: team.name for team in world.teams}
    for person in world.people:
        employee = employees.get(person.person_id)
        if employee is None:
            continue
        for stay in told(person):
            for day in chart.turns(stay):
                boss = chart.boss(person, stay, day)
                company.job(
                    employee,
                    day,
                    names[stay.team],
                    reports_to=employees.get(boss.person_id) if boss is not None else None,
                    title=TITLES[stay.role],
                )
    company.clock = lambda: datetime.now(UTC)
    return company


def employee_id(person: Person) -> int:
    """The id of a person's employee record."""
    return int(person.person_id.removeprefix("E"))


def told(person: Person) -> Iterator[Stay]:
    """The stays that BambooHR can tell: those that begin when no earlier one holds."""
    before: list[Stay] = []
    for stay in person.stays:
        if not any(each.holds(stay.valid_from) for each in before):
            yield stay
        before.append(stay)


def _add(company: Company, person: Person, username: str | None) -> Employee:
    first, _, last = person.name.partition(" ")
    employee = company.add(
        first,
        last,
        id=employee_id(person),
        email=person.email,
        gender=person.gender or None,
        customGitLabUsername=username,
    )
    company.status(employee, person.start_date)
    if person.end_date is not None:
        company.terminate(employee, person.end_date, KINDS[person.termination_type])
    return employee


class _Chart:
    """Who leads which team when."""

    def __init__(self, people: Sequence[Person], teams: Sequence[TeamPlan]) -> None:
        self._parents = {team.slug: team.parent for team in teams}
        self._leading: dict[str, list[tuple[Stay, Person]]] = {team.slug: [] for team in teams}
        for person in people:
            for stay in person.stays:
                if stay.role == "manager":
                    self._leading[stay.team].append((stay, person))

    def boss(self, person: Person, stay: Stay, day: date) -> Person | None:
        """Who leads the team on a day, for its manager (or where there is none) that of the team above."""
        team: str | None = stay.team if stay.role == "member" else self._parents[stay.team]
        while team is not None:
            for leading, leader in self._leading[team]:
                if leading.holds(day) and leader is not person:
                    return leader
            team = self._parents[team]
        return None

    def turns(self, stay: Stay) -> list[date]:
        """The first day of a stay and those on which somebody else begins or ends to lead."""
        days = {stay.valid_from}
        team: str | None = stay.team
        while team is not None:
            for leading, _ in self._leading[team]:
                days.add(leading.valid_from)
                if leading.valid_to is not None:
                    days.add(leading.valid_to)
            team = self._parents[team]
        return sorted(day for day in days if stay.holds(day))
