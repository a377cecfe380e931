"""Everything that may happen in a GitLab, each as one step that a number decides about."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from demo.gitlab import GitLabFake, MergeRequest, Project, User, World

T = TypeVar("T")

HANDBOOK = "acme/book"
"""A project that is configured by its name, and so stays where it is."""

LABELS = ("bug", "feature", "Community contribution")


class Moving:
    """The time of a GitLab whose clock may differ from ours, by hours in either direction."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=10)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: int) -> None:
        """Moves on."""
        self.now += timedelta(seconds=seconds)


class Company:
    """People who work in a GitLab. `n` picks whom, what and where out of what there is.

    ever: the ids of all projects that there have been.
    """

    def __init__(self) -> None:
        self.clock = Moving()
        self.world = World(clock=self.clock)
        self.fake = GitLabFake(self.world)
        self.names = 0
        self.ever: set[int] = set()
        for group in ("acme", "acme/deep", "beta", "elsewhere"):
            self.world.add_group(group)
        for project in (HANDBOOK, "acme/app", "acme/deep/lib", "acme/site", "beta/tool"):
            self.world.add_project(project)
        for name in ("ada", "ben", "cleo", "dan", "eve"):
            self.world.add_user(name, name.title())

    def out_of_sight(self) -> set[int]:
        """The projects that are deleted, hidden, or have their merge requests switched off."""
        projects = self.world.projects
        self.ever |= set(projects)
        return {
            number
            for number in self.ever
            if number not in projects
            or projects[number].hidden
            or not projects[number].merge_requests_enabled
        }

    def pick(self, of: Sequence[T], n: int) -> T:
        return of[n % len(of)]

    def name(self, what: str) -> str:
        self.names += 1
        return f"{what}-{self.names}"

    def humans(self) -> list[User]:
        return [user for user in self.world.users.values() if user.type == "HUMAN"]

    def user(self, n: int) -> User:
        return self.pick(self.humans(), n)

    def projects(self) -> list[Project]:
        return [each for each in self.world.projects.values() if each.full_path != HANDBOOK]

    def project(self, n: int) -> Project:
        return self.pick(self.projects(), n)

    def change(self, n: int, *states: str) -> MergeRequest | None:
        found = [m for m in self.world.merge_requests.values() if not states or m.state in states]
        return self.pick(found, n) if found else None

    # What happens on merge requests ------------------------------------------------------------

    def create(self, n: int) -> None:
        self.world.add_merge_request(
            self.world.project(HANDBOOK) if n % 5 == 0 else self.project(n),
            self.user(n // 3),
            self.name("Change"),
            reviewers=[self.user(n // 7)] if n % 2 else [],
            labels=LABELS[: n % 3],
            paths=[f"doc/{n % 5}.md"],
        )

    def create_many(self, n: int) -> None:
        for _ in range(45):
            self.world.add_merge_request(self.project(n), self.user(n), self.name("Many"))

    def import_old(self, n: int) -> None:
        """With the dates of the system from which it came: nothing about it is new."""
        at = self.clock.now - timedelta(days=1 + n % 900)
        made = self.world.add_merge_request(
            self.project(n), self.user(n // 3), self.name("Old"), at, reviewers=[self.user(n // 5)]
        )
        if n % 3:
            self.world.merge(made, self.user(n // 2), at + timedelta(hours=5))

    def import_future(self, n: int) -> None:
        """With the dates of a clock that was wrong."""
        made = self.world.add_merge_request(self.project(n), self.user(n // 3), self.name("Early"))
        with self.world.changing():
            made.updated_at += timedelta(days=900)

    def comment(self, n: int) -> None:
        if found := self.change(n):
            self.world.comment(found, self.user(n // 5), "A word")

    def talk(self, n: int) -> None:
        if found := self.change(n):
            for _ in range(130):
                self.world.comment(found, self.user(n // 5), "Many words")

    def take_back(self, n: int) -> None:
        """Somebody removes what they wrote; GitLab touches nothing for it."""
        if (found := self.change(n)) and (
            written := [note for note in found.notes if not note.system]
        ):
            self.world.delete_note(found, self.pick(written, n // 3))

    def ask(self, n: int) -> None:
        if found := self.change(n):
            present = [row.user for row in found.reviewers]
            removing = [self.pick(present, n)] if present and n % 3 == 0 else []
            wanted = [self.user(n // 5)]
            self.world.request_review(found, self.user(n // 7), wanted, removing=removing)

    def dismiss(self, n: int) -> None:
        if (found := self.change(n)) and found.reviewers:
            self.world.remove_reviewer(found, self.user(n), self.pick(found.reviewers, n).user)

    def approve(self, n: int) -> None:
        if found := self.change(n, "opened", "locked"):
            (self.world.unapprove if n % 4 == 0 else self.world.approve)(found, self.user(n // 5))

    def merge(self, n: int) -> None:
        if found := self.change(n, "opened", "locked"):
            self.world.merge(found, self.user(n // 5))

    def close(self, n: int) -> None:
        if found := self.change(n, "opened"):
            self.world.close(found, self.user(n // 5))

    def reopen(self, n: int) -> None:
        if found := self.change(n, "closed"):
            self.world.reopen(found, self.user(n // 5))

    def lock(self, n: int) -> None:
        if found := self.change(n, "opened"):
            self.world.lock_for_merge(found)

    def label(self, n: int) -> None:
        """Whenever: long after the merge as well."""
        if found := self.change(n):
            label = self.pick(LABELS, n // 3)
            (self.world.remove_label if n % 2 else self.world.add_label)(found, label)

    def draft(self, n: int) -> None:
        if found := self.change(n, "opened"):
            mark = self.world.mark_ready if found.draft else self.world.mark_draft
            mark(found, self.user(n // 5))

    def delete(self, n: int) -> None:
        if found := self.change(n):
            self.world.delete_merge_request(found)

    def replace(self, n: int) -> None:
        """One is deleted and an old one appears in its project: GitLab counts as many as before."""
        if found := self.change(n):
            self.world.delete_merge_request(found)
            at = self.clock.now - timedelta(days=1 + n % 900)
            made = self.world.add_merge_request(found.project, self.user(n), self.name("Old"), at)
            self.world.close(made, self.user(n), at)

    # What happens to people --------------------------------------------------------------------

    def rename_user(self, n: int) -> None:
        self.world.rename_user(self.user(n), self.name("user"))

    def exchange_names(self, n: int) -> None:
        one, other = self.user(n), self.user(n + 1)
        if one is not other:
            old = one.username
            self.world.rename_user(one, self.name("user"))
            self.world.rename_user(other, old)

    def delete_user(self, n: int) -> None:
        if len(self.humans()) > 2:
            self.world.delete_user(self.user(n))

    def make_bot(self, n: int) -> None:
        if len(self.humans()) > 2:
            self.world.make_bot(self.user(n))

    def hire(self, n: int) -> None:
        kind = "PROJECT_BOT" if n % 2 else "HUMAN"
        made = self.world.add_user(self.name("new"), type=kind)
        self.world.add_merge_request(self.project(n), made, self.name("First"))

    # What happens to projects ------------------------------------------------------------------

    def rename_project(self, n: int) -> None:
        self.world.rename_project(self.project(n), self.name("project"))

    def move_project(self, n: int) -> None:
        groups = [self.world.group(path) for path in ("acme", "acme/deep", "beta", "elsewhere")]
        self.world.move_project(self.project(n), self.pick(groups, n // 5))

    def join(self, n: int) -> None:
        """A project with a past comes in from outside."""
        project = self.world.add_project(f"elsewhere/{self.name('guest')}")
        for age in range(3):
            at = self.clock.now - timedelta(days=300 - age)
            made = self.world.add_merge_request(project, self.user(n), "Old", at)
            self.world.request_review(made, self.user(n), [self.user(n + 1)], at)
            self.world.merge(made, self.user(n), at + timedelta(hours=2))
        self.world.move_project(project, self.world.group("acme/deep"))

    def archive(self, n: int) -> None:
        project = self.project(n)
        self.world.archive_project(project, not project.archived)

    def hide(self, n: int) -> None:
        project = self.project(n)
        self.world.hide_project(project, not project.hidden)

    def switch(self, n: int) -> None:
        project = self.project(n)
        self.world.switch_merge_requests(project, not project.merge_requests_enabled)

    def mark_for_deletion(self, n: int) -> None:
        project = self.project(n)
        if "-deletion_scheduled-" not in project.path:
            self.world.mark_for_deletion(project)

    def delete_project(self, n: int) -> None:
        """One that was marked for it some days before, if there is one."""
        marked = [p for p in self.projects() if "-deletion_scheduled-" in p.path]
        if len(self.projects()) > 2:
            self.world.delete_project(self.pick(marked or self.projects(), n))

    def step(self, name: str) -> Callable[[int], None]:
        found: Callable[[int], None] = getattr(self, name)
        return found


STEPS = (
    *("create", "create_many", "import_old", "import_future", "comment", "talk", "take_back"),
    *("ask", "dismiss", "approve", "merge", "close", "reopen", "lock", "label", "draft"),
    *("delete", "replace", "rename_user", "exchange_names", "delete_user", "make_bot", "hire"),
    *("rename_project", "move_project", "join", "archive", "hide", "switch"),
    *("mark_for_deletion", "delete_project"),
)
"""The steps by name."""
