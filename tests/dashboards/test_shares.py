"""Shares of an attribute: their order, their tints, what a cell tells apart, and the bar."""

import re

import pytest

from dashboards import shares as drawn
from dashboards.shares import Share

from .made import shares


def test_shares_keep_their_order_and_are_named_as_they_were_declared() -> None:
    point = shares(man=45.0, woman=40.4, other=9.6, not_declared=5.0)
    assert [(share.words, share.tint) for share in drawn.shares_of(point)] == [
        ("man 45%", 1),
        ("woman 40%", 2),
        ("other 10%", 3),
        ("not declared 5%", 2),
    ]


def test_no_part_has_the_tint_of_its_neighbour() -> None:
    parts = drawn.shares_of(shares(a=30.0, b=20.0, c=15.0, d=15.0, e=10.0, f=10.0))
    assert [part.tint for part in parts] == [1, 2, 3, 2, 3, 2]


def test_hidden_shares_are_none() -> None:
    assert drawn.shares_of(shares()) == []
    assert drawn.in_a_cell(shares(), ["woman", "man"]) == []


@pytest.mark.parametrize(
    ("percent", "words"), [(0.0, "0"), (0.49, "under 1"), (0.5, "0"), (0.51, "1"), (36.6, "37")]
)
def test_nobody_is_told_that_somebody_is_nobody(percent: float, words: str) -> None:
    # 0.5 rounds to even; whatever is shown of few is never 0 below it.
    assert drawn.shown(percent) == words


def test_column_tells_apart_the_two_largest_that_were_declared() -> None:
    points = [shares(), shares(not_declared=40.0, man=30.0, woman=20.0, nonbinary=10.0)]
    assert drawn.leading(points) == ["man", "woman"]
    assert drawn.head_of(["man", "woman"]) == "man\u2009/\u2009woman\u2009/\u2009other, %"
    assert drawn.leading([shares(), shares(other=100.0)]) == []


def test_cell_folds_everybody_else_into_other() -> None:
    point = shares(man=45.0, nonbinary=25.0, woman=20.0, not_declared=10.0)
    parts = drawn.in_a_cell(point, ["woman", "man"])
    # 25 + 10 are neither of the two; each keeps the tint of its column, not of its size.
    assert parts == [Share("woman", 20.0, 1), Share("man", 45.0, 2), Share("other", 35.0, 3)]
    assert drawn.figures_of(parts, ["woman", "man"]) == "20\u2009/\u200945\u2009/\u200935"


def test_figure_of_a_category_that_is_not_told_is_a_dash() -> None:
    parts = drawn.in_a_cell(shares(man=43.0, other=57.0), ["woman", "man"])
    assert drawn.figures_of(parts, ["woman", "man"]) == "–\u2009/\u200943\u2009/\u200957"
    whole = drawn.in_a_cell(shares(woman=60.0, man=40.0), ["woman", "man"])
    assert drawn.figures_of(whole, ["woman", "man"]) == "60\u2009/\u200940\u2009/\u2009–"


def test_bar_fills_its_width_with_neutral_tints_and_no_colour() -> None:
    bar = str(drawn.bar(drawn.shares_of(shares(man=50.0, woman=30.0, other=20.0))))
    found = re.findall(r'<rect class="(\w+)" x="([\d.]+)" width="([\d.]+)"', bar)
    # A gap of 0.4 before each part but the first.
    assert found == [("c1", "0.00", "50.00"), ("c2", "50.40", "29.60"), ("c3", "80.40", "19.60")]
    assert not re.search(r"fill|style|#|\bok\b|\bwarn\b|\bbad\b", bar)
    assert 'aria-hidden="true"' in bar


def test_mix_is_a_team_with_its_people_and_shares() -> None:
    mix = drawn.mix_of("Product", "/teams/product", shares(man=60.0, woman=40.0, n=72))
    assert (mix.name, mix.address, mix.headcount) == ("Product", "/teams/product", "72 people")
    assert [part.words for part in mix.parts] == ["man 60%", "woman 40%"]
    assert "<rect" in mix.bar
