"""What a webhook marked is read by number; lost, late and made-up events change nothing that is stored."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import text

from app.settings import Settings
from collectors import runner
from collectors.gitlab.marked import read_marked
from collectors.source import Source
from tests.collectors.gitlab.conftest import QUICK, Lab, visible


def mark(lab: Lab, *marks: tuple[int, int]) -> None:
    with lab.engine.begin() as connection:
        for project_id, iid in marks:
            connection.execute(
                text("INSERT INTO marks VALUES ('gitlab', :project_id, :iid, :now)"),
                {"project_id": project_id, "iid": iid, "now": datetime.now(UTC)},
            )


def read(lab: Lab, **gitlab: Any) -> runner.RunReport:
    settings = {"url": lab.url, "token": lab.fake.token, "groups": ["acme"], **gitlab}
    source = Source(
        name="gitlab",
        title="GitLab",
        fetch=lambda context: iter(()),
        marked=partial(read_marked, policy=QUICK),
    )
    lab.fake.forget_requests()
    return runner.run(
        lab.engine,
        source,
        Settings.model_validate({"gitlab": settings}),
        full=False,
        marked=True,
        started_at=datetime.now(UTC),
    )


def grow(lab: Lab) -> tuple[int, list[Any]]:
    """Three merge requests of one project, collected; its id."""
    ada = lab.world.user("ada")
    project = lab.world.project("acme/app")
    made = [
        lab.world.add_merge_request(project, ada, f"Change {n}", lab.clock.pass_(minutes=1))
        for n in range(3)
    ]
    lab.clock.pass_(hours=1)
    assert lab.collect().outcome == "done"
    return project.id, made


def test_what_was_marked_is_read_in_one_request(lab: Lab) -> None:
    project_id, made = grow(lab)
    through = lab.rows("SELECT max(data_through) FROM runs")
    ben = lab.world.user("ben")
    for each in made[:2]:
        lab.world.comment(each, ben, "A word", lab.clock.pass_(hours=1))
    fourth = lab.world.add_merge_request(
        lab.world.project("acme/app"), ben, "Change 3", lab.clock.pass_(hours=1)
    )
    mark(lab, *((project_id, each.iid) for each in (made[0], made[1], fourth)))

    report = read(lab)

    assert (report.outcome, report.kind, report.requests) == ("done", "marked", 1)
    assert report.data_through is None
    assert lab.rows("SELECT count(*) FROM marks") == [(0,)]
    assert lab.rows("SELECT count(*) FROM merge_requests") == [(4,)]
    assert lab.rows("SELECT count(*) FROM notes") == [(2,)]
    assert lab.rows("SELECT max(data_through) FROM runs") == through
    # The next whole run finds nothing that it does not have.
    assert lab.collect().rows_changed == 0


def test_without_marks_nothing_is_asked(lab: Lab) -> None:
    grow(lab)
    assert (read(lab).outcome, lab.fake.count()) == ("done", 0)


def test_marks_that_lead_nowhere_change_nothing(lab: Lab) -> None:
    """Of another project, of one out of the configuration, of a number that is not, of one deleted."""
    project_id, made = grow(lab)
    lab.world.delete_merge_request(made[0])
    before = visible(lab.engine)
    mark(lab, (987_654, 1), (project_id, 4_711), (project_id, made[0].iid))

    assert read(lab).outcome == "done"
    assert visible(lab.engine) == before
    assert lab.rows("SELECT count(*) FROM marks") == [(0,)]

    mark(lab, (project_id, made[1].iid))
    assert read(lab, groups=["elsewhere"]).requests == 0
    assert lab.rows("SELECT count(*) FROM marks") == [(0,)]


def test_a_project_that_moved_is_followed(lab: Lab) -> None:
    project_id, made = grow(lab)
    lab.world.rename_project(lab.world.project("acme/app"), "moved")
    lab.world.comment(made[0], lab.world.user("ben"), "A word", lab.clock.pass_(hours=1))
    mark(lab, (project_id, made[0].iid))
    assert read(lab).outcome == "done"
    assert lab.rows("SELECT count(*) FROM notes") == [(1,)]


def test_a_mark_stays_until_it_was_read(lab: Lab) -> None:
    project_id, made = grow(lab)
    mark(lab, (project_id, made[0].iid))
    lab.fake.fail_next(403, times=None)
    assert read(lab).outcome == "partial"
    assert lab.rows("SELECT count(*) FROM marks") == [(1,)]
    lab.fake.faults.clear()
    # A whole run has read everything that was marked before it began.
    assert lab.collect().outcome == "done"
    assert lab.rows("SELECT count(*) FROM marks") == [(0,)]
