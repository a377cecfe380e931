"""Teams: the tree, and one team on one day."""

from datetime import date

from app.api.shapes.answer import Answer
from app.metrics import answers


class TeamRowAnswer(Answer):
    """A team in the tree."""

    slug: str
    """What it is called in addresses."""
    name: str
    """Its name for a reader."""
    parent: str | None
    """Slug of the team above it; null of `organisation`."""
    headcount: int
    """Members on the running day, those of the teams below it included."""

    @classmethod
    def of(cls, row: answers.TeamRow) -> "TeamRowAnswer":
        """The answer for a team."""
        return cls(slug=row.slug, name=row.name, parent=row.parent, headcount=row.headcount)


class TeamReferenceAnswer(Answer):
    """A team by slug and name."""

    slug: str
    """What it is called in addresses."""
    name: str
    """Its name for a reader."""


class PersonAnswer(Answer):
    """A member."""

    person_id: str
    """As in people.csv."""
    name: str
    """As in people.csv."""
    username: str | None
    """That of GitLab; null where it is not known."""
    role: str
    """`manager` of the team or of one below it, else `member`."""


class MembershipChangeAnswer(Answer):
    """Somebody joined or left the team or one below it."""

    day: date
    """The first day that it holds: who left was a member up to the day before."""
    person: str
    """The person's name."""
    kind: str
    """`joined` or `left`."""
    team: str
    """Slug of the team that was joined or left."""
    elsewhere: str | None
    """Slug of the team that they came from or went to; null where there is none."""
    employment: str | None
    """`began`: they joined the company with it or in the month before; `ended`: they left the company
    with it; null: neither, or it is not known."""
    orphaned: int
    """How many merge requests of somebody who left are open now."""


class TargetInForceAnswer(Answer):
    """A target and who set it."""

    indicator: str
    """The indicator's key."""
    value: float
    """In the indicator's unit."""
    valid_from: date
    """The first day that it holds."""
    source: str
    """Who set it."""


class TeamAnswer(Answer):
    """One team on one day."""

    slug: str
    """What it is called in addresses."""
    name: str
    """Its name for a reader."""
    parent: str | None
    """Slug of the team above it; null of `organisation`."""
    ancestors: list[TeamReferenceAnswer]
    """The teams above it, `organisation` first."""
    children: list[TeamReferenceAnswer]
    """The teams directly below it."""
    on: date
    """The day of headcount, managers, people and targets."""
    headcount: int
    """Members on that day, those of the teams below it included."""
    managers: list[PersonAnswer]
    """Who manages the team itself, by name."""
    people: list[PersonAnswer] | None
    """The members, by name; null for who may not see names in this team."""
    owns: list[str]
    """The team's own globs in teams.yaml."""
    projects: list[str]
    """Paths of the collected projects that it or a team below it owns."""
    membership_changes: list[MembershipChangeAnswer] | None
    """Within the asked range, newest first; null for who may not see names in this team."""
    targets: list[TargetInForceAnswer]
    """Of each indicator that has one."""

    @classmethod
    def of(cls, team: answers.Team, *, names: bool) -> "TeamAnswer":
        """The answer for a team. names: whether who asks may see who is in it."""
        return cls(
            slug=team.slug,
            name=team.name,
            parent=team.parent,
            ancestors=[TeamReferenceAnswer(slug=slug, name=name) for slug, name in team.ancestors],
            children=[TeamReferenceAnswer(slug=slug, name=name) for slug, name in team.children],
            on=team.on,
            headcount=team.headcount,
            managers=[PersonAnswer.model_validate(person) for person in team.managers],
            people=[PersonAnswer.model_validate(person) for person in team.people]
            if names
            else None,
            owns=list(team.owns),
            projects=list(team.projects),
            membership_changes=[
                MembershipChangeAnswer.model_validate(change) for change in team.membership_changes
            ]
            if names
            else None,
            targets=[TargetInForceAnswer.model_validate(target) for target in team.targets],
        )
