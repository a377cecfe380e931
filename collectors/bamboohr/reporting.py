"""Teams by reporting line: a manager and their direct reports, named after the manager."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.store.tables.organisation import ROOT_TEAM
from collectors.bamboohr.employment import Stretch
from collectors.bamboohr.jobs import Job, Stay, joined
from collectors.bamboohr.people import Employee
from collectors.bamboohr.records import SOURCE, TeamRecord
from collectors.bamboohr.tables import JobRow, by_age
from collectors.known import KnownTeam

LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i"}
)
"""Letters of Latin alphabets that are no letter with a mark."""


@dataclass(frozen=True, slots=True)
class ReportingTeams:
    """stays: who was in which team, as what. teams: those that teams.yaml does not have."""

    stays: list[Stay]
    teams: list[TeamRecord]


def reporting_teams(
    found: Mapping[str, Sequence[Job]],
    employment: Mapping[str, Sequence[Stretch]],
    employees: Mapping[str, Employee],
    supervisor: Callable[[JobRow], str | None],
    teams: Sequence[KnownTeam],
    today: date,
) -> ReportingTeams:
    """The teams of everybody who ever had direct reports.

    found: the jobs of each employee. teams: those that are shown; one of teams.yaml with a manager's
    slug gives that team's name, parent and projects. A manager is in the team on the days on which
    somebody reports to them, and in their own manager's team besides.
    """
    reports: dict[str, list[Job]] = defaultdict(list)
    for jobs in found.values():
        for job in jobs:
            boss = supervisor(job.row)
            if boss is not None:
                reports[boss].append(job)
    given = {team.slug.casefold(): team.slug for team in teams if team.source != SOURCE}
    slugs = _slugs({each: employees[each].name for each in reports}, given)
    stays: list[Stay] = []
    for boss, jobs in reports.items():
        team = slugs[boss]
        for job in jobs:
            stays.append(Stay(job.row.employee, team, "member", job.first, job.end))
            for stretch in employment.get(boss, ()):
                first, end = max(job.first, stretch.start), min(job.end, stretch.end)
                if first < end:
                    stays.append(Stay(boss, team, "manager", first, end))
    above = _above(found, supervisor, slugs.keys(), today)
    return ReportingTeams(
        stays=joined(stays),
        teams=[
            TeamRecord(
                slug=slugs[boss],
                name=employees[boss].name,
                parent=slugs[above[boss]] if boss in above else ROOT_TEAM,
            )
            for boss in sorted(slugs, key=by_age)
            if slugs[boss] not in given.values()
        ],
    )


def slug_of(name: str) -> str:
    """A name in small ASCII letters and digits, with dashes between the words; may be empty."""
    plain = unicodedata.normalize("NFKD", name.casefold().translate(LETTERS))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return "-".join(re.findall(r"[a-z0-9]+", plain.replace("'", "").replace("’", "")))


def _slugs(names: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """A slug for each manager. Of several with one name the lowest id has the plain slug, so that
    nobody who comes later renames a team; the others have their id behind it."""
    found: dict[str, str] = {}
    taken = {ROOT_TEAM}
    wanted = {boss: slug_of(name) or f"manager-{boss}" for boss, name in names.items()}
    for boss in sorted(names, key=by_age):
        slug = wanted[boss]
        while slug in taken:
            slug = f"{slug}-{boss}"
        taken.add(slug)
        found[boss] = given.get(slug, slug)
    return found


def _above(
    found: Mapping[str, Sequence[Job]],
    supervisor: Callable[[JobRow], str | None],
    bosses: Iterable[str],
    today: date,
) -> dict[str, str]:
    """Whom each manager reports to today, or did last; without circles, of which the manager with
    the lowest id is taken out."""
    above: dict[str, str] = {}
    for boss in bosses:
        jobs = found.get(boss, ())
        begun = [job for job in jobs if job.first <= today] or list(jobs[:1])
        over = supervisor(begun[-1].row) if begun else None
        if over is not None:
            above[boss] = over
    for boss in sorted(above, key=by_age):
        seen, way = {boss}, above.get(boss)
        while way is not None and way not in seen:
            seen.add(way)
            way = above.get(way)
        if way == boss:
            del above[boss]
    return above
