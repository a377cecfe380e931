"""Merge requests from outside the teams: the community, contractors whom nobody declared, and bots."""

from datetime import date, datetime, timedelta

from demo.company.plan import (
    COMMUNITY_LABEL,
    COMMUNITY_NAMES,
    CONTRACTORS,
    HANDBOOK,
    LEAVES,
    TeamPlan,
)
from demo.company.work import DAY, Work
from demo.gitlab import MergeRequest, Project, User


class Visitors:
    """Plans what comes from outside, beside the work of the teams."""

    def __init__(self, work: Work) -> None:
        self.work = work
        add = work.world.add_user
        self.community = [add(name.lower().replace(" ", "-"), name) for name in COMMUNITY_NAMES]
        self.contractors = [add(username) for username in CONTRACTORS]
        self.updater = add("renovate-bot", "Renovate")
        self.releaser = add("project_4_bot_5d0c1e", "release-bot", type="PROJECT_BOT")

    def plan(self) -> None:
        """Every month of the company's history."""
        for age, first, after in self.work.months():
            teams = [team for team in LEAVES if team.projects and team.formed >= age]
            for team in teams:
                self._plan_community(team, first, after)
            for contractor in self.contractors[: 1 + (age < 12)]:
                for _ in range(4):
                    team = self.work.random.choice(teams)
                    self._plan_visit(team, contractor, first, after, labels=())
            for team in teams[:4]:
                self._plan_bot(team, self.updater, "Update dependencies", first, after)
            self._plan_bot(teams[0], self.releaser, "Release a new version", first, after)

    def _plan_community(self, team: TeamPlan, first: date, after: date) -> None:
        for _ in range(self.work.random.choice(team.visits)):
            author = self.work.random.choice(self.community)
            self._plan_visit(team, author, first, after, labels=(COMMUNITY_LABEL,))

    def _plan_visit(
        self, team: TeamPlan, author: User, first: date, after: date, *, labels: tuple[str, ...]
    ) -> None:
        """Somebody of the team answers, most often within two working days, and merges some day."""
        work, random = self.work, self.work.random
        at = work.moment(first, after)
        answered = work.later(at, random.lognormvariate(0, 0.8) * 0.7)
        end = work.later(answered, random.lognormvariate(0, 1.0) * 4)
        hosts = work.reviewers(team.slug, author, at.date())
        if not hosts:
            return
        host, remark = hosts[0], work.remark()
        merges = random.random() < 0.8
        project = self._project(team)
        world = work.world
        work.timeline.plan_story(
            at,
            lambda now: work.open_request(project, author, now, labels=labels),
            [
                (answered, lambda m, now: world.request_review(m, host, [host], now)),
                (answered + 0.01 * DAY, lambda m, now: world.comment(m, host, remark, now)),
                (end, lambda m, now: self._end(m, host, merges=merges, now=now)),
            ],
        )

    def _end(self, change: MergeRequest, host: User, *, merges: bool, now: datetime) -> None:
        if merges:
            self.work.world.merge(change, host, now)
        else:
            self.work.world.close(change, host, now)

    def _project(self, team: TeamPlan) -> Project:
        if self.work.random.random() < 0.05:
            return self.work.world.project(HANDBOOK)
        return self.work.world.project(self.work.random.choice(team.projects))

    def _plan_bot(self, team: TeamPlan, bot: User, title: str, first: date, after: date) -> None:
        """Twice a month; merged by somebody of the team, or open for long."""
        work = self.work
        for _ in range(2):
            at = work.moment(first, after)
            hosts = work.reviewers(team.slug, bot, at.date())
            if not hosts:
                continue
            project = work.world.project(team.projects[0])
            end = work.later(at, work.random.lognormvariate(0, 1.5) * 3)
            self._plan_bot_story(project, bot, hosts[0], title, at, end)

    def _plan_bot_story(
        self, project: Project, bot: User, host: User, title: str, at: datetime, end: datetime
    ) -> None:
        work = self.work
        text = "The pipeline passed."
        work.timeline.plan_story(
            at,
            lambda now: work.open_request(project, bot, now, title=title),
            [
                (
                    at + timedelta(minutes=5),
                    lambda m, now: work.world.comment(m, bot, text, now),
                ),
                (end, lambda m, now: work.world.merge(m, host, now)),
            ],
        )
