"""The fast computation equals the definitions, read as a double loop over merge requests and days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil, floor
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from app.metrics.attribution import Membership, Tree, attribution_spans, by_person, member_spans
from app.metrics.calendar import Clock, microseconds
from app.metrics.facts import Facts
from app.metrics.flow import MR_RATE
from app.metrics.indicator import Indicator, Value
from app.metrics.open_work import OPEN_MR_AGE, OPEN_MR_REVIEW_TIME
from app.metrics.stale import NOT_STALE, StalePeriods
from app.metrics.work_columns import Attribution, Presence, TeamDays, Work, WorkColumns
from app.metrics.workset import Workset

from .computing import compute, periods_of
from .plain_facts import MergeRequest, ReviewNote, World, derived

FIRST = date(2024, 2, 25)  # the days cross the end of a leap February and a change of clocks
DAYS = 40
ZONE = ZoneInfo("Europe/Berlin")
START = datetime(2024, 2, 25, tzinfo=ZONE).astimezone(UTC)
# organisation 1 ─┬─ 2 ─┬─ 4
#                 │     └─ 5
#                 └─ 3
PARENTS = {1: None, 2: 1, 3: 1, 4: 2, 5: 2}
BELOW = {1: {1, 2, 3, 4, 5}, 2: {2, 4, 5}, 3: {3}, 4: {4}, 5: {5}}
PEOPLE = {10: "ann", 11: "ben", 12: "cy", 13: "dee"}  # 14 is nobody's account, 15 is a bot's
BOT = 15

# Midnights come often: the instant of a day is where "inside the open interval" is decided.
instants = st.one_of(
    st.integers(min_value=-20, max_value=DAYS).map(lambda day: START + timedelta(days=day)),
    st.integers(min_value=-20 * 24, max_value=DAYS * 24).map(
        lambda hour: START + timedelta(hours=hour)
    ),
)


@st.composite
def memberships(draw: st.DrawFn) -> list[Membership]:
    """Per person and team at most one stretch, so that none overlap; gaps, moves and pairs come up."""
    found = []
    for person in PEOPLE.values():
        for team in draw(st.sets(st.sampled_from([2, 3, 4, 5]), min_size=1, max_size=3)):
            first = draw(st.integers(min_value=-10, max_value=DAYS // 2))
            length = draw(st.none() | st.integers(min_value=1, max_value=DAYS))
            start = FIRST + timedelta(days=first)
            end = None if length is None else start + timedelta(days=length)
            found.append(Membership(person, team, start, end))
    return found


@st.composite
def merge_requests(draw: st.DrawFn) -> MergeRequest:
    """Open, locked, merged and closed ones; some end before they start, some have no end's time."""
    created = draw(instants)
    state = draw(st.sampled_from(["opened", "locked", "merged", "closed"]))
    end = draw(st.none() | instants)
    return MergeRequest(
        id=draw(st.integers(min_value=1, max_value=10**9)),
        project_id=draw(st.sampled_from([100, 101])),
        author_id=draw(st.sampled_from([10, 10, 10, 11, 12, 13, 14, BOT, None])),
        state=state,
        draft=draw(st.booleans()),
        labels=draw(st.sampled_from([(), ("community CONTRIBUTION",)])),
        created_at=created,
        updated_at=draw(instants),
        merged_at=end if state == "merged" else None,
        closed_at=end if state == "closed" else None,
        deleted_at=draw(st.sampled_from([None, None, None, START])),
        requests=[
            ReviewNote(at, ("ben", "robo"), ())
            for at in sorted(draw(st.lists(instants, max_size=2)))
        ],
    )


@dataclass
class Case:
    """A generated organisation with its work."""

    memberships: list[Membership]
    facts: list[Facts]
    clock: Clock


