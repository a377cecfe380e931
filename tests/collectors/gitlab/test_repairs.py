"""What no list of changes tells: found in the next run, in few requests."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from collectors.gitlab.projects import SLICE
from demo.gitlab import MergeRequest, Project
from tests.collectors.gitlab.conftest import START, Lab, visible
from tests.collectors.gitlab.test_collect import fill

QUIET = {"group_merge_requests": 1, "group_survey": 1}
"""The requests of a run in which nothing happened."""


@pytest.fixture
def equals_a_fresh_one(lab: Lab, other_engine: Callable[[], Engine]) -> Callable[[], None]:
    """Whether the tables are those of a fresh collection."""

    def check() -> None:
        fresh = other_engine()
        lab.collect(reviewer_rows="all", engine=fresh)
        assert visible(lab.engine) == visible(fresh)

    return check


def history(lab: Lab, project: Project, number: int) -> list[MergeRequest]:
    """Merged merge requests, one an hour."""
    made = []
    for n in range(number):
        at = START + timedelta(hours=n)
        change = lab.world.add_merge_request(project, lab.world.user("ada"), f"Change {n}", at)
        lab.world.merge(change, lab.world.user("ben"), at)
        made.append(change)
    return made


def test_an_old_one_in_place_of_a_deleted_one_is_found(
    lab: Lab, equals_a_fresh_one: Callable[[], None]
) -> None:
    """GitLab counts as many as before, and nothing in the list of changes is new."""
    changes = fill(lab.world, lab.clock, 12)
    lab.collect(reviewer_rows="all")
    deleted = changes[4]
    lab.world.delete_merge_request(deleted)
    appeared = lab.world.add_merge_request(
        deleted.project, lab.world.user("ada"), "From elsewhere", START - timedelta(days=90)
    )
    lab.world.close(appeared, lab.world.user("ada"), START - timedelta(days=80))

    report = lab.collect(reviewer_rows="all")

    assert report.requests_by_kind == {**QUIET, "merge_requests_by_number": 1}
    equals_a_fresh_one()
    assert lab.collect(reviewer_rows="all").requests_by_kind == QUIET


def test_whose_account_is_deleted_is_the_ghost_everywhere(
    lab: Lab, equals_a_fresh_one: Callable[[], None]
) -> None:
    """Nothing is touched for it: neither what they wrote, nor where it is far down a long talk."""
    world = lab.world
    changes = fill(world, lab.clock, 12)
    ben = world.user("ben")
    for n in range(130):
        world.comment(changes[0], world.user("ada"), f"{n}", lab.clock.pass_(minutes=1))
    world.comment(changes[0], ben, "At last", lab.clock.pass_(minutes=1))
    world.merge(changes[0], world.user("ada"), lab.clock.pass_(minutes=1))
    lab.collect(reviewer_rows="all")
    world.delete_user(ben)

    report = lab.collect(reviewer_rows="all")

    assert report.requests <= 2 + 2 + 1 + len(changes)  # by number in both projects, notes, rows
    assert lab.rows(f"SELECT count(*) FROM notes WHERE author_id = {ben.id}") == [(0,)]
    equals_a_fresh_one()
    assert lab.collect(reviewer_rows="all").requests_by_kind == QUIET


def test_somebody_who_is_named_though_gitlab_tells_nobody_of_them_is_looked_at_once(
    lab: Lab,
) -> None:
    """As where an account is banned."""
    fill(lab.world, lab.clock, 12)
    lab.collect()
    dan = lab.world.users.pop(lab.world.user("dan").id)

    first, second = lab.collect(), lab.collect()
    lab.world.users[dan.id] = dan
    third = lab.collect()

    assert "merge_requests_by_number" in first.requests_by_kind
    assert first.rows_changed == 1  # the mark
    assert second.requests_by_kind == third.requests_by_kind == QUIET
    assert lab.rows("SELECT count(*) FROM accounts WHERE vanished_at IS NOT NULL") == [(0,)]


def test_what_changes_silently_after_the_end_is_found(
    lab: Lab, equals_a_fresh_one: Callable[[], None]
) -> None:
    world = lab.world
    changes = fill(world, lab.clock, 12)
    lab.collect(reviewer_rows="all")
    world.silent = frozenset({"reviewers", "assignees"})
    merged, closed = changes[1], changes[2]
    world.delete_note(merged, next(note for note in merged.notes if not note.system))
    world.request_review(closed, closed.author, [world.add_user("late")], lab.clock.pass_(days=1))

    report = lab.collect(reviewer_rows="all")

    assert (
        report.requests == 2 + 2 + 2
    )  # by number in both projects, and the rows of their reviewers
    equals_a_fresh_one()


def test_every_run_verifies_a_slice_and_then_begins_anew(lab: Lab) -> None:
    """Three runs for three slices, each as cheap as if nothing were verified."""
    changes = history(lab, lab.world.project("acme/app"), 2 * SLICE + 40)
    lab.collect()
    for place in (10, SLICE + 10, 2 * SLICE + 10):
        lab.world.silent = frozenset({"reviewers"})
        lab.world.request_review(changes[place], changes[place].author, [lab.world.user("cleo")])

    found: list[int] = []
    for _ in range(4):
        report = lab.collect()
        extra = {"merge_requests_by_number": 1} if len(found) < 3 else {}
        assert report.requests_by_kind == {**QUIET, **extra}
        found.append(lab.rows("SELECT count(*) FROM reviewers")[0][0])

    assert found == [1, 2, 3, 3]
    assert lab.rows("SELECT through FROM positions WHERE scope LIKE '%verified'") == [
        (changes[SLICE - 1].created_at,)
    ]


def test_a_slice_of_one_second_does_not_stop_the_round(lab: Lab) -> None:
    project, ada = lab.world.project("acme/app"), lab.world.user("ada")
    for n in range(2 * SLICE):
        lab.world.merge(lab.world.add_merge_request(project, ada, f"Import {n}", START), ada, START)
    last = lab.world.add_merge_request(project, ada, "Later", START + timedelta(hours=1))
    lab.world.merge(last, ada, START + timedelta(hours=1))
    lab.collect()
    lab.world.silent = frozenset({"reviewers"})
    lab.world.request_review(last, ada, [lab.world.user("cleo")])

    for _ in range(3):
        lab.collect()

    assert lab.rows("SELECT count(*) FROM reviewers") == [(1,)]


def test_deletions_in_a_large_project_cost_few_requests(
    lab: Lab, equals_a_fresh_one: Callable[[], None]
) -> None:
    """The stretch of time in which GitLab counts another number is narrowed, then listed."""
    changes = history(lab, lab.world.project("acme/app"), 1500)
    lab.collect(reviewer_rows="all")
    for place in (700, 705, 1400):
        lab.world.delete_merge_request(changes[place])

    report = lab.collect(reviewer_rows="all")

    assert report.requests_by_kind == {
        **QUIET,
        "project_counts": 1,
        "project_listing": 2,
        "merge_requests_by_number": 1,
    }
    assert lab.rows("SELECT id FROM merge_requests WHERE deleted_at IS NOT NULL ORDER BY id") == [
        (changes[place].id,) for place in (700, 705, 1400)
    ]
    equals_a_fresh_one()


def test_a_project_that_is_emptied_is_asked_for_nothing_more(lab: Lab) -> None:
    changes = history(lab, lab.world.project("acme/app"), 250)
    lab.collect()
    for change in changes:
        lab.world.delete_merge_request(change)

    report = lab.collect()

    assert report.requests <= 2 + 3  # the list, which is empty, and the slice by number
    assert lab.rows("SELECT count(*) FROM merge_requests WHERE deleted_at IS NULL") == [(0,)]
    assert report.remarks == (
        "GitLab shows no merge requests of the project acme/app any more:"
        " those that are stored count as deleted.",
    )


def test_a_change_costs_one_request_at_most(lab: Lab) -> None:
    """One for the rows of its reviewers; those without cost nothing."""
    changes = fill(lab.world, lab.clock, 30)
    lab.collect(reviewer_rows="all")
    for n, change in enumerate(changes[:14]):
        lab.world.comment(change, lab.world.user("dan"), f"Word {n}", lab.clock.pass_(minutes=1))

    report = lab.collect(reviewer_rows="all")

    assert report.requests <= 2 + 14
    assert set(report.requests_by_kind) <= {*QUIET, "reviewer_rows"}


def test_what_happens_while_a_list_is_paged_is_not_lost(
    lab: Lab, equals_a_fresh_one: Callable[[], None]
) -> None:
    """Before each answer of the first run something moves to the list's end, leaves or joins."""
    world = lab.world
    changes = history(lab, world.project("acme/app"), 260)
    others = fill(world, lab.clock, 10)
    for n in range(1, 9):
        at = lab.clock.pass_(minutes=1)
        lab.fake.before_answer(n, _happening(lab, n, changes, others))
        assert at
    lab.collect(reviewer_rows="all", concurrency=1)

    report = lab.collect(reviewer_rows="all")

    assert report.outcome == "done"
    equals_a_fresh_one()


def _happening(
    lab: Lab, n: int, changes: list[MergeRequest], others: list[MergeRequest]
) -> Callable[[], None]:
    world, ada, cleo = lab.world, lab.world.user("ada"), lab.world.user("cleo")

    def happen() -> None:
        at = lab.clock.pass_(minutes=1)
        world.comment(changes[30 * n], cleo, "Late", at)
        world.delete_merge_request(changes[30 * n - 1])
        world.add_label(changes[30 * n - 2], "bug", at)
        world.request_review(others[n], ada, [cleo], at)
        if n == 3:
            world.rename_project(world.project("acme/app"), "app2")
        if n == 5:
            world.rename_user(cleo, "cleopatra")
        if n == 6:
            project = world.add_project("acme/new")
            old = world.add_merge_request(project, ada, "Old", START - timedelta(days=9))
            world.merge(old, ada, START - timedelta(days=8))

    return happen
