"""What was restated: a merge request that comes to light late, and what it changed."""

from datetime import date, timedelta

import pytest

from app.errors import InvalidValueError, NotFoundError
from app.metrics.refresh import refresh
from app.metrics.restatements import restatements
from app.settings import Settings

from .conftest import Store, at


@pytest.fixture
def restated(store: Store, settings: Settings) -> Store:
    """red has one merge request of March; a second one of March is found in April."""
    store.team("red")
    store.person("ann", 1)
    store.member("ann", "red", date(2024, 1, 1))
    store.project(1, "acme/api")
    store.merge_request(1, "2024-03-01 12:00", merged="2024-03-05 12:00")
    refresh(store.session, settings, store.collected("2024-04-10 12:00"))
    store.merge_request(1, "2024-03-07 12:00", merged="2024-03-08 12:00")
    refresh(store.session, settings, store.collected("2024-04-20 12:00"))
    return store


def test_what_it_was_and_what_it_is_by_hand(restated: Store, settings: Settings) -> None:
    found = restatements(
        restated.session, settings, from_="2024-04", to="2024-04", team="red", indicator="mr_rate"
    )
    shown = {(row.variant, row.period, row.value, row.value_now, row.reason) for row in found}
    assert shown == {
        ("narrow", "2024-03", 1, 2, "late_data"),
        ("overall", "2024-03", 1, 2, "late_data"),
    }
    assert {(row.recorded_at, row.superseded_at) for row in found} == {
        (at("2024-04-10 12:00"), at("2024-04-20 12:00"))
    }
    days = restatements(
        restated.session,
        settings,
        from_="2024-04",
        team="red",
        to="2024-04",
        indicator="open_mr_age",
    )
    # Open at the end of 7 March alone: merged on 8 March at noon.
    assert [(row.period, row.value, row.reason_of_null, row.value_now) for row in days] == [
        ("2024-03-07", None, "no_data", 0.5)
    ]


def test_nothing_is_superseded_before_it_was_recorded(restated: Store, settings: Settings) -> None:
    """The clock is set back by an hour twice, and what is collected says what time it is."""
    session = restated.session
    reached = restated.collected("2024-04-20 12:30")
    set_back = at("2024-04-20 11:00")
    for number, day in ((2, 12), (3, 14)):
        restated.merge_request(1, f"2024-03-{day} 12:00", merged=f"2024-03-{day + 1} 12:00")
        refresh(session, settings, set_back + timedelta(minutes=number))
    found = restatements(
        session, settings, from_="2024-04", to="2024-04", team="red", indicator="mr_rate"
    )
    assert reached == at("2024-04-20 12:30")
    narrow = [row for row in found if row.variant == "narrow"]
    assert [(row.value, row.value_now) for row in narrow] == [(3, 4), (2, 3), (1, 2)]
    instants = [row.superseded_at for row in narrow]
    assert instants == sorted(set(instants), reverse=True)
    assert all(row.recorded_at < row.superseded_at for row in found)
    assert instants[0] - at("2024-04-20 12:00") < timedelta(seconds=1)


def test_those_of_some_periods_only(restated: Store, settings: Settings) -> None:
    found = restatements(
        restated.session,
        settings,
        from_="2024-04",
        to="2024-04",
        team="red",
        periods_of={date(2024, 3, 7)},
    )
    assert {(row.indicator, row.period) for row in found} == {("open_mr_age", "2024-03-07")}


def test_pages_follow_each_other(restated: Store, settings: Settings) -> None:
    everything = restatements(restated.session, settings, from_="2024-04", to="2024-04", limit=None)
    assert len(everything) > 6
    paged = []
    before = None
    while True:
        page = restatements(
            restated.session, settings, from_="2024-04", to="2024-04", limit=2, before=before
        )
        if not page:
            break
        paged += page
        before = (page[-1].superseded_at, page[-1].id)
    assert paged == everything


def test_the_range_is_of_local_days(restated: Store, settings: Settings) -> None:
    session = restated.session
    assert restatements(session, settings, from_="2024-04-20", to="2024-04-20")
    assert not restatements(session, settings, from_="2024-04-21", to="2024-04-30")
    assert not restatements(session, settings, from_="2024-04-01", to="2024-04-19")
    assert not restatements(session, settings)  # of the last 31 days


def test_what_cannot_be_meant_is_refused(restated: Store, settings: Settings) -> None:
    session = restated.session
    with pytest.raises(InvalidValueError, match="lies after"):
        restatements(session, settings, from_="2024-05", to="2024-04")
    with pytest.raises(NotFoundError, match="no team"):
        restatements(session, settings, team="nobody")
    with pytest.raises(NotFoundError, match="no indicator"):
        restatements(session, settings, indicator="speed")
