"""The page of an indicator: who is compared, in which order, on which scale, against which target."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from app.errors import NotFoundError
from app.metrics.answers import Matrix, MatrixCell, TeamRow
from app.metrics.indicator import Indicator, Point, Reason
from app.metrics.targets import TargetRow as StoredTarget
from app.metrics.targets import Targets
from dashboards import indicator
from dashboards.asked import Asked
from dashboards.comparison import Comparison
from dashboards.target_history import target_history

from .made import (
    AGE,
    DIVERSITY,
    HIRING,
    NOW,
    RATE,
    RETENTION,
    SETTINGS,
    TIME_TO_MERGE,
    cell,
    months,
    point,
    series,
    shares,
    team_row,
    weeks,
)

TEAMS = (
    team_row("organisation", None, 0, above=True),
    team_row("product", above=True),
    team_row("checkout", "product", 2),
    team_row("search", "product", 2),
    team_row("platform", above=True),
    team_row("runtime", "platform", 2),
    team_row("i18n", "platform", 2),
)
AGES = {"checkout": 41.3, "search": 12.0, "runtime": 30.04, "i18n": None}


def targets(*rows: StoredTarget) -> Targets:
    return Targets(
        rows, {team.slug: team.parent for team in TEAMS}, SETTINGS.reporting.history_start
    )


def page(one: Indicator = AGE, **query: str) -> dict[str, Any]:
    daily = one is AGE

    def made(team: TeamRow) -> Any:
        value = AGES.get(team.slug, 20.0)
        if daily:
            return replace(cell(weeks(20.0, value)), team=team.slug)
        trail = months(9.0, None if value is None else value / 4, 5.5)
        return replace(cell(trail, RATE, judged=1), team=team.slug)

    matrix = Matrix(
        period=None,
        data_through=NOW,
        recorded_at=NOW,
        teams=TEAMS,
        indicators=(one,),
        cells={(team.slug, one.key): made(team) for team in TEAMS},
    )
    trend = series(weeks(20.0, 21.0) if daily else months(9.0, 8.0, 5.5), one)
    trend = replace(trend, team=query.get("team", "organisation"))
    asked = Asked(path={"key": one.key}, query=query)
    variant = indicator.variant_of(one, query.get("variant"))
    return indicator.context(trend, variant, matrix, targets(), SETTINGS, asked)


def test_teams_are_ranked_from_the_worse_end_and_those_without_value_are_named() -> None:
    shown = page()
    assert [dot.name for dot in shown["compared"].dots] == ["Checkout", "Runtime", "Search"]
    assert [row.shown for row in shown["compared"].rows] == ["41.3", "30.04", "12.0"]
    assert shown["compared"].empty == ["I18N"]
    assert [dot.name for dot in page(RATE)["compared"].dots] == ["Search", "Runtime", "Checkout"]


def test_team_narrows_the_page_and_a_leaf_is_shown_among_its_neighbours() -> None:
    assert [dot.name for dot in page(team="product")["compared"].dots] == ["Checkout", "Search"]
    assert [dot.name for dot in page(team="search")["compared"].dots] == ["Checkout", "Search"]
    scopes = page(team="search")["scopes"]
    assert [(name, current) for name, _, current in scopes] == [
        ("All teams", False),
        ("Product", False),
        ("Search", True),
        ("Platform", False),
    ]


def test_small_multiples_are_grouped_as_the_organisation_is_on_one_scale() -> None:
    shown = page()
    groups = shown["compared"].groups
    assert [(each.name, [small.name for small in each.members]) for each in groups] == [
        ("Product", ["Checkout", "Search"]),
        ("Platform", ["Runtime"]),
    ]
    # The name of a group leads to its teams alone.
    assert groups[0].address == "/indicators/open_mr_age?team=product"
    assert page(period="2026-10")["compared"].groups[1].address == (
        "/indicators/open_mr_age?team=platform&period=2026-10"
    )
    # 12 to 41.3 with 8 % air: 9.7 to 43.6.
    assert shown["compared"].scale_words == (
        "All on one scale, 10 to 44 days; dashed line: target 30."
    )


def test_lede_says_when_and_which_way_is_better() -> None:
    assert page()["lede"].endswith(
        "On 22 Nov 2026, 06:10 UTC, day not over. Lower is better; target ≤ 30 days."
    )
    assert page()["heading"] == "Now, by team"
    assert page(RATE)["heading"] == "October 2026, by team"


def test_other_variant_is_said() -> None:
    assert "Variant" not in page(RATE)["lede"]
    assert (
        "Variant wider: community merge requests merged into projects that the team owns. "
        "In October 2026."
    ) in page(RATE, variant="wider")["lede"]
    with pytest.raises(NotFoundError, match="open_mr_age has no variant 'wider'"):
        page(variant="wider")


def test_target_history_names_who_has_one_of_their_own() -> None:
    def stored(team: str, day: date, value: float | None) -> StoredTarget:
        return StoredTarget(indicator=AGE.key, team=team, valid_from=day, value=value)

    rows = target_history(
        AGE,
        TEAMS,
        targets(
            stored("organisation", date(2025, 2, 1), 28.0),
            stored("checkout", date(2026, 6, 1), 25.0),
            stored("runtime", date(2026, 7, 1), None),
        ),
        SETTINGS,
    )
    assert [(row.since, row.who, row.target) for row in rows] == [
        ("the beginning", "everybody", "≤ 30 days"),
        ("1 Feb 2025", "everybody", "≤ 28 days"),
        ("1 Jun 2026", "Checkout", "≤ 25 days"),
        ("1 Jul 2026", "Runtime", "withdrawn"),
    ]


def matrix_of(one: Indicator, cells: dict[tuple[str, str], MatrixCell]) -> Matrix:
    """The matrix of one indicator."""
    return Matrix(
        period=None,
        data_through=NOW,
        recorded_at=NOW,
        teams=TEAMS,
        indicators=(one,),
        cells=cells,
    )


def compared(one: Indicator, points: dict[str, Point], **query: str) -> dict[str, Any]:
    """The page of a monthly indicator with one point for each team."""
    cells = {
        (team.slug, one.key): replace(cell([points[team.slug]], one), team=team.slug)
        for team in TEAMS
    }
    matrix = matrix_of(one, cells)
    trend = replace(series([points["organisation"]], one), team="organisation")
    asked = Asked(path={"key": one.key}, query=query)
    return indicator.context(trend, None, matrix, targets(), SETTINGS, asked)


def test_shares_stand_side_by_side_and_hidden_teams_are_named_without_them() -> None:
    points = {team.slug: shares() for team in TEAMS}
    points["organisation"] = shares(woman=55.0, man=45.0, n=72)
    points["product"] = shares(man=60.0, woman=40.0, n=30)
    points["i18n"] = replace(
        point("2026-10", None, DIVERSITY), reason=Reason.NO_DATA, categories=(), suppressed=True
    )
    shown = compared(DIVERSITY, points)
    assert [(mix.name, mix.headcount) for mix in shown["compared"].mixes] == [
        ("Organisation", "72 people"),
        ("Product", "30 people"),
    ]
    assert [part.words for part in shown["compared"].mixes[1].parts] == ["man 60%", "woman 40%"]
    assert shown["compared"].hidden == ["Checkout", "Search", "Runtime"]
    assert shown["compared"].empty == ["I18N"]
    compared_ = shown["compared"]
    assert (compared_.dots, compared_.rows, compared_.groups) == ([], [], [])
    assert (compared_.plot, compared_.figure, shown["targets"]) == ("", None, [])
    assert (shown["minimum"], shown["plotted"]) == (5, False)
    assert "is better" not in shown["lede"]
    below = compared(DIVERSITY, points, team="product")
    assert [mix.name for mix in below["compared"].mixes] == ["Product"]
    assert below["compared"].hidden == ["Checkout", "Search"]


def test_indicator_without_a_target_is_compared_without_one() -> None:
    points = {
        team.slug: point("2026-10", 2.0 + number, TIME_TO_MERGE, 40)
        for number, team in enumerate(TEAMS)
    }
    shown = compared(TIME_TO_MERGE, points)
    assert shown["lede"].endswith("In October 2026. Lower is better.")
    assert (shown["target"], shown["targets"]) == ("", [])
    # The longest first; what has no target has no status either.
    assert [dot.name for dot in shown["compared"].dots] == ["I18N", "Runtime", "Search", "Checkout"]
    assert {row.status for row in shown["compared"].rows} == {"No target"}
    assert "dashed" not in shown["compared"].scale_words


def test_team_with_a_target_of_its_own_is_drawn_against_it() -> None:
    points = {team.slug: point("2026-10", 9.0, RATE) for team in TEAMS}
    cells = {
        (team.slug, RATE.key): replace(
            cell([points[team.slug]], RATE),
            team=team.slug,
            target=8.0 if team.slug == "checkout" else 10.0,
        )
        for team in TEAMS
    }
    matrix = matrix_of(RATE, cells)
    kept = {"team": None, "period": None, "variant": None}
    compared = Comparison(matrix, cells["organisation", RATE.key], None, kept, 0.2)
    assert [(dot.name, dot.own_target) for dot in compared.dots if dot.own_target] == [
        ("Checkout", 8.0)
    ]
    assert compared.own_targets
    assert compared.scale_words.endswith("dashed line: target 10 or the team’s own.")
    assert {row.name: row.target for row in compared.rows}["Checkout"] == "≥ 8"
    # The line of the page and the stroke of the one team.
    assert compared.plot.count('class="t"') == 2
    figure = compared.figure
    assert figure is not None
    text = repr(figure)
    assert text.count("'$target'") == 2
    assert text.count("its own target 8") == 1
    assert not page(RATE)["compared"].own_targets


def test_links_keep_period_and_variant() -> None:
    shown = page(RATE, team="product", period="2026-10", variant="wider")
    kept = "?period=2026-10&variant=wider"
    assert shown["crumbs"] == [
        ("All teams", f"/{kept}"),
        ("Product", f"/teams/product{kept}#mr_rate"),
    ]
    assert shown["compared"].rows[0].address == f"/teams/search{kept}#mr_rate"
    assert shown["compared"].groups[0].members[0].address == f"/teams/checkout{kept}#mr_rate"
    series = dict(shown["exports"])["Series, JSON"]
    assert series == "/api/v1/indicators/mr_rate/series?team=product&to=2026-10&variant=wider"


def test_people_are_not_few_cases_and_the_tolerance_is_the_indicators_own() -> None:
    points = {team.slug: point("2026-10", 96.0, HIRING, 3) for team in TEAMS}
    shown = compared(HIRING, points)
    assert shown["compared"].few == []
    assert shown["tolerance"] == "5%"
    assert page()["tolerance"] == "20%"
    points = {team.slug: point("2026-10", 100.0, RETENTION, 0) for team in TEAMS}
    shown = compared(RETENTION, points)
    assert shown["compared"].few == []
    # 8 % of air above 100 are no part of the scale that is told.
    assert shown["compared"].scale_words == "All on one scale, 83 to 100%; dashed line: target 84."


def test_sources_are_those_that_are_configured() -> None:
    assert page()["sources"] == ["GitLab"]
