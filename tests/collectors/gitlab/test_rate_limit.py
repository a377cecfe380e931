"""A run against a GitLab that limits the rate: it waits for its place instead of being refused."""

from sqlalchemy import text

from demo.gitlab import RateLimit
from tests.collectors.gitlab.conftest import Lab


def test_no_request_is_refused_where_the_limit_is_announced(lab: Lab) -> None:
    ada, ben = lab.world.user("ada"), lab.world.user("ben")
    project = lab.world.project("acme/app")
    for number in range(18):
        made = lab.world.add_merge_request(
            project, ada, f"Change {number}", lab.clock.pass_(minutes=1)
        )
        lab.world.request_review(made, ada, [ben], lab.clock.pass_(minutes=1))
    limit = lab.fake.rate_limit = RateLimit(per_minute=12, seconds=1.5)

    report = lab.collect()

    assert (report.outcome, report.retries, limit.refused) == ("done", 0, 0)
    assert report.requests == lab.fake.count() > limit.per_minute
    assert report.waited_seconds > 0
    with lab.engine.connect() as connection:
        [row] = connection.execute(text("SELECT per_window FROM rate_limits")).all()
    assert row.per_window == limit.per_minute