@st.composite
def cases(draw: st.DrawFn) -> Case:
    world = World(
        usernames={**PEOPLE, 14: "eve", BOT: "robo"},
        flagged=frozenset({BOT}),
        in_scope=frozenset({100, 101}),
        exclude_drafts=draw(st.booleans()),
    )
    requests = st.lists(merge_requests(), max_size=12, unique_by=lambda request: request.id)
    facts = derived(draw(requests), world)
    through = START + timedelta(days=DAYS - 1, hours=draw(st.integers(0, 23)))
    return Case(draw(memberships()), facts, Clock(ZONE, through))


def workset_of(case: Case) -> Workset:
    """What `workset.load` would read."""
    tree = Tree(PARENTS)
    people = by_person(case.memberships)

    def days(team_id: int, first: date, end: date) -> TeamDays:
        return TeamDays(team_id, first.toordinal(), end.toordinal())

    def us(instant: datetime | None) -> int | None:
        return None if instant is None else microseconds(instant)

    members = [
        days(span.team_id, span.first_day, span.end_day)
        for own in people.values()
        for span in member_spans(own, tree)
    ]
    return Workset(
        clock=case.clock,
        history_start=FIRST,
        team_ids=sorted(PARENTS),
        root_id=1,
        work=WorkColumns.of(
            Work(
                f.author_id,
                f.project_id,
                microseconds(f.created_at),
                us(f.review_started_at),
                us(f.ended_at),
                us(f.merged_at),
                f.community,
            )
            for f in case.facts
            if f.counted
        ),
        attribution=Attribution.of(
            {
                account: [
                    days(s.team_id, s.first_day, s.end_day)
                    for s in attribution_spans(people.get(person, []), tree)
                ]
                for account, person in PEOPLE.items()
                if person in people
            },
            sorted(PARENTS),
        ),
        presence=Presence.of(members, sorted(PARENTS)),
        owners={100: frozenset({4, 2, 1})},
    )


def teams_of(account: int | None, day: date, case: Case) -> set[int]:
    """indicators.md, "team of a person on D", word by word; direct teams only."""
    person = PEOPLE.get(account or 0)
    own = [m for m in case.memberships if m.person_id == person]
    present = {m.team_id for m in own if m.valid_from <= day < m.end_day}
    ended = [m for m in own if m.end_day <= day]
    if present or not ended:
        return present
    return {m.team_id for m in ended if m.end_day == max(e.end_day for e in ended)}


def percentile_cont(values: Sequence[float], share: float) -> float:
    """PostgreSQL's rule on values in any order."""
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    low, high = ordered[floor(rank)], ordered[ceil(rank)]
    return low + (rank - floor(rank)) * (high - low)


def naive_ages(case: Case, indicator: Indicator, team: int, day: date) -> list[float]:
    """The ages in days, at the instant of the day, of what the team has open."""
    at = case.clock.instant_of(day)
    ages = []
    for fact in case.facts:
        start = fact.created_at if indicator is OPEN_MR_AGE else fact.review_started_at
        is_open = (
            start is not None and start <= at and (fact.ended_at is None or at < fact.ended_at)
        )
        if fact.counted and is_open and teams_of(fact.author_id, day, case) & BELOW[team]:
            assert start is not None
            ages.append((at - start).total_seconds() / 86_400)
    return ages


def close(left: float | None, right: float | None) -> bool:
    """Equal but for the last bits of a double."""
    if left is None or right is None:
        return left is right
    return abs(left - right) <= 1e-9 * max(1.0, abs(right))


@given(cases())
def test_open_work_equals_the_double_loop(case: Case) -> None:
    workset = workset_of(case)
    days = [FIRST + timedelta(days=n) for n in range((case.clock.today - FIRST).days + 1)]
    for indicator in (OPEN_MR_AGE, OPEN_MR_REVIEW_TIME):
        computed = compute(indicator, workset)
        values = {(v.team_id, v.period): v for v in computed.values[""]}
        assert set(values) == {(team, day) for team in PARENTS for day in days}
        for (team, day), value in values.items():
            ages = naive_ages(case, indicator, team, day)
            assert value.n == len(ages)
            if not ages:
                assert value.value is None
                assert value.reason == "no_data"
                continue
            assert close(value.value, percentile_cont(ages, 0.5))
            assert close(value.p25, percentile_cont(ages, 0.25))
            assert close(value.p75, percentile_cont(ages, 0.75))
            assert close(value.p95, percentile_cont(ages, 0.95))
            assert min(ages) >= 0
        for covered in computed.coverage:
            everybody = naive_total(case, indicator, covered.period)
            assert covered.total == everybody
            assert covered.attributed == values[1, covered.period].n


