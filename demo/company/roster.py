"""Who works at the invented company: when each joined, moved, led a team and left."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from demo.company.plan import (
    DEPARTMENTS,
    FIRST_NAMES,
    LAST_NAMES,
    LEAVES,
    MONTHS,
    MOVES,
    PROMOTED,
    SHARED_MANAGER,
    TeamPlan,
)

GENDERS = ("man", "", "man", "non-binary", "woman", "woman")
"""Declared genders in turn; empty: not declared."""

INVOLUNTARY_AGE = 17
"""Who left so many months ago was made to."""


@dataclass(slots=True)
class Stay:
    """A membership: in a team, as member or manager, from a day up to, not including, another."""

    team: str
    role: str
    valid_from: date
    valid_to: date | None = None

    def holds(self, day: date) -> bool:
        """Whether the day lies in it."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(slots=True, eq=False)
class Person:
    """Somebody at the company. end_date: the last day employed."""

    person_id: str
    name: str
    username: str
    gender: str
    start_date: date
    end_date: date | None = None
    termination_type: str = ""
    stays: list[Stay] = field(default_factory=list)

    @property
    def email(self) -> str:
        """The address at work."""
        return f"{self.username}@acme.example"

    def leave(self, last_day: date, how: str) -> None:
        """Ends the employment, and every stay with it."""
        self.end_date = last_day
        self.termination_type = how
        for stay in self.stays:
            if stay.valid_to is None:
                stay.valid_to = last_day + timedelta(days=1)


def months_before(day: date, count: int) -> date:
    """The first day of the month `count` months before a day's month."""
    index = day.year * 12 + day.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)


class Roster:
    """Everybody, hired and moved in a reproducible way. people: in the order of their ids."""

    def __init__(self, today: date, random: Random) -> None:
        self.today = today
        self.random = random
        self.people: list[Person] = []
        self.first_day = months_before(today, MONTHS)
        self._names = _names(random)
        for department in DEPARTMENTS:
            self._hire(department, "manager", self._long_ago())
        for team in LEAVES:
            if team.sizes[1]:
                self._fill(team)
        self._share_manager()
        self._promote()
        for age, origin, target in MOVES:
            self._move(age, origin, target)
        self._known: dict[tuple[str, date], list[Person]] = {}

    def in_team(self, slug: str, day: date) -> list[Person]:
        """Who is in a team on a day."""
        if (slug, day) not in self._known:
            self._known[slug, day] = self._find(slug, day)
        return self._known[slug, day]

    def _find(self, slug: str, day: date) -> list[Person]:
        return [
            person
            for person in self.people
            if any(stay.team == slug and stay.holds(day) for stay in person.stays)
        ]

    def _day(self, age: int) -> date:
        """A day in the month of an age, before today."""
        first = months_before(self.today, age)
        day = first + timedelta(days=self.random.randrange(28))
        return min(day, self.today - timedelta(days=1))

    def _long_ago(self) -> date:
        return self.first_day - timedelta(days=self.random.randrange(60, 2000))

    def _hire(self, team: TeamPlan, role: str, start: date, joined: date | None = None) -> Person:
        """A new person; joined: the day on which the person comes into the team, where it is later."""
        number = len(self.people) + 1
        name = next(self._names)
        first, last = name.lower().split()
        genders = team.genders or GENDERS
        person = Person(
            person_id=f"E{number:03}",
            name=name,
            username=f"{first[0]}{last}" if number % 3 else f"{first}.{last}",
            gender=genders[number % len(genders)],
            start_date=start,
            stays=[Stay(team.slug, role, joined or start)],
        )
        self.people.append(person)
        return person

    def _fill(self, team: TeamPlan) -> None:
        """The founders, those who join and those who leave."""
        founders, now = team.sizes
        founded = months_before(self.today, team.formed)
        for number in range(founders):
            role = "manager" if number == 0 else "member"
            if team.formed == MONTHS:
                self._hire(team, role, self._long_ago())
            else:
                self._hire(team, role, founded - timedelta(days=30), founded)
        joiners = now - founders + len(team.leavers) - len(team.newcomers)
        for number in range(joiners):
            # Over the team's life, more of them lately, none in the last two months.
            lived = ((number + 0.5) / joiners) ** 0.5
            age = team.formed - 1 - round((team.formed - 3) * lived)
            self._hire(team, "member", self._day(max(age, 2)))
        for age in team.newcomers:
            self._hire(team, "member", self._day(age))
        members = [p for p in self.people if p.stays[-1].team == team.slug]
        for person, age in zip(members[1:], team.leavers, strict=False):
            how = "involuntary" if age == INVOLUNTARY_AGE else "voluntary"
            person.leave(self._day(age), how)

    def _share_manager(self) -> None:
        """The second team's founder leads nobody; the first one's manager leads both."""
        first, second = SHARED_MANAGER
        manager = self._manager(first)
        other = self._manager(second)
        other.stays[0].role = "member"
        manager.stays.append(Stay(second, "manager", manager.stays[0].valid_from))

    def _manager(self, team: str) -> Person:
        return next(
            p for p in self.people if p.stays[0].team == team and p.stays[0].role == "manager"
        )

    def _promote(self) -> None:
        """A manager leaves; the most senior member leads from the next day on, in the same team."""
        manager = self._manager(PROMOTED)
        last_day = self._day(14)
        manager.leave(last_day, "voluntary")
        day = last_day + timedelta(days=1)
        successor = min(
            (p for p in self._find(PROMOTED, day) if p.end_date is None),
            key=lambda p: (p.start_date, p.person_id),
        )
        successor.stays[-1].valid_to = day
        successor.stays.append(Stay(PROMOTED, "manager", day))

    def _move(self, age: int, origin: str, target: str) -> None:
        """The member who joined the team last among those who stay at the company."""
        day = self._day(age)
        movable = [
            person
            for person in self._find(origin, day)
            if person.end_date is None
            and len(person.stays) == 1
            and person.stays[0].role == "member"
            and person.stays[0].valid_from < day - timedelta(days=90)
        ]
        person = max(movable, key=lambda p: (p.start_date, p.person_id))
        person.stays[-1].valid_to = day
        person.stays.append(Stay(target, "member", day))


def _names(random: Random) -> Iterator[str]:
    firsts, lasts = FIRST_NAMES.split(), LAST_NAMES.split()
    random.shuffle(firsts)
    random.shuffle(lasts)
    for first, last in zip(firsts, lasts, strict=False):
        yield f"{first} {last}"
