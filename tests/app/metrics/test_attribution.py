"""Whose work it is on a day, by hand."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.metrics.attribution import (
    FOREVER,
    Membership,
    Span,
    Tree,
    attribution_spans,
    differences,
    member_spans,
)
from app.metrics.ownership import OwnedGlobs, project_owners
from app.settings import glob_pattern

TREE = Tree({1: None, 2: 1, 3: 1, 4: 2, 5: 2})


def day(number: int) -> date:
    return date(2023, 12, 31) + timedelta(days=number)


def test_a_gap_belongs_to_the_team_before_it() -> None:
    spans = attribution_spans(
        [Membership("ann", 4, day(3), day(5)), Membership("ann", 3, day(8), None)], TREE
    )
    assert [s for s in spans if s.team_id == 4] == [
        Span(4, day(3), day(5)),
        Span(4, day(5), day(8), orphaned=True),
    ]
    assert [s for s in spans if s.team_id == 3] == [Span(3, day(8), FOREVER)]
    # The organisation holds the work throughout; nothing before the first membership.
    assert [(s.first_day, s.end_day) for s in spans if s.team_id == 1] == [
        (day(3), day(5)),
        (day(5), day(8)),
        (day(8), FOREVER),
    ]


def test_two_memberships_that_end_together_both_keep_the_work() -> None:
    spans = attribution_spans(
        [
            Membership("ann", 3, day(1), day(5)),
            Membership("ann", 4, day(2), day(5)),
            Membership("ann", 5, day(1), day(4)),
        ],
        TREE,
    )
    kept = {s.team_id for s in spans if s.orphaned}
    assert kept == {3, 4, 2, 1}


def test_two_teams_below_one_parent_are_one_member_of_it() -> None:
    spans = member_spans(
        [Membership("ann", 4, day(1), None), Membership("ann", 5, day(3), day(6))], TREE
    )
    assert [s for s in spans if s.team_id == 2] == [Span(2, day(1), FOREVER)]
    assert [s for s in spans if s.team_id == 5] == [Span(5, day(3), day(6))]


def test_a_change_of_role_is_no_gap() -> None:
    spans = member_spans(
        [Membership("ann", 4, day(1), day(3)), Membership("ann", 4, day(3), None)], TREE
    )
    assert [s for s in spans if s.team_id == 4] == [Span(4, day(1), FOREVER)]


def test_spans_differ_on_the_days_that_one_of_them_has_alone() -> None:
    long, short, late = (Span(4, day(a), day(b)) for a, b in ((1, 9), (1, 5), (5, 9)))
    assert differences([long], [long]) == []
    assert differences([long], [short]) == [late]
    assert differences([late], [long]) == [short]
    assert differences([], [short]) == [short]
    orphaned = Span(4, day(1), day(5), orphaned=True)
    assert differences([orphaned], [short]) == [short, orphaned]


spans = st.builds(
    lambda team, first, length, orphaned: Span(team, day(first), day(first + length), orphaned),
    st.sampled_from([4, 5]),
    st.integers(1, 12),
    st.integers(1, 12),
    st.booleans(),
)


@given(st.lists(spans, max_size=4), st.lists(spans, max_size=4))
def test_no_day_that_differs_is_missed(old: list[Span], new: list[Span]) -> None:
    def of(found: list[Span], team: int, number: int) -> set[bool]:
        return {
            s.orphaned
            for s in found
            if s.team_id == team and s.first_day <= day(number) < s.end_day
        }

    found = differences(old, new)
    for team in (4, 5):
        for number in range(1, 26):
            if of(old, team, number) != of(new, team, number):
                assert of(found, team, number)


def test_the_longest_glob_owns_and_ties_go_to_the_first_slug() -> None:
    teams = [
        OwnedGlobs(3, "zebra", ["acme/**"]),
        OwnedGlobs(4, "beta", ["acme/web/*"]),
        OwnedGlobs(5, "alpha", ["acme/*/api"]),
    ]
    owners = project_owners(
        {10: "acme/web/api", 11: "acme/web/deep/er", 12: "other/x", 13: "Acme/Web/ui"}, teams, TREE
    )
    # `acme/web/*` and `acme/*/api` are equally long: alpha (5) comes before beta (4).
    assert {team for project, team in owners if project == 10} == {5, 2, 1}
    assert {team for project, team in owners if project == 11} == {3, 1}
    assert {team for project, team in owners if project == 12} == set()
    assert {team for project, team in owners if project == 13} == {4, 2, 1}


names = st.text("aBx.-", min_size=1, max_size=2)
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
globs = st.lists(
    st.one_of(names, st.sampled_from(["*", "**", "?", "a*", "*B", "??"])), min_size=1, max_size=3
).map("/".join)


@given(st.lists(st.tuples(globs, st.sampled_from([3, 4, 5])), max_size=8), paths)
def test_the_owner_is_that_of_the_first_glob_in_order(
    owned: list[tuple[str, int]], path: str
) -> None:
    """Only the globs of a path's own folder are tried: none that could match may be missed."""
    slugs = {3: "zebra", 4: "beta", 5: "alpha"}
    teams = [OwnedGlobs(team, slugs[team], [glob]) for glob, team in owned]
    ranked = sorted(owned, key=lambda pair: (-len(pair[0]), slugs[pair[1]]))
    matching = [team for glob, team in ranked if glob_pattern(glob).fullmatch(path)]
    expected = TREE.with_ancestors(matching[:1])
    assert {team for _, team in project_owners({1: path}, teams, TREE)} == expected
