"""The company's everyday work: who opens which merge request when, who reviews it, and how it ends."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from demo.company.plan import (
    ACTIONS,
    HANDBOOK,
    LABELS,
    LEAVES,
    REMARKS,
    THINGS,
    TeamPlan,
)
from demo.company.roster import Person, Roster, months_before
from demo.company.timeline import Step, Timeline
from demo.gitlab import MergeRequest, Project, User, World

DAY = timedelta(days=1)
ACTION_WORDS = ACTIONS.split()


class Work:
    """Plans the merge requests of the teams on a timeline.

    accounts: the GitLab account of each person by person_id.
    """

    def __init__(
        self,
        world: World,
        roster: Roster,
        accounts: dict[str, User],
        timeline: Timeline,
        random: Random,
    ) -> None:
        self.world = world
        self.roster = roster
        self.accounts = accounts
        self.timeline = timeline
        self.random = random

    def plan_teams(self) -> None:
        """Every month of every team, the running one included."""
        for age, first, after in self.months():
            for team in LEAVES:
                if team.projects and team.formed >= age:
                    self._plan_month(team, age, first, after)

    def months(self) -> list[tuple[int, date, date]]:
        """Each month with its age, its first day and the first day after it."""
        today, first = self.roster.today, self.roster.first_day
        oldest = (today.year - first.year) * 12 + today.month - first.month
        return [
            (age, months_before(today, age), months_before(today, age - 1))
            for age in range(oldest, -1, -1)
        ]

    def moment(self, first: date, after: date) -> datetime:
        """A moment in the working hours of a day from first up to, not including, after."""
        while True:
            day = first + timedelta(days=self.random.randrange((after - first).days))
            if day.weekday() < 5:
                break
        seconds = self.random.randrange(8 * 3600, 18 * 3600)
        return datetime.combine(day, time.min, UTC) + timedelta(seconds=seconds)

    def later(self, start: datetime, days: float) -> datetime:
        """So many days later, a minute at least; what would fall on a weekend waits for Monday."""
        at = start + timedelta(seconds=max(round(days * 86_400), 60))
        return at + (7 - at.weekday()) * DAY if at.weekday() >= 5 else at

    def open_request(
        self,
        project: Project,
        author: User,
        now: datetime,
        *,
        draft: bool = False,
        reviewers: Sequence[User] = (),
        labels: Sequence[str] = (),
        title: str = "",
    ) -> MergeRequest:
        """Opens a merge request about something or other."""
        folder = "content" if project.full_path == HANDBOOK else "src"
        files = min(1 + int(self.random.expovariate(0.5)), 9)
        about = title or f"{self.random.choice(ACTION_WORDS)} {self.random.choice(THINGS)}"
        change = self.world.add_merge_request(
            project,
            author,
            f"Draft: {about}" if draft else about,
            now,
            reviewers=reviewers,
            assignees=[author],
            labels=[*labels, self.random.choice(LABELS)],
            paths=[f"{folder}/part_{self.random.randrange(60)}.md" for _ in range(files)],
        )
        change.additions = self.random.randrange(2, 400)
        change.deletions = change.additions // 3
        change.commits = 1 + change.additions // 90
        return change

    def reviewers(self, team: str, author: User, day: date) -> list[User]:
        """One colleague of a team, now and then two."""
        colleagues = [
            self.accounts[person.person_id]
            for person in self.roster.in_team(team, day)
            if self.accounts[person.person_id] is not author
        ]
        count = 2 if self.random.random() < 0.2 else 1
        return self.random.sample(colleagues, min(count, len(colleagues)))

    def remark(self) -> str:
        """What people say about a merge request."""
        return self.random.choice(REMARKS)

    def _plan_month(self, team: TeamPlan, age: int, first: date, after: date) -> None:
        """As many merge requests as the team's rate asks for."""
        weeks = [first + timedelta(days=n) for n in range(0, (after - first).days, 7)]
        heads = sum(len(self.roster.in_team(team.slug, day)) for day in weeks) / len(weeks)
        expected = team.rate_at(age) * heads
        # People plan their weeks: months differ less than chance alone would make them.
        count = max(round(self.random.gauss(expected, 0.5 * expected**0.5)), 0)
        for _ in range(count):
            days = self.random.lognormvariate(0, 1.0) * team.days
            self._plan_one(team, first, after, days, self._merged)
        stale, stale_days = team.stale_at(age)
        for _ in range(int(expected * stale + self.random.random())):
            days = self.random.lognormvariate(0, 0.7) * stale_days
            self._plan_one(team, first, after, days, self._closed)

    def _plan_one(
        self, team: TeamPlan, first: date, after: date, days: float, ending: Step
    ) -> None:
        at = self.moment(first, after)
        person = self._author(team, at.date())
        if person is None:
            return
        end = self.later(at, days)
        if (
            person.end_date is not None
            and end.date() > person.end_date
            and self.random.random() < 0.4
        ):
            # What somebody leaves behind stays open.
            end = self.timeline.end
        author = self.accounts[person.person_id]
        reviewers = self.reviewers(team.slug, author, at.date())
        from_creation = self.random.random() < 0.2
        draft = self.random.random() < 0.08
        project = self._project(team)
        if self.random.random() < 0.08:
            reviewers = []
        self.timeline.plan_story(
            at,
            lambda now: self.open_request(
                project, author, now, draft=draft, reviewers=reviewers if from_creation else ()
            ),
            self._steps(at, end, author, reviewers, ending, draft=draft, asks=not from_creation),
        )

    def _steps(
        self,
        at: datetime,
        end: datetime,
        author: User,
        reviewers: Sequence[User],
        ending: Step,
        *,
        draft: bool,
        asks: bool,
    ) -> list[tuple[datetime, Step]]:
        """From ready over the review to the end."""
        world, random = self.world, self.random
        span = end - at
        asked = at + span * (0.02 + 0.3 * random.random())
        answered = asked + (end - asked) * (0.2 + 0.6 * random.random())
        approved = answered + (end - answered) * 0.9
        steps: list[tuple[datetime, Step]] = []
        if draft and random.random() < 0.8:
            steps.append((at + span * 0.01, lambda m, now: world.mark_ready(m, author, now)))
        if reviewers:
            first = reviewers[0]
            remark, reply = self.remark(), self.remark()
            if asks:
                steps.append(
                    (asked, lambda m, now: world.request_review(m, author, reviewers, now))
                )
            steps.append((answered, lambda m, now: world.comment(m, first, remark, now)))
            if random.random() < 0.4:
                answer = answered + (approved - answered) * 0.5
                steps.append((answer, lambda m, now: world.comment(m, author, reply, now)))
            if ending == self._merged:
                steps.append((approved, lambda m, now: world.approve(m, first, now)))
        steps.append((end, ending))
        return steps

    def _merged(self, change: MergeRequest, now: datetime) -> None:
        by = change.reviewers[0].user if change.reviewers else change.author
        if change.draft:
            self.world.mark_ready(change, change.author, now)
        self.world.merge(change, by, now)

    def _closed(self, change: MergeRequest, now: datetime) -> None:
        self.world.close(change, change.author, now)

    def _author(self, team: TeamPlan, day: date) -> Person | None:
        people = self.roster.in_team(team.slug, day)
        if not people:
            return None
        return self.random.choices(people, [_diligence(person, day) for person in people])[0]

    def _project(self, team: TeamPlan) -> Project:
        """Mostly the team's own, now and then the handbook or another team's."""
        draw = self.random.random()
        if draw < 0.05:
            return self.world.project(HANDBOOK)
        if draw < 0.11:
            other = self.random.choice([t for t in LEAVES if t.projects and t is not team])
            return self.world.project(self.random.choice(other.projects))
        return self.world.project(self.random.choice(team.projects))


def _diligence(person: Person, day: date) -> float:
    """How much of a team's work a person does; managers do little, newcomers less than others."""
    if any(stay.role == "manager" and stay.holds(day) for stay in person.stays):
        return 0.15
    if (day - person.start_date).days < 45:
        return 0.5
    return 0.8 + int(person.person_id[1:]) % 5 / 10
