"""Hiring and retention against a naive count, day by day; and incremental against full refreshes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, text
from sqlalchemy.orm import Session

from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.tables import Employment, Membership, Opening, Person, PlannedHeadcount

from .conftest import Store
from .test_hiring import opening

SETTINGS = Settings.model_validate(
    {
        "reporting": {"history_start": "2023-11-15", "fiscal_year_start_month": 3},
        "files": {"teams": "/nowhere/teams.yaml"},
    }
)
PARENTS = {"organisation": None, "product": "organisation", "red": "product", "blue": "product"}
START = date(2023, 10, 1)
DAYS = 230
TODAY = date(2024, 5, 10)
MONTHS = [date(2023, 12, 1)] + [date(2024, month, 1) for month in range(1, 6)]

Stay = tuple[str, date, date | None]
Stretch = tuple[date, date | None, str | None]


@dataclass(frozen=True)
class Human:
    """stays: (team, first day, end). employment: (first day, last day, ending)."""

    stays: Sequence[Stay]
    employment: Sequence[Stretch]

    def in_teams(self, day: date) -> set[str]:
        """The teams on a day, those above included."""
        found: set[str] = set()
        for team, first, end in self.stays:
            if first <= day and (end is None or day < end):
                slug: str | None = team
                while slug is not None:
                    found.add(slug)
                    slug = PARENTS[slug]
        return found


day = st.integers(0, DAYS).map(lambda n: START + timedelta(days=n))


@st.composite
def human(draw: st.DrawFn) -> Human:
    """Up to two employments, one after the other, in each of which there are up to two stays."""
    cuts = sorted(set(draw(st.lists(day, min_size=1, max_size=4))))
    employment: list[Stretch] = []
    stays: list[Stay] = []
    for index in range(0, len(cuts), 2):
        first = cuts[index]
        last = cuts[index + 1] - timedelta(days=1) if index + 1 < len(cuts) else None
        ending = draw(st.sampled_from(["voluntary", "involuntary", "other"])) if last else None
        employment.append((first, last, ending))
        end = None if last is None else last + timedelta(days=1)
        joined = draw(st.sampled_from([first, first + timedelta(days=3)]))
        teams = draw(st.permutations(["red", "blue", "product"]))
        moved = draw(st.one_of(st.none(), day))
        if end is not None and joined >= end:
            continue
        if moved is None or moved <= joined or (end is not None and moved >= end):
            stays.append((teams[0], joined, end))
            if draw(st.booleans()):
                stays.append((teams[1], joined, end))
        else:
            stays += [(teams[0], joined, moved), (teams[1], moved, end)]
    return Human(stays, employment)


plans = st.dictionaries(
    st.tuples(st.sampled_from(sorted(PARENTS)), st.sampled_from([date(2023, 11, 1), *MONTHS])),
    st.integers(0, 4),
    max_size=6,
)
openings = st.lists(
    st.tuples(st.sampled_from(sorted(PARENTS)), day, st.one_of(st.none(), st.integers(0, 90))),
    max_size=4,
)


@dataclass(frozen=True)
class World:
    """All that the indicators read."""

    humans: Sequence[Human]
    plan: dict[tuple[str, date], int]
    openings: Sequence[tuple[str, date, int | None]]


worlds = st.builds(World, st.lists(human(), max_size=6), plans, openings)


def write(store: Store, world: World) -> None:
    """Replaces everything."""
    session = store.session
    for table in (Membership, Employment, Person, PlannedHeadcount, Opening):
        session.execute(delete(table))
    for number, one in enumerate(world.humans):
        session.execute(insert(Person).values(person_id=f"p{number}", name=f"P{number}"))
        for first, last, ending in one.employment:
            store.employed(f"p{number}", first, last, ending)
        for team, first, end in one.stays:
            store.member(f"p{number}", team, first, end)
    for (team, month), planned in world.plan.items():
        session.execute(
            insert(PlannedHeadcount).values(team=team, month=month, planned_headcount=planned)
        )
    for number, (team, opened, days) in enumerate(world.openings):
        closed = None if days is None else opened + timedelta(days=days)
        opening(session, f"o{number}", team, opened, closed)


def last_day(month: date) -> date:
    following = (month + timedelta(days=32)).replace(day=1)
    return min(following - timedelta(days=1), TODAY)


def fiscal_start(month: date) -> date:
    """March."""
    return date(month.year if month.month >= 3 else month.year - 1, 3, 1)


class Naive:
    """Everything asked of every day."""

    def __init__(self, world: World) -> None:
        self.world = world

    def headcount(self, team: str, on: date) -> int:
        return sum(team in one.in_teams(on) for one in self.world.humans)

    def planned(self, team: str, month: date) -> int | None:
        each = month
        while each >= fiscal_start(month):
            if (team, each) in self.world.plan:
                return self.world.plan[team, each]
            each = (each - timedelta(days=1)).replace(day=1)
        children = [self.planned(c, month) for c, parent in PARENTS.items() if parent == team]
        if not children or None in children:
            return None
        return sum(planned or 0 for planned in children)

    def planned_hires(self, team: str, month: date) -> int | None:
        if self.planned(team, month) is None:
            return None
        total, each = 0, month
        while each >= fiscal_start(month):
            before = self.planned(team, (each - timedelta(days=1)).replace(day=1))
            now = self.planned(team, each)
            total += max(0, now - before) if now is not None and before is not None else 0
            each = (each - timedelta(days=1)).replace(day=1)
        return total

    def leaving(self, team: str, first: date, last: date, kinds: set[str]) -> int:
        return sum(
            any(
                end is not None
                and first <= end <= last
                and kind in kinds
                and team in one.in_teams(end)
                for _, end, kind in one.employment
            )
            for one in self.world.humans
        )

    def hires(self, team: str, first: date, last: date) -> int:
        return sum(
            any(
                first <= start <= last and team in one.in_teams(start)
                for start, _, _ in one.employment
            )
            for one in self.world.humans
        )

    def transfers(self, team: str, first: date, last: date) -> int:
        return sum(
            any(
                self._transferred(one, team, first + timedelta(days=n))
                for n in range((last - first).days + 1)
            )
            for one in self.world.humans
        )

    def _transferred(self, one: Human, team: str, on: date) -> bool:
        yesterday = on - timedelta(days=1)
        if team not in one.in_teams(on) or team in one.in_teams(yesterday):
            return False
        while yesterday >= START and not one.in_teams(yesterday):
            yesterday -= timedelta(days=1)
        hired = any(yesterday < start <= on for start, _, _ in one.employment)
        return bool(one.in_teams(yesterday)) and team not in one.in_teams(yesterday) and not hired

    def hiring(self, team: str, month: date) -> dict[str, Any]:
        on, year = last_day(month), fiscal_start(month)
        planned, headcount = self.planned(team, month), self.headcount(team, on)
        below = {
            slug for slug in PARENTS if team in Human([(slug, START, None)], []).in_teams(START)
        }
        ages = [
            (on - opened).days
            for slug, opened, days in self.world.openings
            if slug in below
            and opened <= on
            and (days is None or opened + timedelta(days=days) > on)
        ]
        return {
            "value": 100 * headcount / planned if planned else None,
            "n": headcount,
            "numerator": headcount,
            "denominator": planned,
            "hires": self.hires(team, year, on),
            "planned_hires": self.planned_hires(team, month),
            "transfers_in": self.transfers(team, year, on),
            "leavers": self.leaving(team, year, on, {"voluntary", "involuntary"}),
            "open_openings": len(ages),
            "open_openings_median_age": median(ages) if ages else None,
        }

    def retention(self, team: str, month: date) -> dict[str, Any]:
        counting = [
            each
            for each in MONTHS
            if each <= month
            and any(
                team in one.in_teams(date(2023, 10, 1) + timedelta(days=n))
                for one in self.world.humans
                for n in range((each - date(2023, 10, 1)).days + 1)
            )
        ]
        nothing = {"value": None, "n": 0, "numerator": None, "denominator": None}
        if not [each for each in counting if each != date(2024, 5, 1)]:
            return nothing | {"months": 0, "other_endings": 0}
        ends = [
            (self.headcount(team, each) + self.headcount(team, last_day(each))) / 2
            for each in counting
        ]
        average = sum(ends) / len(ends)
        span = (counting[0], last_day(month))
        leavers = self.leaving(team, *span, {"voluntary", "involuntary"})
        meaningful = average and leavers <= average
        return {
            "value": 100 * (1 - leavers / average) if meaningful else None,
            "n": leavers,
            "numerator": leavers,
            "denominator": average,
            "months": len(counting),
            "other_endings": self.leaving(team, *span, {"other"}),
        }


def current(session: Session) -> list[tuple[Any, ...]]:
    """Every present value, without when it was recorded."""
    rows = session.execute(
        text(
            "SELECT indicator, team_id, period, value, n, numerator, denominator, reason, partial,"
            " beside::text FROM indicator_values WHERE superseded_at IS NULL"
            " ORDER BY indicator, variant, team_id, period"
        )
    )
    return [tuple(row) for row in rows]


@given(before=worlds, after=worlds)
@hypothesis_settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_as_a_naive_count_and_the_same_after_changes_as_from_scratch(
    session: Session, before: World, after: World
) -> None:
    with session.begin_nested() as savepoint:
        store = Store(session)
        for team, parent in (("product", "organisation"), ("red", "product"), ("blue", "product")):
            store.team(team, parent)
        write(store, before)
        refresh(session, SETTINGS, store.collected("2024-05-10 12:00", ["files"]))
        compare(store, before)
        write(store, after)
        now = store.collected("2024-05-10 12:00", ["files"]) + timedelta(hours=1)
        refresh(session, SETTINGS, now)
        compare(store, after)
        incremental = current(session)
        for table in ("indicator_values", "considered", "team_member_spans", "refresh_state"):
            session.execute(text(f"DELETE FROM {table}"))
        session.expire_all()
        refresh(session, SETTINGS, now)
        assert current(session) == incremental
        savepoint.rollback()


def compare(store: Store, world: World) -> None:
    naive = Naive(world)
    for team in PARENTS:
        for month in MONTHS:
            for key, expected in (
                ("hiring_vs_plan", naive.hiring(team, month)),
                ("retention", naive.retention(team, month)),
            ):
                row = store.shown(key, team, month)
                assert row.beside is not None
                for name, number in expected.items():
                    found = getattr(row, name) if hasattr(row, name) else row.beside[name]
                    asked = (key, team, month, name, found, number)
                    if number is None or found is None:
                        assert found is number, asked
                    else:
                        assert abs(found - number) < 1e-9, asked
