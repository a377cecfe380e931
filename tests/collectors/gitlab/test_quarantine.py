"""What could not be read is named, asked for again, and leaves the quarantine once it can be read."""

from typing import Any

import pytest

from collectors.record import RecordError, text, value_at
from demo.gitlab import Request
from tests.collectors.gitlab.conftest import Lab
from tests.collectors.gitlab.test_collect import fill


def is_survey(request: Request) -> bool:
    """Whether a group is looked over."""
    return request.operation == "GroupSurvey"


@pytest.mark.parametrize("field", ["id", "webUrl", "fullPath", "archived"])
def test_a_project_that_cannot_be_read_for_once(lab: Lab, field: str) -> None:
    def alter(told: Any) -> Any:
        del told["data"]["group"]["projects"]["nodes"][0][field]
        return told

    fill(lab.world, lab.clock, 6)
    lab.collect()
    lab.fake.change_next(alter, match=is_survey)

    report = lab.collect()

    assert (report.outcome, report.quarantined) == ("partial", 1)
    ((kind, address, reason),) = lab.rows("SELECT kind, address, reason FROM quarantined_records")
    assert (kind, reason) == ("project", f"{field} is missing")
    assert "acme/" in address or address.startswith("gid://")
    assert lab.rows("SELECT count(*) FROM merge_requests WHERE deleted_at IS NULL") == [(6,)]

    assert lab.collect().outcome == "done"
    assert lab.rows("SELECT * FROM quarantined_records") == []


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        ("half a \ud83d", "title has half of a character in it"),
        ("zero \0", "title has a zero byte in it"),
        (["a"], "title is not a text: ['a']"),
    ],
)
def test_a_text_that_postgres_cannot_hold_is_refused(title: Any, reason: str) -> None:
    with pytest.raises(RecordError) as error:
        value_at({"title": title}, "title", convert=text)
    assert str(error.value) == reason
    assert value_at({"title": "whole 🙂"}, "title", convert=text) == "whole 🙂"


@pytest.mark.parametrize("row", [None, 17, {"created_at": "2026-01-05T09:00:00Z"}, {"user": {}}])
def test_a_reviewer_s_row_that_cannot_be_read_for_once(lab: Lab, row: Any) -> None:
    world, clock = lab.world, lab.clock
    ada, ben, cleo = (world.user(name) for name in ("ada", "ben", "cleo"))
    change = world.add_merge_request(
        world.project("acme/app"), ada, "Change", clock.pass_(hours=1), reviewers=[ben]
    )
    world.request_review(change, ada, [cleo], clock.pass_(hours=1))
    lab.fake.change_next(lambda told: [row, *told[1:]], only="rest")

    report = lab.collect()

    assert (report.outcome, report.quarantined) == ("partial", 1)
    assert lab.collect().outcome == "done"
    assert lab.rows("SELECT count(*) FROM reviewers WHERE created_at IS NULL") == [(0,)]
    assert lab.rows("SELECT * FROM quarantined_records") == []
