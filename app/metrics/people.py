"""The people of the teams over time, as columns: members, hires, transfers, leavers.

A company has a stay for every person, team and team above it: an object each would cost a refresh more
than all that it computes of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import LiteralString

import numpy as np
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.attribution import FOREVER
from app.metrics.indicator import Occurrence
from app.metrics.work_columns import Flags, Integers, equal, in_order, indexed, of_teams
from app.store.columns import BIGINT, BOOLEAN, DATE, INTEGER, TEXT, Type, read_portion

LEAVING = ("voluntary", "involuntary")
"""The kinds of ending that count as leaving; an end of contract or a death does not."""
LASTING = FOREVER.toordinal()
"""The end of what lasts."""


@dataclass(frozen=True, slots=True)
class Stays:
    """Persons in teams, those above included, as columns in order of person, team and day.

    names: the ids of the persons, in order. person: its place in names. team: index of the team.
    first, end: days as ordinals, from first up to, not including, end. Those of one person in one team
    are apart from each other.
    """

    names: Sequence[str]
    person: Integers
    team: Integers
    first: Integers
    end: Integers

    def on(self, day: int) -> Flags:
        """Which of them contain a day."""
        return (self.first <= day) & (day < self.end)


@dataclass(frozen=True, slots=True)
class Employments:
    """Stretches of employment, as columns in order of person and day.

    person: as of the stays. first, last: the first and the last day employed, as ordinals; LASTING
    while it lasts. leaving: whether its end counts as leaving.
    """

    person: Integers
    first: Integers
    last: Integers
    leaving: Flags


@dataclass(frozen=True, slots=True)
class Events:
    """What happened to persons in teams, as columns of one length. day: an ordinal."""

    team: Integers
    person: Integers
    day: Integers

    def within(self, first: int, last: int) -> Flags:
        """Which of them happened from first to last."""
        return (first <= self.day) & (self.day <= last)


class People:
    """The people of some teams, each with those below it.

    hires: an employment began while its person was a member, or on the day they became one.
    transfers: a member came from another team. leavers: an employment ended, voluntarily or
    involuntarily, on a day of membership. other_endings: it ended in another way.
    """

    def __init__(self, stays: Stays, employments: Employments, teams: int, root: int) -> None:
        """teams: how many there are. root: the index of the one that holds all members."""
        self.stays = stays
        self.teams = teams
        self.hires = _during(stays, employments.person, employments.first)
        over = employments.last < LASTING
        self.leavers, self.other_endings = (
            _during(stays, employments.person[kind], employments.last[kind])
            for kind in (over & employments.leaving, over & ~employments.leaving)
        )
        moved = _transfers(stays, employments, root)
        self.transfers = Events(stays.team[moved], stays.person[moved], stays.first[moved])
        self.first_day = np.full(teams, LASTING, np.int64)
        """By team its first day with a member; LASTING where it never had one."""
        np.minimum.at(self.first_day, stays.team, stays.first)

    def headcounts(self, day: int) -> Integers:
        """By team the members on a day."""
        return np.bincount(self.stays.team[self.stays.on(day)], minlength=self.teams)

    def count(self, events: Events, first: int, last: int) -> Integers:
        """By team, to how many persons something happened from first to last, to each once."""
        there = events.within(first, last)
        pairs = np.unique(events.person[there] * self.teams + events.team[there])
        return np.bincount(pairs % self.teams, minlength=self.teams)

    def latest(self, events: Events, team: int, first: int, last: int) -> dict[str, int]:
        """The persons to whom it happened in a team from first to last, each with the latest day."""
        there = np.flatnonzero(events.within(first, last) & (events.team == team))
        found: dict[str, int] = {}
        for place in there[np.argsort(events.day[there], kind="stable")].tolist():
            found[self.stays.names[events.person[place]]] = int(events.day[place])
        return found

    def members(self, team: int, day: int) -> list[tuple[str, int, int]]:
        """(person, first day, end) of the members of a team on a day, with the stay that holds it."""
        there = np.flatnonzero(self.stays.on(day) & (self.stays.team == team))
        names = [self.stays.names[person] for person in self.stays.person[there].tolist()]
        first, end = self.stays.first[there].tolist(), self.stays.end[there].tolist()
        return list(zip(names, first, end, strict=True))


def _during(stays: Stays, person: Integers, day: Integers) -> Events:
    """What happened to persons on days, in each team that they were in on that day."""
    event, stay = equal(person, stays.person)
    inside = (stays.first[stay] <= day[event]) & (day[event] < stays.end[stay])
    event, stay = event[inside], stay[inside]
    return Events(stays.team[stay], person[event], day[event])


def _transfers(stays: Stays, employments: Employments, root: int) -> Flags:
    """Which stays begin after one in another team, within one employment."""
    everywhere = np.flatnonzero(stays.team == root)
    person, day = stays.person, stays.first
    earlier = _last_before(person, day, person[everywhere], day[everywhere])
    known = np.flatnonzero(earlier >= 0)
    moved = np.zeros(len(person), np.bool_)
    person, day = person[known], day[known]
    # The last day before it on which the person was in any team: not in this one, and not hired since.
    before = np.minimum(stays.end[everywhere[earlier[known]]], day) - 1
    pair = stays.person * (int(stays.team.max(initial=0)) + 1) + stays.team
    own = _last_before(pair[known], before + 1, pair, stays.first)
    in_team = (own >= 0) & (before < stays.end[own])
    began = _last_before(person, day + 1, employments.person, employments.first)
    hired = np.zeros(len(known), np.bool_)
    employed = np.flatnonzero(began >= 0)
    hired[employed] = employments.first[began[employed]] > before[employed]
    moved[known] = ~in_team & ~hired
    return moved


def _last_before(key: Integers, day: Integers, keys: Integers, days: Integers) -> Integers:
    """The place of the last day of the same key before a day; -1 where there is none.

    keys, days: in order of both.
    """
    width = LASTING + 2
    at = np.searchsorted(keys * width + days, key * width + day) - 1
    found = np.flatnonzero(at >= 0)
    found = found[keys[at[found]] == key[found]]
    place = np.full(len(at), -1)
    place[found] = at[found]
    return place


STAY: Mapping[str, Type] = {"name": TEXT, "team": BIGINT, "first": DATE, "end": DATE}
EMPLOYMENT: Mapping[str, Type] = {
    "name": TEXT,
    "first": INTEGER,
    "last": INTEGER,
    "leaving": BOOLEAN,
}


def load_people(
    session: Session, team_ids: Sequence[int], root_id: int, of_team: int | None = None
) -> People:
    """The people of the teams as the last refresh saw them.

    team_ids: ascending, root_id among them. of_team: those alone who were ever in this team.
    """
    query = sql.SQL(
        "SELECT person_id, team_id, first_day, end_day FROM team_member_spans WHERE {} AND {}"
    ).format(of_teams(team_ids), _once_in("person_id", of_team))
    found = indexed(read_portion(session, query, STAY), team_ids)
    numbers: dict[bytes, int] = {}
    person = [numbers.setdefault(name, len(numbers)) for name in found.pop("name").tolist()]
    found["person"] = np.array(person, np.int64)
    stays = Stays([name.decode() for name in numbers], **in_order(found, "person", "team", "first"))
    employments = _employments(session, numbers, of_team)
    return People(stays, employments, len(team_ids), team_ids.index(root_id))


def load_people_of(session: Session, team_id: int) -> tuple[People, int]:
    """(the people who were ever in a team, the team's index), for the evidence of its points."""
    root_id: int = session.execute(text("SELECT id FROM teams WHERE parent IS NULL")).scalar_one()
    team_ids = sorted({root_id, team_id})
    return load_people(session, team_ids, root_id, team_id), team_ids.index(team_id)


def leavers(people: People, team: int, first: int, last: int) -> Iterator[Occurrence]:
    """Who left a team from first to last, for its evidence."""
    for person_id, day in people.latest(people.leavers, team, first, last).items():
        yield Occurrence(kind="leaver", person_id=person_id, last_day=date.fromordinal(day))


def _employments(
    session: Session, numbers: Mapping[bytes, int], of_team: int | None
) -> Employments:
    """The employment of the persons who have a number."""
    query = sql.SQL(
        "SELECT content ->> 0, (content ->> 1)::integer, coalesce((content ->> 2)::integer, {}),"
        " coalesce(content ->> 3 = ANY({}), false)"
        " FROM considered WHERE kind = 'employment' AND {}"
    ).format(sql.Literal(LASTING), sql.Literal(list(LEAVING)), _once_in("content ->> 0", of_team))
    found = read_portion(session, query, EMPLOYMENT)
    person = [numbers.get(name, -1) for name in found.pop("name").tolist()]
    found["person"] = np.array(person, np.int64)
    for name in ("first", "last"):
        found[name] = found[name].astype(np.int64)
    member = found["person"] >= 0
    return Employments(
        **in_order({name: column[member] for name, column in found.items()}, "person", "first")
    )


def _once_in(person: LiteralString, team_id: int | None) -> sql.Composable:
    """The condition that a person was ever in a team; None: no condition."""
    if team_id is None:
        return sql.SQL("true")
    return sql.SQL("({}) IN (SELECT person_id FROM team_member_spans WHERE team_id = {})").format(
        sql.SQL(person), sql.Literal(team_id)
    )
