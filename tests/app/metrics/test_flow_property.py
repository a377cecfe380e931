"""Durations and handbook updates against a count merge request by merge request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from app.metrics.attribution import Tree
from app.metrics.calendar import Clock, microseconds
from app.metrics.durations import FIRST_ENGAGEMENT_TIME, REVIEW_TIME_TO_MERGE, TIME_TO_MERGE
from app.metrics.flow import HANDBOOK_UPDATE_RATE
from app.metrics.indicator import Indicator, Value
from app.metrics.work_columns import Attribution, Presence, TeamDays, Work, WorkColumns
from app.metrics.workset import Workset

from .computing import compute
from .test_sweep_property import close, percentile_cont

ZONE = ZoneInfo("Europe/Berlin")
FIRST = date(2024, 2, 1)
START = datetime(2024, 2, 1, tzinfo=ZONE).astimezone(UTC)
HOURS = 24 * 80
ROOT, RED, BLUE = 1, 2, 3
FOREVER = date.max.toordinal()

Instant = datetime | None
hours = st.integers(-48, HOURS).map(lambda hour: START + timedelta(hours=hour))


@dataclass(frozen=True)
class Change:
    """A merge request with what can happen to it; everything in its order, or not at all."""

    author: int | None
    created: datetime
    reviewed: Instant
    engaged: Instant
    merged: Instant


@st.composite
def changes(draw: st.DrawFn) -> Change:
    created, second, third, fourth = sorted(draw(st.lists(hours, min_size=4, max_size=4)))
    reviewed = draw(st.sampled_from([None, created, second, fourth]))
    return Change(
        author=draw(st.sampled_from([10, 11, 12, None])),
        created=created,
        reviewed=reviewed,
        engaged=draw(st.none() | st.just(max(third, reviewed))) if reviewed else None,
        merged=draw(st.none() | st.just(fourth)),
    )


@dataclass(frozen=True)
class Case:
    """10 is in red, and in blue from `moved` on; 11 is in blue; 12 and nobody are in no team."""

    changes: Sequence[Change]
    moved: date
    clock: Clock

    def teams(self, author: int | None, day: date) -> set[int]:
        if author == 10 and day >= FIRST:
            return {ROOT, RED if day < self.moved else BLUE}
        return {ROOT, BLUE} if author == 11 and day >= FIRST else set()


@st.composite
def cases(draw: st.DrawFn) -> Case:
    return Case(
        changes=draw(st.lists(changes(), max_size=8)),
        moved=FIRST + timedelta(days=draw(st.integers(1, 70))),
        clock=Clock(ZONE, START + timedelta(hours=draw(st.integers(24, HOURS)))),
    )


def workset_of(case: Case) -> Workset:
    def us(at: Instant) -> int | None:
        return None if at is None else microseconds(at)

    work = [
        Work(
            author_id=each.author,
            project_id=1,
            created_at=microseconds(each.created),
            review_started_at=us(each.reviewed),
            ended_at=us(each.merged),
            merged_at=us(each.merged),
            community=False,
            first_engaged_at=us(each.engaged),
        )
        for each in case.changes
    ]
    first, moved = FIRST.toordinal(), case.moved.toordinal()
    members = [
        *(TeamDays(ROOT, first, FOREVER) for _ in ("ten", "eleven")),
        TeamDays(RED, first, moved),
        TeamDays(BLUE, moved, FOREVER),
        TeamDays(BLUE, first, FOREVER),
    ]
    return Workset(
        clock=case.clock,
        history_start=FIRST,
        team_ids=[ROOT, RED, BLUE],
        root_id=ROOT,
        work=WorkColumns.of(work),
        handbook=WorkColumns.of(work),
        attribution=Attribution.of(
            {
                10: [
                    TeamDays(ROOT, first, FOREVER),
                    TeamDays(RED, first, moved),
                    TeamDays(BLUE, moved, FOREVER),
                ],
                11: [TeamDays(ROOT, first, FOREVER), TeamDays(BLUE, first, FOREVER)],
            },
            [ROOT, RED, BLUE],
        ),
        presence=Presence.of(members, [ROOT, RED, BLUE]),
        owners={},
        tree=Tree({ROOT: None, RED: ROOT, BLUE: ROOT}),
    )


def counted(
    case: Case, team: int, month: date, instant: Callable[[Change], Instant]
) -> list[Change]:
    """What happened in the month, up to now, to merge requests that were the team's on that day."""
    found = []
    for each in case.changes:
        at = instant(each)
        if at is None or at > case.clock.data_through:
            continue
        day = at.astimezone(ZONE).date()
        if day.replace(day=1) == month and team in case.teams(each.author, day):
            found.append(each)
    return found


def values(indicator: Indicator, case: Case) -> list[Value]:
    return list(compute(indicator, workset_of(case)).values[""])


def check(value: Value, durations: Sequence[timedelta]) -> None:
    days = [each.total_seconds() / 86_400 for each in durations]
    assert value.n == len(days)
    assert close(value.value, percentile_cont(days, 0.5) if days else None)
    assert close(value.p95, percentile_cont(days, 0.95) if days else None)
    assert value.reason == (None if days else "no_data")


@given(cases())
def test_durations_equal_the_count(case: Case) -> None:
    for value in values(TIME_TO_MERGE, case):
        found = counted(case, value.team_id, value.period, lambda each: each.merged)
        check(value, [each.merged - each.created for each in found if each.merged])
    for value in values(REVIEW_TIME_TO_MERGE, case):
        found = counted(case, value.team_id, value.period, lambda each: each.merged)
        check(
            value,
            [
                each.merged - each.reviewed
                for each in found
                if each.merged and each.reviewed and each.reviewed <= each.merged
            ],
        )
    for value in values(FIRST_ENGAGEMENT_TIME, case):
        found = counted(case, value.team_id, value.period, lambda each: each.reviewed)
        answered = [
            each.engaged - each.reviewed
            for each in found
            if each.reviewed and each.engaged and each.engaged <= case.clock.data_through
        ]
        check(value, answered)
        assert value.beside == {"unanswered": len(found) - len(answered)}


@given(cases())
def test_handbook_updates_equal_the_count(case: Case) -> None:
    for value in values(HANDBOOK_UPDATE_RATE, case):
        merged = counted(case, value.team_id, value.period, lambda each: each.merged)
        last = min(
            (value.period + timedelta(days=31)).replace(day=1) - timedelta(days=1),
            case.clock.today,
        )
        days = [value.period + timedelta(days=n) for n in range((last - value.period).days + 1)]
        present = sum(
            sum(value.team_id in case.teams(author, day) for author in (10, 11)) for day in days
        )
        assert value.n == value.numerator == len(merged)
        assert close(value.denominator, present / len(days))
        assert close(value.value, len(merged) * len(days) / present if present else None)


@given(cases())
def test_coverage_is_the_share_of_the_organisation(case: Case) -> None:
    computed = compute(TIME_TO_MERGE, workset_of(case))
    of_everybody = {v.period: v.n for v in computed.values[""] if v.team_id == ROOT}
    for covered in computed.coverage:
        merged = [
            each.merged
            for each in case.changes
            if each.merged and each.merged <= case.clock.data_through
        ]
        total = sum(at.astimezone(ZONE).date().replace(day=1) == covered.period for at in merged)
        assert (covered.attributed, covered.total) == (of_everybody[covered.period], total)
