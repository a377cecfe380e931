"""Fields that disappear or change their type, each in turn: what cannot be read is named, the rest goes on.

A sample of them in `make test`, every field of every answer in `make test-faults`.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from demo.gitlab import Request
from tests.collectors.gitlab.course import ALL, Course, courses, wrong_after, wrong_with
from tests.databases import engines

Path = tuple[str, ...]
Change = Callable[[Any, Any], None]
"""Alters what a list or object has at an index or key."""

OTHER: dict[type, Any] = {dict: [17], list: {"a": 1}, str: {"b": 2}, int: "seven", bool: "yes"}
"""For a value of each type one of another."""


@dataclass(frozen=True, slots=True)
class Field:
    """Somewhere in the answers to an operation; `*` is every element of a list."""

    operation: str
    path: Path

    def __str__(self) -> str:
        return f"{self.operation} {'.'.join(map(str, self.path))}"


def fields(operation: str, told: Any, path: Path = ()) -> Iterator[Field]:
    """Every value in an answer, elements of lists as one."""
    if path:
        yield Field(operation, path)
    if isinstance(told, dict):
        for name, value in told.items():
            yield from fields(operation, value, (*path, name))
    elif isinstance(told, list):
        for value in told:
            yield from fields(operation, value, (*path, "*"))


def changed(told: Any, path: Path, change: Change) -> Any:
    """The answer with a change at each place that the path leads to: called with what holds it."""
    told = deepcopy(told)

    def go(value: Any, rest: Path) -> None:
        name, *further = rest
        if name == "*":
            keys: Any = range(len(value)) if isinstance(value, list) else ()
        else:
            keys = [name] if isinstance(value, dict) and name in value else ()
        for key in keys:
            if further:
                go(value[key], tuple(further))
            else:
                change(value, key)

    go(told, path)
    return told


def disappears(holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        del holder[key]
    else:
        holder[key] = None


def becomes_null(holder: Any, key: Any) -> None:
    holder[key] = None


def changes_its_type(holder: Any, key: Any) -> None:
    holder[key] = OTHER.get(type(holder[key]), 17)


FACTS = frozenset(
    {
        "author",
        "mergeUser",
        "user",
        "closedAt",
        "mergedAt",
        "publicEmail",
        "reviewers",
        "labels",
        "count",
    }
)
"""What may be null and mean something: a user who is no more, an end that has not come. Nobody can tell
that it is not so."""

ASKED = "reviewers *.created_at"
"""Null where a review was asked for before GitLab wrote down when; elsewhere this is no fact."""

PARTS = 8
"""Tests into which all the fields are divided, so that several processes share them."""


@pytest.fixture(scope="module")
def pair(server_url: str, template: str) -> Iterator[tuple[Course, Course]]:
    with engines(server_url, "test", template) as make, courses(make) as made:
        yield made


@pytest.fixture(scope="module")
def told_in(pair: tuple[Course, Course]) -> tuple[list[Field], list[Field]]:
    """What there is to be changed, in the one run and in the other."""
    return told_of(pair[0]), told_of(pair[1])


def told_of(course: Course) -> list[Field]:
    """Every field of every answer of the undisturbed run."""
    answers: list[Any] = []
    course.restore()

    def note(told: Any) -> Any:
        answers.append(told)
        return told

    course.fake.change_next(note, times=None)
    course.collect()
    pairs = zip(course.requests, answers, strict=True)
    return list(dict.fromkeys(f for asked, told in pairs for f in fields(asked.operation, told)))


def change_answers(course: Course, field: Field, change: Change, *, once: bool) -> None:
    """Lets one answer, or all of them, have the field changed."""

    def alter(told: Any) -> Any:
        return changed(told, field.path, change)

    def has_it(request: Request) -> bool:
        return request.operation == field.operation

    course.fake.change_next(alter, times=1 if once else None, match=has_it)


@pytest.mark.parametrize("part", range(PARTS if ALL else 1))
@pytest.mark.parametrize("following", [False, True], ids=["first", "following"])
@pytest.mark.parametrize(
    ("change", "once"),
    [
        (disappears, False),
        (becomes_null, True),
        (changes_its_type, False),
        (changes_its_type, True),
    ],
)
def test_a_field(
    pair: tuple[Course, Course],
    told_in: tuple[list[Field], list[Field]],
    following: bool,
    change: Change,
    once: bool,
    part: int,
) -> None:
    """Once in one answer, or in all of them until GitLab is mended. In `make test` one of each sort."""
    course = pair[following]
    found = []
    told = told_in[following]
    if change is not changes_its_type:
        # A null among the nodes is one that the token may not see.
        told = [field for field in told if field.path[-2:] != ("nodes", "*")]
    if change is becomes_null:
        told = [field for field in told if field.path[-1] not in FACTS and str(field) != ASKED]
    few = Random(f"{following} {change.__name__} {once}").sample(told, 1)
    for field in told[part::PARTS] if ALL else few:
        course.restore()
        change_answers(course, field, change, once=once)
        try:
            report = course.collect()
        except Exception as error:  # noqa: BLE001 - a mistake of ours, whatever it is
            found.append(f"{field}: {error!r}")
            continue
        wrong = wrong_with(course, report)
        course.mend()
        if report.outcome != "done":
            wrong += wrong_after(course)
        if wrong:
            found.append(f"{field}: " + "; ".join(wrong[:3]))
    assert not found, "\n".join(found)
