"""Recorded histories of public projects as a GitLab world, with an organisation read off them.

A history is a CSV of merged merge requests. An area (the part of the code that a merge request touches
most) stands in for a team: it is the merge request's label `area::…`, and people are members of the
area that they touched most in each half-year.
"""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from demo.gitlab import Project, User, World

AREA_LABEL = "area::"
NO_AREA = "(none)"
"""The area of a merge request for which none was recorded."""
SMALL = "other areas"
"""What areas of little traffic have as their team, together."""

PEOPLE = ("person_id", "name", "email", "gitlab_username", "gender")
EMPLOYMENT = ("person_id", "start_date", "end_date", "termination_type")
MEMBERSHIPS = ("person_id", "team", "role", "valid_from", "valid_to")


@dataclass(frozen=True, slots=True)
class Row:
    """A merged merge request as it was recorded. project: full path. people: by their hashes."""

    project: str
    iid: int
    created_at: datetime
    merged_at: datetime
    author: str
    bot: bool
    reviewers: tuple[str, ...]
    approvers: tuple[str, ...]
    merged_by: str
    commits: int
    area: str

    @classmethod
    def of(cls, cells: Mapping[str, str]) -> "Row":
        """Reads a row; a first commit younger than the merge opens the merge request at the merge."""
        merged_at = datetime.fromisoformat(cells["merged_at"])
        return cls(
            project=cells["project"],
            iid=int(cells["mr_iid"]),
            created_at=min(datetime.fromisoformat(cells["first_author_date"]), merged_at),
            merged_at=merged_at,
            author=cells["author"],
            bot=cells["author_is_bot"] == "1",
            reviewers=tuple(cells["reviewers"].split()),
            approvers=tuple(cells["approvers"].split()),
            merged_by=cells["merged_by"],
            commits=int(cells["n_commits"]),
            area=cells["area"] or NO_AREA,
        )


@dataclass(frozen=True, slots=True)
class Stay:
    """A membership of a person in an area's team."""

    person: str
    team: str
    valid_from: date
    valid_to: date


@dataclass(slots=True)
class History:
    """A world with the rows that it was made from.

    groups: the top-level groups to collect. teams: slug → (name, parent or None).
    """

    world: World
    rows: list[Row]
    groups: tuple[str, ...] = ()
    teams: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    stays: list[Stay] = field(default_factory=list)

    def write_files(self, folder: Path) -> None:
        """Writes teams.yaml, people.csv, employment.csv and memberships.csv."""
        folder.mkdir(parents=True, exist_ok=True)
        teams: list[dict[str, Any]] = [
            {"slug": slug, "name": name, **({"parent": parent} if parent else {}), "owns": []}
            for slug, (name, parent) in self.teams.items()
        ]
        text = yaml.safe_dump(teams, sort_keys=False)
        (folder / "teams.yaml").write_text(text, encoding="utf-8")
        people = sorted({stay.person for stay in self.stays})
        _write(folder / "people.csv", PEOPLE, ((p, p, "", p, "") for p in people))
        starts: dict[str, date] = {}
        for stay in self.stays:
            starts[stay.person] = min(stay.valid_from, starts.get(stay.person, date.max))
        _write(folder / "employment.csv", EMPLOYMENT, ((p, starts[p], "", "") for p in people))
        _write(
            folder / "memberships.csv",
            MEMBERSHIPS,
            ((s.person, s.team, "member", s.valid_from, s.valid_to) for s in self.stays),
        )


def load(paths: Sequence[Path], *, areas: int = 12) -> History:
    """Reads histories into one world.

    paths: files `NAME.csv.gz`; each becomes a top-level team NAME. areas: how many of a file's areas
    are teams of their own, the busiest first.
    """
    world = World()
    history = History(world, [])
    by_file: dict[str, list[Row]] = {}
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            by_file[path.name.partition(".")[0]] = [Row.of(cells) for cells in csv.DictReader(file)]
    for name, rows in by_file.items():
        history.rows += rows
        _add_teams(history, name, rows, areas)
    history.rows.sort(key=lambda row: (row.created_at, row.project, row.iid))
    _fill(world, history.rows)
    history.groups = tuple(dict.fromkeys(r.project.partition("/")[0] for r in history.rows))
    return history


