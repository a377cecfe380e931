"""What people do to the world: updated_at, notes and rows as GitLab would leave them."""

import pytest

from demo.gitlab import Unknown

from .conftest import Office, at


def test_every_change_moves_updated_at(office: Office) -> None:
    world = office.world
    change = office.change("t", 0)
    world.comment(change, office.ben, "hm", at(1))
    assert change.updated_at == at(1)
    world.request_review(change, office.ann, [office.ben], at(2))
    assert change.updated_at == at(2)
    world.approve(change, office.ben, at(3))
    assert change.updated_at == at(3)
    world.add_label(change, "bug", at(4))
    assert change.updated_at == at(4)
    world.mark_draft(change, office.ann, at(5))
    assert (change.updated_at, change.draft) == (at(5), True)
    world.close(change, office.ann, at(6))
    assert (change.updated_at, change.closed_at, change.open) == (at(6), at(6), False)
    world.reopen(change, office.ann, at(7))
    assert (change.updated_at, change.closed_at, change.open) == (at(7), None, True)
    world.assign(change, office.ann, [office.ann], at(8))
    assert change.updated_at == at(8)
    world.merge(change, office.ben)
    assert change.updated_at == change.merged_at == at(1000)


def test_changes_that_are_silent(office: Office) -> None:
    world = office.world
    world.silent = frozenset({"reviewers", "labels"})
    change = office.change("t", 0)
    world.request_review(change, office.ann, [office.ben], at(2))
    world.add_label(change, "bug", at(3))
    assert change.updated_at == at(0)
    world.comment(change, office.ben, "hm", at(4))
    assert change.updated_at == at(4)


def test_what_touches_no_merge_request(office: Office) -> None:
    change = office.change("t", 0)
    office.world.rename_user(office.ann, "anna")
    office.world.rename_project(office.app, "application")
    office.world.move_project(office.app, office.world.group("acme/tools"))
    office.world.archive_project(office.app)
    assert change.updated_at == at(0)
    assert office.app.full_path == "acme/tools/application"
    assert office.app.former_paths == ["acme/app", "acme/application"]
    assert office.world.user("ANNA") is office.ann
    with pytest.raises(Unknown):
        office.world.user("ann")


def test_notes_of_reviewers(office: Office) -> None:
    world = office.world
    change = world.add_merge_request(office.app, office.ann, "t", at(0), reviewers=[office.ben])
    assert change.notes == []
    world.request_review(change, office.ann, [office.cleo, office.robot], at(1))
    dora = world.add_user("dora")
    emil = world.add_user("emil")
    world.request_review(change, office.ann, [dora, emil], at(2), removing=[office.robot])
    world.request_review(change, office.ann, [office.ben], at(3))
    world.remove_reviewer(change, office.ann, dora, at(4))
    assert world.remove_reviewer(change, office.ann, dora, at(5)) is None
    assert [note.body for note in change.notes] == [
        "requested review from @cleo and @project_1_bot_a1",
        "requested review from @dora and @emil and removed review request for @project_1_bot_a1",
        "requested review from @ben",
        "removed review request for @dora",
    ]
    assert {note.action for note in change.notes} == {"reviewer"}
    rows = {row.user.username: row.created_at for row in change.reviewers}
    assert rows == {"ben": at(0), "cleo": at(1), "emil": at(2)}


def test_three_names_in_a_note(office: Office) -> None:
    change = office.change("t", 0)
    users = [office.ben, office.cleo, office.robot]
    note = office.world.request_review(change, office.ann, users, at(1))
    assert note is not None
    assert note.body == "requested review from @ben, @cleo, and @project_1_bot_a1"


def test_states_of_a_reviewer(office: Office) -> None:
    world = office.world
    change = office.change("t", 0)
    world.request_review(change, office.ann, [office.ben], at(1))
    row = change.reviewer(office.ben)
    assert row is not None
    assert row.state == "unreviewed"
    world.comment(change, office.ben, "hm", at(2))
    assert row.state == "reviewed"
    world.approve(change, office.ben, at(3))
    assert world.approve(change, office.ben, at(4)) is None
    assert (row.state, change.approved_by) == ("approved", [office.ben])
    world.unapprove(change, office.ben, at(5))
    assert world.unapprove(change, office.ben, at(6)) is None
    assert (row.state, change.approved_by) == ("unapproved", [])
    world.request_review(change, office.ann, [office.ben], at(7))
    assert row.state == "unreviewed"


def test_deleting(office: Office) -> None:
    world = office.world
    first, second = office.change("a", 0), office.change("b", 1)
    world.delete_merge_request(first)
    assert list(office.app.merge_requests) == [2]
    assert office.change("c", 2).iid == 3
    world.delete_project(office.app)
    assert second.id not in world.merge_requests
    assert world.find_project("acme/app") is None


def test_a_deleted_user_is_the_ghost(office: Office) -> None:
    world = office.world
    change = office.change("t", 0)
    world.request_review(change, office.ann, [office.ben], at(1))
    world.assign(change, office.ann, [office.ann], at(1))
    world.close(change, office.ann, at(2))
    ghost = world.delete_user(office.ann)
    assert ghost.username == "ghost"
    assert not ghost.bot
    assert {change.author, change.closed_by, change.notes[0].author} == {ghost}
    assert change.state_events[0].user is ghost
    assert change.assignees == []
    assert office.ann.id not in world.users
    assert world.delete_user(office.ben) is ghost
    assert change.reviewers == []


def test_names_are_taken_once(office: Office) -> None:
    world = office.world
    with pytest.raises(ValueError, match="ANN is taken"):
        world.add_user("ANN")
    with pytest.raises(ValueError, match="ben is taken"):
        world.rename_user(office.ann, "ben")
    with pytest.raises(ValueError, match="acme/app is taken"):
        world.add_project("acme/app")
    with pytest.raises(ValueError, match="acme is taken"):
        world.add_group("acme")
    with pytest.raises(Unknown):
        world.add_group("nowhere/deep")
    with pytest.raises(ValueError, match="app is taken"):
        world.rename_project(office.old, "app")


def test_a_user_becomes_a_bot(office: Office) -> None:
    office.world.make_bot(office.ann)
    assert office.ann.bot


def test_readers_wait_for_a_change(office: Office) -> None:
    version = office.world.version
    with office.world.changing():
        office.ann.name = "Anna"
    assert office.world.version == version + 1
