"""Whatever happens between runs, the tables are those of a fresh full collection."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from demo.gitlab import MergeRequest, Project, User, World
from tests.collectors.gitlab.conftest import Clock, Lab, empty, visible


class People:
    """Does something to a world at random, as people do in the course of days."""

    def __init__(self, world: World, clock: Clock, seed: int) -> None:
        self.world = world
        self.clock = clock
        self.random = random.Random(seed)
        self.names = 0
        self.first = set(world.projects)  # these stay, so that there is always one

    def name(self, what: str) -> str:
        self.names += 1
        return f"{what}-{self.names}"

    def user(self) -> User:
        return self.random.choice([u for u in self.world.users.values() if u.type == "HUMAN"])

    def project(self) -> Project:
        return self.random.choice(list(self.world.projects.values()))

    def merge_request(self, *states: str) -> MergeRequest | None:
        found = [m for m in self.world.merge_requests.values() if m.state in states]
        return self.random.choice(found) if found else None

    def any(self) -> MergeRequest | None:
        return self.merge_request("opened", "merged", "closed")

    def create(self) -> None:
        crowd = [self.user() for _ in range(self.random.choice((0, 0, 1, 2)))]
        self.world.add_merge_request(
            self.project(),
            self.user(),
            self.name("Change"),
            reviewers=list(dict.fromkeys(crowd)),
            labels=self.random.sample(["bug", "feature", "Community contribution"], 1),
        )

    def comment(self) -> None:
        if found := self.any():
            self.world.comment(found, self.user(), "A word")

    def talk(self) -> None:
        if found := self.any():
            for _ in range(110):
                self.world.comment(found, self.user(), "Many words")

    def ask(self) -> None:
        if found := self.merge_request("opened"):
            present = [row.user for row in found.reviewers]
            removing = self.random.sample(present, min(len(present), self.random.choice((0, 0, 1))))
            self.world.request_review(found, self.user(), [self.user()], removing=removing)

    def approve(self) -> None:
        if found := self.merge_request("opened"):
            self.random.choice((self.world.approve, self.world.unapprove))(found, self.user())

    def merge(self) -> None:
        if found := self.merge_request("opened"):
            self.world.merge(found, self.user())

    def close(self) -> None:
        if found := self.merge_request("opened"):
            self.world.close(found, self.user())

    def reopen(self) -> None:
        if found := self.merge_request("closed"):
            self.world.reopen(found, self.user())

    def label(self) -> None:
        if found := self.any():
            self.random.choice((self.world.add_label, self.world.remove_label))(found, "bug")

    def draft(self) -> None:
        if found := self.merge_request("opened"):
            mark = self.world.mark_ready if found.draft else self.world.mark_draft
            mark(found, self.user())

    def delete(self) -> None:
        if found := self.any():
            self.world.delete_merge_request(found)

    def rename_user(self) -> None:
        self.world.rename_user(self.user(), self.name("user"))

    def hire_robot(self) -> None:
        robot = self.world.add_user(self.name("robot"), type="PROJECT_BOT")
        self.world.add_merge_request(self.project(), robot, "Bump")

    def rename_project(self) -> None:
        self.world.rename_project(self.project(), self.name("project"))

    def archive(self) -> None:
        project = self.project()
        self.world.archive_project(project, not project.archived)

    def join(self) -> None:
        """A project with a past comes into the group from outside."""
        project = self.world.add_project(f"elsewhere/{self.name('guest')}")
        for n in range(3):
            at = self.clock.now - timedelta(days=300 - n)
            found = self.world.add_merge_request(project, self.user(), "Old", at)
            self.world.request_review(found, self.user(), [self.user()], at + timedelta(hours=1))
            self.world.merge(found, self.user(), at + timedelta(hours=2))
        self.world.move_project(project, self.world.group("acme/deep"))

    def leave(self) -> None:
        project = self.project()
        if project.id not in self.first and self.random.random() < 0.5:
            self.world.move_project(project, self.world.group("elsewhere"))

    def come_back(self) -> None:
        for project in self.world.projects.values():
            if project.group.path == "elsewhere":
                self.world.move_project(project, self.world.group("acme"))
                return

    def delete_project(self) -> None:
        projects = [p for p in self.world.projects.values() if p.id not in self.first]
        if projects and self.random.random() < 0.3:
            self.world.delete_project(self.random.choice(projects))

    def live(self, steps: int) -> list[str]:
        """So many random steps; time passes between them, sometimes less than a second is told."""
        often = [
            *(self.create, self.comment, self.ask, self.approve) * 4,
            *(self.merge, self.close, self.reopen, self.label, self.draft) * 2,
        ]
        seldom = [
            *(self.talk, self.delete, self.rename_user, self.hire_robot, self.rename_project),
            *(self.archive, self.join, self.leave, self.come_back, self.delete_project),
        ]
        done = []
        for _ in range(steps):
            step: Callable[[], None] = self.random.choice(often + seldom)
            step()
            done.append(step.__name__)
            self.clock.pass_(seconds=self.random.choice((0, 1, 50, 4000)))
        return done


@pytest.fixture
def elsewhere(world: World) -> World:
    world.add_group("elsewhere")
    return world


@pytest.mark.parametrize("seed", range(3))
def test_incremental_runs_equal_a_fresh_full_one(
    lab: Lab, elsewhere: World, other_engine: Callable[[], Engine], seed: int
) -> None:
    people = People(elsewhere, lab.clock, seed)
    people.live(40)
    fresh = other_engine()
    for _ in range(4):
        done = people.live(25)

        report = lab.collect(reviewer_rows="all")
        empty(fresh)
        lab.collect(reviewer_rows="all", engine=fresh)

        assert report.outcome == "done"
        assert visible(lab.engine) == visible(fresh), done
        again = lab.collect(reviewer_rows="all")
        assert (again.rows_new, again.rows_changed, again.rows_deleted) == (0, 0, 0)
        assert set(again.requests_by_kind) == {"group_merge_requests", "group_survey"}
