"""What is stored of what GitLab tells, with how many requests."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collectors.gitlab.errors import NotFoundError, TokenRefusedError
from demo.gitlab import MergeRequest, World
from tests.collectors.gitlab.conftest import START, Clock, Lab, stamps, visible


def fill(world: World, clock: Clock, number: int = 12) -> list[MergeRequest]:
    """Merge requests with notes, reviewers and all ends, two hours apart."""
    people = list(world.users.values())[:4]
    projects = list(world.projects.values())
    made = []
    for n in range(number):
        author, other, third = (people[(n + k) % 4] for k in range(3))
        project = projects[n % len(projects)]
        merge_request = world.add_merge_request(
            project,
            author,
            f"Change {n}",
            clock.pass_(hours=1),
            reviewers=[other] if n % 3 == 0 else [],
            labels=["bug", "Community contribution"][: n % 3],
        )
        world.comment(merge_request, other, "Looks odd", clock.pass_(minutes=10))
        if n % 2:
            world.request_review(merge_request, author, [third], clock.pass_(minutes=10))
            world.approve(merge_request, third, clock.pass_(minutes=20))
        if n % 4 == 1:
            world.merge(merge_request, third, clock.pass_(minutes=5))
        elif n % 4 == 2:
            world.close(merge_request, author, clock.pass_(minutes=5))
        made.append(merge_request)
    return made


def test_everything_that_is_told_is_stored(lab: Lab) -> None:
    world, clock = lab.world, lab.clock
    ada, ben, cleo = (world.user(name) for name in ("ada", "ben", "cleo"))
    project = world.project("acme/deep/lib")
    created = START + timedelta(hours=1)
    merge_request = world.add_merge_request(
        project, ada, "Add a thing", created, reviewers=[ben], labels=["b", "a"]
    )
    world.comment(merge_request, cleo, "Why?", created + timedelta(minutes=1))
    world.request_review(merge_request, ada, [cleo], created + timedelta(minutes=2), removing=[ben])
    world.mark_draft(merge_request, ada, created + timedelta(minutes=3))
    world.mark_ready(merge_request, ada, created + timedelta(minutes=4))
    world.approve(merge_request, cleo, created + timedelta(minutes=5))
    world.assign(merge_request, ada, [ada], created + timedelta(minutes=6))
    world.merge(merge_request, cleo, created + timedelta(minutes=7))
    clock.pass_(days=1)

    report = lab.collect()

    assert (report.outcome, report.status, report.quarantined) == ("done", 0, 0)
    assert report.data_through == report.started_at
    assert lab.rows("SELECT * FROM projects ORDER BY id") == [
        (1, "acme/app", "app", "https://gitlab.example.com/acme/app", False, True, None),
        (2, "acme/deep/lib", "lib", "https://gitlab.example.com/acme/deep/lib", False, True, None),
    ]
    assert lab.rows(
        "SELECT id, project_id, iid, author_id, title, web_url, state, draft, labels, created_at,"
        " updated_at, merged_at, closed_at, notes_count, deleted_at, dirty FROM merge_requests"
    ) == [
        (
            merge_request.id,
            2,
            1,
            ada.id,
            "Add a thing",
            "https://gitlab.example.com/acme/deep/lib/-/merge_requests/1",
            "merged",
            False,
            ["a", "b"],
            created,
            created + timedelta(minutes=7),
            created + timedelta(minutes=7),
            None,
            6,
            None,
            True,
        )
    ]
    assert lab.rows(
        "SELECT author_id, kind, created_at, requested, removed, names FROM notes ORDER BY id"
    ) == [
        (cleo.id, "comment", created + timedelta(minutes=1), [], [], []),
        (
            ada.id,
            "review_request",
            created + timedelta(minutes=2),
            ["cleo"],
            ["ben"],
            ["cleo", "ben"],
        ),
        (ada.id, "draft", created + timedelta(minutes=3), [], [], []),
        (ada.id, "ready", created + timedelta(minutes=4), [], [], []),
        (cleo.id, "approved", created + timedelta(minutes=5), [], [], []),
    ]
    assert lab.rows("SELECT account_id, created_at FROM reviewers") == [(cleo.id, None)]
    assert lab.rows("SELECT id, username, name, bot FROM accounts ORDER BY id") == [
        (ada.id, "ada", "Ada", False),
        (cleo.id, "cleo", "Cleo", False),
    ]
    assert lab.rows("SELECT account_id, username FROM former_usernames ORDER BY account_id") == [
        (ada.id, "ada"),
        (cleo.id, "cleo"),
    ]


def test_bots_and_the_ghost_are_told_apart(lab: Lab) -> None:
    world = lab.world
    robot = world.add_user("robot", "Robot", type="PROJECT_BOT")
    dan = world.user("dan")
    project = world.project("acme/app")
    world.add_merge_request(project, robot, "Bump")
    world.add_merge_request(project, dan, "Last one")
    world.add_merge_request(project, world.user("ada"), "Another")
    world.delete_user(dan)

    lab.collect()

    assert lab.rows("SELECT username, bot FROM accounts ORDER BY username") == [
        ("ada", False),
        ("ghost", True),
        ("robot", True),
    ]


@pytest.mark.parametrize("reviewer_rows", ["open", "all"])
def test_collecting_twice_changes_nothing_and_asks_little(lab: Lab, reviewer_rows: str) -> None:
    fill(lab.world, lab.clock, 30)
    first = lab.collect(reviewer_rows=reviewer_rows)
    before = stamps(lab.engine)

    second = lab.collect(reviewer_rows=reviewer_rows)

    assert first.rows_new > 100
    assert (second.rows_new, second.rows_changed, second.rows_deleted) == (0, 0, 0)
    assert stamps(lab.engine) == before
    assert second.outcome == "done"
    assert second.requests_by_kind == {"group_merge_requests": 1, "group_survey": 1}
    assert lab.fake.count() == second.requests == 2


def test_many_open_merge_requests_cost_one_request_per_hundred(lab: Lab) -> None:
    world, clock = lab.world, lab.clock
    world.add_group("beta")
    world.add_project("beta/one")
    for project in ("acme/app", "beta/one"):
        for n in range(250 if project == "acme/app" else 20):
            world.add_merge_request(
                world.project(project), world.user("ada"), f"{n}", clock.pass_(minutes=30)
            )
    groups = ["acme", "beta"]
    lab.collect(groups=groups)

    second = lab.collect(groups=groups)

    assert (second.rows_new, second.rows_changed) == (0, 0)
    assert lab.fake.count() == 6  # acme: 1 for changes, 3 for 250 that are open; beta: 2
    assert lab.fake.count() <= 2 * len(groups) + 270 // 100


def test_a_history_costs_one_request_per_hundred(lab: Lab) -> None:
    """The first page is of fifty, the others of a hundred; what is closed needs no reviewer rows."""
    project = lab.world.project("acme/app")
    for n in range(290):
        change = lab.world.add_merge_request(
            project, lab.world.user("ada"), f"Change {n}", lab.clock.pass_(minutes=5)
        )
        lab.world.merge(change, lab.world.user("ben"), lab.clock.pass_(minutes=5))

    first = lab.collect()
    second = lab.collect()

    assert first.requests_by_kind == {"group_survey": 1, "project_merge_requests": 4}
    assert second.requests_by_kind == {"group_merge_requests": 1, "group_survey": 1}


def test_a_merge_request_with_many_notes_costs_nothing_while_it_rests(lab: Lab) -> None:
    world, clock = lab.world, lab.clock
    ada, ben = world.user("ada"), world.user("ben")
    merge_request = world.add_merge_request(world.project("acme/app"), ada, "Long talk", clock())
    for n in range(130):
        world.comment(merge_request, ben, f"{n}", clock.pass_(seconds=1))
    world.request_review(merge_request, ada, [ben], clock.pass_(seconds=1))
    for n in range(170):
        world.comment(merge_request, ada, f"{n}", clock.pass_(seconds=1))

    first = lab.collect()
    second = lab.collect()
    world.comment(merge_request, ben, "One more", clock.pass_(seconds=1))
    third = lab.collect()

    assert first.requests_by_kind["merge_request_rest"] == 3  # 301 notes, 100 a page
    assert lab.rows("SELECT count(*), count(DISTINCT id) FROM notes") == [(302, 302)]
    assert lab.rows("SELECT notes_count FROM merge_requests") == [(302,)]
    assert "merge_request_rest" not in second.requests_by_kind
    assert (second.rows_changed, second.rows_deleted) == (0, 0)
    assert third.requests_by_kind["merge_request_rest"] == 3
    assert (third.rows_new, third.rows_changed, third.rows_deleted) == (1, 1, 0)


def test_long_lists_of_labels_and_reviewers_are_read_to_their_end(lab: Lab) -> None:
    world = lab.world
    labels = [f"label {n:03}" for n in range(150)]
    crowd = [world.add_user(f"user{n}") for n in range(120)]
    world.add_merge_request(
        world.project("acme/app"), world.user("ada"), "Wide", labels=labels, reviewers=crowd
    )

    lab.collect()
    again = lab.collect()

    assert lab.rows("SELECT labels FROM merge_requests") == [(labels,)]
    assert lab.rows("SELECT count(*) FROM reviewers") == [(120,)]
    assert (again.rows_new, again.rows_changed, again.rows_deleted) == (0, 0, 0)


def test_projects_in_subgroups_and_archived_ones_are_found(lab: Lab) -> None:
    world = lab.world
    world.add_project("acme/deep/attic", archived=True)
    for project in list(world.projects.values()):
        world.add_merge_request(project, world.user("ada"), "Old")

    lab.collect()

    assert lab.rows("SELECT path, archived FROM projects ORDER BY path") == [
        ("acme/app", False),
        ("acme/deep/attic", True),
        ("acme/deep/lib", False),
    ]
    assert lab.rows("SELECT count(*) FROM merge_requests") == [(3,)]


def test_overlapping_groups_and_projects_are_read_once(lab: Lab) -> None:
    fill(lab.world, lab.clock)
    once = lab.collect()
    expected = visible(lab.engine)

    same = lab.collect(groups=["acme", "ACME/deep", "acme/deep/"], projects=["Acme/App"])

    assert same.requests == 2
    assert same.rows_changed == 0
    assert once.outcome == same.outcome == "done"
    assert visible(lab.engine) == expected


def test_single_projects_are_collected_on_top(lab: Lab) -> None:
    world, clock = lab.world, lab.clock
    world.add_group("other")
    world.add_project("other/tool")
    world.add_project("other/unasked")
    fill(world, clock, 20)
    settings: dict[str, Any] = {"groups": ["acme/deep"], "projects": ["other/tool"]}

    first = lab.collect(**settings)
    second = lab.collect(**settings)
    world.comment(
        next(iter(world.project("other/tool").merge_requests.values())), world.user("dan"), "Hm"
    )
    third = lab.collect(**settings)

    assert first.outcome == "done"
    assert lab.rows("SELECT path FROM projects ORDER BY path") == [
        ("acme/deep/lib",),
        ("other/tool",),
    ]
    assert lab.rows("SELECT DISTINCT project_id FROM merge_requests ORDER BY 1") == [(2,), (3,)]
    assert second.requests_by_kind == {
        "group_merge_requests": 1,
        "group_survey": 1,
        "project_merge_requests": 1,
        "project_survey": 1,
    }
    assert (second.rows_new, second.rows_changed) == (0, 0)
    assert (third.requests, third.rows_new) == (4, 1)


def test_an_unknown_group_is_named_and_the_others_go_on(lab: Lab) -> None:
    fill(lab.world, lab.clock)

    report = lab.collect(groups=["nope", "acme"], projects=["acme/gone"])

    assert (report.outcome, report.status) == ("partial", 1)
    assert all(isinstance(failure, NotFoundError) for failure in report.failures)
    sentences = sorted(str(failure) for failure in report.failures)
    assert len(sentences) == 2
    assert "the group nope (gitlab.groups)" in sentences[0]
    assert "the project acme/gone (gitlab.projects)" in sentences[1]
    assert report.data_through == report.started_at  # nothing that was ever collected is behind
    assert lab.rows("SELECT count(*) FROM merge_requests") == [(12,)]


def test_a_group_that_vanishes_holds_the_source_back(lab: Lab) -> None:
    lab.world.add_group("beta")
    lab.world.add_project("beta/one")
    fill(lab.world, lab.clock)
    lab.collect(groups=["acme", "beta"])
    before = visible(lab.engine)
    lab.world.group("beta").path = "gamma"

    report = lab.collect(groups=["acme", "beta"])

    assert (report.outcome, report.data_through) == ("partial", None)
    assert visible(lab.engine) == before


def test_a_wrong_token_stores_nothing(lab: Lab) -> None:
    fill(lab.world, lab.clock)

    report = lab.collect(token="glpat-wrong")

    assert (report.outcome, report.status, report.data_through) == ("failed", 1, None)
    assert isinstance(report.failures[0], TokenRefusedError)
    assert "glpat-wrong" not in str(report.failures[0])
    assert lab.rows("SELECT count(*) FROM merge_requests") == [(0,)]
    assert lab.rows("SELECT outcome FROM runs") == [("failed",)]


def test_a_token_that_expires_in_the_middle_keeps_what_was_read(lab: Lab) -> None:
    project, ada = lab.world.project("acme/app"), lab.world.user("ada")
    for n in range(120):
        lab.world.add_merge_request(project, ada, f"{n}", lab.clock.pass_(hours=1))
    lab.fake.expire_token_after(2)  # the survey and a page

    stopped = lab.collect(concurrency=1)
    kept = lab.rows("SELECT count(*) FROM merge_requests")[0][0]
    lab.fake.tokens[lab.fake.token].requests_left = None
    resumed = lab.collect()

    assert stopped.outcome == "failed"
    assert kept == 50
    assert stopped.rows_new == 50 + 2 + 2  # with two projects, one account and its username
    assert resumed.outcome == "done"
    assert resumed.rows_new == 70
    assert lab.rows("SELECT count(*) FROM merge_requests") == [(120,)]


def test_a_full_run_reads_everything_again_and_changes_nothing(lab: Lab) -> None:
    fill(lab.world, lab.clock, 30)
    lab.collect(reviewer_rows="all")
    before = stamps(lab.engine)

    full = lab.collect(full=True, reviewer_rows="all")

    assert full.kind == "full"
    assert full.requests_by_kind["project_merge_requests"] >= 2
    assert (full.rows_new, full.rows_changed, full.rows_deleted) == (0, 0, 0)
    assert stamps(lab.engine) == before


def test_progress_counts_merge_requests(lab: Lab) -> None:
    fill(lab.world, lab.clock, 30)

    lab.collect()

    assert lab.seen[-1].what == "merge requests"
    assert (lab.seen[-1].done, lab.seen[-1].total) == (30, 30)
    assert lab.seen[-1].requests == lab.fake.count()
    assert [each.done for each in lab.seen] == sorted(each.done for each in lab.seen)


def test_nothing_configured_is_a_sentence(lab: Lab) -> None:
    report = lab.collect(groups=[])

    assert report.outcome == "failed"
    assert "gitlab.groups" in str(report.failures[0])
    assert lab.fake.count() == 0


def test_positions_are_in_the_time_of_the_server(lab: Lab) -> None:
    fill(lab.world, lab.clock)

    report = lab.collect()

    newest = max(each.updated_at for each in lab.world.merge_requests.values())
    assert lab.rows("SELECT through, complete FROM positions WHERE scope = 'group:acme'") == [
        (newest, True)
    ]
    assert report.data_through is not None
    assert report.data_through > datetime(2026, 6, 1, tzinfo=UTC)  # ours
