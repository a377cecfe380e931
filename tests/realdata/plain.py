"""The recorded histories counted the plain way, from the CSV files and the organisation's files alone.

Nothing here is code of the product or of its demo: loops over every row, with the definitions in mind.
"""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import yaml

ROOT = "organisation"
Key = tuple[str, int]
"""A merge request: its project's path and its number there."""


@dataclass(frozen=True)
class Recorded:
    """A row of a history."""

    project: str
    iid: int
    created_at: datetime
    merged_at: datetime
    author: str
    bot: bool
    area: str

    @property
    def key(self) -> Key:
        return self.project, self.iid

    @property
    def backwards(self) -> bool:
        """Ends before it starts."""
        return self.merged_at < self.created_at

    @property
    def counted(self) -> bool:
        """Whether an indicator counts it."""
        return not self.bot and not self.backwards

    @property
    def month(self) -> str:
        """The month of the merge, in UTC."""
        return self.merged_at.strftime("%Y-%m")


@dataclass(frozen=True)
class Ages:
    """What open_mr_age is to be at an instant, in days."""

    n: int
    median: float | None
    p25: float | None
    p75: float | None
    p95: float | None


def read_histories(paths: Sequence[Path]) -> list[Recorded]:
    found = []
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            found += [
                Recorded(
                    cells["project"],
                    int(cells["mr_iid"]),
                    datetime.fromisoformat(cells["first_author_date"]),
                    datetime.fromisoformat(cells["merged_at"]),
                    cells["author"],
                    cells["author_is_bot"] == "1",
                    cells["area"] or "(none)",
                )
                for cells in csv.DictReader(file)
            ]
    return found


def ages(starts: Collection[datetime], instant: datetime) -> Ages:
    """Quantiles by linear interpolation, as percentile_cont has them."""
    if not starts:
        return Ages(0, None, None, None, None)
    days = [(instant - start).total_seconds() / 86_400 for start in starts]
    p25, median, p75, p95 = (float(each) for each in np.percentile(days, [25, 50, 75, 95]))
    return Ages(len(days), median, p25, p75, p95)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


class Organisation:
    """Who is in which team on which day, by teams.yaml and memberships.csv."""

    def __init__(self, folder: Path) -> None:
        listed = yaml.safe_load((folder / "teams.yaml").read_text(encoding="utf-8"))
        self.parents: dict[str, str] = {team["slug"]: team.get("parent", ROOT) for team in listed}
        self.owns: dict[str, list[str]] = {team["slug"]: team["owns"] for team in listed}
        self.stays: dict[str, list[tuple[str, date, date]]] = defaultdict(list)
        with (folder / "memberships.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                span = date.fromisoformat(row["valid_from"]), date.fromisoformat(row["valid_to"])
                self.stays[row["person_id"]].append((row["team"], *span))
        self.teams_of = cache(self._teams_of)

    @property
    def slugs(self) -> list[str]:
        return [ROOT, *self.parents]

    def with_those_above(self, team: str) -> Iterator[str]:
        yield team
        while team != ROOT:
            team = self.parents[team]
            yield team

    def _teams_of(self, person: str, day: date) -> frozenset[str]:
        """The teams of a person's work on a day, those above them included; empty: unattributed."""
        stays = self.stays.get(person, [])
        own = {team for team, first, after in stays if first <= day < after}
        if not own:
            ended = [after for _, _, after in stays if after <= day]
            own = {team for team, _, after in stays if ended and after == max(ended)}
        return frozenset(above for team in own for above in self.with_those_above(team))

    def headcounts(self) -> dict[str, Counter[date]]:
        """By team, how many members there are on each day, each once."""
        found: dict[str, Counter[date]] = defaultdict(Counter)
        for stays in self.stays.values():
            days: dict[str, set[date]] = defaultdict(set)
            for team, first, after in stays:
                for above in self.with_those_above(team):
                    days[above] |= {first + timedelta(n) for n in range((after - first).days)}
            for team, present in days.items():
                found[team].update(present)
        return found


def open_ages(
    rows: Sequence[Recorded], organisation: Organisation, day: date, instant: datetime
) -> tuple[dict[str, Ages], int, int]:
    """(open_mr_age by team, how many are attributed, how many are open) at an instant of a day."""
    starts: dict[str, list[datetime]] = defaultdict(list)
    total = 0
    for row in rows:
        if row.counted and row.created_at <= instant < row.merged_at:
            total += 1
            for team in organisation.teams_of(row.author, day):
                starts[team].append(row.created_at)
    found = {team: ages(starts[team], instant) for team in organisation.slugs}
    return found, len(starts[ROOT]), total


def merged_by_team(
    rows: Sequence[Recorded], organisation: Organisation, variant: str
) -> dict[tuple[str, str], set[Key]]:
    """By team and month, the merge requests of mr_rate: narrow by author, overall by owner as well."""
    found: dict[tuple[str, str], set[Key]] = defaultdict(set)
    for row in rows:
        if not row.counted:
            continue
        teams = set(organisation.teams_of(row.author, row.merged_at.date()))
        if variant == "overall":
            owners = [team for team, owned in organisation.owns.items() if row.project in owned]
            assert len(owners) == 1
            teams |= set(organisation.with_those_above(owners[0]))
        for team in teams:
            found[team, row.month].add(row.key)
    return found
