"""Teams by department or division: the team of teams.yaml that has its name or slug."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from collectors.bamboohr.jobs import Job, Stay, joined
from collectors.bamboohr.tables import JobRow
from collectors.known import KnownTeam


@dataclass(slots=True)
class Departments:
    """Finds the team of a department, or of a division.

    teams: those that are shown. unknown: (name, employees in it) of those that are no team;
    ambiguous: of those that are the name of several.
    """

    teams: Sequence[KnownTeam]
    unknown: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ambiguous: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _slugs: dict[str, str] = field(default_factory=dict)
    _named: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for team in self.teams:
            self._slugs[_plain(team.slug)] = team.slug
            self._named[_plain(team.name)].append(team.slug)

    def team(self, department: str, employee: str) -> str | None:
        """The slug of a department's team; None, and noted, where there is none or no single one."""
        if not department:
            return None
        plain = _plain(department)
        named = self._named.get(plain, [])
        if plain in self._slugs:
            return self._slugs[plain]
        if len(named) == 1:
            return named[0]
        (self.ambiguous if named else self.unknown)[department].add(employee)
        return None


def stays(
    found: Mapping[str, Sequence[Job]],
    department: Callable[[JobRow], str],
    departments: Departments,
    supervisor: Callable[[JobRow], str | None],
) -> list[Stay]:
    """Who was in which team, as what.

    found: the jobs of each employee. A person is a team's manager for the days of a row of jobInfo
    if, while it holds, somebody of the team or of a team below it reports to them; a member otherwise.
    A row speaks for all its days, so that a manager who waits for the next report stays one.
    """
    parents = {team.slug: team.parent for team in departments.teams}
    teams: dict[str, list[tuple[str, Job]]] = defaultdict(list)
    for employee, jobs in found.items():
        for job in jobs:
            team = departments.team(department(job.row), employee)
            if team is not None:
                teams[employee].append((team, job))
    leading: set[Job] = set()
    for placed in teams.values():
        for team, job in placed:
            boss = supervisor(job.row)
            if boss is not None:
                above = set(_upwards(team, parents))
                leading.update(
                    other
                    for theirs, other in teams.get(boss, ())
                    if theirs in above and other.first < job.end and job.first < other.end
                )
    return joined(
        Stay(employee, team, "manager" if job in leading else "member", job.first, job.end)
        for employee, placed in teams.items()
        for team, job in placed
    )


def _upwards(team: str, parents: Mapping[str, str | None]) -> Iterator[str]:
    """A team and those above it; the tree of teams.yaml has no circles."""
    above: str | None = team
    while above is not None:
        yield above
        above = parents.get(above)


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
