"""What the invented company plans and hires: headcount per month, openings, offers, targets of its own."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from random import Random

from demo.company.plan import LEAVES, TEAMS, TeamPlan
from demo.company.roster import Person, months_before

FISCAL_YEAR_START_MONTH = 2
PLANNED_MONTHS = 24
"""Last fiscal year and this one, to its end."""
FIRST_NUMBER = 7_001
HIRED = "Hired"

EXTRA = {
    "checkout": ((5, 1),),
    "search": ((8, 1), (3, 2)),
    "mobile": ((9, 1), (4, 2)),
    "ingest": ((6, 1),),
    "observability": ((5, 1),),
}
"""(age in months, people) from which a team is planned to be so many more than it ever was."""
ANNOUNCED = {"research": 2}
"""People planned for the end of the fiscal year, for a team that has nobody yet."""
OWN_ROWS = "product"
"""The department that plans for itself: its teams, its manager and one place that no team has."""

CANCELLED = (("delivery", 300, 240, "Budget withdrawn"), ("runtime", 210, 150, "Cancelled"))
"""(team, days ago opened, days ago closed, reason)."""
ACCEPTED = (("checkout", 84, 12, 19), ("insights", 70, 9, 33), ("runtime", 95, 3, 47))
"""(team, days ago opened, days ago accepted, days until the start)."""
OPEN_SINCE = (148, 112, 33, 96, 61, 17, 124)
"""Days ago, of the openings that wait for somebody, in turn."""
TARGET_AFTER = 90
"""Days from opening to the wanted start."""


@dataclass(frozen=True, slots=True)
class OfferMade:
    """An offer: resolved_on and starts_on as far as there is an answer yet."""

    status: str
    sent_on: date
    resolved_on: date | None
    starts_on: date


@dataclass(frozen=True, slots=True)
class PlacePlanned:
    """An opening with its offers; close_reason is empty while it is open."""

    number: int
    team: str
    opened_on: date
    target_start_on: date
    closed_on: date | None = None
    close_reason: str = ""
    offers: tuple[OfferMade, ...] = ()


@dataclass(frozen=True, slots=True)
class Hiring:
    """plan: (team, first day of the month, people). targets: (team, indicator, valid from, value)."""

    plan: Sequence[tuple[str, date, int]]
    openings: Sequence[PlacePlanned]
    targets: Sequence[tuple[str, str, date, float]]


def hiring(people: Sequence[Person], today: date, seed: int) -> Hiring:
    """The same for the same people, day and seed."""
    months = list(_months(today))
    return Hiring(
        plan=tuple(_plan(people, months, today)),
        openings=_openings(people, months[0], today, Random(f"{seed} hiring")),
        targets=(
            ("checkout", "mr_rate", months_before(today, 9), 8.0),
            ("data", "open_mr_age", months_before(today, 14), 45.0),
            ("platform", "open_mr_age", months_before(today, 6), 25.0),
            # Where there is none built in.
            ("organisation", "first_engagement_time", months_before(today, 8), 2.0),
        ),
    )


def _months(today: date) -> Iterator[date]:
    year = today.year - (today.month < FISCAL_YEAR_START_MONTH) - 1
    first = year * 12 + FISCAL_YEAR_START_MONTH - 1
    for index in range(first, first + PLANNED_MONTHS):
        yield date(index // 12, index % 12 + 1, 1)


def _age(month: date, today: date) -> int:
    """How many months ago; below 0 in the future."""
    return (today.year - month.year) * 12 + today.month - month.month


def _plan(
    people: Sequence[Person], months: Sequence[date], today: date
) -> Iterator[tuple[str, date, int]]:
    """A row for each team that has people of its own, and for one department."""
    sums = dict.fromkeys(months, 0)
    inside = {team.slug for team in LEAVES if team.parent == OWN_ROWS}
    for team in LEAVES:
        for month, planned in zip(months, _planned(team, people, months, today), strict=True):
            yield team.slug, month, planned
            if team.slug in inside:
                sums[month] += planned
    for month, planned in sums.items():
        yield OWN_ROWS, month, planned + 2


def _planned(
    team: TeamPlan, people: Sequence[Person], months: Sequence[date], today: date
) -> Iterator[int]:
    """The most people that the team had in the fiscal year so far, and what it was promised."""
    most = 0
    for month in months:
        age = _age(month, today)
        if month.month == FISCAL_YEAR_START_MONTH:
            most = 0
        if age >= 0 or most == 0:
            last_day = months_before(month, -1) - timedelta(days=1)
            most = max(most, _headcount(team.slug, people, min(last_day, today)))
        extra = max((more for since, more in EXTRA.get(team.slug, ()) if age <= since), default=0)
        if month >= months[-3]:
            extra += ANNOUNCED.get(team.slug, 0)
        yield most + extra


def _headcount(slug: str, people: Iterable[Person], day: date) -> int:
    return sum(any(stay.team == slug and stay.holds(day) for stay in p.stays) for p in people)


def _openings(
    people: Sequence[Person], since: date, today: date, random: Random
) -> tuple[PlacePlanned, ...]:
    """For everybody who came, for what came to nothing, and for whom is waited; the oldest first."""
    places = [
        *(_filled(p, random) for p in people if p.start_date >= since),
        *(_cancelled(today, *each) for each in CANCELLED),
        *(_accepted(today, *each) for each in ACCEPTED),
        *_waiting(today),
    ]
    places.sort(key=lambda place: (place.opened_on, place.team))
    numbers = count(FIRST_NUMBER)
    return tuple(
        PlacePlanned(
            next(numbers),
            place.team,
            place.opened_on,
            place.target_start_on,
            place.closed_on,
            place.close_reason,
            place.offers,
        )
        for place in places
    )


def _filled(person: Person, random: Random) -> PlacePlanned:
    start = person.start_date
    opened = start - timedelta(days=random.randrange(70, 140))
    accepted = start - timedelta(days=random.randrange(20, 46))
    wanted = start - timedelta(days=random.randrange(-10, 31))
    sent = accepted - timedelta(days=random.randrange(2, 9))
    made = [OfferMade("Accepted", sent, accepted, start)]
    if random.random() < 0.25:  # somebody else was asked before
        earlier = sent - timedelta(days=10)
        made.insert(0, OfferMade("Rejected", earlier, earlier + timedelta(days=3), wanted))
    return PlacePlanned(0, person.stays[0].team, opened, wanted, accepted, HIRED, tuple(made))


def _cancelled(today: date, team: str, opened: int, closed: int, reason: str) -> PlacePlanned:
    opened_on = today - timedelta(days=opened)
    wanted = opened_on + timedelta(days=TARGET_AFTER)
    return PlacePlanned(0, team, opened_on, wanted, today - timedelta(days=closed), reason)


def _accepted(today: date, team: str, opened: int, accepted: int, start: int) -> PlacePlanned:
    opened_on, accepted_on = (today - timedelta(days=days) for days in (opened, accepted))
    starts_on = today + timedelta(days=start)
    made = OfferMade("Accepted", accepted_on - timedelta(days=4), accepted_on, starts_on)
    wanted = opened_on + timedelta(days=TARGET_AFTER)
    return PlacePlanned(0, team, opened_on, wanted, accepted_on, HIRED, (made,))


def _waiting(today: date) -> Iterator[PlacePlanned]:
    """As many open places as a team is short of people; one of them has an offer without an answer."""
    slugs = [
        team.slug
        for team in TEAMS
        for _ in range(max((n for _, n in EXTRA.get(team.slug, ())), default=0))
    ]
    for number, slug in enumerate(slugs):
        opened_on = today - timedelta(days=OPEN_SINCE[number % len(OPEN_SINCE)])
        wanted = opened_on + timedelta(days=TARGET_AFTER)
        made = OfferMade("Created", today - timedelta(days=2), None, today + timedelta(days=40))
        yield PlacePlanned(0, slug, opened_on, wanted, offers=() if number else (made,))