def slug(text: str) -> str:
    """An area's name as a team's slug: letters, digits and dashes."""
    words = "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()
    return "-".join(words) or "root"


def _add_teams(history: History, name: str, rows: Sequence[Row], areas: int) -> None:
    """The teams of one file, and who was in which when."""
    busiest = [area for area, _ in Counter(row.area for row in rows).most_common(areas)]
    team_of = {area: f"{name}-{slug(area)}" for area in busiest}
    rest = f"{name}-{slug(SMALL)}"
    history.teams[name] = (name, None)
    for area, team in team_of.items():
        history.teams.setdefault(team, (f"{name} {area}", name))
    history.teams[rest] = (f"{name} {SMALL}", name)
    touched: dict[str, dict[date, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for row in rows:
        if not row.bot:
            team = team_of.get(row.area, rest)
            touched[row.author][_half_year(row.merged_at)][team] += 1
    for person, halves in touched.items():
        history.stays += _stays(person, halves)


def _half_year(instant: datetime) -> date:
    """The first day of its half-year."""
    return date(instant.year, 1 if instant.month < 7 else 7, 1)


def _stays(person: str, halves: Mapping[date, Counter[str]]) -> Iterator[Stay]:
    """One stay for each run of half-years in one team; a half-year without work ends it."""
    current: Stay | None = None
    for first in sorted(halves):
        # On equal counts the first by name, so that the answer does not depend on the file's order.
        team = min(halves[first].items(), key=lambda item: (-item[1], item[0]))[0]
        after = date(first.year, 7, 1) if first.month == 1 else date(first.year + 1, 1, 1)
        if current is not None and current.team == team and current.valid_to == first:
            current = Stay(person, team, current.valid_from, after)
            continue
        if current is not None:
            yield current
        current = Stay(person, team, first, after)
    if current is not None:
        yield current


def _fill(world: World, rows: Sequence[Row]) -> None:
    users: dict[str, User] = {}
    bots = {row.author for row in rows if row.bot}

    def user(name: str) -> User:
        if name not in users:
            users[name] = world.add_user(name, type="PROJECT_BOT" if name in bots else "HUMAN")
        return users[name]

    projects: dict[str, Project] = {}
    with world.changing():
        for row in rows:
            if row.project not in projects:
                projects[row.project] = _project(world, row.project)
            _add(world, projects[row.project], row, user)


def _project(world: World, path: str) -> Project:
    above: list[str] = []
    for part in path.split("/")[:-1]:
        above.append(part)
        if world.find_group("/".join(above)) is None:
            world.add_group("/".join(above), visibility="public")
    return world.add_project(path, visibility="public")


def _add(world: World, project: Project, row: Row, user: Any) -> None:
    """The merge request with its review: asked for a quarter of the way, approved at the merge."""
    author = user(row.author)
    change = world.add_merge_request(
        project,
        author,
        f"Change {row.iid} of {row.area}",
        row.created_at,
        iid=row.iid,
        labels=[f"{AREA_LABEL}{row.area}"],
    )
    change.area, change.commits = row.area, row.commits
    reviewers = [user(name) for name in dict.fromkeys(row.reviewers) if name != row.author]
    asked = row.created_at + (row.merged_at - row.created_at) / 4
    world.request_review(change, author, reviewers, asked.replace(microsecond=0))
    for name in dict.fromkeys(row.approvers):
        world.approve(change, user(name), row.merged_at)
    world.merge(change, user(row.merged_by or row.author), row.merged_at)


def _write(path: Path, header: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
