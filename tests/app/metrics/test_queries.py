"""Queries over a few stored values that are inserted by hand, worked out by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.orm import Session

from app.errors import InvalidValueError, NotFoundError
from app.metrics import queries
from app.metrics.indicator import Grain, Reason, Status
from app.settings import Settings
from app.store.tables import Coverage, IndicatorValue, RefreshState, Run, Target, TeamMemberSpan

from .conftest import Store, at

# A Wednesday, half past nine.
THROUGH = at("2024-05-15 09:30")
RECORDED = at("2024-05-15 09:40")
FOREVER = date(9999, 12, 31)


class Values:
    """Writes stored values as refresh would."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.ids: dict[str, int] = {
            slug: id_ for id_, slug in session.execute(text("SELECT id, slug FROM teams"))
        }

    def put(
        self, key: str, team: str, period: str, value: float | None, variant: str = "", **more: Any
    ) -> None:
        """period: a day, or the first day of a month."""
        row = {
            "indicator": key,
            "variant": variant,
            "team_id": self.ids[team],
            "period": date.fromisoformat(period),
            "value": value,
            "n": 3,
            "reason": None if value is not None else "no_data",
            "partial": False,
            "recorded_at": RECORDED,
        }
        self.session.execute(insert(IndicatorValue).values(row | more))

    def cover(self, key: str, period: str, attributed: int, total: int) -> None:
        self.session.execute(
            insert(Coverage).values(
                indicator=key,
                period=date.fromisoformat(period),
                attributed=attributed,
                total=total,
                partial=False,
                recorded_at=RECORDED,
            )
        )


@pytest.fixture
def settings() -> Settings:
    return Settings.model_validate({"reporting": {"history_start": "2022-01-01"}})


@pytest.fixture
def values(store: Store) -> Values:
    """organisation ─ product ─ (checkout, search); data through 15 May 2024, 09:30."""
    store.team("product")
    store.team("checkout", "product", owns=["acme/checkout/**"])
    store.team("search", "product")
    through = THROUGH.isoformat()
    store.session.execute(
        insert(RefreshState).values(
            id=1,
            configuration={},
            definitions={},
            data_through=dict.fromkeys(("open_mr_review_time", "open_mr_age", "mr_rate"), through),
            refreshed_at=RECORDED,
        )
    )
    return Values(store.session)


@contextmanager
def counted(session: Session) -> Iterator[list[str]]:
    """The statements that are sent inside."""
    statements: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(connection, "before_cursor_execute", note)


def test_teams_come_parents_first_with_their_members_of_the_running_day(
    values: Values, store: Store, settings: Settings
) -> None:
    for person, team, first, end in (
        ("ann", "checkout", date(2023, 1, 1), FOREVER),
        ("ben", "checkout", date(2023, 1, 1), date(2024, 5, 15)),
        ("eve", "checkout", date(2024, 5, 15), FOREVER),
        ("ann", "product", date(2023, 1, 1), FOREVER),
    ):
        store.session.execute(
            insert(TeamMemberSpan).values(
                team_id=values.ids[team], person_id=person, first_day=first, end_day=end
            )
        )
    rows = queries.teams(store.session, settings)
    assert [(row.slug, row.parent, row.depth, row.headcount, row.has_children) for row in rows] == [
        ("organisation", None, 0, 0, True),
        ("product", "organisation", 1, 1, True),
        ("checkout", "product", 2, 2, False),
        ("search", "product", 2, 0, False),
    ]
    earlier = {row.slug: row for row in queries.teams(store.session, settings, date(2024, 5, 14))}
    assert earlier["checkout"].headcount == 2
    assert queries.teams(store.session, settings, date(2020, 1, 1))[2].headcount == 0


def test_a_removed_team_is_not_shown(values: Values, store: Store, settings: Settings) -> None:
    store.session.execute(text("UPDATE teams SET removed_at = now() WHERE slug = 'search'"))
    assert "search" not in {row.slug for row in queries.teams(store.session, settings)}
    with pytest.raises(NotFoundError) as refusal:
        queries.series(store.session, settings, "open_mr_age", team="search")
    assert refusal.value.field == "team"


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


