"""The overview of a made matrix: tally, signals, heads, and what is text."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import sessionmaker

from app.metrics import INDICATORS
from app.metrics.answers import Matrix, MatrixCell, TeamRow
from app.metrics.indicator import Cadence, Indicator, Restated
from dashboards import overview, pages
from dashboards.asked import Asked

from .made import (
    AGE,
    AGE_LIMITS,
    DIVERSITY,
    NOW,
    RATE_LIMITS,
    SETTINGS,
    cell,
    months,
    shares,
    target_of,
    team_row,
    weeks,
)

EIGHT = [indicator for indicator in INDICATORS if not indicator.supporting]
TEAMS = (
    team_row("organisation", None, 0, above=True),
    team_row("product", above=True),
    team_row("checkout", "product", 2),
    team_row("search", "product", 2),
    team_row("docs"),
)


def filled(indicator: Indicator, value: float, *, signal: bool = False) -> MatrixCell:
    """13 points that end with the value; a monthly indicator has the running month behind it."""
    if indicator.categorical:
        return cell(
            [shares(woman=55.0, man=45.0), shares("2026-11", woman=60.0, man=40.0)],
            indicator,
            judged=0,
        )
    if indicator.cadence is Cadence.DAILY:
        trail = weeks(*[20.0] * 12, value, indicator=indicator)
        trail[-1] = replace(trail[-1], signal=signal)
        return cell(trail, indicator, AGE_LIMITS)
    trail = months(*[9.0] * 11, value, 5.5, indicator=indicator)
    trail[-2] = replace(trail[-2], signal=signal)
    return cell(trail, indicator, RATE_LIMITS, judged=-2)


def matrix(
    values: Mapping[tuple[str, str], MatrixCell], teams: Sequence[TeamRow] = TEAMS
) -> Matrix:
    """Every cell on target, but for the given ones."""
    quiet = {indicator.key: filled(indicator, target_of(indicator) or 0.0) for indicator in EIGHT}
    return Matrix(
        period=None,
        data_through=NOW,
        recorded_at=NOW,
        teams=teams,
        indicators=EIGHT,
        cells={
            (team.slug, indicator.key): replace(
                values.get((team.slug, indicator.key), quiet[indicator.key]), team=team.slug
            )
            for team in teams
            for indicator in EIGHT
        },
    )


def page(made: Matrix, **query: str) -> dict[str, Any]:
    return overview.context(made, SETTINGS, Asked(query=query), None)


def test_tally_counts_the_cells_of_teams_without_teams_below() -> None:
    problem = filled(AGE, 41.3)
    shown = page(matrix({("checkout", AGE.key): problem, ("product", AGE.key): problem}))
    assert {str(status): count for status, count in shown["tally"].items()} == {
        "problem": 1,
        "attention": 0,
        "on_target": 3 * 7 - 1,  # diversity has no target and is not counted
    }
    assert shown["leaves"] == 3


def test_signals_of_leaves_are_told_what_worsened_first() -> None:
    made = matrix(
        {
            ("search", AGE.key): filled(AGE, 12.0, signal=True),
            ("checkout", AGE.key): filled(AGE, 41.3, signal=True),
            ("product", AGE.key): filled(AGE, 41.3, signal=True),
        }
    )
    shown = page(made)
    assert [(s.team, s.improved) for s in shown["signals"]] == [
        ("Checkout", False),
        ("Search", True),
    ]
    assert shown["signal_count"] == 2
    rows = {row.team.slug: row for row in shown["rows"]}
    assert rows["checkout"].has == ["problem", "signal"]
    assert rows["docs"].has == []


def test_more_signals_than_fit_are_behind_an_address() -> None:
    teams = [TEAMS[0], *(team_row(f"t{number}") for number in range(9))]
    loud = {(team.slug, AGE.key): filled(AGE, 41.3, signal=True) for team in teams[1:]}
    shown = page(matrix(loud, teams))
    assert (len(shown["signals"]), shown["signal_count"]) == (6, 9)
    assert shown["all_signals"] == "/?signals=all"
    every = page(matrix(loud, teams), signals="all")
    assert len(every["signals"]) == 9
    assert every["all_signals"] is None


def test_heads_say_of_when_the_numbers_are() -> None:
    daily, monthly = page(matrix({}))["groups"]
    assert (daily.words, daily.running) == ("22 Nov 2026, 06:10, day not over", True)
    assert (monthly.words, monthly.note, monthly.running) == (
        "October 2026, the last whole month",
        "(hollow point: November so far)",
        False,
    )


def test_cells_lead_to_the_card_of_the_same_period() -> None:
    asked = {"period": "2026-10", "variant": "overall"}
    rows = {row.team.slug: row for row in page(matrix({}), **asked)["rows"]}
    addresses = [shown.address for shown in rows["checkout"].cells]
    assert f"/teams/checkout?period=2026-10&variant=overall#{AGE.key}" in addresses
    assert rows["checkout"].address == "/teams/checkout?period=2026-10&variant=overall"
    assert rows["checkout"].depth == 2


def test_restated_values_of_the_same_period_are_counted() -> None:
    present = matrix({})
    then = matrix({("checkout", AGE.key): filled(AGE, 21.0)})
    assert overview.restated(then, present) == [None]
    assert overview.restated(present, present) == []
    unknown = filled(AGE, 21.0)
    unknown = replace(unknown, judged=replace(unknown.judged, recorded_at=None))
    assert overview.restated(matrix({("checkout", AGE.key): unknown}), present) == []


def known(value: float, reason: Restated) -> MatrixCell:
    """A value of Open MR Age that was superseded since."""
    made = filled(AGE, value)
    return replace(made, judged=replace(made.judged, restated=reason))


def test_restated_values_say_why() -> None:
    then = matrix(
        {
            ("checkout", AGE.key): known(21.0, Restated.MEMBERSHIP),
            ("search", AGE.key): known(22.0, Restated.LATE_DATA),
            ("docs", AGE.key): known(23.0, Restated.LATE_DATA),
        }
    )
    shown = overview.context(then, SETTINGS, Asked(query={"as_known_at": "2026-11-21"}), matrix({}))
    assert (shown["differing"], shown["why"]) == (3, "late data (2) and changed memberships (1)")
    assert "3 values on this page have been restated since: late data (2) and" in (html_of(shown))


@pytest.mark.parametrize("reason", list(Restated))
def test_every_reason_of_a_restatement_has_words(reason: Restated) -> None:
    assert overview.why([reason]) == overview.why([reason, reason])
    assert "_" not in overview.why([reason])
    assert "(" not in overview.why([reason])


def test_column_of_shares_says_what_its_figures_are_and_cannot_be_sorted() -> None:
    hidden = cell([shares()], DIVERSITY)
    made = matrix({("search", DIVERSITY.key): hidden})
    shown = page(made)
    assert shown["share_heads"] == {DIVERSITY.key: "woman\u2009/\u2009man\u2009/\u2009other, %"}
    assert shown["hidden_somewhere"]
    assert not page(matrix({}))["hidden_somewhere"]
    html = drawn(made)
    column = html[html.index("Diversity</span>") - 60 : html.index("Diversity</span>")]
    assert "aria-sort" not in column
    assert "<button" not in column


@pytest.mark.parametrize(
    ("asked", "known_at", "known_day"),
    [
        ("2026-11-21", "21 Nov 2026", "2026-11-21"),
        ("2026-10", "October 2026", ""),
        ("2026-11-21T06:10:00+02:00", "21 Nov 2026, 04:10", ""),
    ],
)
def test_past_is_named_as_it_was_asked_for(asked: str, known_at: str, known_day: str) -> None:
    shown = overview.context(matrix({}), SETTINGS, Asked(query={"as_known_at": asked}), matrix({}))
    assert (shown["known_at"], shown["known_day"]) == (known_at, known_day)
    assert shown["differing"] == 0
    assert shown["present"] == "/"


def html_of(context: Mapping[str, object]) -> str:
    answer = pages.Pages(SETTINGS, sessionmaker()).respond(
        "overview.html", {"page": "overview", **context}
    )
    return bytes(answer.body).decode()


def drawn(made: Matrix) -> str:
    return html_of(page(made))


def test_names_are_text() -> None:
    hostile = replace(TEAMS[-1], name="<script>alert(1)</script> \"&'")
    html = drawn(matrix({}, [*TEAMS[:-1], hostile]))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &#34;&amp;&#39;" in html


def test_json_inside_a_page_cannot_end_its_element() -> None:
    text = "</script><!-- & \u2028"
    embedded = str(pages.embedded({"x": text}))
    assert embedded == '{"x":"\\u003c/script\\u003e\\u003c!-- \\u0026 \\u2028"}'
