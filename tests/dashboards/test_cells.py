"""Cells of the overview: mark, number, change, tip and the scale of a column."""

from dataclasses import replace

import pytest

from app.metrics.answers import MatrixCell
from app.metrics.indicator import Point, Reason, Status
from dashboards.cells import (
    Cell,
    cell_of,
    colour_of,
    domain_of,
    mark_of,
    shares_cell,
    signal_of,
)
from dashboards.sparkline import CELL

from .made import AGE_LIMITS, DIVERSITY, RATE, RATE_LIMITS, cell, months, point, shares, weeks


def shown(made: MatrixCell) -> Cell:
    return cell_of(made, 0.2, (0.0, 50.0), "/teams/checkout#open_mr_age", CELL)


def test_quiet_cell_has_no_change() -> None:
    found = shown(cell(weeks(24.0, 25.26), limits=AGE_LIMITS))
    assert (found.mark, found.colour, found.shown, found.spoken) == (
        "on_target",
        "ok",
        "25.3",
        "on target",
    )
    assert found.change is None
    assert found.empty is None
    assert found.sort == "25.26"
    assert found.tip.split("|")[0] == "25.3 days · on target"


def test_signal_is_told_against_the_centre_line() -> None:
    trail = weeks(24.0, 41.3)
    trail[-1] = replace(trail[-1], signal=True)
    made = cell(trail, limits=AGE_LIMITS)
    assert shown(made).change == "↑\u00a017.4"  # 41.3 − 23.9
    told = signal_of(made, 0.2, "Checkout", "/teams/checkout")
    assert told is not None
    assert (told.change, told.team, told.improved) == ("↑\u00a017.4", "Checkout", False)
    assert signal_of(cell(weeks(24.0, 41.3), limits=AGE_LIMITS), 0.2, "Checkout", "/") is None


def test_missing_value_is_neither_0_nor_blank() -> None:
    found = shown(cell([point("2026-11-22", None)]))
    assert (found.mark, found.empty, found.shown, found.sort) == ("no_data", "none open", "", "")
    assert found.tip == "No data|There were no open merge requests on 22 Nov 2026."
    assert found.spark == ""


def test_monthly_cell_is_judged_by_the_last_whole_month() -> None:
    found = shown(cell(months(9.0, 9.97, 5.5), RATE, RATE_LIMITS, judged=1))
    assert (found.shown, found.mark) == ("9.97", "attention")
    assert "November 2026 so far: 5.5" in found.tip.split("|")


@pytest.mark.parametrize(
    ("status", "mark", "colour"),
    [
        (Status.ON_TARGET, "on_target", "ok"),
        (Status.ATTENTION, "attention", "warn"),
        (Status.PROBLEM, "problem", "bad"),
        (Status.NO_TARGET, "no_target", "none"),
        (Status.NO_DATA, "no_data", "none"),
        (Status.SUPPRESSED, "suppressed", "none"),
        (None, "half", "none"),
    ],
)
def test_every_status_has_a_shape(status: Status | None, mark: str, colour: str) -> None:
    assert (mark_of(status), colour_of(status)) == (mark, colour)


def test_column_has_one_scale_that_outliers_do_not_press_flat() -> None:
    quiet = [cell(weeks(*([10.0, 20.0] * 10))) for _ in range(2)]
    # Least 10, greatest 30 (the target); 8 % of the 20 between them as air.
    assert domain_of(quiet) == pytest.approx((8.4, 31.6))
    wild = cell(weeks(500.0))
    # 95 % of the 41 values are 20 or less: 1.6 × 20 = 32 is the most an outlier may take.
    assert domain_of([*quiet, wild]) == pytest.approx((10 - 0.08 * 22, 32 + 0.08 * 22))


def mixed(made: Point, headcount: int = 20) -> Cell:
    return shares_cell(cell([made], DIVERSITY), ["woman", "man"], headcount, 5, "/teams/checkout")


def test_cell_of_shares_has_figures_and_no_status() -> None:
    found = mixed(shares(woman=50.0, man=30.0, not_declared=20.0))
    assert found.figures == "50\u2009/\u200930\u2009/\u200920"
    assert found.spoken == "woman 50%, man 30%, not declared 20%"
    assert found.tip == "Shares|woman 50%, man 30%, not declared 20%"
    assert (found.status, found.empty, found.change, found.sort) == (None, None, None, "")
    assert found.colour == "none"
    assert found.spark.count("<rect") == 3


def test_cell_of_hidden_shares_tells_the_rule_and_nothing_else() -> None:
    found = mixed(shares())
    assert (found.empty, found.mark, found.spark, found.spoken) == ("hidden", "suppressed", "", "")
    assert found.tip == (
        "Hidden|Showing it would show a group of fewer people than the rule allows."
    )
    assert mixed(shares(), headcount=4).empty == "fewer than 5"


def test_cell_of_shares_of_nobody() -> None:
    nobody = replace(point("2026-10", None, DIVERSITY), reason=Reason.NO_DATA, categories=())
    found = mixed(nobody, headcount=0)
    assert (found.empty, found.mark) == ("no people", "no_data")
    assert found.tip == "No data|Nobody was a member of this team in October 2026."