def test_unknown_names_are_refused_with_their_field(
    values: Values, session: Session, settings: Settings
) -> None:
    with pytest.raises(NotFoundError) as refusal:
        queries.series(session, settings, "velocity")
    assert refusal.value.field == "key"
    with pytest.raises(NotFoundError) as refusal:
        queries.compare(session, settings, "mr_rate", parent="no\x00where")
    assert refusal.value.field == "parent"
    with pytest.raises(NotFoundError) as refusal:
        queries.scorecard(session, settings, "nowhere")
    assert refusal.value.field == "slug"
    with pytest.raises(InvalidValueError) as invalid:
        queries.series(session, settings, "mr_rate", grain="week")
    assert invalid.value.field == "grain"


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


def rates(values: Values, *numbers: float) -> None:
    """Rates of the months up to and with April 2024, newest last."""
    for back, number in enumerate(reversed(numbers)):
        month = 2024 * 12 + 3 - back
        day = date(month // 12, month % 12 + 1, 1).isoformat()
        values.put("mr_rate", "checkout", day, number, "narrow")


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
    values: Values, session: Session, settings: Settings
) -> None:
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


def test_a_series_as_known_at_ends_there_and_takes_the_last_day_known_for_a_running_week(
    values: Values, session: Session, settings: Settings
) -> None:
    for day, recorded in (("2024-05-06", "2024-05-07 06:00"), ("2024-05-07", "2024-05-08 06:00"),
                          ("2024-05-08", "2024-05-09 06:00")):  # fmt: skip
        values.put("open_mr_age", "product", day, float(day[-1]), recorded_at=at(recorded))
    found = queries.series(
        session, settings, "open_mr_age", team="product", from_="2024-05-06", grain="week",
        as_known_at="2024-05-08T12:00:00Z",
    )  # fmt: skip
    assert [(p.period, p.value, p.partial) for p in found.points] == [("2024-05-12", 7.0, True)]
    assert found.data_through == at("2024-05-08 12:00")
    matrix = queries.matrix(session, settings, as_known_at="2024-05-08T12:00:00Z")
    judged = matrix.cells["product", "open_mr_age"].judged
    assert (judged.period, judged.value) == ("2024-05-07", 7.0)


def test_compare_has_the_parent_its_children_and_the_value_before(
    values: Values, session: Session, settings: Settings
) -> None:
    for team, before, now in (("product", 8.0, 9.0), ("checkout", 7.0, 10.5)):
        values.put("mr_rate", team, "2024-03-01", before, "narrow")
        values.put("mr_rate", team, "2024-04-01", now, "narrow")
    found = queries.compare(session, settings, "mr_rate", parent="product")
    assert (found.period, found.variant) == ("2024-04", "narrow")
    assert (found.parent.team, found.parent.point.value, found.parent.previous) == (
        "product", 9.0, 8.0,
    )  # fmt: skip
    assert [(row.team, row.name, row.point.value, row.previous) for row in found.children] == [
        ("checkout", "Checkout", 10.5, 7.0),
        ("search", "Search", None, None),
    ]
    assert found.children[0].point.status is Status.ON_TARGET
    top = queries.compare(session, settings, "mr_rate", period="2024-03-17")
    assert (top.period, [row.team for row in top.children]) == ("2024-03", ["product"])


def test_compare_of_a_daily_indicator_takes_a_month_for_its_last_day(
    values: Values, session: Session, settings: Settings
) -> None:
    values.put("open_mr_age", "product", "2024-03-30", 1.0)
    values.put("open_mr_age", "product", "2024-03-31", 2.0)
    found = queries.compare(session, settings, "open_mr_age", parent="product", period="2024-03")
    assert (found.period, found.parent.point.value, found.parent.previous) == (
        "2024-03-31", 2.0, 1.0,
    )  # fmt: skip
    with pytest.raises(InvalidValueError) as refusal:
        queries.compare(session, settings, "open_mr_age", period="2024-06")
    assert refusal.value.field == "period"


