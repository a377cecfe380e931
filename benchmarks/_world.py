"""A made-up GitLab of any size for the benchmarks: years of work in a few projects, and more to come."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from time import sleep

from demo.gitlab import MergeRequest, Project, User, World

GROUP = "acme"
PROJECTS = (
    ("acme/app", 0.55, False),
    ("acme/deep/lib", 0.30, False),
    ("acme/deep/old", 0.10, True),
    ("acme/tools", 0.05, False),
)
"""Path, share of the merge requests, archived."""

YEARS = 6
TEAMS = 8
STARTED = date(2018, 1, 1)
TALKATIVE = 130
"""Notes of the one merge request that has more than fit a page."""
OPEN_SHARE, ASKED_SHARE = 0.02, 0.5
"""How many are open, and how many of all had their review asked for by a note."""


@dataclass(slots=True)
class Made:
    """A world, and the people and projects in it."""

    world: World
    people: Sequence[User]
    projects: Sequence[Project]
    random: Random
    changes: int = 0

    def change(self, number: int) -> None:
        """Lets so many things happen now, each to another merge request: mostly remarks, then merges,
        reviews that are asked for, and new merge requests."""
        living = [each for each in self.projects if not each.archived]
        for _ in range(number):
            self.changes += 1
            project = self.random.choices(living, [len(p.merge_requests) for p in living])[0]
            if self.changes % 7 == 0:
                self.world.add_merge_request(project, self._somebody(), f"Change {self.changes}")
                continue
            change = self._one_of(project)
            by = self._somebody()
            if self.changes % 7 == 1 and change.open:
                self.world.merge(change, by)
            elif self.changes % 7 == 2 and change.author is not by:
                self.world.request_review(change, change.author, [by])
            else:
                self.world.comment(change, by, "What about the other case?")

    def change_apart(self) -> None:
        """Lets one thing happen in a second in which nothing else did, so that it alone is the newest:
        whoever asks for what was updated since then must not read again what happened beside it."""
        newest = max(each.updated_at for each in self.world.merge_requests.values())
        while self.world.clock() <= newest:
            sleep(0.02)
        self.change(1)

    def delete_one(self) -> MergeRequest:
        """Deletes a merged merge request without a trace."""
        project = self.projects[0]
        gone = next(each for each in project.merge_requests.values() if each.state == "merged")
        self.world.delete_merge_request(gone)
        return gone

    def join(self, number: int) -> list[int]:
        """A project with merge requests of long ago joins the group; answers their ids."""
        project = self.world.add_project(f"{GROUP}/joined")
        for n in range(number):
            at = datetime(2019, 1, 1, tzinfo=UTC) + timedelta(days=n)
            old = self.world.add_merge_request(project, self._somebody(), f"Old change {n}", at)
            self.world.merge(old, self._somebody(), at + timedelta(days=2))
        return [each.id for each in project.merge_requests.values()]

    def write_files(self, folder: Path) -> None:
        """Writes teams.yaml, people.csv, employment.csv and memberships.csv: everybody in a team."""
        folder.mkdir(parents=True, exist_ok=True)
        teams = [{"slug": f"team-{n}", "name": f"Team {n}", "owns": []} for n in range(TEAMS)]
        (folder / "teams.yaml").write_text(json.dumps(teams), encoding="utf-8")
        names = [user.username for user in self.people]
        heads = {
            "people": "person_id,name,email,gitlab_username,gender",
            "employment": "person_id,start_date,end_date,termination_type",
            "memberships": "person_id,team,role,valid_from,valid_to",
        }
        rows = {
            "people": (f"{name},{name},,{name}," for name in names),
            "employment": (f"{name},{STARTED},," for name in names),
            "memberships": (
                f"{name},team-{n % TEAMS},member,{STARTED}," for n, name in enumerate(names)
            ),
        }
        for table, head in heads.items():
            text = "\n".join([head, *rows[table]])
            (folder / f"{table}.csv").write_text(f"{text}\n", encoding="utf-8")

    def _somebody(self) -> User:
        return self.random.choice(self.people)

    def _one_of(self, project: Project) -> MergeRequest:
        """One that nobody touched yet if possible: numbers without a merge request are passed over."""
        while True:
            found = project.merge_requests.get(self.random.randint(1, project.last_iid))
            if found is not None:
                return found


def make(merge_requests: int, seed: int = 5) -> Made:
    """A world with so many merge requests and 2.65 times as many notes, the same each time but for
    the clock: the last of it happened just now."""
    random = Random(seed)
    world = World()
    world.add_group(GROUP)
    world.add_group(f"{GROUP}/deep")
    people = [world.add_user(f"user-{n}") for n in range(max(30, min(600, merge_requests // 60)))]
    robot = world.add_user("project_1_bot", type="PROJECT_BOT")
    projects = [world.add_project(path, archived=archived) for path, _, archived in PROJECTS]
    made = Made(world, people, projects, random)
    now = world.clock()
    counts = [round(merge_requests * share) for _, share, _ in PROJECTS]
    counts[0] += merge_requests - sum(counts)
    for project, count in zip(projects, counts, strict=True):
        # More in each year than in the one before.
        ages = sorted((1 - random.random() ** 0.7 for _ in range(count)), reverse=True)
        for place, age in enumerate(ages):
            at = now - timedelta(hours=1, seconds=int(age * YEARS * 365 * 86_400))
            author = robot if random.random() < 0.04 else random.choice(people)
            _live(
                made,
                project,
                author,
                at,
                now,
                talkative=project is projects[0] and place == count // 2,
            )
    return made


def _live(
    made: Made, project: Project, author: User, at: datetime, now: datetime, *, talkative: bool
) -> None:
    """One merge request from its creation to its end, if it has one."""
    world, random = made.world, made.random
    change = world.add_merge_request(
        project,
        author,
        f"Change {project.last_iid + 1}",
        at,
        labels=[f"area::{random.randint(1, 9)}"],
    )
    hours = min(36 * random.lognormvariate(0, 1.4), 4_000.0)
    remains = random.random() < OPEN_SHARE
    if at + timedelta(hours=hours) > now:
        hours = (now - at) / timedelta(hours=1) * random.random()
    end = (at + timedelta(hours=hours)).replace(microsecond=0)
    reviewer = random.choice(made.people)
    asked = reviewer is not author and random.random() < ASKED_SHARE
    if asked:
        world.request_review(change, author, [reviewer], _between(at, end, 0.1))
    comments = TALKATIVE if talkative else min(int(random.expovariate(0.47)), 12)
    for n in range(comments):
        by = random.choice(made.people)
        world.comment(change, by, "Looks right, but for the name.", _between(at, end, n / comments))
    if remains:
        return
    if random.random() < 0.1:
        world.close(change, author, end)
        return
    if asked:
        world.approve(change, reviewer, end)
    world.merge(change, reviewer, end)


def _between(start: datetime, end: datetime, part: float) -> datetime:
    return (start + (end - start) * part).replace(microsecond=0)
