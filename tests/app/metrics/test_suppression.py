"""Suppression: the rule by hand, and an attacker who knows every name, every headcount and all shares."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.metrics import suppression
from app.metrics.suppression import NOT_DECLARED, OTHER, fold

from .plain_suppression import People, plain_categories

ROOT = 0
PARENTS = {ROOT: None, 1: ROOT, 2: ROOT, 3: 1, 4: 1, 5: 1, 6: 2}
"""organisation ─ (one ─ (three, four, five), two ─ six)."""
DEEP = {**PARENTS, 7: 3, 8: 3, 9: 4, 10: 4, 11: 6, 12: 6, 13: 11}
"""The same with three ─ (seven, eight), four ─ (nine, ten), six ─ (eleven ─ thirteen, twelve)."""
SLUGS = {
    **{0: "organisation", 1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six"},
    **{7: "seven", 8: "eight", 9: "nine", 10: "ten", 11: "eleven", 12: "twelve", 13: "thirteen"},
}

Block = tuple[frozenset[int], str | None, int]
"""People of the same teams who declared the same, and how many."""


def made(*blocks: Block, parents: Mapping[int, int | None] = PARENTS) -> People:
    """An organisation of blocks of people; who is in a team is in those above it."""
    members: dict[int, set[str]] = {team: set() for team in parents}
    declared: dict[str, str] = {}
    for index, (teams, category, count) in enumerate(blocks):
        for number in range(count):
            person = f"{index}.{number}"
            if category is not None:
                declared[person] = category
            for team in teams:
                above: int | None = team
                while above is not None:
                    members[above].add(person)
                    above = parents[above]
    return People(
        root=ROOT,
        children={
            team: [child for child, parent in parents.items() if parent == team] for team in parents
        },
        slugs=SLUGS,
        members=members,
        declared=declared,
    )


def shown_categories(people: People, minimum: int) -> dict[int, dict[str, int]]:
    """What the application shows."""
    return suppression.shown_categories(people.organisation(), minimum)


def of(team: int, category: str | None, count: int) -> Block:
    return frozenset({team}), category, count


def shared(teams: set[int], category: str | None, count: int) -> Block:
    return frozenset(teams), category, count


def test_folding() -> None:
    assert fold({"woman": 5, "man": 9}, 5) == {"woman": 5, "man": 9}
    # Two and three are five together.
    assert fold({"woman": 7, "man": 9, "x": 2, "y": 3}, 5) == {"woman": 7, "man": 9, OTHER: 5}
    # Four would be too few: the smallest of the rest is folded too.
    assert fold({"woman": 7, "man": 9, "x": 4}, 5) == {"man": 9, OTHER: 11}
    # Ties by name.
    assert fold({"woman": 7, "man": 7, "x": 4}, 5) == {"woman": 7, OTHER: 11}
    assert fold({"woman": 3, "man": 9}, 5) == {OTHER: 12}
    # Not declared is a category of its own, and a small one is folded like any other.
    assert fold({NOT_DECLARED: 6, "man": 9}, 5) == {NOT_DECLARED: 6, "man": 9}
    assert fold({NOT_DECLARED: 5, "man": 9, OTHER: 1}, 5) == {"man": 9, OTHER: 6}
    # Who declared "other" is among the others from the start.
    assert fold({"woman": 6, OTHER: 6}, 5) == {"woman": 6, OTHER: 6}
    assert fold({"woman": 8, "man": 9}, 9) == {OTHER: 17}
    assert fold({}, 5) == {}


def test_fewer_than_the_minimum_are_not_shown_and_nobody_below_them() -> None:
    assert shown_categories(made(of(3, "woman", 4)), 5) == {}
    shown = shown_categories(made(of(3, "woman", 5)), 5)
    assert shown == {team: {"woman": 5} for team in (0, 1, 3)}
    assert shown_categories(made(of(3, "woman", 5)), 6) == {}


def test_who_is_in_the_parent_alone_is_not_found_by_subtraction() -> None:
    # A manager of team one, who is in none of its children.
    organisation = made(of(1, "woman", 1), of(3, "woman", 6), of(3, "man", 6), of(4, "man", 7))
    shown = shown_categories(organisation, 5)
    # four (7 people) is hidden first; then its 7 men and the manager are left over; then three.
    assert set(shown) == {0, 1}
    # Five of them are enough, in each category.
    enough = made(of(1, "woman", 5), of(3, "woman", 6), of(3, "man", 6), of(4, "man", 7))
    assert set(shown_categories(enough, 5)) == {0, 1, 3, 4}


def test_a_small_team_takes_the_smallest_of_its_siblings_with_it() -> None:
    organisation = made(
        of(3, "woman", 2), of(4, "woman", 6), of(4, "man", 6), of(5, "woman", 7), of(5, "man", 7)
    )
    # three (2 people) is hidden. The two could be found, so four (12 people) is hidden as well.
    shown = shown_categories(organisation, 5)
    assert set(shown) == {0, 1, 5}
    assert shown[1] == {"woman": 15, "man": 13}


def test_ties_are_decided_by_slug() -> None:
    organisation = made(of(3, "woman", 2), of(4, "man", 8), of(5, "man", 8))
    # five comes before four.
    assert set(shown_categories(organisation, 5)) == {0, 1}
    larger = made(of(3, "woman", 2), of(4, "woman", 8), of(5, "woman", 8))
    assert set(shown_categories(larger, 5)) == {0, 1, 4}


def test_two_teams_that_share_a_few_people_are_not_both_shown() -> None:
    organisation = made(
        of(3, "woman", 10), of(4, "woman", 8), shared({3, 4}, "woman", 1), of(1, "woman", 6)
    )
    # four (9 people) is hidden; its own 8 are then left over, with the 6 of the parent alone.
    assert set(shown_categories(organisation, 5)) == {0, 1, 3}
    enough = made(
        of(3, "woman", 10), of(4, "woman", 8), shared({3, 4}, "woman", 5), of(1, "woman", 6)
    )
    assert set(shown_categories(enough, 5)) == {0, 1, 3, 4}


def test_below_a_suppressed_team_everything_is_suppressed() -> None:
    organisation = made(of(0, "woman", 2), of(3, "woman", 20), of(6, "woman", 30))
    # one is hidden for the sake of the two people of the root, so that 22 are left over; three, whose
    # 20 people would do, is hidden with it.
    shown = shown_categories(organisation, 5)
    assert set(shown) == {0, 2, 6}


def test_a_folded_category_is_not_found_by_subtracting_the_siblings_that_show_it() -> None:
    # Team four shows nothing but other; its 3 women would be one's 10 less three's 7.
    organisation = made(of(3, "woman", 7), of(3, "man", 7), of(4, "woman", 3), of(4, "man", 9))
    shown = shown_categories(organisation, 5)
    assert shown[1] == {"woman": 10, "man": 16}
    assert set(shown) == {0, 1}
    # With 3 women in five as well, 6 are folded below one: nobody's women can be told apart.
    more = made(
        of(3, "woman", 7),
        of(3, "man", 7),
        of(4, "woman", 3),
        of(4, "man", 9),
        of(5, "woman", 3),
        of(5, "man", 9),
    )
    assert shown_categories(more, 5)[4] == {OTHER: 12}
    assert set(shown_categories(more, 5)) == {0, 1, 3, 4, 5}


def test_what_cousins_share_is_not_found_either() -> None:
    # one and two share six women, enough; three and six, below them, would share but one.
    organisation = made(
        of(3, "woman", 10),
        of(4, "woman", 10),
        of(6, "woman", 10),
        of(2, "woman", 10),
        shared({3, 6}, "woman", 1),
        shared({4, 2}, "woman", 5),
    )
    shown = shown_categories(organisation, 5)
    assert {0, 1, 2} <= set(shown)
    assert not {3, 6} <= set(shown)


def blocks(parents: Mapping[int, int | None]) -> st.SearchStrategy[Block]:
    return st.tuples(
        st.frozensets(st.sampled_from(sorted(parents)), min_size=1, max_size=3),
        st.sampled_from(["woman", "man", "x", None]),
        st.one_of(st.integers(1, 4), st.integers(5, 12)),
    )


block = blocks(PARENTS)


def left_over_and_shared(
    organisation: People, shown: Mapping[int, object]
) -> Iterator[Mapping[str, int]]:
    """Parent minus children, and the overlaps of siblings, as the definition has them."""
    for team in shown:
        children = [child for child in organisation.children[team] if child in shown]
        inside = {person for child in children for person in organisation.members[child]}
        if children:
            yield organisation.counts(set(organisation.members[team]) - inside)
        for one, two in combinations(children, 2):
            yield organisation.counts(
                set(organisation.members[one]) & set(organisation.members[two])
            )


@given(st.lists(block, min_size=1, max_size=12))
@hypothesis_settings(max_examples=250, deadline=None)
def test_the_definition_holds(made_of: list[Block]) -> None:
    organisation = made(*made_of)
    shown = shown_categories(organisation, 5)
    for team, categories in shown.items():
        assert PARENTS[team] is None or PARENTS[team] in shown
        assert sum(categories.values()) == len(organisation.members[team]) >= 5
        assert min(categories.values()) >= 5
    for group in left_over_and_shared(organisation, shown):
        assert all(count >= 5 for count in group.values())


@given(st.lists(blocks(DEEP), max_size=14), st.integers(1, 6))
@hypothesis_settings(max_examples=300)
def test_counting_who_is_alike_shows_what_counting_single_people_does(
    made_of: list[Block], minimum: int
) -> None:
    people = made(*made_of, parents=DEEP)
    assert shown_categories(people, minimum) == plain_categories(people, minimum)


class Attacker:
    """Knows who is in which team, and of each shown team how many people each shown category has.

    The unknowns are how many people of each category are in each set of teams; all that is known is
    linear in them. What is orthogonal to the null space is known exactly.
    """

    def __init__(self, organisation: People, shown: Mapping[int, Mapping[str, int]]) -> None:
        people: dict[frozenset[int], list[str]] = {}
        for person in organisation.members[ROOT]:
            teams = frozenset(team for team in shown if person in organisation.members[team])
            people.setdefault(teams, []).append(person)
        self.groups = sorted(people, key=sorted)
        self.truth = [organisation.counts(people[group]) for group in self.groups]
        self.categories = sorted({name for counts in self.truth for name in counts})
        known = [self.row([group], self.categories) for group in self.groups]  # their sizes
        for team, counts in shown.items():
            of_team = [group for group in self.groups if team in group]
            known += [
                self.row(of_team, [name])
                if name != OTHER
                else self.row(of_team, [c for c in self.categories if c not in counts])
                for name in counts
            ]
        _, sizes, rows = np.linalg.svd(np.array(known))
        self.null_space = rows[int((sizes > 1e-9).sum()) :].T

    def row(self, groups: Sequence[frozenset[int]], categories: Sequence[str]) -> list[float]:
        """The people of some categories in some groups, as a sum of the unknowns."""
        return [
            float(group in groups and category in categories)
            for group in self.groups
            for category in self.categories
        ]

    def found(self) -> Iterator[int]:
        """The size of each group of one category that can be computed."""
        for size in range(1, len(self.groups) + 1):
            for some in combinations(range(len(self.groups)), size):
                for category in self.categories:
                    asked = np.array(self.row([self.groups[index] for index in some], [category]))
                    if np.abs(asked @ self.null_space).max(initial=0.0) < 1e-9:
                        yield sum(self.truth[index][category] for index in some)


@given(st.lists(block, min_size=1, max_size=9))
@hypothesis_settings(max_examples=250, deadline=None)
def test_no_arithmetic_on_what_is_shown_finds_one_to_four_people_of_a_category(
    made_of: list[Block],
) -> None:
    organisation = made(*made_of)
    shown = shown_categories(organisation, 5)
    if shown:
        assert not [size for size in Attacker(organisation, shown).found() if 0 < size < 5]


def test_the_attacker_finds_what_the_definition_alone_leaves_open() -> None:
    """The attacker of the test above is no straw man."""
    organisation = made(of(3, "woman", 7), of(3, "man", 7), of(4, "woman", 3), of(4, "man", 9))
    shown = {
        team: fold(organisation.counts(organisation.members[team]), 5) for team in (0, 1, 3, 4)
    }
    assert all(
        count >= 5
        for group in left_over_and_shared(organisation, shown)
        for count in group.values()
    )
    assert 3 in set(Attacker(organisation, shown).found())
