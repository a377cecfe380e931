"""A whole run while GitLab stumbles, limits, moves its clock or shows things as its schema allows."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from collectors.gitlab.merge_requests import tell
from collectors.record import RecordError
from demo.gitlab import GitLabFake, MergeRequest
from demo.gitlab.access import Viewer
from demo.gitlab.answer import Request
from tests.collectors.gitlab.conftest import Lab, visible
from tests.collectors.gitlab.test_collect import fill


def is_page(request: Request) -> bool:
    """Whether a page of merge requests is asked for."""
    return request.operation.endswith("MergeRequests")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_is_away_for_a_while_is_waited_for(lab: Lab, status: int) -> None:
    fill(lab.world, lab.clock, 30)
    lab.fake.fail_next(status, body="<html>Whoops</html>", times=5, match=is_page)

    report = lab.collect()

    assert report.outcome == "done"
    assert lab.rows("SELECT count(*) FROM merge_requests") == [(30,)]


def test_connections_that_break_again_and_again_are_made_again(lab: Lab) -> None:
    fill(lab.world, lab.clock, 30)
    lab.fake.drop_next(times=3, match=is_page)
    lab.fake.truncate_next(times=2, match=is_page)

    report = lab.collect()

    assert report.outcome == "done"
    assert report.retries == 5


def test_a_database_that_gives_up_is_asked_for_less(lab: Lab) -> None:
    fill(lab.world, lab.clock, 30)
    words = "Request timed out. Please try a less complex query or a smaller set of records."

    def heavy(request: Request) -> bool:
        return is_page(request) and request.variables["size"] > 10

    body = {"errors": [{"message": words}]}
    lab.fake.fail_next(503, body=body, times=None, match=heavy)

    report = lab.collect()

    assert report.outcome == "done"
    assert report.retries == 0
    assert lab.rows("SELECT count(*) FROM merge_requests") == [(30,)]


def ailing(lab: Lab, change: MergeRequest) -> Callable[[Request], bool]:
    """Requests whose answer would tell all of this merge request."""

    def tells(request: Request) -> bool:
        if not request.variables.get("whole"):
            return False
        with lab.world.lock:
            _, content = lab.fake.graphql.answer(orjson.loads(request.body), Viewer(sees_all=True))
        return f"MergeRequest/{change.id}" in str(content)

    return tells


def test_one_merge_request_that_gitlab_fails_to_tell_keeps_none_of_the_others(lab: Lab) -> None:
    changes = fill(lab.world, lab.clock, 30)
    lab.collect()
    for change in changes:
        lab.world.add_label(change, "seen", lab.clock.pass_(minutes=1))
    ill = changes[11]
    address = f"{lab.world.external_url}/acme/deep/lib/-/merge_requests/{ill.iid}"
    lab.fake.fail_next(500, times=None, match=ailing(lab, ill))

    report = lab.collect()

    assert report.outcome == "partial"
    assert report.data_through is not None
    assert lab.rows("SELECT id FROM merge_requests WHERE NOT 'seen' = ANY(labels)") == [(ill.id,)]
    ((where, reason),) = lab.rows("SELECT address, reason FROM quarantined_records")
    assert where == address
    assert "answers HTTP 500" in reason

    lab.fake.faults.clear()
    assert lab.collect().outcome == "done"
    assert lab.rows("SELECT count(*) FROM merge_requests WHERE NOT 'seen' = ANY(labels)") == [(0,)]
    assert lab.rows("SELECT count(*) FROM quarantined_records") == [(0,)]


def test_a_query_that_never_passes_is_no_fault_of_the_merge_requests(lab: Lab) -> None:
    fill(lab.world, lab.clock, 30)
    lab.fake.fail_next(500, times=None, match=lambda request: bool(request.variables.get("whole")))

    report = lab.collect()

    assert report.outcome == "partial"
    assert report.data_through is None
    assert all("answers HTTP 500" in str(failure) for failure in report.failures)
    assert report.requests < 100


def test_without_a_token_nobody_is_asked_for_by_id(lab: Lab) -> None:
    """GitLab tells people by their ids to those who are signed in."""
    world = lab.world
    world.add_group("open", visibility="public")
    project = world.add_project("open/source", visibility="public")
    world.add_merge_request(project, world.user("ada"), "Change")
    settings: dict[str, Any] = {"token": "", "groups": ["open"]}

    first = lab.collect(**settings)
    second = lab.collect(**settings)

    assert first.outcome == second.outcome == "done"
    assert second.requests == 2
    assert lab.rows("SELECT count(*) FROM merge_requests") == [(1,)]


@pytest.mark.parametrize("minutes", [-20, 20])
def test_data_through_is_in_the_time_of_the_server(lab: Lab, minutes: int) -> None:
    lab.fake.ahead = timedelta(minutes=minutes)
    before = datetime.now(UTC)

    report = lab.collect()

    assert report.data_through is not None
    difference = report.data_through - report.started_at - lab.fake.ahead
    assert timedelta(seconds=-5) <= difference <= timedelta(0)
    assert before <= report.started_at  # by our clock, as the run's end
    assert any("GitLab's clock is 1" in remark for remark in report.remarks)


def test_a_date_of_the_future_does_not_hide_what_changes_until_then(lab: Lab) -> None:
    """An import brings its dates along, also those of a clock that was wrong."""
    world = lab.world
    imported, other = fill(world, lab.clock, 2)
    for full in (True, False):  # before the first run, where the list's beginning is taken from it
        with world.changing():
            imported.updated_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=900)
        lab.collect(full=full)
        with world.changing():
            other.title = f"Changed {full}"
            other.updated_at = datetime.now(UTC).replace(microsecond=0)
            other.state = "closed"  # else the survey would show it

        lab.collect()

        assert lab.rows(f"SELECT title FROM merge_requests WHERE id = {other.id}") == [
            (other.title,)
        ]


def test_a_gitlab_in_a_folder_of_a_server_is_collected(lab: Lab) -> None:
    fill(lab.world, lab.clock, 8)
    inner = GitLabFake(lab.world, prefix="/tools/gitlab")

    with inner.serving() as url:
        report = lab.collect(url=url, token=inner.token)

    assert url.endswith("/tools/gitlab")
    assert report.outcome == "done"
    assert "reviewer_rows" in report.requests_by_kind  # REST as well
    assert lab.rows("SELECT count(*) FROM merge_requests") == [(8,)]


def node(**changes: Any) -> dict[str, Any]:
    """A merge request as GraphQL shows it."""
    nothing = {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
    return {
        "id": "gid://gitlab/MergeRequest/5",
        "iid": "3",
        "state": "opened",
        "title": "Change",
        "draft": False,
        "webUrl": "https://gitlab.example.com/acme/app/-/merge_requests/3",
        "createdAt": "2026-01-05T09:00:00Z",
        "updatedAt": "2026-01-05T09:00:00Z",
        "mergedAt": None,
        "closedAt": None,
        "author": None,
        "mergeUser": None,
        "project": {
            "id": "gid://gitlab/Project/1",
            "fullPath": "acme/app",
            "name": "App",
            "webUrl": "https://gitlab.example.com/acme/app",
            "archived": False,
        },
        "labels": nothing,
        "reviewers": nothing,
        "notes": {"count": 0, **nothing},
        **changes,
    }


def test_what_the_schema_lets_be_null_is_read() -> None:
    usual = tell(node())

    told = tell(node(webUrl=None, labels=None, reviewers=None))

    assert told.record == usual.record
    assert told.record.author_id is None
    assert told.record.labels == ()
    assert (told.reviewers, told.rest) == ([], {})


@pytest.mark.parametrize("name", ["author", "mergeUser"])
def test_a_user_that_is_not_told_is_not_taken_for_nobody(name: str) -> None:
    told = node()
    del told[name]
    with pytest.raises(RecordError, match=f"^{name}.* is missing$"):
        tell(told)


def test_a_null_among_the_labels_is_none() -> None:
    labels = {**node()["labels"], "nodes": [{"title": "bug"}, None]}

    assert tell(node(labels=labels)).record.labels == ("bug",)


def test_a_group_that_is_asked_for_twice_is_the_same(lab: Lab) -> None:
    """A failure of the survey after the changes leaves nothing half-read behind."""
    fill(lab.world, lab.clock, 20)
    lab.collect()
    expected = visible(lab.engine)
    lab.fake.fail_next(
        403, body='{"message":"403 Forbidden"}', match=lambda r: "Survey" in r.operation
    )

    report = lab.collect()

    assert report.outcome == "partial"
    assert report.data_through is None
    assert visible(lab.engine) == expected
    assert lab.collect().outcome == "done"
