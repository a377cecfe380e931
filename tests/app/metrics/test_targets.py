"""Targets in force, inherited and withdrawn, and the status against them."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics import get_indicator
from app.metrics.indicator import Reason, Status, TargetStep
from app.metrics.targets import TargetRow, Targets, load_targets, status_of

AGE = get_indicator("open_mr_age")  # target 30, lower is better
RATE = get_indicator("mr_rate")  # target 10, higher is better
PARENTS = {"organisation": None, "product": "organisation", "checkout": "product"}
START = date(2020, 1, 1)


def targets(*rows: tuple[str, str, float | None]) -> Targets:
    """rows: team, day, value."""
    return Targets(
        [
            TargetRow("open_mr_age", team, date.fromisoformat(day), value)
            for team, day, value in rows
        ],
        PARENTS,
        START,
    )


def step(day: date, value: float | None) -> TargetStep:
    return TargetStep(valid_from=day, value=value)


def test_the_built_in_target_holds_from_the_start_of_history() -> None:
    none = targets()
    assert none.value(AGE, "checkout", START) == 30
    assert none.value(AGE, "checkout", date(2019, 12, 31)) is None
    assert none.steps(AGE, "checkout") == (step(START, 30),)
    in_force = none.in_force(AGE, "checkout", START)
    assert in_force is not None
    assert in_force.source == "GitLab"


def test_an_indicator_without_a_built_in_target_has_none() -> None:
    free = replace(AGE, target=None)
    assert targets().value(free, "checkout", START) is None
    assert targets().steps(free, "checkout") == ()


def test_the_nearest_team_with_a_row_in_force_decides() -> None:
    own = targets(
        ("organisation", "2021-01-01", 28.0),
        ("product", "2022-01-01", 25.0),
        ("checkout", "2023-01-01", 20.0),
    )
    assert own.value(AGE, "checkout", date(2020, 12, 31)) == 30
    assert own.value(AGE, "checkout", date(2021, 1, 1)) == 28
    assert own.value(AGE, "checkout", date(2022, 6, 1)) == 25
    assert own.value(AGE, "checkout", date(2023, 1, 1)) == 20
    assert own.value(AGE, "product", date(2024, 1, 1)) == 25
    assert own.value(AGE, "organisation", date(2024, 1, 1)) == 28
    inherited = own.in_force(AGE, "checkout", date(2022, 6, 1))
    assert inherited is not None
    assert inherited.source == "targets file, set for product"
    assert own.steps(AGE, "checkout") == (
        step(START, 30),
        step(date(2021, 1, 1), 28),
        step(date(2022, 1, 1), 25),
        step(date(2023, 1, 1), 20),
    )


def test_a_change_above_a_team_with_its_own_target_is_no_step() -> None:
    own = targets(("checkout", "2021-01-01", 20.0), ("organisation", "2022-01-01", 25.0))
    assert own.steps(AGE, "checkout") == (step(START, 30), step(date(2021, 1, 1), 20))


def test_a_withdrawn_target_is_none_for_the_team_and_below_until_it_is_set_again() -> None:
    own = targets(("product", "2021-01-01", None), ("product", "2022-01-01", 26.0))
    assert own.value(AGE, "checkout", date(2021, 6, 1)) is None
    assert own.value(AGE, "organisation", date(2021, 6, 1)) == 30
    assert own.steps(AGE, "checkout") == (
        step(START, 30),
        step(date(2021, 1, 1), None),
        step(date(2022, 1, 1), 26),
    )


def test_targets_are_read_from_the_table(session: Session) -> None:
    session.execute(
        text(
            "INSERT INTO targets (indicator, team, valid_from, value)"
            " VALUES ('open_mr_age', 'organisation', '2021-01-01', 12.5)"
        )
    )
    loaded = load_targets(session, {"organisation": None}, START)
    assert loaded.value(AGE, "organisation", date(2021, 1, 1)) == 12.5
    assert loaded.value(RATE, "organisation", date(2021, 1, 1)) == 10


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (29.9, Status.ON_TARGET),
        (30.0, Status.ON_TARGET),
        (30.1, Status.ATTENTION),
        (36.0, Status.ATTENTION),
        (36.1, Status.PROBLEM),
    ],
)
def test_status_where_lower_is_better(value: float, status: Status) -> None:
    assert status_of(AGE, value, None, 30.0, 0.2) is status


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (10.0, Status.ON_TARGET),
        (9.99, Status.ATTENTION),
        (8.0, Status.ATTENTION),
        (7.99, Status.PROBLEM),
        (0.0, Status.PROBLEM),
    ],
)
def test_status_where_higher_is_better(value: float, status: Status) -> None:
    assert status_of(RATE, value, None, 10.0, 0.2) is status


def test_the_edge_of_the_tolerance_belongs_to_attention_in_doubles_too() -> None:
    # 0.55 - 0.44 = 0.11000000000000004, 20 % of 0.55 = 0.11000000000000001
    assert status_of(RATE, 0.44, None, 0.55, 0.2) is Status.ATTENTION


def test_without_tolerance_every_miss_is_a_problem() -> None:
    assert status_of(RATE, 9.99, None, 10.0, 0.0) is Status.PROBLEM


def test_status_of_a_null_says_why() -> None:
    assert status_of(RATE, None, Reason.NO_DATA, 10.0, 0.2) is Status.NO_DATA
    assert status_of(RATE, None, Reason.SUPPRESSED, 10.0, 0.2) is Status.SUPPRESSED
    assert status_of(RATE, None, Reason.NOT_MEANINGFUL, 10.0, 0.2) is None


def test_status_without_a_target_and_in_a_month_that_is_not_over() -> None:
    assert status_of(RATE, 3.0, None, None, 0.2) is Status.NO_TARGET
    assert status_of(RATE, 3.0, None, 10.0, 0.2, partial_month=True) is None
    assert status_of(RATE, None, Reason.NO_DATA, 10.0, 0.2, partial_month=True) is None
