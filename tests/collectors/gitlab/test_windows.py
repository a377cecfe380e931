"""Large projects are read in windows, side by side; wherever a run ends, the next one loses nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from collectors.gitlab import windows
from collectors.gitlab.windows import Window
from demo.gitlab import MergeRequest
from demo.gitlab.answer import Request
from tests.collectors.gitlab.conftest import START, Lab, visible

MANY = 2 * windows.SMALLEST + 20
"""So many that a project is read in windows."""


@pytest.fixture
def large(lab: Lab) -> Lab:
    """A lab whose project acme/app is large; most of it was made within two days, years ago."""
    app, ada = lab.world.project("acme/app"), lab.world.user("ada")
    begin = START - timedelta(days=1_500)
    with lab.world.changing():
        for n in range(MANY):
            at = begin + (
                timedelta(minutes=5 * n) if n < MANY - 40 else timedelta(days=30 * (n - MANY + 41))
            )
            change = lab.world.add_merge_request(app, ada, f"Change {n}", at)
            if n % 9 == 0:
                lab.world.comment(change, lab.world.user("ben"), "Why?", at)
    return lab


def change_of(lab: Lab, iid: int) -> MergeRequest:
    return lab.world.project("acme/app").merge_requests[iid]


def asked(lab: Lab) -> list[Request]:
    return [each for each in lab.fake.requests if each.operation == "ProjectWindow"]


def positions(lab: Lab) -> list[str]:
    return [scope for (scope,) in lab.rows("SELECT scope FROM positions ORDER BY scope")]


def live_a_little(lab: Lab) -> None:
    """Something happens at both ends and in the middle."""
    ben = lab.world.user("ben")
    at = lab.clock.pass_(hours=1)
    lab.world.comment(change_of(lab, 1), ben, "Still wanted?", at)
    lab.world.merge(change_of(lab, MANY // 2), ben, at)
    lab.world.add_merge_request(lab.world.project("acme/app"), ben, "Another one", at)
    lab.world.delete_merge_request(change_of(lab, 3))


def assert_as_fresh(lab: Lab, other_engine: Callable[[], Engine], **settings: Any) -> None:
    fresh = other_engine()
    assert lab.collect(engine=fresh, **settings).outcome == "done"
    assert visible(lab.engine) == visible(fresh)
    assert not [each for each in positions(lab) if windows.MARK in each]


def test_a_large_project_is_read_in_windows_of_about_the_same_size(
    large: Lab, other_engine: Callable[[], Engine]
) -> None:
    report = large.collect()
    told = asked(large)
    assert report.outcome == "done"
    assert large.rows("SELECT count(*) FROM merge_requests") == [(MANY,)]
    bounds = {
        (each.variables.get("createdAfter"), each.variables.get("createdBefore")) for each in told
    }
    sizes = [
        sum(
            not (after and at < datetime.fromisoformat(after))
            and not (before and at > datetime.fromisoformat(before))
            for at in (each.created_at for each in large.world.merge_requests.values())
        )
        for after, before in bounds
    ]
    assert len(sizes) == 3
    assert all(60 < size < 150 for size in sizes)
    assert MANY <= sum(sizes) <= MANY + 2  # what lies on a bound is in both
    assert report.requests_by_kind["project_span"] == 1
    assert report.requests_by_kind["project_counts"] == 3
    large.collect()
    assert_as_fresh(large, other_engine)


def test_windows_follow_what_was_imported_at_once() -> None:
    stretches = [
        windows._Stretch(START, START + timedelta(days=100), 10),
        windows._Stretch(START + timedelta(days=100), START + timedelta(days=101), 980),
        windows._Stretch(START + timedelta(days=101), START + timedelta(days=365), 10),
    ]
    cuts = windows._cuts(stretches, 250)
    assert len(cuts) == 3
    assert all(START + timedelta(days=100) < at < START + timedelta(days=101) for at in cuts)


def test_one_instant_is_one_window() -> None:
    all_at_once = windows._Stretch(START, START, 5_000)
    assert windows._cuts([all_at_once], 250) == []
    assert all_at_once.parts(32) == [(START, START)]


@pytest.mark.parametrize("after", [None, START])
@pytest.mark.parametrize("before", [None, START + timedelta(days=1)])
def test_a_window_is_found_again_by_its_name(
    after: datetime | None, before: datetime | None
) -> None:
    window = Window("group:acme/a window", 17, after, before)
    assert Window.of(window.key) == window
    assert Window.of("group:acme project:17") is None


@pytest.mark.parametrize("scope", ["groups", "projects"])
def test_a_run_that_ended_in_the_middle_is_gone_on_with(
    large: Lab, other_engine: Callable[[], Engine], scope: str
) -> None:
    settings: dict[str, Any] = {"groups": [], "projects": []} | {
        scope: ["acme"] if scope == "groups" else ["acme/app"]
    }
    large.fake.expire_token_after(8)
    assert large.collect(**settings).outcome == "failed"
    [(stored,)] = large.rows("SELECT count(*) FROM merge_requests")
    assert 0 < stored < MANY
    large.fake.tokens[large.fake.token].requests_left = None
    live_a_little(large)
    report = large.collect(**settings)
    assert report.outcome == "done"
    assert "project_span" not in report.requests_by_kind
    [(read,)] = large.rows("SELECT count(*) FROM merge_requests")
    assert report.rows_read < 3 * read  # each with its project, and few twice
    large.collect(**settings)
    assert_as_fresh(large, other_engine, **settings)


def test_what_changes_while_windows_are_read_is_met_by_the_next_run(
    large: Lab, other_engine: Callable[[], Engine]
) -> None:
    begun = iter([True])

    def now(request: Request) -> bool:
        if (
            request.operation == "ProjectWindow"
            and request.variables.get("after")
            and next(begun, False)
        ):
            live_a_little(large)
        return False

    large.fake.fail_next(match=now)
    large.collect()
    large.fake.faults.clear()
    assert next(begun, None) is None
    assert large.collect().outcome == "done"
    assert_as_fresh(large, other_engine)


def test_a_project_that_vanishes_half_read_is_read_from_its_beginning_when_it_is_back(
    large: Lab, other_engine: Callable[[], Engine]
) -> None:
    large.fake.expire_token_after(8)
    large.collect()
    large.fake.tokens[large.fake.token].requests_left = None
    app = large.world.project("acme/app")
    large.world.hide_project(app)
    large.collect()
    assert not [each for each in positions(large) if windows.MARK in each]
    large.world.hide_project(app, hidden=False)
    large.collect()
    assert large.collect().outcome == "done"
    assert_as_fresh(large, other_engine)


def test_reading_all_again_plans_anew_and_leaves_nothing_behind(
    large: Lab, other_engine: Callable[[], Engine]
) -> None:
    large.collect()
    large.fake.expire_token_after(9)
    assert large.collect(full=True).outcome == "failed"
    large.fake.tokens[large.fake.token].requests_left = None
    assert [each for each in positions(large) if windows.MARK in each]
    live_a_little(large)
    report = large.collect()
    assert "project_window" not in report.requests_by_kind
    assert_as_fresh(large, other_engine)
    full = large.collect(full=True)
    assert (full.rows_new, full.rows_changed, full.rows_deleted) == (0, 0, 0)
    assert full.requests_by_kind["project_window"] >= 3


def test_where_counting_is_too_much_the_windows_are_as_if_all_were_even(
    large: Lab, other_engine: Callable[[], Engine]
) -> None:
    large.fake.time_out_next(times=None, match=lambda each: each.operation == "ProjectCounts")
    report = large.collect()
    assert report.outcome == "done"
    assert report.requests_by_kind["project_counts"] == 1
    large.fake.faults.clear()
    large.collect()
    assert_as_fresh(large, other_engine)
