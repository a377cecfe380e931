"""Handbook projects: collected wherever they are, and their changed paths read once."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from demo.gitlab import World
from tests.collectors.gitlab.conftest import START, Lab, stamps

GLOBS: list[dict[str, Any]] = [{"project": "company/handbook", "paths": ["**.md"]}]


def handbook(lab: Lab) -> World:
    """A handbook outside the group, with one change merged into it and one open."""
    world = lab.world
    world.add_group("company")
    project = world.add_project("company/handbook")
    ada, ben = world.user("ada"), world.user("ben")
    merged = world.add_merge_request(project, ada, "Merged", START + timedelta(hours=1))
    merged.paths = ("a.md", "img/b.png")
    world.merge(merged, ben, START + timedelta(hours=2))
    world.add_merge_request(project, ada, "Open", START + timedelta(hours=1)).paths = ("c.md",)
    elsewhere = world.add_merge_request(
        world.project("acme/app"), ada, "Elsewhere", START + timedelta(hours=1)
    )
    world.merge(elsewhere, ben, START + timedelta(hours=2))
    lab.clock.pass_(days=1)
    return world


def paths(lab: Lab) -> set[tuple[str, str]]:
    rows = lab.rows(
        "SELECT m.title, c.path FROM changed_paths c JOIN merge_requests m"
        " ON m.id = c.merge_request_id"
    )
    return {(title, path) for title, path in rows}


def test_paths_of_what_was_merged_into_the_handbook_are_read_once(lab: Lab) -> None:
    world = handbook(lab)
    report = lab.collect(handbook=GLOBS)
    assert report.outcome == "done"
    assert paths(lab) == {("Merged", "a.md"), ("Merged", "img/b.png")}
    assert report.requests_by_kind["changed_paths"] == 1
    before = stamps(lab.engine)
    again = lab.collect(handbook=GLOBS)
    assert "changed_paths" not in again.requests_by_kind
    assert stamps(lab.engine) == before
    [waiting] = [m for m in world.merge_requests.values() if m.title == "Open"]
    world.merge(waiting, world.user("ben"), lab.clock.pass_(hours=1))
    lab.clock.pass_(hours=1)
    with lab.engine.begin() as connection:
        connection.execute(text("DELETE FROM changed_merge_requests"))
    later = lab.collect(handbook=GLOBS)
    assert later.requests_by_kind["changed_paths"] == 1
    assert ("Open", "c.md") in paths(lab)
    assert lab.rows("SELECT DISTINCT id FROM changed_merge_requests") == [(waiting.id,)]


def test_without_globs_no_paths_are_asked_for(lab: Lab) -> None:
    handbook(lab)
    report = lab.collect(handbook=[{"project": "company/handbook"}])
    assert "changed_paths" not in report.requests_by_kind
    assert lab.rows("SELECT count(*) FROM merge_requests WHERE title = 'Merged'") == [(1,)]
    assert paths(lab) == set()


def test_a_handbook_that_is_not_there_is_named_with_its_setting(lab: Lab) -> None:
    report = lab.collect(handbook=[{"project": "company/nowhere", "paths": ["**.md"]}])
    assert report.outcome == "partial"
    assert "company/nowhere (gitlab.handbook)" in str(report.failures[0])


def test_who_merged_and_the_public_address_are_stored(lab: Lab) -> None:
    handbook(lab)
    lab.world.user("ben").public_email = "Ben@Example.com"
    lab.collect()
    assert lab.rows(
        "SELECT a.username, a.email FROM merge_requests m JOIN accounts a ON a.id = m.merge_user_id"
        " WHERE m.title = 'Elsewhere'"
    ) == [("ben", "ben@example.com")]
