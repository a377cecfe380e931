"""Recorded histories of public projects as a GitLab world, with an organisation read off them.

A history is a CSV of merged merge requests. An area (the part of the code that a merge request touches
most) stands in for a team: it is the merge request's label `area::…`, and people are members of the
area that they touched most in each half-year. The date of the first commit stands in for the creation.
"""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from demo.gitlab import MergeRequest, Project, User, World

AREA_LABEL = "area::"
NO_AREA = "(none)"
"""The area of a merge request for which none was recorded."""
SMALL = "other areas"
"""What areas of little traffic have as their team, together."""

CREATED, ASKED, MERGED = range(3)
"""What happens to a merge request, in this order."""
END = datetime(9999, 1, 1, tzinfo=UTC)
"""Later than anything that was recorded."""

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
        """Reads a row as it is, also where the first commit is younger than the merge."""
        return cls(
            project=cells["project"],
            iid=int(cells["mr_iid"]),
            created_at=datetime.fromisoformat(cells["first_author_date"]),
            merged_at=datetime.fromisoformat(cells["merged_at"]),
            author=cells["author"],
            bot=cells["author_is_bot"] == "1",
            reviewers=tuple(cells["reviewers"].split()),
            approvers=tuple(cells["approvers"].split()),
            merged_by=cells["merged_by"],
            commits=int(cells["n_commits"]),
            area=cells["area"] or NO_AREA,
        )

    @property
    def asked_at(self) -> datetime:
        """When its reviewers are asked: a quarter of the way to the merge."""
        way = max(self.merged_at - self.created_at, timedelta(0))
        return (self.created_at + way / 4).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Stay:
    """A membership of a person in an area's team."""

    person: str
    team: str
    valid_from: date
    valid_to: date


@dataclass(slots=True)
class History:
    """A world with the rows that it is made from.

    groups: the top-level groups to collect. teams: slug → (name, parent or None).
    owns: slug → globs of the projects that the team owns.
    """

    world: World
    rows: list[Row]
    groups: tuple[str, ...] = ()
    teams: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    owns: dict[str, list[str]] = field(default_factory=dict)
    stays: list[Stay] = field(default_factory=list)
    _waiting: list[tuple[datetime, int, Row]] = field(default_factory=list)
    _begun: dict[int, MergeRequest] = field(default_factory=dict)
    _bots: set[str] = field(default_factory=set)

    def advance(self, until: datetime, *, merge_until: datetime | None = None) -> None:
        """Lets happen what was recorded up to an instant and has not happened yet.

        merge_until: the last merge; what would have been merged later never is, which makes more
        open merge requests than the projects ever had.
        """
        with self.world.changing():
            while self._waiting and self._waiting[-1][0] <= until:
                _, step, row = self._waiting.pop()
                if step == CREATED:
                    self._begun[id(row)] = self._create(row)
                elif step == ASKED:
                    self._ask(row)
                elif merge_until is None or row.merged_at <= merge_until:
                    self._merge(row)

    def _wait(self) -> None:
        """Puts in order what is to happen. Nothing happens to a merge request before it is there."""
        for row in self.rows:
            steps = (CREATED, row.created_at), (ASKED, row.asked_at), (MERGED, row.merged_at)
            self._waiting += [(max(at, row.created_at), step, row) for step, at in steps]
        self._bots |= {row.author for row in self.rows if row.bot}
        self._waiting.sort(key=lambda w: (w[0], w[1], w[2].project, w[2].iid), reverse=True)

    def _create(self, row: Row) -> MergeRequest:
        change = self.world.add_merge_request(
            self._project(row.project),
            self._user(row.author),
            f"Change {row.iid} of {row.area}",
            row.created_at,
            iid=row.iid,
            labels=[f"{AREA_LABEL}{row.area}"],
        )
        change.area, change.commits = row.area, row.commits
        return change

    def _ask(self, row: Row) -> None:
        others = [name for name in dict.fromkeys(row.reviewers) if name != row.author]
        change = self._begun[id(row)]
        self.world.request_review(
            change, change.author, [self._user(name) for name in others], row.asked_at
        )

    def _merge(self, row: Row) -> None:
        """Approved by those who are recorded, and merged."""
        change = self._begun.pop(id(row))
        for name in dict.fromkeys(row.approvers):
            self.world.approve(change, self._user(name), max(row.merged_at, row.created_at))
        self.world.merge(change, self._user(row.merged_by or row.author), row.merged_at)

    def _user(self, name: str) -> User:
        known = self.world.find_user(name)
        kind = "PROJECT_BOT" if name in self._bots else "HUMAN"
        return known or self.world.add_user(name, type=kind)

    def _project(self, path: str) -> Project:
        known = self.world.find_project(path)
        if known is not None:
            return known
        above: list[str] = []
        for part in path.split("/")[:-1]:
            above.append(part)
            if self.world.find_group("/".join(above)) is None:
                self.world.add_group("/".join(above), visibility="public")
        return self.world.add_project(path, visibility="public")

    def write_files(self, folder: Path) -> None:
        """Writes teams.yaml, people.csv, employment.csv and memberships.csv."""
        folder.mkdir(parents=True, exist_ok=True)
        teams: list[dict[str, Any]] = [
            {"slug": slug, "name": name, **({"parent": parent} if parent else {})}
            | {"owns": self.owns.get(slug, [])}
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


def load(
    paths: Sequence[Path],
    *,
    areas: int = 12,
    until: datetime = END,
    merge_until: datetime | None = None,
) -> History:
    """Reads histories into one world.

    paths: files `NAME.csv.gz`; each becomes a top-level team NAME, which owns its projects.
    areas: how many of a file's areas are teams of their own, the busiest first.
    until, merge_until: how much has happened already; see `History.advance`.
    """
    history = History(World(), [])
    by_file: dict[str, list[Row]] = {}
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            by_file[path.name.partition(".")[0]] = [Row.of(cells) for cells in csv.DictReader(file)]
    for name, rows in by_file.items():
        history.rows += rows
        history.owns[name] = sorted({row.project for row in rows})
        _add_teams(history, name, rows, areas)
    history.rows.sort(key=lambda row: (row.created_at, row.project, row.iid))
    history.groups = tuple(dict.fromkeys(r.project.partition("/")[0] for r in history.rows))
    history._wait()
    history.advance(until, merge_until=merge_until)
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


def _write(path: Path, header: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
