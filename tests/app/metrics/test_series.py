"""Series over a few stored values that are inserted by hand, worked out by hand."""

from datetime import date

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.metrics import queries
from app.metrics.indicator import Grain, Reason, Restated, Status
from app.settings import Settings
from app.store.tables import Target

from .conftest import Store, at
from .stored_values import RECORDED, SETTINGS, THROUGH, Values, prepared, rates


@pytest.fixture
def settings() -> Settings:
    return SETTINGS


@pytest.fixture
def values(store: Store) -> Values:
    return prepared(store)


def test_a_daily_series(values: Values, session: Session, settings: Settings) -> None:
    values.put("open_mr_age", "checkout", "2024-05-13", 30.0, n=2, p25=1.0, p75=40.0, p95=41.5)
    values.put("open_mr_age", "checkout", "2024-05-14", None, n=0)
    values.put("open_mr_age", "checkout", "2024-05-15", 36.5, partial=True)
    values.put("open_mr_age", "search", "2024-05-13", 99.0)
    values.cover("open_mr_age", "2024-05-13", 3, 4)
    values.cover("open_mr_age", "2024-05-14", 0, 0)
    found = queries.series(
        session, settings, "open_mr_age", team="checkout", from_="2024-05-12", to="2024-06-30"
    )
    assert (found.team, found.team_name, found.grain, found.variant) == (
        "checkout",
        "Checkout",
        Grain.DAY,
        None,
    )
    assert found.data_through == THROUGH
    nothing, first, null, running = found.points
    assert (nothing.period, nothing.value, nothing.n) == ("2024-05-12", None, 0)
    assert (nothing.status, nothing.reason) == (Status.NO_DATA, Reason.NO_DATA)
    assert (first.value, first.n, first.p25, first.p75, first.p95) == (30.0, 2, 1.0, 40.0, 41.5)
    assert (first.status, first.reason, first.partial) == (Status.ON_TARGET, None, False)
    assert (first.coverage, first.recorded_at) == (0.75, RECORDED)
    assert (null.status, null.reason, null.coverage) == (Status.NO_DATA, Reason.NO_DATA, None)
    assert (running.period, running.value, running.partial) == ("2024-05-15", 36.5, True)
    assert running.status is Status.PROBLEM  # a running day has a status
    assert found.limits is None


def test_a_series_covers_13_months_by_default(
    values: Values, session: Session, settings: Settings
) -> None:
    daily = queries.series(session, settings, "open_mr_age")
    assert (daily.points[0].period, daily.points[-1].period) == ("2023-05-01", "2024-05-15")
    monthly = queries.series(session, settings, "mr_rate")
    assert [point.period for point in monthly.points][:2] == ["2023-05", "2023-06"]
    assert (len(monthly.points), monthly.points[-1].partial) == (13, True)
    assert monthly.variant == "narrow"


def test_weeks_and_months_of_a_daily_indicator(
    values: Values, session: Session, settings: Settings
) -> None:
    values.put("open_mr_age", "organisation", "2024-04-30", 20.0)
    values.put("open_mr_age", "organisation", "2024-05-05", 21.0)
    values.put("open_mr_age", "organisation", "2024-05-12", 22.0)
    values.put("open_mr_age", "organisation", "2024-05-15", 40.0, partial=True)
    values.cover("open_mr_age", "2024-04-30", 1, 2)
    weeks = queries.series(
        session, settings, "open_mr_age", from_="2024-05-01", to="2024-05-15", grain="week"
    )
    assert [(p.period, p.value, p.partial) for p in weeks.points] == [
        ("2024-05-05", 21.0, False),
        ("2024-05-12", 22.0, False),
        ("2024-05-19", 40.0, True),
    ]
    assert weeks.points[-1].status is Status.PROBLEM
    months = queries.series(
        session, settings, "open_mr_age", from_="2024-04", to="2024-05", grain="month"
    )
    assert [(p.period, p.value, p.partial, p.status, p.coverage) for p in months.points] == [
        ("2024-04", 20.0, False, Status.ON_TARGET, 0.5),
        ("2024-05", 40.0, True, None, None),
    ]


