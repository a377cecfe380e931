"""Deleted and out of reach are kept apart: the one leaves the indicators, the other keeps its values."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from demo.gitlab import Project
from tests.collectors.gitlab.conftest import Lab, visible
from tests.collectors.gitlab.test_collect import fill
from tests.collectors.gitlab.test_repairs import QUIET


@pytest.fixture
def lib(lab: Lab) -> Project:
    """A project with six merge requests, which were collected."""
    fill(lab.world, lab.clock, 12)
    lab.collect()
    return lab.world.project("acme/deep/lib")


def live(lab: Lab) -> int:
    """How many of the project's merge requests count."""
    query = "SELECT count(*) FROM merge_requests WHERE project_id = 2 AND deleted_at IS NULL"
    number: int = lab.rows(query)[0][0]
    return number


def out_of_reach(lab: Lab) -> list[str]:
    rows = lab.rows("SELECT path FROM projects WHERE unreachable_since IS NOT NULL ORDER BY path")
    return [path for (path,) in rows]


def test_a_hidden_project_keeps_its_values_and_is_asked_for_once(lab: Lab, lib: Project) -> None:
    lab.world.hide_project(lib)

    first, second = lab.collect(), lab.collect()

    assert first.outcome == second.outcome == "done"
    assert first.requests_by_kind == {**QUIET, "project": 1}
    assert first.remarks == (
        "The project acme/deep/lib is out of reach: it was deleted, or the token may no longer see"
        " it. Its 6 merge requests keep their values as they were read last.",
    )
    assert (second.requests_by_kind, second.remarks) == (QUIET, ())
    assert live(lab) == 6
    assert out_of_reach(lab) == ["acme/deep/lib"]
    assert lab.rows("SELECT count(*) FROM projects WHERE dirty") == [(2,)]  # as they were made


def test_a_project_that_comes_back_is_read_whole(lab: Lab, lib: Project) -> None:
    """What happened to it while it was out of reach lies before the position of its group."""
    world = lab.world
    lab.world.hide_project(lib)
    lab.collect()
    one, *_, gone = lib.merge_requests.values()
    world.comment(one, world.user("dan"), "In the dark", lab.clock.pass_(minutes=1))
    world.delete_merge_request(gone)
    visible_one = next(iter(world.project("acme/app").merge_requests.values()))
    world.comment(visible_one, world.user("dan"), "In the light", lab.clock.pass_(days=2))
    lab.collect()
    world.hide_project(lib, hidden=False)

    report = lab.collect()

    assert report.outcome == "done"
    assert out_of_reach(lab) == []
    assert live(lab) == 5
    assert lab.rows(f"SELECT notes_count FROM merge_requests WHERE id = {one.id}") == [
        (len(one.notes),)
    ]
    assert lab.collect().requests_by_kind == QUIET


def test_a_project_that_was_marked_for_deletion_is_deleted(lab: Lab, lib: Project) -> None:
    lab.world.mark_for_deletion(lib)
    lab.collect()
    assert live(lab) == 6  # it can still be restored
    lab.world.delete_project(lib)

    report = lab.collect()

    assert report.remarks == (
        "The project acme/deep/lib-deletion_scheduled-2 is no longer among what is collected:"
        " its 6 merge requests count as deleted.",
    )
    assert (live(lab), out_of_reach(lab)) == (0, [])


@pytest.mark.parametrize("known_before", [True, False])
def test_a_full_run_takes_gitlabs_word(lab: Lab, lib: Project, known_before: bool) -> None:
    lab.world.delete_project(lib)
    if known_before:
        lab.collect()
        assert live(lab) == 6

    lab.collect(full=True)

    assert (live(lab), out_of_reach(lab)) == (0, [])


def test_what_is_forbidden_is_there(lab: Lab, lib: Project) -> None:
    """Only a 404 may mean that it is deleted, in a full run as well."""
    lab.world.hide_project(lib)
    for full in (False, True):
        lab.fake.fail_next(403, only="rest", times=None)
        lab.collect(full=full)

        assert live(lab) == 6
        assert out_of_reach(lab) == ["acme/deep/lib"]


def test_what_is_switched_off_is_out_of_reach(lab: Lab, lib: Project) -> None:
    lab.world.switch_merge_requests(lib, enabled=False)

    first, second = lab.collect(), lab.collect(full=True)

    assert first.remarks == (
        "The project acme/deep/lib is out of reach: its merge requests are not shown."
        " Its 6 merge requests keep their values as they were read last.",
    )
    assert second.remarks == ()
    assert (live(lab), out_of_reach(lab)) == (6, ["acme/deep/lib"])

    lab.world.switch_merge_requests(lib, enabled=True)
    lab.collect()

    assert (live(lab), out_of_reach(lab)) == (6, [])


@pytest.mark.parametrize("hidden", [True, False])
def test_what_leaves_what_is_collected_is_gone(lab: Lab, lib: Project, hidden: bool) -> None:
    """Whoever takes a group out of the configuration means it."""
    if hidden:
        lab.world.hide_project(lib)
        lab.collect()
    before: Any = visible(lab.engine)
    lab.world.add_group("beta")

    report = lab.collect(groups=["beta"])

    assert before["merge_requests"]
    assert len(report.remarks) == 2
    assert lab.rows("SELECT count(*) FROM merge_requests WHERE deleted_at IS NULL") == [(0,)]
    assert out_of_reach(lab) == []


@pytest.mark.parametrize("status", [403, 502])
def test_who_is_gone_when_a_group_is_collected_again_is_named_nowhere(
    lab: Lab, lib: Project, other_engine: Callable[[], Engine], status: int
) -> None:
    """An account is deleted while its group is out of the configuration, and nobody can tell what
    became of the projects: they keep what was read, with a name that has to go later."""
    ben = lab.world.user("ben")
    lab.world.add_group("beta")
    lab.world.delete_user(ben)
    lab.fake.fail_next(status, only="rest", times=None)
    lab.collect(groups=["beta"])
    assert live(lab) == 6
    lab.fake.faults.clear()

    assert lab.collect().outcome == "done"

    assert lab.rows(f"SELECT count(*) FROM merge_requests WHERE author_id = {ben.id}") == [(0,)]
    fresh = other_engine()
    lab.collect(engine=fresh)
    assert visible(lab.engine) == visible(fresh)
