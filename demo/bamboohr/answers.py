"""What the company looks like on the wire: rows of tables, records of employees, rows of the dataset."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from demo.bamboohr.company import Company, Employee

NO_DAY = "0000-00-00"
"""A date that was never filled in."""

LISTED = (
    "employeeId",
    "firstName",
    "lastName",
    "preferredName",
    "photoUrl",
    "jobTitleName",
    "status",
)
"""What `GET /employees` tells of everybody."""

OPTIONAL = {
    "workEmail": "workEmail",
    "hireDate": "hireDate",
    "departmentName": "department",
    "divisionName": "division",
    "employmentStatusName": "employmentStatus",
    "reportsToName": "reportsToName",
    "reportsToId": "reportsToId",
}
"""Fields that `GET /employees` tells when it is asked, of those that the fake knows. It passes over
all others, custom ones and gender among them."""

IN_DATASET = {
    "eeid": ("id", "EEID"),
    "firstName": ("firstName", "First Name"),
    "lastName": ("lastName", "Last Name"),
    "preferredName": ("preferredName", "Preferred Name"),
    "email": ("workEmail", "Work Email"),
    "hireDate": ("hireDate", "Hire Date"),
    "status": ("status", "Status"),
    "supervisorEid": ("reportsToId", "Supervisor EID"),
    "jobInformationDepartment": ("department", "Job Information: Department"),
}
"""(field of the record, label) by the name that the dataset `employee` has for it."""


def moment(at: datetime) -> str:
    """A moment as BambooHR writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def status_rows(employee: Employee) -> Iterator[dict[str, Any]]:
    """The rows of employmentStatus of an employee."""
    for row in employee.statuses:
        yield {
            "id": str(row.id),
            "employeeId": str(employee.id),
            "date": row.day.isoformat(),
            "employmentStatus": row.status,
            "comment": None,
            "terminationReasonId": None,
            "terminationTypeId": row.kind,
            "terminationRehireId": None,
        }


def job_rows(employee: Employee) -> Iterator[dict[str, Any]]:
    """The rows of jobInfo of an employee."""
    for row in employee.jobs:
        yield {
            "id": str(row.id),
            "employeeId": str(employee.id),
            "date": row.day.isoformat() if row.day is not None else NO_DAY,
            "location": "Remote",
            "department": row.department,
            "division": row.division,
            "jobTitle": row.title,
            "reportsTo": row.reports_to.name if row.reports_to is not None else None,
        }


ROWS = {"employmentStatus": status_rows, "jobInfo": job_rows}


def record(employee: Employee, company: Company, today: date) -> dict[str, str | None]:
    """Every field of an employee's record, as it stands today."""
    status, job = employee.status_on(today), employee.job_on(today)
    gone = status is None or status.status == "Terminated"
    if status is not None and gone and status.day >= today:
        gone = False  # the last day is still one of work
    boss = job.reports_to if job is not None else None
    return {
        "id": str(employee.id),
        "employeeId": str(employee.id),
        "firstName": employee.first,
        "lastName": employee.last,
        "preferredName": employee.preferred,
        "displayName": employee.name,
        "photoUrl": None,
        "workEmail": employee.email,
        "hireDate": employee.hired.isoformat() if employee.hired is not None else NO_DAY,
        "status": "Inactive" if gone else "Active",
        "employmentStatus": status.status if status is not None else None,
        "department": job.department if job is not None else None,
        "division": job.division if job is not None else None,
        "jobTitleName": job.title if job is not None else None,
        "jobTitle": job.title if job is not None else None,
        "reportsToName": boss.name if boss is not None else None,
        "reportsToId": str(boss.id) if boss is not None else None,
        **{alias: employee.fields.get(alias) for alias in company.labels},
    }


def listed(
    employee: Employee,
    company: Company,
    today: date,
    asked: Collection[str],
    hidden: Collection[str],
) -> dict[str, Any]:
    """An employee as `GET /employees` tells of them. hidden: fields that the key may not see."""
    known = record(employee, company, today)
    told: dict[str, Any] = {name: known[name] for name in LISTED}
    told |= {name: known[OPTIONAL[name]] for name in asked if name in OPTIONAL}
    restricted = sorted(told.keys() & set(hidden))
    for name in restricted:
        told[name] = None
    return {**told, "_restrictedFields": restricted}


def dataset_fields(company: Company) -> dict[str, tuple[str, str]]:
    """(field of the record, label) of everything that the dataset has; custom fields by a number."""
    fields = dict(IN_DATASET)
    for number, (alias, label) in enumerate(company.labels.items(), 4340):
        fields[alias if alias == "gender" else f"customField{number}"] = (alias, label)
    return fields


def dataset_row(
    employee: Employee,
    company: Company,
    today: date,
    asked: Sequence[str],
    hidden: Collection[str],
) -> dict[str, Any]:
    """A row of the dataset: everything is a text, an empty one where nothing is known or may be."""
    known: Mapping[str, str | None] = record(employee, company, today)
    fields = dataset_fields(company)
    names = {name: fields[name][0] for name in asked}
    return {
        "fields": {name: "" if own in hidden else known[own] or "" for name, own in names.items()}
    }
