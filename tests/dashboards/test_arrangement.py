"""Filter, view and order of the overview: what is kept together, what comes last, what stays in place."""

from dashboards.arrangement import Arrangement, ordered, ranks, shown

from .made import team_row

TEAMS = (
    team_row("organisation", None, 0, above=True),
    team_row("data", above=True),
    team_row("ingest", "data", 2),
    team_row("warehouse", "data", 2),
    team_row("product", above=True),
    team_row("checkout", "product", 2),
    team_row("search", "product", 2),
    team_row("docs"),
)
AGES = {"data": 20.0, "ingest": 9.0, "product": 30.0, "checkout": 9.0, "search": 41.0, "docs": 1.0}


def order(sort: str = "", *, descending: bool = False, view: str = "tree") -> list[str]:
    how = Arrangement(sort=sort, descending=descending, view=view)
    return [team.slug for team in ordered(TEAMS, AGES if sort else {}, how)]


def test_without_an_order_it_is_the_organisations() -> None:
    assert order() == [team.slug for team in TEAMS]
    assert order(view="flat") == [team.slug for team in TEAMS]


def test_siblings_stay_below_their_parent() -> None:
    tree = ["organisation", "docs", "data", "ingest", "warehouse", "product", "checkout", "search"]
    assert order("age") == tree
    assert order("age", descending=True) == [
        *("organisation", "product", "search", "checkout"),
        *("data", "ingest", "warehouse", "docs"),
    ]


def test_team_without_a_value_is_last_both_ways_and_equals_keep_their_order() -> None:
    up = order("age", view="flat")
    assert up[:3] == ["docs", "ingest", "checkout"]
    assert up[-2:] == ["organisation", "warehouse"]
    down = order("age", descending=True, view="flat")
    assert down[:2] == ["search", "product"]
    assert down[3:] == ["ingest", "checkout", "docs", "organisation", "warehouse"]


def test_names_are_ranked_whatever_their_case() -> None:
    teams = [team_row("b"), team_row("Á"), team_row("C"), team_row("a")]
    assert ranks(teams) == {"a": 0, "b": 1, "C": 2, "Á": 3}


def found(text: str = "", status: str = "all", view: str = "tree") -> set[str]:
    has = {team.slug: ["problem"] if team.slug in ("search", "data") else [] for team in TEAMS}
    return shown(TEAMS, has, Arrangement(text=text, status=status, view=view))


def test_teams_above_one_that_is_found_are_shown() -> None:
    assert found() == {team.slug for team in TEAMS}
    assert found(text=" SEAR") == {"organisation", "product", "search"}
    assert found(status="problem") == {"organisation", "product", "search", "data"}
    assert found(text="search", status="attention") == set()


def test_flat_view_has_only_teams_without_teams_below() -> None:
    assert found(view="flat") == {"ingest", "warehouse", "checkout", "search", "docs"}
    assert found(view="flat", status="problem") == {"search"}
    assert found(view="flat", text="data") == set()


def test_address_says_only_what_is_not_usual() -> None:
    assert set(Arrangement().query().values()) == {None}
    assert Arrangement(text="a", status="signal", view="flat", sort="age").query() == {
        "filter": "a",
        "status": "signal",
        "view": "flat",
        "sort": "age",
    }
    assert Arrangement(sort="age", descending=True).query()["sort"] == "-age"


def test_head_goes_up_down_and_back() -> None:
    up, down = Arrangement(sort="age"), Arrangement(sort="age", descending=True)
    assert (Arrangement().direction("age"), Arrangement().next_sort("age")) == ("none", "age")
    assert (up.direction("age"), up.next_sort("age")) == ("ascending", "-age")
    assert (down.direction("age"), down.next_sort("age")) == ("descending", "")
    assert (up.direction("team"), up.next_sort("team")) == ("none", "team")
