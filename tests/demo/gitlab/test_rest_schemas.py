"""REST answers against GitLab's own JSON schemas and the examples of its documentation."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from tests.conftest import require_shared

from .conftest import Client, Office, at

ODD_PATTERN = "^#[0-9A-Fa-f]{3}{1,2}$"
"""Ruby reads the repeated repetition as a group of one or two; Python has to be told."""


@pytest.fixture(scope="module")
def folder() -> Path:
    return require_shared("spec", "gitlab", "public_api_v4")


@pytest.fixture(scope="module")
def registry(folder: Path) -> Registry[Any]:
    found: Registry[Any] = Registry()
    for path in folder.rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        text = text.replace(json.dumps(ODD_PATTERN), json.dumps("^#([0-9A-Fa-f]{3}){1,2}$"))
        resource = Resource.from_contents(json.loads(text), default_specification=DRAFT7)
        found = found.with_resource(path.relative_to(folder).as_posix(), resource)
    return found


def check(registry: Registry[Any], name: str, content: Any) -> None:
    validator = Draft7Validator({"$ref": name}, registry=registry)
    assert [error.message for error in validator.iter_errors(content)] == []


def without_null_users(content: dict[str, Any]) -> dict[str, Any]:
    """GitLab's specs fill in every user; its answers say null where there is none, as do ours."""
    optional = {"assignee", "merged_by", "merge_user", "closed_by"}
    return {name: value for name, value in content.items() if value or name not in optional}


@pytest.fixture
def changes(office: Office) -> None:
    """A merge request of every state, with everything that belongs to one."""
    world = office.world
    for number, end in enumerate(("merge", "close", "lock", ""), 1):
        change = world.add_merge_request(
            office.app,
            office.ann,
            f"t{number}",
            at(number),
            reviewers=[office.ben],
            assignees=[office.ann],
            labels=["bug"],
            paths=["a.py"],
        )
        world.comment(change, office.cleo, "hm", at(number + 1))
        world.approve(change, office.ben, at(number + 2))
        if end == "merge":
            world.merge(change, office.ben, at(10))
        elif end == "close":
            world.close(change, office.ben, at(10))
        elif end == "lock":
            world.lock_for_merge(change, at(10))


@pytest.mark.usefixtures("changes")
def test_merge_requests(client: Client, registry: Registry[Any]) -> None:
    listed = client.get("projects/1/merge_requests", state="all").json()
    assert {item["state"] for item in listed} == {"merged", "closed", "locked", "opened"}
    for item in listed:
        check(registry, "merge_request.json", {**without_null_users(item)})
        whole = client.get(f"projects/1/merge_requests/{item['iid']}").json()
        check(registry, "merge_request.json", without_null_users(whole))
        # A single one has what the list has, and more.
        assert {**whole, **item} == whole
    for item in client.get("projects/1/merge_requests", view="simple").json():
        check(registry, "merge_request_simple.json", item)


@pytest.mark.usefixtures("changes")
def test_notes_labels_and_users(client: Client, office: Office, registry: Registry[Any]) -> None:
    notes = client.get("projects/1/merge_requests/1/notes").json()
    assert len(notes) == 2
    check(registry, "notes.json", notes)
    for note in notes:
        check(registry, "user/basic.json", note["author"])
    detailed = client.get("projects/1/merge_requests", with_labels_details="true").json()
    for label in detailed[0]["labels"]:
        check(registry, "label_basic.json", label)
    office.world.add_member(office.world.group("acme"), office.ann)
    members = client.get("groups/acme/members/all").json()
    assert members
    check(registry, "members.json", members)
    for row in client.get("projects/1/merge_requests/1/reviewers").json():
        check(registry, "user/basic.json", row["user"])


@pytest.mark.usefixtures("changes")
@pytest.mark.parametrize(
    ("example", "path"),
    [
        ("merge_request_list_item.json", "projects/1/merge_requests"),
        ("reviewers.json", "projects/1/merge_requests/1/reviewers"),
        ("resource_state_events.json", "projects/1/merge_requests/1/resource_state_events"),
    ],
)
def test_every_field_of_the_documentation_is_there(client: Client, example: str, path: str) -> None:
    """The fields of the documented example are all answered, each with one of its JSON types."""
    file = require_shared("spec", "gitlab", "doc_examples", example)
    documented = json.loads(file.read_text(encoding="utf-8"))[0]
    answered = client.get(path).json()
    assert answered
    for item in answered:
        assert set(documented) <= set(item)
        for name, value in documented.items():
            if item[name] is not None and value is not None:
                assert type(item[name]) is type(value), name
