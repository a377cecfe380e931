"""Teams, comparisons, scorecards, the matrix and runs over a few stored values, by hand."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from app.errors import InvalidValueError, NotFoundError
from app.metrics import INDICATORS, queries
from app.metrics.answers import ShownAbove
from app.metrics.indicator import Reason, Status
from app.settings import Settings
from app.store.tables import Run, TeamMemberSpan

from .conftest import Store
from .stored_values import RECORDED, SETTINGS, THROUGH, Values, counted, prepared, rates

FOREVER = date(9999, 12, 31)


@pytest.fixture
def settings() -> Settings:
    return SETTINGS


@pytest.fixture
def values(store: Store) -> Values:
    return prepared(store)


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
    assert list(rows) == [indicator.key for indicator in INDICATORS]
    assert rows["open_mr_age"].point.status is Status.ATTENTION
    assert rows["open_mr_age"].target == 30
    assert (rows["mr_rate"].point.period, rows["mr_rate"].point.status) == (
        "2024-04",
        Status.PROBLEM,
    )
    assert rows["mr_rate"].variant == "narrow"
    past = queries.scorecard(session, settings, "search", period="2024-05")
    periods = {row.indicator.key: row.point.period for row in past.items}
    assert periods["open_mr_review_time"] == periods["open_mr_age"] == "2024-05-15"
    assert {periods[key] for key in periods if not key.startswith("open_")} == {"2024-05"}
    judged = {row.indicator.key: row.point.status for row in past.items}
    assert judged["mr_rate"] is None  # the month is not over


def test_cards_are_the_scorecard_and_the_series_behind_it(
    values: Values, session: Session, settings: Settings
) -> None:
    values.put("open_mr_age", "search", "2024-05-15", 31.0, partial=True)
    values.put("open_mr_age", "search", "2024-04-30", 29.0)
    values.put("mr_rate", "search", "2024-03-01", 7.9, "narrow")
    values.put("mr_rate", "search", "2024-04-01", 0.5, "wider")
    found = queries.cards(session, settings, team="search")
    assert found.scorecard == queries.scorecard(session, settings, "search")
    assert list(found.series) == [indicator.key for indicator in INDICATORS]
    for key, series in found.series.items():
        assert series == queries.series(session, settings, key, team="search"), key
    past = queries.cards(
        session,
        settings,
        team="search",
        period="2024-04",
        to="2024-04",
        grain="week",
        variant="wider",
    )
    rates = next(row for row in past.scorecard.items if row.indicator.key == "mr_rate")
    assert (rates.variant, rates.point.value, past.series["mr_rate"].variant) == (
        "wider",
        0.5,
        "wider",
    )
    assert [p.value for p in past.series["mr_rate"].points if p.value is not None] == [0.5]
    assert past.series["open_mr_age"].points[-1].period == "2024-04-28"
    with pytest.raises(NotFoundError) as refusal:
        queries.cards(session, settings, team="nowhere")
    assert refusal.value.field == "slug"


def test_hidden_shares_come_with_those_of_the_nearest_team_above(
    values: Values, session: Session, settings: Settings
) -> None:
    def shares(team: str, *parts: tuple[str, float]) -> None:
        told = [{"category": name, "share": share} for name, share in parts]
        values.put(
            "diversity",
            team,
            "2024-04-01",
            None,
            n=12,
            reason=None if parts else "suppressed",
            beside={"categories": told, "suppressed": not parts},
        )

    shares("organisation", ("woman", 40.0), ("man", 60.0))
    shares("search")
    shares("checkout")
    shares("product")

    def above(team: str) -> Mapping[str, ShownAbove]:
        return queries.cards(session, settings, team=team, period="2024-04").above

    far = above("search")["diversity"]
    assert (far.team, [each.share for each in far.point.categories or ()]) == (
        "organisation", [40.0, 60.0],
    )  # fmt: skip
    session.execute(text("DELETE FROM indicator_values"))
    shares("product", ("woman", 50.0), ("man", 50.0))
    shares("search")
    shares("organisation")
    assert above("search")["diversity"].team == "product"
    assert above("product") == {}
    assert above("organisation") == {}


def test_the_matrix_judges_the_running_day_and_the_last_whole_month(
    values: Values, session: Session, settings: Settings
) -> None:
    values.put("open_mr_age", "search", "2024-05-15", 31.0, partial=True)
    values.put("open_mr_age", "search", "2024-04-30", 29.0)
    values.put("mr_rate", "search", "2024-04-01", 7.9, "narrow")
    values.put("mr_rate", "search", "2024-05-01", 2.0, "narrow", partial=True)
    found = queries.matrix(session, settings)
    assert [team.slug for team in found.teams] == ["organisation", "product", "checkout", "search"]
    assert len(found.cells) == 4 * len(found.indicators) == 4 * 8
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
        "community_response": 90.0,
        "hiring_vs_plan": 100.0,
        "mr_rate": 10.0,
        "handbook_update_rate": 0.55,
        "retention": 84.0,
        "review_time_to_merge": 3.0,
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
    assert len(statements) <= 5
    with counted(session) as statements:
        queries.cards(session, settings, team="search", grain="day")
    assert len(statements) <= 5
    with counted(session) as statements:
        queries.attention(session, settings, "product")
    assert len(statements) <= 6
    with counted(session) as statements:
        queries.evidence(session, settings, "mr_rate", team="product")
    assert len(statements) <= 8