def test_variants_are_apart_and_an_unknown_one_is_refused(
    values: Values, session: Session, settings: Settings
) -> None:
    values.put("mr_rate", "product", "2024-04-01", 9.0, "narrow", numerator=18.0, denominator=2.0)
    values.put("mr_rate", "product", "2024-04-01", 4.5, "wider")
    values.cover("mr_rate", "2024-04-01", 9, 10)

    def april(variant: str | None) -> tuple[float | None, float | None]:
        found = queries.series(
            session, settings, "mr_rate", team="product", from_="2024-04", to="2024-04",
            variant=variant,
        )  # fmt: skip
        return found.points[0].value, found.points[0].coverage

    assert april(None) == april("narrow") == (9.0, 0.9)
    assert april("wider") == (4.5, 0.9)  # all variants carry the narrow one's coverage
    for key, variant in (("mr_rate", "broad"), ("open_mr_age", "narrow")):
        with pytest.raises(NotFoundError) as refusal:
            queries.series(session, settings, key, variant=variant)
        assert refusal.value.field == "variant"


def test_targets_of_a_series_and_the_status_of_their_day(
    values: Values, session: Session, settings: Settings
) -> None:
    session.execute(
        insert(Target).values(
            indicator="open_mr_age", team="product", valid_from=date(2024, 5, 14), value=10.0
        )
    )
    for day in ("2024-05-13", "2024-05-14"):
        values.put("open_mr_age", "checkout", day, 25.0)
    found = queries.series(
        session, settings, "open_mr_age", team="checkout", from_="2024-05-13", to="2024-05-14"
    )
    assert [point.status for point in found.points] == [Status.ON_TARGET, Status.PROBLEM]
    assert [(step.valid_from, step.value) for step in found.targets] == [
        (date(2022, 1, 1), 30.0),
        (date(2024, 5, 14), 10.0),
    ]


def test_the_limits_of_a_series_are_those_of_its_last_whole_month(
    values: Values, session: Session, settings: Settings
) -> None:
    rates(values, 10, 12, 10, 12, 10, 12, 10, 12, 40)
    values.put("mr_rate", "checkout", "2024-05-01", 99.0, "narrow", partial=True)
    found = queries.series(session, settings, "mr_rate", team="checkout")
    assert found.limits is not None
    assert found.limits.centre == 11  # April's own 40 has no say, nor has the running month
    assert found.limits.upper == pytest.approx(16.32)
    assert found.limits.lower == pytest.approx(5.68)
    signals = {point.period for point in found.points if point.signal}
    assert signals == {"2024-04"}
    # One month earlier there were only seven before it.
    assert (
        queries.series(session, settings, "mr_rate", team="checkout", to="2024-03").limits is None
    )
    # A short range is judged by the months before it all the same.
    short = queries.series(session, settings, "mr_rate", team="checkout", from_="2024-04")
    assert short.limits == found.limits
    assert [point.signal for point in short.points] == [True, False]


def test_limits_of_a_daily_indicator_come_from_month_ends(
    values: Values, session: Session, settings: Settings
) -> None:
    ends = ["2023-08-31", "2023-09-30", "2023-10-31", "2023-11-30", "2023-12-31", "2024-01-31",
            "2024-02-29", "2024-03-31"]  # fmt: skip
    for index, day in enumerate(ends):
        values.put("open_mr_age", "checkout", day, 10.0 + 2 * (index % 2))
    values.put("open_mr_age", "checkout", "2024-05-02", 16.0)
    values.put("open_mr_age", "checkout", "2024-05-03", 17.0)
    values.put("open_mr_age", "checkout", "2024-05-15", 17.0, partial=True)
    found = queries.series(session, settings, "open_mr_age", team="checkout", from_="2024-05-01")
    assert found.limits is not None
    assert found.limits.upper == pytest.approx(16.32)
    signals = {point.period for point in found.points if point.signal}
    assert signals == {"2024-05-03", "2024-05-15"}
    [row] = [
        row
        for row in queries.compare(session, settings, "open_mr_age", parent="product").children
        if row.team == "checkout"
    ]
    assert row.signal


