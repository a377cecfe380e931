"""Harvest v3's lists: which parameters each takes, how it is filtered, and pages after a cursor."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson

from demo.gitlab.answer import Answer, json_answer
from demo.greenhouse.records import Entity
from demo.greenhouse.world import HiringWorld

LARGEST_PAGE = 500
DEFAULT_PAGE = 100
MOST_VALUES = 50
"""How many ids a filter takes."""
OPERATORS: Mapping[str, Callable[[datetime, datetime], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


class Refusal(Exception):
    """An answer that ends the request early."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.answer = json_answer({"errors": [message]}, status)


@dataclass(frozen=True, slots=True)
class List:
    """One list. filters: the parameters beyond cursor and per_page, with their types of the spec.

    refused: those that are documented and answered with 422 all the same.
    """

    name: str
    items: Callable[[HiringWorld], Mapping[int, Entity]]
    filters: Mapping[str, str]
    refused: frozenset[str] = frozenset()


COMMON = {"ids": "array", "created_at": "object", "updated_at": "object", "fields": "array"}
LISTS = (
    List("close_reasons", lambda world: world.close_reasons, COMMON),
    List(
        "departments",
        lambda world: world.departments,
        {**COMMON, "parent_id": "integer", "external_id": "string"},
    ),
    List(
        "jobs",
        lambda world: world.jobs,
        {
            **COMMON,
            "opened_at": "object",
            "closed_at": "object",
            "requisition_id": "string",
            "department_id": "integer",
            "office_id": "integer",
            "custom_field_option_id": "integer",
            "confidential": "boolean",
            "status": "string",
        },
    ),
    List(
        "offers",
        lambda world: world.offers,
        {
            **COMMON,
            "application_ids": "array",
            "job_ids": "array",
            "candidate_ids": "array",
            "opening_ids": "array",
            "current_only": "boolean",
            "custom_field_option_id": "integer",
            "status": "string",
            "resolved_at": "object",
            "sent_on": "object",
            "starts_on": "object",
        },
        frozenset({"created_at", "updated_at", "resolved_at", "sent_on", "starts_on"}),
    ),
    List(
        "openings",
        lambda world: world.openings,
        {
            **COMMON,
            "job_ids": "array",
            "application_ids": "array",
            "close_reason_ids": "array",
            "opened_at": "object",
            "closed_at": "object",
            "custom_field_option_id": "integer",
            "open": "boolean",
            "opening_id": "string",
        },
    ),
)
"""The lists of this fake; a test holds their parameters against the specification."""

BY_NAME = {each.name: each for each in LISTS}


def page(kind: List, world: HiringWorld, query: str, address: str) -> Answer:
    """One page, newest id first. query: as it was sent. address: of the list, for the link."""
    given = parse_qsl(query, keep_blank_values=True)
    values = dict(given)
    if len(values) < len(given):
        raise Refusal("A parameter is there twice.")
    before: int | None = None
    if "cursor" in values:
        if len(values) > 1:
            raise Refusal("When passing a cursor, do not include other query params.")
        values, before = _opened(values["cursor"])
    for name in values:
        if name not in {*kind.filters, "per_page"}:
            raise Refusal(f"{name} is not a permitted parameter")
        if name in kind.refused:
            raise Refusal(f"Filtering by {name} is not supported")
    size = _size(values.get("per_page"))
    conditions = [
        _condition(name, kind.filters[name], value)
        for name, value in values.items()
        if name not in {"per_page", "fields", "current_only"}
    ]
    found = [
        shown
        for entity in sorted(kind.items(world).values(), key=lambda each: each.id, reverse=True)
        if before is None or entity.id < before
        for shown in [entity.shown()]
        if all(condition(shown) for condition in conditions)
    ]
    shown, headers = found[:size], {}
    if len(found) > size:
        cursor = base64.urlsafe_b64encode(orjson.dumps([values, shown[-1]["id"]])).decode()
        headers["Link"] = f'<{address}?cursor={cursor.replace("=", "%3D")}>; rel="next"'
    if "fields" in values:
        wanted = values["fields"].split(",")
        shown = [{name: each[name] for name in wanted if name in each} for each in shown]
    return json_answer(shown, headers=headers)


def _opened(cursor: str) -> tuple[dict[str, str], int]:
    try:
        values, before = orjson.loads(base64.urlsafe_b64decode(cursor))
    except (TypeError, ValueError) as error:
        raise Refusal("Invalid cursor") from error
    if not isinstance(values, dict) or not isinstance(before, int):
        raise Refusal("Invalid cursor")
    return values, before


def _size(text: str | None) -> int:
    if text is None:
        return DEFAULT_PAGE
    if not text.isdigit() or not 1 <= int(text) <= LARGEST_PAGE:
        raise Refusal(f"per_page must be between 1 and {LARGEST_PAGE}")
    return int(text)


def _condition(name: str, kind: str, value: str) -> Callable[[Mapping[str, Any]], bool]:
    """A filter. Refuses a value of another type than the specification's."""
    if kind == "object":
        return _between(name, value.split("|"))
    if kind == "array":
        ids = value.split(",")
        if len(ids) > MOST_VALUES or not all(each.isdigit() for each in ids):
            raise Refusal(f"{name} must be up to {MOST_VALUES} ids")
        column = "id" if name == "ids" else name.removesuffix("s")
        return lambda shown: str(shown[column]) in ids
    if kind == "boolean":
        if value not in {"true", "false"}:
            raise Refusal(f"{name} must be true or false")
        return lambda shown: shown[name] is (value == "true")
    if kind == "integer" and not value.isdigit():
        raise Refusal(f"{name} must be a whole number")
    return lambda shown: str(shown.get(name)) == value


def _between(name: str, parts: Sequence[str]) -> Callable[[Mapping[str, Any]], bool]:
    """A filter on a time: `gte|2026-01-01T00:00:00Z|lte|2026-02-01T00:00:00Z`, or one of the two."""
    bounds = []
    for operator, text in zip(parts[::2], parts[1::2], strict=False):
        try:
            bounds.append((OPERATORS[operator], datetime.fromisoformat(text)))
        except (KeyError, ValueError) as error:
            raise Refusal(f"{name} must be an operator and a timestamp") from error
    if len(parts) % 2 or any(bound.tzinfo is None for _, bound in bounds):
        raise Refusal(f"{name} must be an operator and a timestamp with its zone")

    def holds(shown: Mapping[str, Any]) -> bool:
        if shown[name] is None:
            return False
        value = datetime.fromisoformat(shown[name])
        return all(compare(value, bound) for compare, bound in bounds)

    return holds
