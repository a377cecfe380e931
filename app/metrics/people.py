"""The people of a team over time, for hiring and retention: members, hires, transfers, leavers."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.workset import Employment, PersonDays, Workset

LEAVING = frozenset({"voluntary", "involuntary"})
"""The kinds of ending that count as leaving; an end of contract or a death does not."""


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened to a person on a day (an ordinal)."""

    day: int
    person_id: str


def within(events: Iterable[Happened], first: int, last: int) -> dict[str, int]:
    """The persons to whom it happened from first to last, each once, with the latest day."""
    found: dict[str, int] = {}
    for event in events:
        if first <= event.day <= last:
            found[event.person_id] = max(event.day, found.get(event.person_id, event.day))
    return found


class TeamPeople:
    """One team with those below it.

    hires: an employment began while its person was a member, or on the day they became one.
    transfers: a member came from another team. leavers: an employment ended, voluntarily or
    involuntarily, on a day of membership. other_endings: it ended in another way.
    """

    def __init__(
        self,
        members: Sequence[PersonDays],
        everywhere: Mapping[str, Sequence[PersonDays]],
        employment: Mapping[str, Sequence[Employment]],
    ) -> None:
        """members: days in the team. everywhere: days in any team, by person; so is employment."""
        self.members = members
        self._firsts = sorted(days.first for days in members)
        self._ends = sorted(days.end for days in members)
        own: dict[str, list[PersonDays]] = defaultdict(list)
        for days in members:
            own[days.person_id].append(days)
        self.hires: list[Happened] = []
        self.transfers: list[Happened] = []
        self.leavers: list[Happened] = []
        self.other_endings: list[Happened] = []
        for person_id, stays in own.items():
            stretches = employment.get(person_id, ())
            for stretch in stretches:
                if _contain(stays, stretch.first):
                    self.hires.append(Happened(stretch.first, person_id))
                if stretch.last is not None and _contain(stays, stretch.last):
                    kind = self.leavers if stretch.ending in LEAVING else self.other_endings
                    kind.append(Happened(stretch.last, person_id))
            self.transfers += [
                Happened(stay.first, person_id)
                for stay in stays
                if _is_transfer(stay.first, stays, everywhere.get(person_id, ()), stretches)
            ]

    @property
    def first_day(self) -> int | None:
        """The team's first day with a member; None where it never had one."""
        return self._firsts[0] if self._firsts else None

    def headcount(self, day: int) -> int:
        """The members on a day."""
        return bisect_right(self._firsts, day) - bisect_right(self._ends, day)

    def on(self, day: int) -> list[PersonDays]:
        """The members on a day, each with the stay that holds it."""
        return [days for days in self.members if days.first <= day < days.end]


def _contain(stays: Iterable[PersonDays], day: int) -> bool:
    return any(stay.first <= day < stay.end for stay in stays)


def _is_transfer(
    day: int,
    stays: Sequence[PersonDays],
    everywhere: Iterable[PersonDays],
    employment: Iterable[Employment],
) -> bool:
    """Whether a stay that begins on a day follows one in another team, within one employment."""
    before = max((min(days.end, day) - 1 for days in everywhere if days.first < day), default=None)
    if before is None or _contain(stays, before):
        return False
    return not any(before < stretch.first <= day for stretch in employment)


def by_person(members: Iterable[PersonDays]) -> dict[str, list[PersonDays]]:
    """Days grouped by person."""
    grouped: dict[str, list[PersonDays]] = defaultdict(list)
    for days in members:
        grouped[days.person_id].append(days)
    return grouped


def team_people(workset: Workset) -> dict[int, TeamPeople]:
    """The people of every team, by team id."""
    everywhere = by_person(workset.members.get(workset.root_id, ()))
    return {
        team_id: TeamPeople(workset.members.get(team_id, ()), everywhere, workset.employment)
        for team_id in workset.team_ids
    }


def load_team_people(session: Session, team_id: int) -> TeamPeople:
    """The people of one team as the last refresh saw them, for the evidence of its points."""
    members: list[PersonDays] = []
    everywhere: list[PersonDays] = []
    for person_id, first, end, inside in session.execute(
        text(
            """
            SELECT s.person_id, s.first_day, s.end_day, s.team_id = :team_id AS inside
            FROM team_member_spans s JOIN teams t ON t.id = s.team_id
            WHERE (s.team_id = :team_id OR t.parent IS NULL) AND s.person_id IN
                (SELECT person_id FROM team_member_spans WHERE team_id = :team_id)
            """
        ),
        {"team_id": team_id},
    ):
        days = PersonDays(person_id, first.toordinal(), end.toordinal())
        everywhere.append(days)
        if inside:
            members.append(days)
    employment: dict[str, list[Employment]] = defaultdict(list)
    for (person_id, first_day, last_day, ending), *_ in session.execute(
        text("SELECT content FROM considered WHERE kind = 'employment'")
    ):
        employment[person_id].append(Employment(first_day, last_day, ending))
    return TeamPeople(members, by_person(everywhere), employment)
