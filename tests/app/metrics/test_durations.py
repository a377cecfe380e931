"""Time to merge, of review and of the first answer: by hand, with what stands beside."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.metrics import queries
from app.metrics.durations import TIME_TO_MERGE
from app.metrics.refresh import refresh
from app.settings import Settings

from .conftest import Store
from .test_sweep_property import percentile_cont

MARCH = date(2024, 3, 1)


@pytest.fixture
def team(store: Store) -> Store:
    """ann in red until 10 March, then in blue; ben in red; a project."""
    store.team("red")
    store.team("blue")
    store.person("ann", 1)
    store.person("ben", 2)
    store.account(9, "robo", bot=True)
    store.member("ann", "red", date(2024, 1, 1), date(2024, 3, 10))
    store.member("ann", "blue", date(2024, 3, 10))
    store.member("ben", "red", date(2024, 1, 1))
    store.project(1, "acme/api")
    return store


def test_time_to_merge_by_hand(team: Store, settings: Settings) -> None:
    team.merge_request(1, "2024-03-01 12:00", merged="2024-03-02 12:00")  # 1 day, red
    team.merge_request(2, "2024-02-20 12:00", merged="2024-03-01 12:00")  # 10 days, red
    team.merge_request(1, "2024-03-01 12:00", merged="2024-03-12 12:00")  # 11 days, blue by then
    team.merge_request(2, "2024-03-01 12:00", closed="2024-03-02 12:00")
    team.merge_request(9, "2024-03-01 12:00", merged="2024-03-02 12:00")
    refresh(team.session, settings, team.collected("2024-03-20 12:00"))
    red = team.shown("time_to_merge", "red", MARCH)
    assert (red.value, red.n, red.p25, red.p75) == (5.5, 2, 3.25, 7.75)
    assert (red.numerator, red.denominator, red.beside) == (None, None, {"mean": 5.5})
    assert team.value("time_to_merge", "blue", MARCH) == (11, 1)
    everybody = team.shown("time_to_merge", "organisation", MARCH)
    assert (everybody.value, everybody.n) == (10, 3)
    assert everybody.beside == {"mean": pytest.approx(22 / 3)}
    nothing = team.shown("time_to_merge", "red", date(2024, 1, 1))
    assert (nothing.value, nothing.n, nothing.reason, nothing.beside) == (None, 0, "no_data", None)
    rows = queries.evidence(team.session, settings, "time_to_merge", team="red", period="2024-03")
    assert [row.value for row in rows.rows] == [10, 1]


def test_review_time_to_merge_needs_a_review_before_the_merge(
    team: Store, settings: Settings
) -> None:
    asked = team.merge_request(2, "2024-03-01 12:00", merged="2024-03-08 12:00")
    team.request_review(asked, "2024-03-05 12:00", "ann")  # 3 days
    late = team.merge_request(2, "2024-03-01 12:00", merged="2024-03-08 12:00")
    team.request_review(late, "2024-03-09 12:00", "ann")
    team.merge_request(2, "2024-03-01 12:00", merged="2024-03-08 12:00")
    refresh(team.session, settings, team.collected("2024-03-20 12:00"))
    assert team.value("review_time_to_merge", "red", MARCH) == (3, 1)
    point = queries.scorecard(team.session, settings, "red", period="2024-02").items
    status = {row.indicator.key: row.point.status for row in point}
    assert status["review_time_to_merge"] == "no_data"
    rows = queries.evidence(
        team.session, settings, "review_time_to_merge", team="red", period="2024-03"
    )
    assert [row.value for row in rows.rows] == [3]


def test_first_engagement_by_hand(team: Store, settings: Settings) -> None:
    def asked(author: int, at: str = "2024-03-05 12:00") -> int:
        key = team.merge_request(author, "2024-03-01 12:00")
        team.request_review(key, at, "ben" if author == 1 else "ann")
        return key

    quick = asked(2)
    team.note(quick, 1, "2024-03-05 12:00", "comment")  # at the very request: 0 days
    slow = asked(2)
    team.note(slow, 2, "2024-03-06 12:00", "comment")  # the author does not count
    team.note(slow, 9, "2024-03-06 12:00", "comment")  # nor does a bot
    team.note(slow, 1, "2024-03-09 12:00", "approved")  # 4 days
    early = asked(2)
    team.note(early, 1, "2024-03-04 12:00", "comment")  # before the request: no answer to it
    asked(2)  # nobody has answered yet
    moved = asked(1, "2024-03-09 12:00")  # ann's, red on the day of the request
    team.note(moved, 2, "2024-03-11 12:00", "comment")  # 2 days
    refresh(team.session, settings, team.collected("2024-03-20 12:00"))
    red = team.shown("first_engagement_time", "red", MARCH)
    assert (red.value, red.n, red.beside) == (2, 3, {"unanswered": 2})
    assert team.value("first_engagement_time", "blue", MARCH) == (None, 0)
    rows = queries.evidence(
        team.session, settings, "first_engagement_time", team="red", period="2024-03"
    )
    assert [row.value for row in rows.rows] == [4, 2, 0]


def test_a_late_answer_restates_the_month_of_the_request(team: Store, settings: Settings) -> None:
    key = team.merge_request(2, "2024-03-01 12:00")
    team.request_review(key, "2024-03-05 12:00", "ann")
    refresh(team.session, settings, team.collected("2024-04-20 12:00"))
    assert team.shown("first_engagement_time", "red", MARCH).beside == {"unanswered": 1}
    untouched = team.shown("time_to_merge", "red", MARCH).recorded_at
    team.note(key, 1, "2024-04-25 12:00", "comment")
    refresh(team.session, settings, team.collected("2024-05-02 12:00"))
    assert team.value("first_engagement_time", "red", MARCH) == (51, 1)
    assert team.shown("time_to_merge", "red", MARCH).recorded_at == untouched


def test_an_answer_that_the_data_do_not_reach_yet_counts_when_they_do(
    team: Store, settings: Settings
) -> None:
    """A run reads notes that were written while it ran: data_through is the instant at which it began."""
    asked = team.merge_request(2, "2024-03-30 12:00")
    team.request_review(asked, "2024-03-30 12:00", "ann")
    team.note(asked, 1, "2024-04-02 12:00", "comment")
    refresh(team.session, settings, team.collected("2024-04-02 11:59"))
    assert team.shown("first_engagement_time", "red", MARCH).beside == {"unanswered": 1}
    refresh(team.session, settings, team.collected("2024-04-02 12:00"))
    assert team.value("first_engagement_time", "red", MARCH) == (3, 1)
    assert team.shown("first_engagement_time", "red", MARCH).beside == {"unanswered": 0}


def test_the_mean_is_no_target(settings: Settings) -> None:
    assert TIME_TO_MERGE.target is None
    assert TIME_TO_MERGE.supporting


@given(st.lists(st.integers(0, 10**9), min_size=1), st.floats(0, 1))
def test_a_quantile_lies_between_its_neighbours(values: list[int], share: float) -> None:
    ordered = sorted(values)
    found = percentile_cont(ordered, share)
    rank = share * (len(ordered) - 1)
    assert ordered[int(rank)] <= found <= ordered[min(int(rank) + 1, len(ordered) - 1)]