def naive_total(case: Case, indicator: Indicator, day: date) -> int:
    """How many counted merge requests are open at the instant of a day, whoever wrote them."""
    at = case.clock.instant_of(day)
    starts = [
        (f.created_at if indicator is OPEN_MR_AGE else f.review_started_at, f.ended_at)
        for f in case.facts
        if f.counted
    ]
    return sum(
        1
        for start, end in starts
        if start is not None and start <= at and (end is None or at < end)
    )


@given(cases(), st.data())
def test_some_days_of_some_teams_have_the_values_of_the_whole(
    case: Case, data: st.DataObject
) -> None:
    """What refresh relies on: what is computed of the stale days alone is that part of the whole."""
    workset = workset_of(case)
    for indicator in (OPEN_MR_AGE, OPEN_MR_REVIEW_TIME):
        every = periods_of(indicator, workset)
        rows = sorted(data.draw(st.sets(st.sampled_from(range(len(every.periods))), min_size=1)))
        why = every.why[rows]
        for row in range(len(rows)):
            why[row, data.draw(st.sampled_from(range(len(PARENTS)))) :] = NOT_STALE
        some = StalePeriods(every.team_ids, [every.periods[row] for row in rows], why)
        found, whole = indicator.compute(workset, some), compute(indicator, workset)
        values = {(v.team_id, v.period): v for v in whole.values[""]}
        assert [(v.team_id, v.period) for v in found.values[""]] == [
            (team, day)
            for column, team in enumerate(some.team_ids)
            for row, day in enumerate(some.periods)
            if some.cells[row, column]
        ]
        assert all(v == values[v.team_id, v.period] for v in found.values[""])
        covered = {each.period: each for each in whole.coverage}
        assert list(found.coverage) == [covered[day] for day in some.periods]


@given(cases())
def test_merge_request_rate_equals_the_double_loop(case: Case) -> None:
    # February begins before history_start, so March is the first whole month.
    months = [date(2024, 3, 1), date(2024, 4, 1)]
    months = [month for month in months if month <= case.clock.today]
    computed = compute(MR_RATE, workset_of(case))
    for variant, values in computed.values.items():
        for value in values:
            assert value.period in months
            check_rate(case, variant, value)


def check_rate(case: Case, variant: str, value: Value) -> None:
    """One rate against its definition."""
    following = date(value.period.year, value.period.month + 1, 1)
    last = min(following - timedelta(days=1), case.clock.today)
    days = [value.period + timedelta(days=n) for n in range((last - value.period).days + 1)]
    below = BELOW[value.team_id]
    merged = 0
    for fact in case.facts:
        if not fact.counted or fact.merged_at is None or fact.merged_at > case.clock.data_through:
            continue
        day = fact.merged_at.astimezone(ZONE).date()
        if day not in days:
            continue
        ours = bool(teams_of(fact.author_id, day, case) & below)
        owned = value.team_id == 1 or (fact.project_id == 100 and value.team_id in {1, 2, 4})
        merged += {
            "narrow": ours,
            "wider": owned and fact.community,
            "overall": ours or owned,
        }[variant]
    headcounts = [
        len(
            {
                m.person_id
                for m in case.memberships
                if m.team_id in below and m.valid_from <= day < m.end_day
            }
        )
        for day in days
    ]
    average = sum(headcounts) / len(days)
    assert value.n == value.numerator == merged
    assert close(value.denominator, average)
    assert close(value.value, merged / average if average else None)
