"""One run: asks what changed, reads everybody where something did, and says who was where when."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from app.errors import ConfigurationError
from app.settings import Settings, required_bamboohr_key
from collectors.bamboohr.client import BambooHRClient
from collectors.bamboohr.departments import Departments, stays
from collectors.bamboohr.employment import NO_END, Stretch, stretches
from collectors.bamboohr.errors import NotFoundError, PartError, SourceError, no_company
from collectors.bamboohr.jobs import Job, Stay, jobs, memberships
from collectors.bamboohr.people import Employee, People, PeopleReader
from collectors.bamboohr.records import (
    SOURCE,
    EmploymentRecord,
    IdentityRecord,
    MembershipRecord,
    PersonRecord,
    TeamRecord,
)
from collectors.bamboohr.reporting import reporting_teams
from collectors.bamboohr.sentences import (
    about_accounts,
    about_departments,
    about_employees,
    about_fields,
    about_supervisors,
)
from collectors.bamboohr.supervisors import Supervisors
from collectors.bamboohr.tables import (
    EMPLOYMENT_STATUS,
    JOB_INFO,
    JobRow,
    StatusRow,
    Table,
    by_age,
    changed_employees,
    deleted_employees,
    read_table,
)
from collectors.known import KnownPerson, KnownTeam
from collectors.record import Batch, Complete, Reached, Record, Refused
from collectors.retry import RetryPolicy
from collectors.source import Context

RULES = 1
"""Number of the rules by which rows become stretches: a new one has everybody read again."""

OVERLAP = timedelta(seconds=1)
"""BambooHR's times are whole seconds: what changed in the second of a reading is asked for again."""


def fetch(context: Context, policy: RetryPolicy | None = None) -> Iterator[Batch]:
    """Everything that brings the store up to what BambooHR shows now, as one batch at most.

    Everybody is read at once: who leads whom, and who is meant by a supervisor's name, stands in the
    rows of all, and a whole table is one request like a changed one. So the changed tables say
    whether there is anything to read. Once a day it is read in any case: rows come into force by
    date alone.
    policy: how patient it is. Raises ConfigurationError, and a SourceError when BambooHR cannot be
    read any further at all.
    """
    settings = context.settings.bamboohr
    if not settings.url:
        raise ConfigurationError(
            "BambooHR is not configured.", "Set bamboohr.url and bamboohr.api_key."
        )
    key = required_bamboohr_key(context.settings)
    client = BambooHRClient(settings.url, key, context.counters, policy)
    try:
        teams = [team for team in context.known.teams() if team.source != SOURCE]
        scope = _scope(context.settings, teams)
        positions = context.known.positions()
        position = positions.get(scope)
        through = position.through if position is not None and position.complete else None
        changed: set[str] | None = None
        if through is not None and not context.full and _same_day(context, through):
            changed = _changed(client, through)
        if changed is not None and not changed:
            yield Batch(reached=[_reached(context, client, scope)])
        else:
            yield _Reading(context, client, teams, changed).batch(scope, [*positions])
    finally:
        client.close()


def _scope(settings: Settings, teams: Sequence[KnownTeam]) -> str:
    """What is read, and by which configuration: with another one everything is read again."""
    own = settings.bamboohr
    parts = (
        RULES,
        own.gitlab_username_field,
        own.gender_field,
        *((team.slug, team.name, team.parent) for team in teams),
    )
    mark = sha256(repr(parts).encode()).hexdigest()[:12]
    return f"{own.url} by {own.team_from}, {mark}"


def _same_day(context: Context, through: datetime) -> bool:
    zone = context.settings.reporting.zone
    return through.astimezone(zone).date() == context.started_at.astimezone(zone).date()


def _changed(client: BambooHRClient, since: datetime) -> set[str] | None:
    """Whose record changed, or was deleted. None: BambooHR does not tell."""
    try:
        changed = changed_employees(client, EMPLOYMENT_STATUS, since)
        changed |= changed_employees(client, JOB_INFO, since)
    except PartError:
        return None
    try:
        return changed | deleted_employees(client, since)
    except PartError:
        return changed  # who was deleted is noticed by the next reading of everybody


