"""Who the employees are: names, e-mail, GitLab account and gender, from whatever list tells them.

`GET /employees` lists everybody in pages, but knows standard fields alone; the dataset `employee`
knows every field, under names of its own; a single employee's record knows them by the names of the
configuration, and is asked for where neither of the others tells.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from app.settings import BambooHRSettings
from collectors.bamboohr.client import BambooHRClient, in_path
from collectors.bamboohr.errors import (
    KeyRefusedError,
    NotFoundError,
    PartError,
    RequestRefusedError,
)
from collectors.bamboohr.tables import by_age, day, identifier, words
from collectors.known import KnownPerson
from collectors.record import RecordError, Refused, dig

PAGE = 1000
LIST_ATTEMPTS = 3
ASKED_AT_ONCE = 4
RESTRICTED = "_restrictedFields"
NAMES = ("firstName", "lastName", "preferredName")
STANDARD = ("workEmail", "hireDate", "reportsToId")
"""Beyond what `GET /employees` tells without being asked."""

IN_DATASET: Mapping[str, tuple[str, ...]] = {
    "id": ("eeid", "employeeId", "id"),
    "firstName": ("firstName",),
    "lastName": ("lastName",),
    "preferredName": ("preferredName",),
    "workEmail": ("email", "workEmail"),
    "hireDate": ("hireDate",),
    "reportsToId": ("supervisorEid",),
}
"""What standard fields are called in the dataset `employee`, the likeliest name first."""


@dataclass(slots=True)
class Employee:
    """What is known of one employee; empty texts and null where nothing is told.

    supervisor: the id of who they report to now.
    """

    id: str
    first: str = ""
    last: str = ""
    preferred: str = ""
    email: str = ""
    hired: date | None = None
    supervisor: str = ""
    username: str = ""
    gender: str = ""

    @property
    def name(self) -> str:
        """The name that colleagues use."""
        return " ".join(filter(None, (self.preferred or self.first, self.last))) or (
            f"Employee {self.id}"
        )


@dataclass(slots=True)
class People:
    """The employees by id, and what was learned about the fields on the way.

    told: fields of the configuration that some record had. restricted: how many records keep each
    field from this key.
    """

    employees: dict[str, Employee] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    restricted: dict[str, int] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


class PeopleReader:
    """Reads the employees once.

    unchanged: people whose record is as it was when it was stored; their records are not asked for
    one by one. progress: called with (done, total or null).
    """

    def __init__(
        self,
        client: BambooHRClient,
        settings: BambooHRSettings,
        unchanged: Mapping[str, KnownPerson],
        progress: Callable[[int, int | None], None],
    ) -> None:
        self._client = client
        self._unchanged = unchanged
        self._progress = progress
        self._username_field = settings.gitlab_username_field
        self._gender_field = settings.gender_field
        self._asked = tuple(
            dict.fromkeys(filter(None, (settings.gitlab_username_field, settings.gender_field)))
        )
        self.people = People()

    def read(self, ids: Collection[str]) -> People:
        """Everybody who is listed or in `ids`, those whom the history tables speak of.

        Raises a SourceError; a list that is not there, or not for this key, tells nobody.
        """
        listed = self._read_list()
        missing = [name for name in self._asked if name not in self.people.told]
        if missing or not listed:
            self._read_dataset(missing)
        missing = [name for name in self._asked if name not in self.people.told]
        nameless = [each for each in ids if each not in self.people.employees]
        if missing and self.people.employees:
            every = sorted(self.people.employees, key=by_age)
            asked = {every[0], every[len(every) // 2], every[-1]}
            self._read_each(asked, missing)
            if self.people.told.intersection(missing):
                others = self.people.employees.keys() - asked
                self._read_each(others - self._unchanged.keys(), missing)
                for each in others & self._unchanged.keys():
                    self._recall(each, missing)
        self._read_each(nameless, [*NAMES, *STANDARD[:2], *self._asked])
        for each in ids:
            self.people.employees.setdefault(each, Employee(each))
        return self.people

    # GET /employees -----------------------------------------------------------------------------

    def _read_list(self) -> bool:
        """Whether there is a list of employees for this key."""
        for _ in range(LIST_ATTEMPTS):
            try:
                self._read_pages()
            except RequestRefusedError:
                if not self.people.employees:
                    return False
                # The employee at the edge of a page vanished: from the beginning again.
            except (PartError, KeyRefusedError):
                # The history tables were readable: it is this list that the key may not see.
                return False
            else:
                return True
        return False

    def _read_pages(self) -> None:
        parameters = {"fields": ",".join((*STANDARD, *self._asked)), "page[limit]": str(PAGE)}
        after: Any = None
        while True:
            page = {} if after is None else {"page[after]": str(after)}
            answer = self._client.get(
                "v1/employees", "employees", about="the employees", **parameters, **page
            )
            for content in _list(answer, "data"):
                self._take(content, dig(content, "employeeId")[1] or dig(content, "id")[1])
            total = dig(answer, "meta.total")[1]
            self._progress(len(self.people.employees), total if isinstance(total, int) else None)
            before, after = after, dig(answer, "meta.page.nextCursor")[1]
            if after is None or after == before:
                return

    # POST /datasets/employee/data ---------------------------------------------------------------

    def _read_dataset(self, missing: Iterable[str]) -> None:
        """Adds what the dataset of employees tells, if the key may see it."""
        try:
            known = list(self._dataset_fields())
        except (PartError, KeyRefusedError):
            return
        names = {name for name, _ in known}
        columns = {
            name: found
            for name, wanted in IN_DATASET.items()
            if (found := next((each for each in wanted if each in names), None))
        }
        asked = {name: column for name in missing if (column := _column(name, known))}
        if "id" not in columns or (not asked and self.people.employees):
            return
        columns |= asked
        number, pages = 1, 1
        while number <= pages:
            content = {
                "fields": sorted(set(columns.values())),
                "orderBy": f"{columns['id']} asc",
                "page": number,
                "pageSize": PAGE,
            }
            try:
                answer = self._client.post(
                    "v2/datasets/employee/data",
                    "dataset",
                    content,
                    about="the dataset of employees",
                )
            except (PartError, KeyRefusedError):
                return
            for row in _list(answer, "data"):
                told = dig(row, "fields")[1]
                if isinstance(told, Mapping):
                    renamed = {name: told.get(column) for name, column in columns.items()}
                    hidden = told.get(RESTRICTED) or dig(row, RESTRICTED)[1] or ()
                    renamed[RESTRICTED] = [n for n, column in columns.items() if column in hidden]
                    self._take(renamed, renamed["id"])
            total = dig(answer, "meta.totalPages")[1]
            pages = total if isinstance(total, int) else 1
            number += 1

    def _dataset_fields(self) -> Iterator[tuple[str, str]]:
        """(name, label) of each field of the dataset."""
        number, pages = 1, 1
        while number <= pages:
            answer = self._client.get(
                "v1_2/datasets/employee/fields",
                "dataset_fields",
                about="the fields of the dataset of employees",
                page=str(number),
                page_size=str(PAGE),
            )
            for content in _list(answer, "fields"):
                name, label = dig(content, "name")[1], dig(content, "label")[1]
                if isinstance(name, str):
                    yield name, label if isinstance(label, str) else ""
            total = dig(answer, "pagination.total_pages")[1]
            pages = total if isinstance(total, int) else 1
            number += 1

    # GET /employees/{id} ------------------------------------------------------------------------

    def _read_each(self, ids: Collection[str], fields: Sequence[str]) -> None:
        """One request for each employee."""
        if not ids:
            return
        with ThreadPoolExecutor(ASKED_AT_ONCE, "bamboohr") as threads:
            try:
                answers = threads.map(lambda each: (each, self._ask(each, fields)), sorted(ids))
                for done, (each, answer) in enumerate(answers, 1):
                    if answer is not None:
                        self._take(answer, each)
                    self._progress(done, len(ids))
            finally:
                threads.shutdown(cancel_futures=True)

    def _recall(self, each: str, fields: Collection[str]) -> None:
        """What is stored in place of a record that did not change."""
        known, employee = self._unchanged[each], self.people.employees[each]
        if self._username_field in fields:
            employee.username = known.username or ""
        if self._gender_field in fields:
            employee.gender = known.attributes.get("gender", "")

    def _ask(self, each: str, fields: Sequence[str]) -> Mapping[str, Any] | None:
        """The record of an employee; None where it is not there or not for this key."""
        try:
            answer = self._client.get(
                f"v1/employees/{in_path(each)}",
                "employee",
                about=f"the employee {each}",
                fields=",".join(fields),
            )
        except PartError:
            return None
        return answer if isinstance(answer, Mapping) else None

    # All of them --------------------------------------------------------------------------------

    def _take(self, content: Any, number: Any) -> None:
        """Adds what a record tells of an employee to what is known."""
        if not isinstance(content, Mapping):
            self._refuse("unknown", "", "it is not an object")
            return
        try:
            found = identifier(number)
        except RecordError as error:
            self._refuse("unknown", "", f"its id {error}")
            return
        employee = self.people.employees.setdefault(found, Employee(found))
        hidden = content.get(RESTRICTED) or ()
        hidden = (
            [name for name in hidden if isinstance(name, str)] if isinstance(hidden, list) else []
        )
        for name in hidden:
            self.people.restricted[name] = self.people.restricted.get(name, 0) + 1
        self.people.told.update(name for name in self._asked if name in content or name in hidden)
        for attribute, name in self._fields():
            value = content.get(name)
            if value is None or value == "":
                continue
            try:
                if attribute == "hired":
                    employee.hired = _day_or_none(value)
                else:
                    setattr(employee, attribute, words(value))
            except RecordError as error:
                self._refuse(found, f"/{name}", f"{name} {error}")

    def _fields(self) -> Iterator[tuple[str, str]]:
        """(attribute, name in a record)."""
        yield from zip(("first", "last", "preferred"), NAMES, strict=True)
        yield from zip(("email", "hired", "supervisor"), STANDARD, strict=True)
        if self._username_field:
            yield "username", self._username_field
        if self._gender_field:
            yield "gender", self._gender_field

    def _refuse(self, employee: str, below: str, reason: str) -> None:
        self.people.refused.append(
            Refused(kind="employee", address=f"employees/{employee}{below}", reason=reason)
        )


def _column(name: str, known: Sequence[tuple[str, str]]) -> str | None:
    """What a field of the configuration is called in the dataset: by its name there, else its label."""
    for column, _ in known:
        if _plain(column) == _plain(name):
            return column
    return next((column for column, label in known if _plain(label) == _plain(name)), None)


def _plain(name: str) -> str:
    """A name without what its writing adds: `customGitLabUsername` is the label `GitLab Username`."""
    return re.sub(r"[^a-z0-9]", "", name.lower()).removeprefix("custom")


def _list(answer: Any, name: str) -> Sequence[Any]:
    found = dig(answer, name)[1]
    if not isinstance(found, list):
        raise NotFoundError(f"BambooHR tells no {name} where a list of them was expected.")
    return found


def _day_or_none(value: Any) -> date | None:
    """A hire date that was never filled in is none."""
    try:
        return day(value)
    except RecordError:
        return None