def test_a_scorecard_has_every_indicator_in_its_latest_period(
    values: Values, session: Session, settings: Settings
) -> None:
    values.put("open_mr_age", "search", "2024-05-15", 31.0, partial=True)
    values.put("mr_rate", "search", "2024-04-01", 7.9, "narrow")
    found = queries.scorecard(session, settings, "search")
    rows = {row.indicator.key: row for row in found.items}
    assert list(rows) == ["open_mr_review_time", "open_mr_age", "mr_rate"]
    assert rows["open_mr_age"].point.status is Status.ATTENTION
    assert rows["open_mr_age"].target == 30
    assert (rows["mr_rate"].point.period, rows["mr_rate"].point.status) == (
        "2024-04",
        Status.PROBLEM,
    )
    assert rows["mr_rate"].variant == "narrow"
    past = queries.scorecard(session, settings, "search", period="2024-05")
    assert [row.point.period for row in past.items] == ["2024-05-15", "2024-05-15", "2024-05"]
    assert past.items[2].point.status is None  # the month is not over


def test_the_matrix_judges_the_running_day_and_the_last_whole_month(
    values: Values, session: Session, settings: Settings
) -> None:
    values.put("open_mr_age", "search", "2024-05-15", 31.0, partial=True)
    values.put("open_mr_age", "search", "2024-04-30", 29.0)
    values.put("mr_rate", "search", "2024-04-01", 7.9, "narrow")
    values.put("mr_rate", "search", "2024-05-01", 2.0, "narrow", partial=True)
    found = queries.matrix(session, settings)
    assert [team.slug for team in found.teams] == ["organisation", "product", "checkout", "search"]
    assert len(found.cells) == 4 * 3
    age = found.cells["search", "open_mr_age"]
    assert (age.judged.period, age.judged.value) == ("2024-05-15", 31.0)
    assert (len(age.trail), age.judged_index) == (13, 12)
    assert [point.period for point in age.trail[-3:]] == ["2024-03", "2024-04", "2024-05-15"]
    assert age.trail[-2].value == 29.0
    rate = found.cells["search", "mr_rate"]
    assert (rate.judged.period, rate.judged.value, rate.target) == ("2024-04", 7.9, 10)
    assert (len(rate.trail), rate.judged_index) == (13, 11)
    assert (rate.trail[12].period, rate.trail[12].status) == ("2024-05", None)
    assert (found.data_through, found.recorded_at) == (THROUGH, RECORDED)


def test_the_matrix_of_a_past_period_and_of_a_variant(
    values: Values, session: Session, settings: Settings
) -> None:
    values.put("mr_rate", "search", "2024-02-01", 3.0, "wider")
    found = queries.matrix(session, settings, period="2024-02", variant="wider")
    rate = found.cells["search", "mr_rate"]
    assert (rate.judged.period, rate.judged.value) == ("2024-02", 3.0)
    assert rate.judged_index == len(rate.trail) - 1 == 12
    age = found.cells["search", "open_mr_age"]
    assert [point.period for point in age.trail[-2:]] == ["2024-01", "2024-02-29"]
    with pytest.raises(NotFoundError):
        queries.matrix(session, settings, variant="broad")


def test_before_the_first_refresh_there_is_nothing_and_no_error(
    store: Store, settings: Settings
) -> None:
    store.team("product")
    found = queries.series(store.session, settings, "open_mr_age")
    assert (found.points, found.data_through, found.limits) == ([], None, None)
    compared = queries.compare(store.session, settings, "mr_rate")
    assert compared.parent.point.reason is Reason.NO_DATA
    assert queries.matrix(store.session, settings).data_through is None
    assert queries.evidence(store.session, settings, "mr_rate").rows == []
    assert queries.attention(store.session, settings, "product").oldest_in_review == []