def _reached(context: Context, client: BambooHRClient, scope: str) -> Reached:
    through = client.told_at or context.started_at
    return Reached(scope=scope, through=through - OVERLAP, complete=True)


@dataclass(slots=True)
class _Reading:
    """A whole reading.

    changed: whose record changed since the last one; None: that is not known.
    complete: the kinds of records of which everything is known this time.
    """

    context: Context
    client: BambooHRClient
    teams: Sequence[KnownTeam]
    changed: set[str] | None
    records: list[Record] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    complete: list[type[Record]] = field(default_factory=list)

    def batch(self, scope: str, scopes: Sequence[str]) -> Batch:
        """Everybody. scopes: all positions that there are, of which the others are given up."""
        known = self.context.known
        status, job = self._tables()
        ids = {row.employee for table in (status, job) if table is not None for row in table.rows}
        reader = PeopleReader(
            self.client,
            self.context.settings.bamboohr,
            self._unchanged(),
            lambda done, total: self.context.tell("employees", done, total),
        )
        people = reader.read(ids)
        if not people.employees:
            raise SourceError(
                f"BambooHR at {self.client.url} shows this key no employees.",
                "Give the user whose key it is access to all employees.",
            )
        self.refused += people.refused
        self._remark(about_fields(people, self.context.settings.bamboohr))
        self._take_people(people)
        employment: dict[str, list[Stretch]] = {}
        if status is not None:
            employment = self._take_employment(status, people)
            self._take_accounts(people, employment)
            if job is not None and self._says_teams(job):
                self._take_memberships(job, employment, people.employees)
        addresses = {each.address for each in self.refused}
        whole = not self.context.failures
        return Batch(
            records=self.records,
            complete=[
                Complete(record=kind, column="source", values=[SOURCE]) for kind in self.complete
            ],
            refused=self.refused,
            accepted=sorted(known.quarantined() - addresses),
            reached=[_reached(self.context, self.client, scope)] if whole else [],
            forget=[each for each in scopes if each != scope or not whole],
        )

    def _unchanged(self) -> Mapping[str, KnownPerson]:
        """People whose record is as it was when it was stored."""
        if self.changed is None:
            return {}
        known = self.context.known.people()
        return {each: person for each, person in known.items() if each not in self.changed}

    def _tables(self) -> tuple[Table | None, Table | None]:
        """employmentStatus and jobInfo; None: it cannot be read, and a failure says so."""
        found: list[Table | None] = []
        failures: list[PartError] = []
        for name in (EMPLOYMENT_STATUS, JOB_INFO):
            self.context.tell(f"the table {name}", 0, None)
            try:
                table = read_table(self.client, name)
            except PartError as error:
                failures.append(error)
                found.append(None)
            else:
                self.refused += table.refused
                found.append(table)
        if len(failures) == len(found):
            if all(isinstance(each, NotFoundError) for each in failures):
                raise no_company(self.client.url)
            raise SourceError(failures[0].message, failures[0].hint)
        for each in failures:
            self.context.fail(each, holds_back=True)
        return found[0], found[1]

    def _remark(self, sentences: Iterable[str]) -> None:
        for sentence in sentences:
            self.context.remark(sentence)

    # People -------------------------------------------------------------------------------------

    def _take_people(self, people: People) -> None:
        self.records += [
            PersonRecord(
                person_id=employee.id,
                name=employee.name,
                email=employee.email or None,
                attributes={"gender": employee.gender} if employee.gender else {},
            )
            for employee in people.employees.values()
        ]
        if not self.context.failures:
            # Without one of the tables somebody may be missing who is there.
            self.complete.append(PersonRecord)

    def _take_accounts(self, people: People, employment: Mapping[str, Sequence[Stretch]]) -> None:
        """The accounts; one that stands at several people belongs to who was employed last."""
        name = self.context.settings.bamboohr.gitlab_username_field
        owners: dict[str, list[str]] = defaultdict(list)
        for employee in people.employees.values():
            if not employee.username:
                continue
            username = username_of(employee.username)
            if username is None:
                address = f"employees/{employee.id}/{name}"
                reason = f'"{employee.username}" is not a GitLab username'
                self.refused.append(Refused(kind="employee", address=address, reason=reason))
            else:
                owners[username].append(employee.id)
        shared = {}
        for username, employees in owners.items():
            employees.sort(key=by_age)
            employees.sort(
                key=lambda each: (
                    max((s.end for s in employment.get(each, ())), default=None) or NO_END.min
                ),
                reverse=True,
            )
            self.records.append(IdentityRecord(username=username, person_id=employees[0]))
            if len(employees) > 1:
                shared[username] = employees
        self._remark(about_accounts(shared))
        self.complete.append(IdentityRecord)

    # Employment ---------------------------------------------------------------------------------

    def _take_employment(self, table: Table, people: People) -> dict[str, list[Stretch]]:
        rows: dict[str, list[StatusRow]] = defaultdict(list)
        for row in table.rows:
            rows[row.employee].append(row)
        found = {
            employee: stretches(theirs, people.employees[employee].hired)
            for employee, theirs in rows.items()
        }
        ended = any(row.terminates for row in table.rows)
        if ended and not table.told & {"terminationTypeId", "terminationType"}:
            self.context.remark(
                "BambooHR does not show the kinds of endings in employmentStatus to this key: all"
                " count as other. Give the user whose key it is access to them."
            )
        self._remark(about_employees((), [each for each, theirs in found.items() if not theirs]))
        self.records += [
            EmploymentRecord(
                person_id=employee,
                start_date=stretch.start,
                end_date=stretch.last,
                termination_type=stretch.termination,
            )
            for employee, theirs in found.items()
            for stretch in theirs
        ]
        self.complete.append(EmploymentRecord)
        return found

    # Memberships --------------------------------------------------------------------------------

    def _says_teams(self, table: Table) -> bool:
        """Whether jobInfo tells what teams are made from; what is stored is kept where it does not."""
        source = self.context.settings.bamboohr.team_from
        name = "reportsTo" if source == "reports_to" else source
        if name in table.told or not table.rows:
            return True
        error = PartError(
            f"BambooHR does not show {name} in jobInfo to this key: nobody's team can be told.",
            "Give the user whose key it is access to it, or set bamboohr.team_from otherwise.",
        )
        self.context.fail(error, holds_back=True)
        return False

    def _take_memberships(
        self,
        table: Table,
        employment: Mapping[str, Sequence[Stretch]],
        employees: Mapping[str, Employee],
    ) -> None:
        rows: dict[str, list[JobRow]] = defaultdict(list)
        for row in table.rows:
            rows[row.employee].append(row)
        found = {
            employee: list(jobs(theirs, employment.get(employee, ())))
            for employee, theirs in rows.items()
        }
        self._remark(
            about_employees(
                [each for each, theirs in employment.items() if theirs and each not in rows], ()
            )
        )
        supervisors = Supervisors(employees, employment)
        if self.context.settings.bamboohr.team_from == "reports_to":
            self.records += memberships(
                self._by_reporting(found, employment, employees, supervisors)
            )
        else:
            self.records += memberships(self._by_department(found, supervisors))
        self._remark(about_supervisors(supervisors))
        self.complete += [MembershipRecord, TeamRecord]

    def _by_department(
        self, found: Mapping[str, Sequence[Job]], supervisors: Supervisors
    ) -> list[Stay]:
        kind = self.context.settings.bamboohr.team_from
        departments = Departments(self.teams)
        there = stays(found, lambda row: getattr(row, kind), departments, supervisors.of)
        self._remark(about_departments(departments, kind))
        return there

    def _by_reporting(
        self,
        found: Mapping[str, Sequence[Job]],
        employment: Mapping[str, Sequence[Stretch]],
        employees: Mapping[str, Employee],
        supervisors: Supervisors,
    ) -> list[Stay]:
        zone = self.context.settings.reporting.zone
        today = self.context.started_at.astimezone(zone).date()
        made = reporting_teams(found, employment, employees, supervisors.of, self.teams, today)
        self.records += made.teams
        return made.stays


def username_of(written: str) -> str | None:
    """A GitLab username in lower case, also out of the address of a profile; None: it is none."""
    name = written.strip().rstrip("/")
    address = re.fullmatch(r"(?:https?://)?[^/@\s]+/([^/\s]+)", name)
    name = (address[1] if address else name).removeprefix("@").lower()
    return name if re.fullmatch(r"[a-z0-9_.-]+", name) else None
