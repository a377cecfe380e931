"""BambooHR's endpoints over one company; nothing can be written."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from random import Random
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from demo.bamboohr.answers import ROWS, dataset_fields, dataset_row, listed, moment, record
from demo.bamboohr.company import Company, Employee
from demo.gitlab.answer import Answer, json_answer

LARGEST_LIST = 2500
LARGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that found its route. parts: of the path; query: of several values the last."""

    parts: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


class Refusal(Exception):
    """Instead of an answer: a status with BambooHR's words in the header."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(status, b"", {"X-BambooHR-Error-Message": message})


@dataclass(slots=True)
class Hidden:
    """What the key may not see.

    fields: of whom (None: of everybody) a field of the record is kept; columns: of history tables,
    which are left out of rows; tables; operations: answered with this status; employees: who is not
    there for this key at all.
    """

    fields: dict[str, set[int] | None] = field(default_factory=dict)
    columns: set[str] = field(default_factory=set)
    operations: dict[str, int] = field(default_factory=dict)
    employees: set[int] = field(default_factory=set)

    def of(self, employee: Employee) -> set[str]:
        """The fields that are kept from the key of one employee."""
        return {
            name for name, whose in self.fields.items() if whose is None or employee.id in whose
        }


class Api:
    """The endpoints. hidden: what this key may not see. Callers hold the company's lock."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.hidden = Hidden()
        self._order = Random(17)
        routes: tuple[tuple[str, str, str, Callable[[Asked], Answer]], ...] = (
            ("GET", "employees", r"v1/employees", self._employees),
            ("GET", "directory", r"v1/employees/directory", self._directory),
            ("GET", "changed", r"v1/employees/changed", self._changed),
            (
                "GET",
                "changed_{table}",
                r"v1/employees/changed/tables/(?P<table>\w+)",
                self._changed_table,
            ),
            (
                "GET",
                "table_{table}",
                r"v1/employees/(?P<id>\w+)/tables/(?P<table>\w+)",
                self._table,
            ),
            ("GET", "employee", r"v1/employees/(?P<id>\d+)", self._employee),
            ("GET", "fields", r"v1/meta/fields", self._fields),
            ("GET", "dataset_fields", r"v1_2/datasets/(?P<name>\w+)/fields", self._dataset_fields),
            ("POST", "dataset", r"v2/datasets/(?P<name>\w+)/data", self._dataset),
        )
        self._routes = tuple(
            (method, name, re.compile(pattern), answer) for method, name, pattern, answer in routes
        )

    def operation(self, method: str, path: str) -> str:
        """The name of what a request asks for; empty where there is no such endpoint."""
        found = self._find(method, path)
        return found[0] if found else ""

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """The answer to a request whose path is given below the API's base."""
        found = self._find(method, path)
        if found is None:
            return Answer(404, b"", {"X-BambooHR-Error-Message": "Not found"})
        operation, parts, route = found
        if operation in self.hidden.operations:
            return Answer(self.hidden.operations[operation], b"")
        query = {name: values[-1] for name, values in parse_qs(urlsplit(path).query).items()}
        try:
            return route(Asked(parts, query, body))
        except Refusal as refusal:
            return refusal.answer

    def _find(
        self, method: str, path: str
    ) -> tuple[str, Mapping[str, str], Callable[[Asked], Answer]] | None:
        for own, name, pattern, route in self._routes:
            match = pattern.fullmatch(urlsplit(path).path)
            if match and own == method:
                parts = {key: unquote(value) for key, value in match.groupdict().items()}
                return name.format(**parts), parts, route
        return None

    def _shown(self) -> list[Employee]:
        return [e for e in self.company.employees.values() if e.id not in self.hidden.employees]

    # History tables -----------------------------------------------------------------------------

    def _rows(self, table: str, employees: Sequence[Employee]) -> list[dict[str, Any]]:
        """Rows in no particular order, without the columns that the key may not see."""
        if table not in ROWS:
            raise Refusal(404, "Table not found")
        rows = [
            {name: value for name, value in row.items() if name not in self.hidden.columns}
            for employee in employees
            for row in ROWS[table](employee)
        ]
        self._order.shuffle(rows)
        return rows

    def _table(self, asked: Asked) -> Answer:
        if asked.parts["id"] == "all":
            return json_answer(self._rows(asked.parts["table"], self._shown()))
        return json_answer(self._rows(asked.parts["table"], [self._one(asked)]))

    def _changed_table(self, asked: Asked) -> Answer:
        since, table = _since(asked), asked.parts["table"]
        shown = [each for each in self.company.changed_since(since) if each in self._shown()]
        employees = {
            str(each.id): {
                "lastChanged": moment(each.changed_at),
                "rows": self._rows(table, [each]),
            }
            for each in shown
        }
        self._rows(table, [])
        return json_answer({"table": table, "employees": employees})

    def _changed(self, asked: Asked) -> Answer:
        since, kind = _since(asked), asked.query.get("type", "all")
        if kind not in {"inserted", "updated", "deleted", "all"}:
            raise Refusal(400, "Invalid type")
        found = {
            str(each.id): ("Inserted" if each.inserted_at >= since else "Updated", each.changed_at)
            for each in self.company.changed_since(since)
        }
        found |= {
            str(number): ("Deleted", at)
            for number, at in self.company.deleted.items()
            if at >= since
        }
        told = {
            number: {"id": number, "action": action, "lastChanged": moment(at)}
            for number, (action, at) in found.items()
            if kind in {"all", action.lower()}
        }
        latest = max((at for _, at in found.values()), default=since)
        return json_answer({"latest": moment(latest), "employees": told})

    # Employees ----------------------------------------------------------------------------------

    def _one(self, asked: Asked) -> Employee:
        employee = self.company.employees.get(int(asked.parts["id"]))
        if employee is None:
            raise Refusal(404, "Employee not found")
        if employee.id in self.hidden.employees:
            raise Refusal(403, "Access denied")
        return employee

    def _employees(self, asked: Asked) -> Answer:
        today = self.company.clock().date()
        fields = [each for each in asked.query.get("fields", "").split(",") if each]
        try:
            limit = int(asked.query.get("page[limit]", "250"))
            after = int(asked.query.get("page[after]", "0"))
        except ValueError:
            return _refused("BadPage", "The cursor is malformed.")
        if not 1 <= limit <= LARGEST_LIST:
            return _refused("BadRequest", f"The limit must be from 1 to {LARGEST_LIST}.")
        if after and after not in self.company.employees:
            return _refused("BadPage", "The boundary employee changed between calls.")
        every = sorted(self._shown(), key=lambda each: each.id)
        rest = [each for each in every if each.id > after]
        page = rest[:limit]
        following = page[-1].id if len(rest) > limit else None
        link = f"https://api.bamboohr.com/api/v1/employees?page%5Blimit%5D={limit}"
        links = {"self": {"href": link}}
        if following is not None:
            links["next"] = {"href": f"{link}&page%5Bafter%5D={following}"}
        told = [listed(each, self.company, today, fields, self.hidden.of(each)) for each in page]
        cursor = None if following is None else str(following)
        pages = {"limit": limit, "nextCursor": cursor, "prevCursor": None}
        content = {"data": told, "meta": {"total": len(every), "page": pages}, "_links": links}
        return json_answer(content)

    def _employee(self, asked: Asked) -> Answer:
        employee, today = self._one(asked), self.company.clock().date()
        known, hidden = record(employee, self.company, today), self.hidden.of(employee)
        fields = asked.query.get("fields", "firstName,lastName").split(",")
        told = {name: known[name] for name in fields if name in known and name not in hidden}
        return json_answer({"id": str(employee.id), **told})

    def _directory(self, asked: Asked) -> Answer:
        del asked
        today = self.company.clock().date()
        active = [
            known
            for each in self._shown()
            if (known := record(each, self.company, today))["status"] == "Active"
        ]
        if not active:
            raise Refusal(404, "The directory is empty")
        names = ("displayName", "firstName", "lastName", "workEmail", "department", "jobTitle")
        fields = [{"id": name, "type": "text", "name": name} for name in names]
        employees = [{name: known[name] for name in ("id", *names)} for known in active]
        return json_answer({"fields": fields, "employees": employees})

    def _fields(self, asked: Asked) -> Answer:
        del asked
        standard = [(1, "First Name", "firstName"), (2, "Last Name", "lastName")]
        custom = [
            (n, label, alias) for n, (alias, label) in enumerate(self.company.labels.items(), 4340)
        ]
        return json_answer(
            [
                {"id": number, "name": label, "type": "text", "alias": alias}
                for number, label, alias in (*standard, *custom)
            ]
        )

    # The dataset of employees -------------------------------------------------------------------

    def _dataset_fields(self, asked: Asked) -> Answer:
        if asked.parts["name"] != "employee":
            return _problem(422, "Unprocessable Entity", "Dataset not found.", "DATASET_NOT_FOUND")
        fields = [
            {
                "name": name,
                "label": label,
                "parentType": "page",
                "parentName": "Personal",
                "entityName": "personal",
            }
            for name, (_, label) in dataset_fields(self.company).items()
        ]
        size = int(asked.query.get("page_size", "500"))
        number, pages = int(asked.query.get("page", "1")), max(ceil(len(fields) / size), 1)
        pagination = {
            "total_records": len(fields),
            "current_page": number,
            "total_pages": pages,
            "next_page": None if number >= pages else f"?page={number + 1}&page_size={size}",
            "prev_page": None if number <= 1 else f"?page={number - 1}&page_size={size}",
        }
        content = {"pagination": pagination, "name": "employee", "label": "Employee"}
        return json_answer({**content, "fields": fields[(number - 1) * size : number * size]})

    def _dataset(self, asked: Asked) -> Answer:
        if asked.parts["name"] != "employee":
            return _problem(404, "Not Found", "There is no such dataset.", "DATASET_NOT_FOUND")
        try:
            question = orjson.loads(asked.body)
            fields = [str(name) for name in question["fields"]]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return _problem(400, "Bad Request", "fields is missing.", "BAD_REQUEST")
        unknown = [name for name in fields if name not in dataset_fields(self.company)]
        if unknown:
            return _problem(422, "Unprocessable Entity", f"Unknown field {unknown[0]}.", "INVALID")
        number, size = question.get("page", 1), question.get("pageSize", 100)
        if not 1 <= size <= LARGEST_PAGE or question.get("filter"):
            return _problem(422, "Unprocessable Entity", "Validation failed.", "INVALID")
        today = self.company.clock().date()
        every = sorted(self._shown(), key=lambda each: each.id)
        pages = max(ceil(len(every) / size), 1)
        rows = [
            dataset_row(each, self.company, today, fields, self.hidden.of(each))
            for each in every[(number - 1) * size : number * size]
        ]
        link = "https://api.bamboohr.com/api/v2/datasets/employee/data?page="
        links = {
            "next": f"{link}{number + 1}" if number < pages else None,
            "prev": f"{link}{number - 1}" if number > 1 else None,
        }
        meta = {"page": number, "pageSize": size, "totalPages": pages, "totalItems": len(every)}
        return json_answer({"data": rows, "links": links, "meta": meta})


def _since(asked: Asked) -> datetime:
    try:
        since = datetime.fromisoformat(asked.query["since"])
    except (KeyError, ValueError):
        raise Refusal(400, "since must be an ISO 8601 timestamp") from None
    if since.tzinfo is None:
        raise Refusal(400, "since must have a zone")
    return since


def _refused(code: str, message: str) -> Answer:
    return json_answer({"error": {"code": code, "message": message}}, 400)


def _problem(status: int, title: str, detail: str, code: str) -> Answer:
    content = {"title": title, "status": status, "detail": detail, "code": code}
    return Answer(status, orjson.dumps(content), {}, "application/problem+json")
