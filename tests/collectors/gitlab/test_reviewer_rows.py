"""When somebody became a reviewer: the one thing that REST alone tells, and may refuse to tell."""

import pytest

from collectors.gitlab.reviewers import REFUSALS
from demo.gitlab import MergeRequest, Request
from tests.collectors.gitlab.conftest import Lab


def is_rows(request: Request) -> bool:
    """Whether reviewer rows are asked for."""
    return request.operation == "reviewers"


@pytest.fixture
def changes(lab: Lab) -> list[MergeRequest]:
    """Merge requests with a first reviewer, of whom no note tells, and a second one, of whom one does."""
    world, clock = lab.world, lab.clock
    ada, ben, cleo = (world.user(name) for name in ("ada", "ben", "cleo"))
    made = []
    for number in range(REFUSALS + 3):
        each = world.add_merge_request(
            world.project("acme/app"), ada, f"{number}", clock.pass_(hours=1), reviewers=[ben]
        )
        world.request_review(each, ada, [cleo], clock.pass_(hours=1))
        made.append(each)
    return made


def untold(lab: Lab) -> list[int]:
    """Numbers of the merge requests with a reviewer of whom it is not known since when."""
    found = lab.rows(
        "SELECT DISTINCT iid FROM merge_requests m JOIN reviewers r ON r.merge_request_id = m.id"
        " WHERE r.created_at IS NULL ORDER BY iid"
    )
    return [row[0] for row in found]


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("before", [0, 2])
def test_rows_that_are_refused_once_are_asked_for_again(
    lab: Lab, changes: list[MergeRequest], status: int, before: int
) -> None:
    lab.fake.fail_next(status, body={"message": "Not now"}, skip=before, match=is_rows)

    report = lab.collect(concurrency=1)

    assert (report.outcome, report.quarantined) == ("partial", 1)
    assert lab.rows("SELECT count(*) FROM merge_requests") == [(len(changes) - 1,)]
    assert lab.collect().outcome == "done"
    assert untold(lab) == []
    assert lab.rows("SELECT count(*) FROM merge_requests") == [(len(changes),)]


def test_a_gitlab_that_has_no_rows_is_not_asked_for_all_of_them(
    lab: Lab, changes: list[MergeRequest]
) -> None:
    lab.fake.fail_next(404, body={"error": "404 Not Found"}, times=None, match=is_rows)

    report = lab.collect(concurrency=1)

    assert report.outcome == "done"
    assert report.requests_by_kind["reviewer_rows"] == REFUSALS
    assert any("does not tell when somebody became a reviewer" in each for each in report.remarks)
    assert len(untold(lab)) == len(changes)
