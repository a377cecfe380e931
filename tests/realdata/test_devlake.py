"""The raw rows of a real project: merge requests over three years, notes with dates that cannot be."""

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.recorded import load_rows
from tests.conftest import require_shared
from tests.realdata.conftest import NewDatabase, Site, site

THROUGH = datetime(2022, 7, 13, 13, tzinfo=UTC)
"""When the rows were recorded."""
GROUP = "gitlab-data"
PROJECT = f"https://gitlab.example.com/{GROUP}/snowflake_spend/-/merge_requests"


def recorded(folder: Path, name: str) -> list[dict[str, Any]]:
    with gzip.open(folder / f"_raw_gitlab_api_{name}.csv.gz", "rt", encoding="utf-8") as file:
        return [json.loads(row["data"]) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def folder() -> Path:
    require_shared("data", "gitlab-recorded", "devlake", "_raw_gitlab_api_merge_requests.csv.gz")
    return require_shared("data", "gitlab-recorded", "devlake")


def everybody_in_one_team(folder: Path, usernames: set[str]) -> None:
    teams = [{"slug": "snowflake", "name": "Snowflake", "owns": [f"{GROUP}/**"]}]
    (folder / "teams.yaml").write_text(yaml.safe_dump(teams), encoding="utf-8")
    tables = {
        "people": ("person_id,name,email,gitlab_username,gender", "{0},{0},,{0},"),
        "employment": ("person_id,start_date,end_date,termination_type", "{0},2015-01-01,,"),
        "memberships": (
            "person_id,team,role,valid_from,valid_to",
            "{0},snowflake,member,2015-01-01,",
        ),
    }
    for name, (header, line) in tables.items():
        lines = [header, *(line.format(username) for username in sorted(usernames))]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def collected(
    folder: Path, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    files = tmp_path_factory.mktemp("organisation")
    authors = {row["author"]["username"] for row in recorded(folder, "merge_requests")}
    everybody_in_one_team(files, authors)
    with site(load_rows(folder), new_database(), (GROUP,), files) as it:
        done = it.collect(THROUGH)
        assert (done.files.outcome, done.gitlab.outcome) == ("done", "done")
        yield it


@pytest.fixture(scope="module")
def get(collected: Site) -> Iterator[Callable[[str], Any]]:
    with collected.asking() as get:
        yield get


def test_all_of_it_is_stored(collected: Site, folder: Path) -> None:
    rows = collected.rows(
        "SELECT id, iid, author_id, state, title, draft, created_at, merged_at, closed_at"
        " FROM merge_requests"
    )

    def told(text: str | None) -> datetime | None:
        """GraphQL tells whole seconds."""
        return datetime.fromisoformat(text).replace(microsecond=0) if text else None

    assert len(rows) == 18
    assert sorted(rows) == sorted(
        (
            row["id"],
            row["iid"],
            row["author"]["id"],
            row["state"],
            row["title"],
            row["draft"],
            *(told(row[name]) for name in ("created_at", "merged_at", "closed_at")),
        )
        for row in recorded(folder, "merge_requests")
    )
    [(notes,)] = collected.rows("SELECT sum(notes_count) FROM merge_requests")
    assert notes == len(recorded(folder, "merge_request_notes")) == 26


@pytest.mark.parametrize(
    ("day", "n", "median"),
    [
        ("2020-06-30", 2, 44.818),
        ("2021-08-09", 3, 411.476),
        ("2022-01-31", 4, 369.295),
        ("2022-06-30", 5, 302.114),
    ],
)
@pytest.mark.parametrize("team", ["organisation", "snowflake"])
def test_open_mr_age(get: Callable[[str], Any], team: str, day: str, n: int, median: float) -> None:
    [point] = get(f"/api/v1/indicators/open_mr_age/series?team={team}&from={day}&to={day}")[
        "points"
    ]
    listed = get(f"/api/v1/indicators/open_mr_age/evidence?team={team}&period={day}")["items"]

    assert (point["n"], round(point["value"], 3)) == (n, median)
    assert point["coverage"] == 1
    assert len(listed) == n


def test_the_work_in_progress_of_old_is_read(collected: Site) -> None:
    assert collected.rows("SELECT id, kind FROM notes WHERE kind IN ('draft', 'ready')") == [
        (186438743, "ready")
    ]


def test_notes_older_than_their_merge_request_are_left_aside_and_listed(
    get: Callable[[str], Any], collected: Site, folder: Path
) -> None:
    listed = get("/api/v1/data-quality?kind=early_note")["items"]

    early = {
        135100359: 18,
        135223089: 19,
        137424744: 20,
        135848627: 21,
        135848646: 21,
        135848654: 21,
    }
    assert {row["id"] for row in recorded(folder, "merge_request_notes")} >= early.keys()
    assert sorted(each["address"] for each in listed) == sorted(
        f"{PROJECT}/{number}#note_{note}" for note, number in early.items()
    )
    # The merge requests count all the same, and nothing began before it was there.
    day = THROUGH.date() - timedelta(1)
    opened = get(f"/api/v1/indicators/open_mr_age/evidence?period={day}")["items"]
    assert {each["iid"] for each in opened} == {9, 11, 18, 19, 21}
    assert collected.rows(
        "SELECT count(*) FROM merge_request_facts WHERE review_started_at < created_at"
    ) == [(0,)]
    assert get("/api/v1/data-quality?kind=quarantined_merge_request")["items"] == []
