"""Recorded answers of GitLab's REST API as a GitLab world, so that GraphQL tells what REST told then.

Two recordings: raw rows as Apache DevLake's test suite keeps them, and whole exchanges as the ogr
project's does.
"""

import csv
import gzip
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from demo.gitlab import MergeRequest, ReviewerRow, User, World

Row = dict[str, Any]

MERGE_REQUESTS = "_raw_gitlab_api_merge_requests.csv.gz"
MERGE_REQUESTS_OF_NOTES = "_raw_gitlab_api_merge_requests_for_mr_notes_test.csv.gz"
NOTES = "_raw_gitlab_api_merge_request_notes.csv.gz"
ADDRESS = re.compile(r"/(?P<path>.+?)(?:/-)?/merge_requests/(?P<iid>\d+)")

ACTIONS = (
    ("requested review", "reviewer"),
    ("removed review request", "reviewer"),
    ("approved this merge request", "approved"),
    ("unapproved this merge request", "unapproved"),
    ("assigned to", "assignee"),
    ("added ", "commit"),
    ("mentioned in", "cross_reference"),
    ("merged", "merged"),
    ("closed", "closed"),
    ("reopened", "opened"),
    ("unmarked as a", "title"),
    ("marked", "title"),
    ("changed title", "title"),
    ("changed the description", "description"),
    ("restored source branch", "branch"),
)
"""How a system note begins, and its action, which REST does not tell."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer. url: with its query string. body: decoded JSON, or a text."""

    method: str
    url: str
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def objects(self) -> list[Row]:
        """The objects of a good answer, a list's or the single one."""
        body = self.body if isinstance(self.body, list) else [self.body]
        return [each for each in body if isinstance(each, dict)] if self.status < 300 else []


def load_rows(folder: Path) -> World:
    """Reads the merge requests and notes of a folder of raw rows into a world.

    Some notes name their merge request by a number of another recording; its address tells which.
    """
    world = World()
    by_number = {row["iid"]: _add(world, row) for row in _rows(folder / MERGE_REQUESTS)}
    number_of_id = {
        row["id"]: _address(row)[1]
        for name in (MERGE_REQUESTS_OF_NOTES, MERGE_REQUESTS)
        for row in _rows(folder / name)
    }
    for row in _rows(folder / NOTES):
        _add_note(world, by_number[number_of_id[row["noteable_id"]]], row)
    return world


def exchanges(path: Path) -> list[Exchange]:
    """Reads a file of exchanges, one JSON object a line."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        told = [json.loads(line) for line in file]
    names = [each.name for each in fields(Exchange)]
    return [Exchange(**{name: each[name] for name in names}) for each in told]


def merge_requests(recorded: Iterable[Exchange]) -> Iterator[Row]:
    """Every merge request in the answers, as often as it was answered."""
    for exchange in recorded:
        yield from (each for each in exchange.objects if "merge_status" in each)


def notes(recorded: Iterable[Exchange]) -> Iterator[Row]:
    """Every note in the answers, also those on issues and commits."""
    for exchange in recorded:
        yield from (each for each in exchange.objects if "noteable_type" in each)


def users(recorded: Iterable[Exchange]) -> Iterator[Row]:
    """Every user and member in the answers."""
    for exchange in recorded:
        yield from (each for each in exchange.objects if "username" in each)


def load_exchanges(recorded: Iterable[Exchange]) -> World:
    """The merge requests and their notes, each as it was answered last, as a world."""
    recorded = list(recorded)
    world = World()
    latest: dict[int, Row] = {}
    for row in merge_requests(recorded):
        known = latest.get(row["id"])
        if known is None or known["updated_at"] <= row["updated_at"]:
            latest[row["id"]] = row
    changes = {number: _add(world, row) for number, row in latest.items()}
    spoken = {row["id"]: row for row in notes(recorded) if row["noteable_id"] in changes}
    for row in spoken.values():
        _add_note(world, changes[row["noteable_id"]], row)
    return world


def _rows(path: Path) -> list[Row]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [json.loads(row["data"]) for row in csv.DictReader(file)]


def _address(row: Row) -> tuple[str, int]:
    """The project's path and the merge request's number in its address."""
    match = ADDRESS.fullmatch(urlsplit(row["web_url"]).path)
    assert match is not None
    return match["path"], int(match["iid"])


def _user(world: World, row: Row | None) -> User | None:
    if row is None:
        return None
    known = world.users.get(row["id"])
    return known or world.add_user(row["username"], row["name"], id=row["id"], state=row["state"])


def _users(world: World, rows: Iterable[Row]) -> list[User]:
    return [user for user in (_user(world, row) for row in rows) if user is not None]


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _add(world: World, row: Row) -> MergeRequest:
    path, number = _address(row)
    project = world.find_project(path)
    if project is None:
        group = path.rpartition("/")[0]
        if world.find_group(group) is None:
            world.add_group(group, visibility="public")
        project = world.add_project(path, id=row["project_id"], visibility="public")
    author, created_at = _user(world, row["author"]), datetime.fromisoformat(row["created_at"])
    assert author is not None
    change = world.add_merge_request(
        project, author, row["title"], created_at, id=row["id"], iid=number, labels=row["labels"]
    )
    with world.changing():
        change.description = row["description"] or ""
        change.state = row["state"]
        change.updated_at = datetime.fromisoformat(row["updated_at"])
        change.merged_at, change.closed_at = _time(row["merged_at"]), _time(row["closed_at"])
        change.merge_user = _user(world, row.get("merge_user") or row["merged_by"])
        change.closed_by = _user(world, row["closed_by"])
        change.prepared_at = None
        change.assignees = _users(world, row["assignees"])
        # Older versions did not tell reviewers; when a row was made is told by none of these.
        change.reviewers = [
            ReviewerRow(user, created_at) for user in _users(world, row.get("reviewers", ()))
        ]
        change.source_branch, change.target_branch = row["source_branch"], row["target_branch"]
    return change


def _add_note(world: World, change: MergeRequest, row: Row) -> None:
    author = _user(world, row["author"])
    assert author is not None
    action = None
    if row["system"]:
        action = next((name for text, name in ACTIONS if row["body"].startswith(text)), None)
    world.add_note(
        change,
        author,
        row["body"],
        datetime.fromisoformat(row["created_at"]),
        id=row["id"],
        action=action,
        system=row["system"],
    )
