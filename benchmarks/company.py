"""A company of any size, written into the tables that the collectors fill: what the benchmarks compute on.

Ten years, 500 teams below 50 departments below five divisions, 10,000 people who join, move and
leave. Merge requests are open for a lognormal time with a median of three days and a heavy tail,
1.5 % still are; a review is requested twice on each, and somebody answers. The same size and seed give
the same company.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.settings import Settings
from app.store.engine import copy_rows, sessions

FIRST_DAY = date(2016, 1, 1)
END = date(2026, 1, 1)
"""Everything was collected up to the begin of this day."""
DAYS = (END - FIRST_DAY).days
DAY = 86_400
MEDIAN_OPEN_DAYS = 3.0
SPREAD = 1.6
"""Standard deviation of the logarithm of the open time."""
LONGEST_OPEN_DAYS = 3_000.0
STILL_OPEN = 0.015
COMMUNITY = 0.05
LABEL = "Community contribution"
PORTION = 100_000
"""Merge requests that are made at a time, so that memory does not grow with the company."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the company is. teams: those without teams below them."""

    merge_requests: int
    teams: int = 500
    people: int = 10_000
    seed: int = 7

    @property
    def departments(self) -> int:
        """Ten teams each."""
        return max(1, self.teams // 10)

    @property
    def divisions(self) -> int:
        """Ten departments each."""
        return max(1, self.departments // 10)


def settings(folder: Path) -> Settings:
    """The configuration of the company. folder: of the files; nothing is read from it."""
    names = ("people", "employment", "memberships", "plan")
    files = {name: folder / f"{name}.csv" for name in names}
    return Settings.model_validate(
        {
            "reporting": {"history_start": FIRST_DAY},
            "gitlab": {
                "groups": ["acme"],
                "handbook": [{"project": f"acme/{_project(0)}", "paths": []}],
            },
            "files": {"teams": folder / "teams.yaml", **files},
        }
    )


def fill(engine: Engine, size: Size) -> None:
    """Writes the company into an empty database and brings the planner's statistics up to date."""
    random = np.random.default_rng(size.seed)
    with sessions(engine).begin() as session:
        _organisation(session, size, random)
        _accounts(session, size)
        for first in range(1, size.merge_requests + 1, PORTION):
            count = min(PORTION, size.merge_requests + 1 - first)
            _merge_requests(session, size, random, first, count)
        through = datetime.combine(END, datetime.min.time(), UTC)
        columns = ("source", "kind", "started_at", "finished_at", "outcome", "data_through")
        rows = [(name, "full", through, through, "done", through) for name in ("files", "gitlab")]
        copy_rows(session, "runs", columns, rows)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _team(number: int) -> str:
    return f"team-{number:03d}"


def _person(number: int) -> str:
    return f"P{number:05d}"


def _project(number: int) -> str:
    return f"project-{number:03d}"


def _organisation(session: Session, size: Size, random: np.random.Generator) -> None:
    divisions = [
        (f"division-{number}", f"Division {number}", "organisation", list[str]())
        for number in range(size.divisions)
    ]
    departments = [
        (
            f"department-{number:02d}",
            f"Department {number}",
            f"division-{number % size.divisions}",
            list[str](),
        )
        for number in range(size.departments)
    ]
    teams = [
        (
            _team(number),
            f"Team {number}",
            f"department-{number % size.departments:02d}",
            [f"acme/{_project(number)}"],
        )
        for number in range(size.teams)
    ]
    copy_rows(
        session, "teams", ("slug", "name", "parent", "owns"), [*divisions, *departments, *teams]
    )
    people = range(size.people)
    copy_rows(
        session,
        "people",
        ("source", "person_id", "name", "attributes"),
        (
            ("files", _person(n), f"Person {n}", f'{{"gender": "{_gender(n)}"}}' if n % 9 else "{}")
            for n in people
        ),
    )
    copy_rows(
        session,
        "identities",
        ("source", "username", "person_id"),
        (("files", f"user-{n}", _person(n)) for n in people),
    )
    stays = [_stays(n, size, random) for n in people]
    copy_rows(
        session,
        "employment",
        ("source", "person_id", "start_date", "end_date", "termination_type"),
        (
            (
                "files",
                _person(n),
                own[0].first,
                own[-1].end and own[-1].end - timedelta(days=1),
                "voluntary" if own[-1].end else None,
            )
            for n, own in enumerate(stays)
        ),
    )
    copy_rows(
        session,
        "memberships",
        ("source", "person_id", "team", "role", "valid_from", "valid_to"),
        (
            ("files", _person(n), stay.team, "manager" if n < size.teams else "member", *stay.days)
            for n, own in enumerate(stays)
            for stay in own
        ),
    )
    months = [date(year, month, 1) for year in range(2016, 2026) for month in range(1, 13)]
    planned = max(1, size.people // size.teams)
    copy_rows(
        session,
        "plan",
        ("team", "month", "planned_headcount"),
        ((_team(n), month, planned) for n in range(size.teams) for month in months),
    )


def _gender(number: int) -> str:
    return ("woman", "man", "man", "woman", "non-binary")[number % 5]


@dataclass(frozen=True, slots=True)
class _Stay:
    team: str
    first: date
    end: date | None

    @property
    def days(self) -> tuple[date, date | None]:
        return self.first, self.end


def _stays(number: int, size: Size, random: np.random.Generator) -> list[_Stay]:
    """Where somebody works: a third from the beginning, a fifth leaves, everybody moves at most twice."""
    first = 0 if random.random() < 0.33 else int(random.integers(0, DAYS - 60))
    leaves = random.random() < 0.2
    end = int(random.integers(first + 30, DAYS)) if leaves else DAYS
    moves = sorted(
        {int(random.integers(first + 1, end)) for _ in range(int(random.integers(0, 3)))}
    )
    days = [first, *moves, end]
    teams = [number % size.teams, *(int(random.integers(0, size.teams)) for _ in moves)]
    stays = []
    for at, team in enumerate(teams):
        last = at == len(teams) - 1
        until = None if last and not leaves else FIRST_DAY + timedelta(days=days[at + 1])
        stays.append(_Stay(_team(team), FIRST_DAY + timedelta(days=days[at]), until))
    return stays


def _accounts(session: Session, size: Size) -> None:
    accounts = range(1, size.people + 1)
    copy_rows(
        session,
        "accounts",
        ("id", "username", "name", "bot"),
        ((n, f"user-{n - 1}", f"Person {n - 1}", n % 500 == 0) for n in accounts),
    )
    copy_rows(
        session,
        "former_usernames",
        ("account_id", "username"),
        ((n, f"user-{n - 1}") for n in accounts),
    )
    copy_rows(
        session,
        "projects",
        ("id", "path", "name", "web_url", "archived"),
        (
            (
                n + 1,
                f"acme/{_project(n)}",
                _project(n),
                f"https://gitlab.example/acme/{_project(n)}",
                False,
            )
            for n in range(size.teams)
        ),
    )


Columns = Mapping[str, npt.NDArray[np.int64]]


def _invented(size: Size, random: np.random.Generator, count: int) -> Columns:
    """Merge requests as columns; instants in seconds since FIRST_DAY, ended DAYS or later: still open."""
    created = random.integers(0, DAYS * DAY, count)
    open_for = MEDIAN_OPEN_DAYS * DAY * random.lognormal(0.0, SPREAD, count)
    ended = created + np.minimum(open_for, LONGEST_OPEN_DAYS * DAY).astype(np.int64)
    ended[random.random(count) < STILL_OPEN] = DAYS * DAY
    return {
        "created": created,
        "ended": ended,
        "author": random.integers(1, size.people + 1, count),
        "reviewer": random.integers(1, size.people + 1, count),
        "second": random.integers(1, size.people + 1, count),
        "project": random.integers(1, size.teams + 1, count),
        "asked": (random.random(count) * 1_000_000).astype(np.int64),
        "kind": random.integers(0, 1_000, count),
    }


def _merge_requests(
    session: Session, size: Size, random: np.random.Generator, first: int, count: int
) -> None:
    made = {name: column.tolist() for name, column in _invented(size, random, count).items()}
    copy_rows(
        session,
        "merge_requests",
        (
            "id",
            "project_id",
            "iid",
            "author_id",
            "title",
            "web_url",
            "state",
            "draft",
            "labels",
            "created_at",
            "updated_at",
            "merged_at",
            "closed_at",
            "merge_user_id",
        ),
        _rows(first, made),
    )
    copy_rows(
        session,
        "notes",
        (
            "id",
            "merge_request_id",
            "author_id",
            "kind",
            "created_at",
            "requested",
            "names",
        ),
        _notes(first, made),
    )


def _rows(first: int, made: Mapping[str, Sequence[int]]) -> Iterator[tuple[object, ...]]:
    columns = zip(
        made["created"],
        made["ended"],
        made["author"],
        made["reviewer"],
        made["project"],
        made["kind"],
        strict=True,
    )
    for key, (created, ended, author, reviewer, project, kind) in enumerate(columns, first):
        over = ended < DAYS * DAY
        closed = over and kind % 10 == 0
        at = _instant(ended) if over else None
        yield (
            key,
            project,
            key,
            author,
            f"Change {key}",
            f"https://gitlab.example/acme/{_project(project - 1)}/-/merge_requests/{key}",
            ("closed" if closed else "merged") if over else "opened",
            kind % 20 == 1 and not over,
            [LABEL] if kind < COMMUNITY * 1_000 else [],
            _instant(created),
            at or _instant(created),
            None if closed else at,
            at if closed else None,
            reviewer if over and not closed else None,
        )


def _notes(first: int, made: Mapping[str, Sequence[int]]) -> Iterator[tuple[object, ...]]:
    """Two requests for a review and the answer to the first, in the time for which it was open."""
    columns = zip(
        made["created"], made["ended"], made["reviewer"], made["second"], made["asked"], strict=True
    )
    for key, (created, ended, reviewer, second, asked) in enumerate(columns, first):
        open_for = min(ended, DAYS * DAY) - created
        asked_at = created + open_for * asked // 4_000_000
        answered_at = asked_at + open_for // 3
        for step, (at, author, kind, who) in enumerate(
            (
                (asked_at, second, "review_request", reviewer),
                (answered_at, reviewer, "comment", None),
                (answered_at + 60, second, "review_request", second),
            )
        ):
            names = [] if who is None else [f"user-{who - 1}"]
            yield key * 4 + step, key, author, kind, _instant(at), names, names


BEGIN = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)


def _instant(seconds: int) -> datetime:
    return BEGIN + timedelta(seconds=seconds)