def test_one_team_on_one_day(
    values: Values, store: Store, settings: Settings, session: Session
) -> None:
    for person in ("ann", "ben", "cid"):
        store.person(person, account=None)
    store.member("ann", "product", date(2023, 1, 1), role="manager")
    store.member("ben", "checkout", date(2023, 1, 1), date(2024, 3, 1))
    store.member("ben", "search", date(2024, 3, 1))
    store.member("cid", "search", date(2024, 2, 1), date(2024, 4, 1), role="manager")
    store.member("cid", "checkout", date(2022, 6, 1), date(2023, 6, 1))
    store.member("cid", "checkout", date(2023, 6, 1), date(2023, 12, 1), role="manager")
    spans = (
        ("ann", "product", date(2023, 1, 1), FOREVER),
        ("ben", "product", date(2023, 1, 1), FOREVER),
        ("ben", "search", date(2024, 3, 1), FOREVER),
        ("cid", "product", date(2024, 2, 1), date(2024, 4, 1)),
    )
    for person, team, first, end in spans:
        session.execute(
            insert(TeamMemberSpan).values(
                team_id=values.ids[team], person_id=person, first_day=first, end_day=end
            )
        )
    found = queries.team(session, settings, "product", on="2024-03-15")
    assert (found.headcount, found.on) == (3, date(2024, 3, 15))
    assert [(person.name, person.role) for person in found.people] == [
        ("Ann", "manager"),
        ("Ben", "member"),
        ("Cid", "manager"),
    ]
    assert [person.person_id for person in found.managers] == ["ann"]
    assert found.ancestors == [("organisation", "Organisation")]
    assert found.children == [("checkout", "Checkout"), ("search", "Search")]
    assert [
        (change.day.isoformat(), change.person, change.kind, change.team, change.elsewhere)
        for change in found.membership_changes
    ] == [
        ("2024-04-01", "Cid", "left", "search", None),
        ("2024-03-01", "Ben", "joined", "search", "checkout"),  # a move within, told once
        ("2024-02-01", "Cid", "joined", "search", None),
        ("2023-12-01", "Cid", "left", "checkout", None),  # the change of role is none
    ]
    checkout = queries.team(session, settings, "checkout", from_="2024-03-01", to="2024-03-31")
    assert [(change.kind, change.elsewhere) for change in checkout.membership_changes] == [
        ("left", "search")
    ]
    assert checkout.owns == ["acme/checkout/**"]
    assert {target.indicator: target.value for target in checkout.targets} == {
        "open_mr_review_time": 21.0,
        "open_mr_age": 30.0,
        "mr_rate": 10.0,
    }


def test_runs_come_newest_first_in_pages(session: Session) -> None:
    for day in range(3):
        session.execute(
            insert(Run).values(
                source="gitlab",
                kind="incremental",
                started_at=datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day),
                outcome="done",
            )
        )
    first = queries.runs(session, limit=2)
    assert [run.started_at.day for run in first] == [3, 2]
    assert [run.started_at.day for run in queries.runs(session, limit=2, before=first[-1].id)] == [
        1
    ]


def test_the_number_of_statements_does_not_grow_with_teams_or_periods(
    values: Values, store: Store, settings: Settings, session: Session
) -> None:
    for number in range(30):
        store.team(f"team-{number}", "product")
    rates(values, 10, 12, 10, 12, 10, 12, 10, 12, 40)
    with counted(session) as statements:
        queries.matrix(session, settings)
    assert len(statements) <= 6
    with counted(session) as statements:
        queries.series(session, settings, "open_mr_age", from_="2022-01-01")
    assert len(statements) <= 5
    with counted(session) as statements:
        queries.compare(session, settings, "mr_rate", parent="product")
    assert len(statements) <= 5
    with counted(session) as statements:
        queries.scorecard(session, settings, "product")
    assert len(statements) <= 5
    with counted(session) as statements:
        queries.team(session, settings, "product")
    assert len(statements) <= 7
    with counted(session) as statements:
        queries.evidence(session, settings, "mr_rate", team="product")
    assert len(statements) <= 8
