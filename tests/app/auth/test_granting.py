"""Whatever token somebody makes, nothing that it shows is hidden from themselves."""

from itertools import chain, combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.auth.access import EVERYTHING, Access, Caller, Right, Role, decide, lineage, visible_to
from app.auth.callers import OF_TEAMS, access_of_role, access_of_roles
from app.auth.granting import grantable, may_grant
from app.metrics.teams import Node, Tree
from app.settings import AuthSettings
from app.store.tables.organisation import ROOT_TEAM

SLUGS = tuple("abcde")
TREE = Tree(
    [
        Node(0, ROOT_TEAM, "All", None, ()),
        Node(1, "product", "Product", ROOT_TEAM, ()),
        Node(2, "checkout", "Checkout", "product", ()),
        Node(3, "search", "Search", "product", ()),
        Node(4, "platform", "Platform", ROOT_TEAM, ()),
    ]
)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Up to five teams below the root, each below one that comes before it."""
    count = draw(st.integers(0, len(SLUGS)))
    nodes = [Node(0, ROOT_TEAM, "All", None, ())]
    for number, slug in enumerate(SLUGS[:count]):
        parent = draw(st.sampled_from((ROOT_TEAM, *SLUGS[:number])))
        nodes.append(Node(number + 1, slug, slug, parent, ()))
    return Tree(nodes)


CONFIGURATIONS = st.builds(
    AuthSettings,
    other_teams=st.sampled_from(("viewer", "none")),
    viewers_see_merge_requests=st.booleans(),
)
TEAMS = st.frozensets(st.sampled_from((ROOT_TEAM, *SLUGS)))  # some of which may be gone


def people(auth: AuthSettings, roles: set[Role], own: frozenset[str]) -> Access:
    """Who has teams has a role of teams, as the configuration makes sure."""
    has_teams = bool(roles & set(OF_TEAMS))
    return access_of_roles(
        auth, Caller("user:1", "Somebody"), roles, own if has_teams else own & set()
    )


def shown(access: Access, tree: Tree) -> set[tuple[Right, str]]:
    """Everything that there is to see, of each team and of none."""
    found = {(right, "") for right in Right if decide(access, right)}
    for slug in visible_to(access, tree):
        above = lineage(tree, slug)
        found |= {(right, slug) for right in Right if decide(access, right, above)}
    return found


@settings(max_examples=300, deadline=None)
@given(trees(), CONFIGURATIONS, st.sets(st.sampled_from(Role)), TEAMS, TEAMS)
def test_a_token_shows_no_more_than_its_maker_sees(
    tree: Tree, auth: AuthSettings, roles: set[Role], own: frozenset[str], teams: frozenset[str]
) -> None:
    maker = people(auth, roles, own)
    seen = shown(maker, tree)
    for role in Role:
        token = access_of_role(auth, Caller("token:1", "nightly"), role, teams)
        if may_grant(maker, role, teams, tree):
            assert shown(token, tree) <= seen
            assert visible_to(token, tree) <= visible_to(maker, tree)
        elif role in OF_TEAMS and teams and teams <= set(_slugs(tree)):
            # What is refused would have shown more: nothing is refused for nothing.
            assert not shown(token, tree) <= seen
    assert bool(grantable(maker, tree)) or not (maker.others or maker.own & set(_slugs(tree)))


def _slugs(tree: Tree) -> list[str]:
    return [node.slug for node in tree]


@pytest.mark.parametrize(
    ("roles", "own", "expected"),
    [
        (set(), set(), set()),
        ({Role.VIEWER}, set(), {("viewer", ())}),
        (
            {Role.MANAGER},
            {"product"},
            {
                ("viewer", ()),
                *(
                    (role, teams)
                    for role in ("manager", "director")
                    for count in (1, 2, 3)
                    for teams in combinations(("checkout", "product", "search"), count)
                ),
            },
        ),
        ({Role.DIRECTOR}, {"gone"}, {("viewer", ())}),
        ({Role.ADMIN}, set(), {("viewer", ()), ("admin", ())}),
        (
            {Role.ADMIN, Role.MANAGER},
            {"search"},
            {("viewer", ()), ("admin", ()), ("manager", ("search",)), ("director", ("search",))},
        ),
    ],
)
def test_what_each_may_give_away(
    roles: set[Role], own: set[str], expected: set[tuple[str, tuple[str, ...]]]
) -> None:
    access = access_of_roles(AuthSettings(), Caller(), roles, frozenset(own))
    slugs = sorted(_slugs(TREE))
    subsets = list(chain.from_iterable(combinations(slugs, n) for n in range(len(slugs) + 1)))
    found = {
        (role.value, teams)
        for role in Role
        for teams in (subsets if role in OF_TEAMS else [()])
        if may_grant(access, role, teams, TREE)
    }
    assert found == expected


def test_who_manages_closed_teams_makes_no_token_of_a_viewer() -> None:
    auth = AuthSettings(other_teams="none")
    manager = access_of_roles(auth, Caller(), {Role.MANAGER}, frozenset({"search"}))
    assert grantable(manager, TREE) == [Role.MANAGER, Role.DIRECTOR]


def test_the_command_line_may_make_any() -> None:
    assert grantable(EVERYTHING, TREE) == list(Role)
