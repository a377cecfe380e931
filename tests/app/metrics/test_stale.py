"""Which days of which teams are stale: cells, spans, periods, reasons; which stretches are read."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.metrics.calendar import months
from app.metrics.indicator import Input, Restated
from app.metrics.stale import PRECEDENCE, Stale
from app.metrics.stretches import MOST, Stretch, joined

FIRST = date(2024, 1, 10)
DAYS = 80
TEAMS = [3, 5, 8]


def nothing() -> Stale:
    return Stale(TEAMS, 3, FIRST, FIRST + timedelta(days=DAYS - 1))


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def test_what_lies_outside_of_the_history_is_cut_off() -> None:
    stale = nothing()
    stale.add(Restated.LATE_DATA, date(2000, 1, 1), end=day(2), teams=[5, 99])
    stale.add(Restated.MEMBERSHIP, day(DAYS - 1), teams=[8])
    stale.add(Restated.MEMBERSHIP, None)
    found = stale.of_periods([day(number) for number in range(DAYS)])
    assert found.periods == [day(0), day(1), day(DAYS - 1)]
    assert found.cells.tolist() == [
        [False, True, False],
        [False, True, False],
        [False, False, True],
    ]


def test_an_indicator_is_stale_by_what_it_reads() -> None:
    stale = nothing()
    stale.add(Restated.LATE_DATA, day(5), Input.WORK, end=day(6))
    stale.add(Restated.MEMBERSHIP, day(7), Input.MEMBERS, end=day(8))
    stale.add(Restated.CONFIGURATION, day(9), end=day(10))
    every = [day(number) for number in range(DAYS)]
    assert stale.of({Input.WORK}).of_periods(every).periods == [day(5), day(9)]
    assert stale.of({Input.MEMBERS, Input.PLAN}).of_periods(every).periods == [day(7), day(9)]
    assert stale.of(()).of_periods(every).periods == [day(9)]


def test_a_month_is_stale_with_any_of_its_days() -> None:
    stale = nothing()
    stale.add(Restated.LATE_DATA, date(2024, 2, 29), end=date(2024, 3, 1), teams=[5])
    every = list(months(date(2024, 2, 1), date(2024, 3, 30)))
    found = stale.of_periods(every)
    assert found.periods == [date(2024, 2, 1)]
    assert found.cells.tolist() == [[False, True, False]]
    assert stale.of_periods(every, together=True).cells.tolist() == [[True, True, True]]


def test_the_reason_that_explains_most_is_named() -> None:
    stale = nothing()
    stale.add(Restated.TIME_PASSED, day(0), end=day(3))
    stale.add(Restated.LATE_DATA, day(1), end=day(3), teams=[5])
    stale.add(Restated.MEMBERSHIP, day(2), end=day(3), teams=[5])
    reason = stale.of_periods([day(number) for number in range(DAYS)]).reasons()
    assert [reason(day(number), 5) for number in range(3)] == [
        Restated.TIME_PASSED,
        Restated.LATE_DATA,
        Restated.MEMBERSHIP,
    ]
    assert reason(day(2), 8) is Restated.TIME_PASSED
    assert reason(day(2), None) is Restated.MEMBERSHIP


spans = st.tuples(
    st.integers(0, len(TEAMS) - 1), st.integers(-9, DAYS + 9), st.integers(-9, DAYS + 9)
)


@given(st.lists(spans, max_size=6))
def test_many_spans_at_once_are_as_one_by_one(found: list[tuple[int, int, int]]) -> None:
    together, each = nothing(), nothing()
    begin = FIRST.toordinal()
    team, first, end = np.array(found, np.int64).reshape(-1, 3).T
    together.add_spans(Restated.LATE_DATA, Input.WORK, team, first + begin, end + begin)
    for team_index, from_day, to_day in found:
        if from_day < to_day:
            each.add(
                Restated.LATE_DATA,
                day(from_day),
                Input.WORK,
                end=day(to_day),
                teams=[TEAMS[team_index]],
            )
    every = [day(number) for number in range(DAYS)]
    one, other = (stale.of({Input.WORK}).of_periods(every) for stale in (together, each))
    assert one.periods == other.periods
    assert (one.why == other.why).all()


@given(
    st.lists(st.tuples(spans, st.sampled_from(Restated)), max_size=4),
    st.lists(st.integers(0, DAYS + 5), min_size=1, max_size=9, unique=True),
    st.booleans(),
)
def test_periods_are_stale_as_their_days_are(
    found: list[tuple[tuple[int, int, int], Restated]], begins: list[int], together: bool
) -> None:
    """Periods may begin after the first stale day, and after the last one of the history."""
    stale = nothing()
    for (team, first, end), reason in found:
        stale.add(reason, day(first), end=day(end), teams=[TEAMS[team]])
    periods = [day(begin) for begin in sorted(begins) if begin < DAYS]
    result = stale.of_periods(periods, together=together)
    why = result.reasons()
    for period, following in pairwise([*periods, day(DAYS)]):
        of_team = {
            team: {
                reason
                for (place, first, last), reason in found
                if TEAMS[place] == team
                and any(
                    day(max(first, 0)) <= period + timedelta(days=number) < day(last)
                    for number in range((following - period).days)
                )
            }
            for team in TEAMS
        }
        everybody = set().union(*of_team.values())
        for team in TEAMS:
            held = everybody if together else of_team[team]
            expected = next((reason for reason in PRECEDENCE if reason in held), None)
            assert (why(period, team) if period in result.periods else None) is expected


@given(st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 90)), min_size=1, max_size=40))
def test_stretches_that_are_read_cover_what_is_stale(found: list[tuple[int, int]]) -> None:
    asked = [Stretch(day(first), day(first + length)) for first, length in found]
    read = joined(asked)
    assert len(read) <= MOST
    assert all(left.last < right.first for left, right in pairwise(read))
    assert all(any(one.first <= s.first and s.last <= one.last for one in read) for s in asked)


def test_distant_stretches_are_read_apart() -> None:
    asked = [Stretch(day(0), day(3)), Stretch(day(900), day(910)), Stretch(day(20), day(22))]
    assert joined(asked) == [Stretch(day(0), day(22)), Stretch(day(900), day(910))]
