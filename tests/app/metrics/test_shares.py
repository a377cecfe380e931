"""Teams in groups: what is computed of them share by share is what one computation of all would give."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.metrics import INDICATORS
from app.metrics.attribution import Tree
from app.metrics.calendar import Clock
from app.metrics.indicator import Covered, Input, Value
from app.metrics.open_work import OPEN_MR_AGE
from app.metrics.shares import OF_A_PROCESS, Bounds, Here, Share, shares
from app.metrics.stale import NOT_STALE, StalePeriods
from app.metrics.workset import Workset

from .computing import periods_of
from .test_sweep_property import PARENTS, START, ZONE, Case, cases, workset_of

OF_WORK = [indicator for indicator in INDICATORS if Input.ATTRIBUTION in indicator.reads]

Values = dict[tuple[str, str], list[Value]]
"""By indicator and variant, in order of the team and the period."""


@dataclass
class Shared:
    """A company's merge requests, and what is stale of each indicator."""

    workset: Workset
    stale: dict[str, StalePeriods]

    def shares(self, bounds: Bounds) -> list[Share]:
        return list(shares(self.workset, self.stale, bounds))


@st.composite
def shared(draw: st.DrawFn) -> Shared:
    case: Case = draw(cases())
    workset = workset_of(case)
    workset = replace(
        workset,
        tree=Tree(PARENTS),
        handbook=workset.work.where(workset.work.project == 101),
        owners={100: frozenset({4, 2, 1}), 101: frozenset({3, 1})},
    )
    stale = {}
    for indicator in OF_WORK:
        every = periods_of(indicator, workset)
        teams = draw(st.sets(st.sampled_from(range(len(PARENTS)))))
        why = every.why.copy()
        why[:, sorted(teams)] = NOT_STALE
        why[: draw(st.integers(0, len(every.periods)))] = NOT_STALE
        rows = [row for row in range(len(why)) if (why[row] != NOT_STALE).any()]
        if rows:
            stale[indicator.key] = StalePeriods(
                every.team_ids, [every.periods[row] for row in rows], why[rows]
            )
    return Shared(workset, stale)


@st.composite
def bounds(draw: st.DrawFn) -> Bounds:
    return Bounds(draw(st.sampled_from([1, 4, 15, 60])), draw(st.sampled_from([1, 60, 400, 9_999])))


def asked(values: Sequence[Value], stale: StalePeriods) -> list[Value]:
    """Those of the values that were asked for: an indicator may give more."""
    why = stale.reasons()
    wanted = [value for value in values if why(value.period, value.team_id) is not None]
    return sorted(wanted, key=lambda value: (value.team_id, value.period))


def computed_of(company: Shared, made: Sequence[Share]) -> tuple[Values, dict[str, list[Covered]]]:
    values: Values = defaultdict(list)
    coverage: dict[str, list[Covered]] = defaultdict(list)
    for key, computed in Here()(iter(made)):
        for variant, own in computed.values.items():
            values[key, variant] += own
        coverage[key] += computed.coverage
    return {each: asked(own, company.stale[each[0]]) for each, own in values.items()}, coverage


@given(shared(), bounds())
def test_shares_have_the_values_and_the_coverage_of_the_whole(
    company: Shared, bounds: Bounds
) -> None:
    values, coverage = computed_of(company, company.shares(bounds))
    for indicator in OF_WORK:
        if indicator.key not in company.stale:
            assert not any(key == indicator.key for key, _ in values)
            continue
        stale = company.stale[indicator.key]
        whole = indicator.compute(company.workset, stale)
        assert coverage[indicator.key] == list(whole.coverage)
        for variant, every in whole.values.items():
            assert values[indicator.key, variant] == asked(list(every), stale)


@given(shared(), bounds())
def test_a_share_holds_no_more_than_it_may_unless_one_team_alone_does(
    company: Shared, bounds: Bounds
) -> None:
    made = company.shares(bounds)
    teams = Counter(team for share in made for team in share.workset.team_ids)
    assert set(teams.values()) <= {1}
    stale = {
        team
        for periods in company.stale.values()
        for column, team in enumerate(periods.team_ids)
        if periods.cells[:, column].any()
    }
    assert set(teams) == stale | {company.workset.root_id}
    assert [share.holds_all for share in made] == [True] + [False] * (len(made) - 1)
    for share in made[1:]:  # the first one knows every merge request, for the coverage
        workset = share.workset
        values = sum(int(periods.cells.sum()) for periods in share.stale.values())
        listed = len(workset.attribution.pairs(workset.work.author).work)
        assert len(workset.team_ids) == 1 or (
            listed <= bounds.merge_requests and values <= bounds.values
        )
        owned = {p for p, own in workset.owners.items() if own & set(workset.team_ids)}
        authors = set(workset.attribution.account.tolist())
        for author, project in zip(workset.work.author, workset.work.project, strict=True):
            assert int(author) in authors or int(project) in owned


def test_one_share_is_enough_for_what_fits() -> None:
    clock = Clock(ZONE, START + timedelta(days=9))
    workset = replace(workset_of(Case([], [], clock)), tree=Tree(PARENTS))
    [share] = shares(workset, {OPEN_MR_AGE.key: periods_of(OPEN_MR_AGE, workset)}, OF_A_PROCESS)
    assert list(share.workset.team_ids) == list(workset.team_ids)
    assert share.workset.work is workset.work, "nothing is copied"
