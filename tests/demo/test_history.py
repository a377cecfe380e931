"""A recorded history of a few rows as a world: what has happened by when, and the organisation's files."""

import csv
import gzip
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from demo.history import END, History, load

HEADER = (
    "project,mr_iid,first_author_date,merged_at,author,author_is_bot,reviewers,approvers,merged_by,"
    "n_commits,area"
)
ROWS = (
    "a/app,1,2024-01-10T00:00:00Z,2024-01-18T00:00:00Z,ada,0,ben ada,ben,ben,2,Core",
    "a/app,2,2024-05-01T00:00:00Z,2024-05-02T00:00:00Z,ada,0,,,,1,Core",
    "a/lib,1,2024-02-01T00:00:00Z,2024-08-01T00:00:00Z,ada,0,ben,,ben,1,Docs/Guide",
    "a/lib,2,2024-03-05T00:00:00Z,2024-03-01T00:00:00Z,ben,0,ada,ada,ada,1,Core",
    "a/lib,3,2024-03-06T00:00:00Z,2024-03-07T00:00:00Z,robot,1,,,ada,1,",
)


def at(month: int, day: int) -> datetime:
    return datetime(2024, month, day, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "thing.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join((HEADER, *ROWS)) + "\n")
    return path


def states(path: Path, until: datetime) -> dict[str, str]:
    world = load([path], until=until).world
    return {
        f"{change.project.path}!{change.iid}": change.state
        for change in world.merge_requests.values()
    }


def test_only_what_has_happened_is_there(path: Path) -> None:
    assert states(path, at(1, 9)) == {}
    assert states(path, at(1, 17)) == {"app!1": "opened"}
    assert states(path, at(2, 1)) == {"app!1": "merged", "lib!1": "opened"}
    assert states(path, END) == {
        "app!1": "merged",
        "app!2": "merged",
        "lib!1": "merged",
        "lib!2": "merged",
        "lib!3": "merged",
    }


def test_advancing_in_steps_makes_the_same_world(path: Path) -> None:
    at_once, in_steps = load([path]), load([path], until=at(1, 1))
    for month in range(1, 13):
        in_steps.advance(at(month, 15))
    in_steps.advance(END)

    def told(history: History) -> list[object]:
        return [
            (
                change.id,
                change.author.username,
                change.updated_at,
                change.merged_at,
                [label.title for label in change.labels],
                [(row.user.username, row.created_at) for row in change.reviewers],
                [(note.id, note.body, note.created_at) for note in change.notes],
            )
            for change in history.world.merge_requests.values()
        ]

    assert told(in_steps) == told(at_once)
    assert len(told(at_once)) == 5


def test_a_review_is_asked_for_on_the_way_and_approved_at_the_merge(path: Path) -> None:
    world = load([path]).world
    first = world.project("a/app").merge_requests[1]
    assert [(row.user.username, row.created_at) for row in first.reviewers] == [("ben", at(1, 12))]
    assert [(note.body, note.created_at) for note in first.notes] == [
        ("requested review from @ben", at(1, 12)),
        ("approved this merge request", at(1, 18)),
    ]
    assert world.user("robot").bot
    backwards = world.project("a/lib").merge_requests[2]
    assert (backwards.created_at, backwards.merged_at) == (at(3, 5), at(3, 1))
    assert {note.created_at for note in backwards.notes} == {at(3, 5)}


def test_what_is_merged_too_late_stays_open(path: Path) -> None:
    world = load([path], merge_until=at(5, 1)).world
    assert {change.iid for change in world.merge_requests.values() if change.open} == {1, 2}
    assert {change.merged_at for change in world.merge_requests.values()} == {
        None,
        at(1, 18),
        at(3, 1),
        at(3, 7),
    }


def test_people_are_in_the_area_that_they_touched_most(path: Path, tmp_path: Path) -> None:
    history = load([path], areas=1)
    history.write_files(tmp_path)

    teams = yaml.safe_load((tmp_path / "teams.yaml").read_text(encoding="utf-8"))
    assert teams == [
        {"slug": "thing", "name": "thing", "owns": ["a/app", "a/lib"]},
        {"slug": "thing-core", "name": "thing Core", "parent": "thing", "owns": []},
        {
            "slug": "thing-other-areas",
            "name": "thing other areas",
            "parent": "thing",
            "owns": [],
        },
    ]
    with (tmp_path / "memberships.csv").open(encoding="utf-8", newline="") as file:
        stays = [
            (row["person_id"], row["team"], row["valid_from"], row["valid_to"])
            for row in csv.DictReader(file)
        ]
    half, later = date(2024, 7, 1).isoformat(), date(2025, 1, 1).isoformat()
    assert sorted(stays) == [
        ("ada", "thing-core", "2024-01-01", half),
        ("ada", "thing-other-areas", half, later),
        ("ben", "thing-core", "2024-01-01", half),
    ]
    assert history.groups == ("a",)