def test_as_known_at_gives_the_values_of_that_time(
    values: Values, store: Store, session: Session, settings: Settings
) -> None:
    store.collected("2024-05-02 05:30")
    old, new = at("2024-05-02 06:00"), at("2024-05-10 06:00")
    values.put(
        "mr_rate", "product", "2024-04-01", 5.0, "narrow",
        recorded_at=old, superseded_at=new, superseded_reason="late_data",
    )  # fmt: skip
    values.put("mr_rate", "product", "2024-04-01", 6.0, "narrow", recorded_at=new)
    values.put("mr_rate", "product", "2024-03-01", 7.0, "narrow", recorded_at=old)

    def known(instant: str | None) -> list[tuple[str, float | None]]:
        found = queries.series(
            session, settings, "mr_rate", team="product", from_="2024-03", to="2024-04",
            as_known_at=instant,
        )  # fmt: skip
        return [(point.period, point.value) for point in found.points]

    assert known(None) == [("2024-03", 7.0), ("2024-04", 6.0)]
    assert known("2024-05-10T06:00:00Z") == [("2024-03", 7.0), ("2024-04", 6.0)]
    assert known("2024-05-10T05:59:59Z") == [("2024-03", 7.0), ("2024-04", 5.0)]
    assert known("2024-05-02") == [("2024-03", 7.0), ("2024-04", 5.0)]
    assert known("2024-05-01") == []  # nothing was known then


def test_as_known_at_says_why_a_value_was_restated_since(
    values: Values, store: Store, session: Session, settings: Settings
) -> None:
    store.collected("2024-05-02 05:30")
    old, new = at("2024-05-02 06:00"), at("2024-05-10 06:00")
    values.put(
        "mr_rate", "product", "2024-04-01", 5.0, "narrow",
        recorded_at=old, superseded_at=new, superseded_reason="membership",
    )  # fmt: skip
    values.put("mr_rate", "product", "2024-04-01", 6.0, "narrow", recorded_at=new)
    values.put("mr_rate", "checkout", "2024-04-01", 7.0, "narrow", recorded_at=old)
    then = queries.matrix(session, settings, period="2024-04", as_known_at="2024-05-02")
    now = queries.matrix(session, settings, period="2024-04")
    assert then.cells["product", "mr_rate"].judged.restated is Restated.MEMBERSHIP
    assert then.cells["checkout", "mr_rate"].judged.restated is None
    assert now.cells["product", "mr_rate"].judged.restated is None


def test_a_series_as_known_at_ends_there_and_takes_the_last_day_known_for_a_running_week(
    values: Values, store: Store, session: Session, settings: Settings
) -> None:
    store.collected("2024-05-08 05:30")
    store.collected("2024-05-09 05:30")
    for day, recorded in (("2024-05-06", "2024-05-07 06:00"), ("2024-05-07", "2024-05-08 06:00"),
                          ("2024-05-08", "2024-05-09 06:00")):  # fmt: skip
        values.put("open_mr_age", "product", day, float(day[-1]), recorded_at=at(recorded))
    found = queries.series(
        session, settings, "open_mr_age", team="product", from_="2024-05-06", grain="week",
        as_known_at="2024-05-08T12:00:00Z",
    )  # fmt: skip
    assert [(p.period, p.value, p.partial) for p in found.points] == [("2024-05-12", 7.0, True)]
    assert found.data_through == at("2024-05-08 05:30")
    matrix = queries.matrix(session, settings, as_known_at="2024-05-08T12:00:00Z")
    judged = matrix.cells["product", "open_mr_age"].judged
    assert (judged.period, judged.value) == ("2024-05-07", 7.0)
