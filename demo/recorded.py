"""Raw rows of GitLab's REST API, as Apache DevLake's test suite recorded them, as a GitLab world."""

import csv
import gzip
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from demo.gitlab import MergeRequest, User, World

MERGE_REQUESTS = "_raw_gitlab_api_merge_requests.csv.gz"
MERGE_REQUESTS_OF_NOTES = "_raw_gitlab_api_merge_requests_for_mr_notes_test.csv.gz"
NOTES = "_raw_gitlab_api_merge_request_notes.csv.gz"
ADDRESS = re.compile(r"/(?P<path>.+?)/-/merge_requests/(?P<iid>\d+)")

ACTIONS = (
    ("requested review", "reviewer"),
    ("removed review request", "reviewer"),
    ("approved this merge request", "approved"),
    ("unapproved this merge request", "unapproved"),
    ("assigned to", "assignee"),
    ("added ", "commit"),
    ("mentioned in", "cross_reference"),
    ("merged", "merged"),
    ("unmarked as a", "title"),
    ("marked", "title"),
    ("restored source branch", "branch"),
)
"""How a system note begins, and its action, which REST does not tell."""


def load(folder: Path) -> World:
    """Reads the merge requests and notes of a folder of raw rows into a world.

    Some notes name their merge request by a number of another recording; its address tells which.
    """
    world = World()
    by_number: dict[int, MergeRequest] = {}
    for row in _rows(folder / MERGE_REQUESTS):
        by_number[row["iid"]] = _add(world, row)
    number_of_id = {
        row["id"]: _address(row)[1]
        for name in (MERGE_REQUESTS_OF_NOTES, MERGE_REQUESTS)
        for row in _rows(folder / name)
    }
    for row in _rows(folder / NOTES):
        change = by_number[number_of_id[row["noteable_id"]]]
        _add_note(world, change, row)
    return world


def _rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [json.loads(row["data"]) for row in csv.DictReader(file)]


def _address(row: dict[str, Any]) -> tuple[str, int]:
    """The project's path and the merge request's number in its address."""
    match = ADDRESS.fullmatch(urlsplit(row["web_url"]).path)
    assert match is not None
    return match["path"], int(match["iid"])


def _user(world: World, row: dict[str, Any] | None) -> User | None:
    if row is None:
        return None
    known = world.users.get(row["id"])
    return known or world.add_user(row["username"], row["name"], id=row["id"], state=row["state"])


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _add(world: World, row: dict[str, Any]) -> MergeRequest:
    path, number = _address(row)
    project = world.find_project(path)
    if project is None:
        world.add_group(path.rpartition("/")[0], visibility="public")
        project = world.add_project(path, id=row["project_id"], visibility="public")
    author, created_at = _user(world, row["author"]), _time(row["created_at"])
    assert author is not None
    change = world.add_merge_request(
        project, author, row["title"], created_at, id=row["id"], iid=number, labels=row["labels"]
    )
    with world.changing():
        change.description = row["description"] or ""
        change.state = row["state"]
        change.updated_at = datetime.fromisoformat(row["updated_at"])
        change.merged_at, change.closed_at = _time(row["merged_at"]), _time(row["closed_at"])
        change.merge_user = _user(world, row["merge_user"])
        change.closed_by = _user(world, row["closed_by"])
        change.prepared_at = None
        change.assignees = [u for u in (_user(world, one) for one in row["assignees"]) if u]
        change.source_branch, change.target_branch = row["source_branch"], row["target_branch"]
    return change


def _add_note(world: World, change: MergeRequest, row: dict[str, Any]) -> None:
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
