"""Builds the company: the same for the same day and seed, to the second."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from demo.company.cases import Cases
from demo.company.hiring import Hiring, hiring
from demo.company.plan import ARCHIVED, GROUPS, HANDBOOK, LEAVES, TEAMS, TeamPlan
from demo.company.roster import Person, Roster
from demo.company.timeline import Timeline
from demo.company.visitors import Visitors
from demo.company.work import Work
from demo.gitlab import User, World

SEED = 20_240_229
RENAMED_AGE = timedelta(days=300)
UNDECLARED_EVERY = 29
"""One person in so many never said which GitLab account is theirs."""


class CompanyWorld(World):
    """The company's GitLab with what only its files know.

    teams: parents before children. people: in the order of their ids. declared: usernames by
    person_id, as people said them. first_day: where the history begins. hiring: plan, openings and
    targets.
    """

    teams: Sequence[TeamPlan] = ()
    people: Sequence[Person] = ()
    declared: dict[str, str]
    first_day: date
    hiring: Hiring


def build(today: date, *, seed: int = SEED) -> CompanyWorld:
    """The company as it stands at the first moment of a day (UTC); nothing in it is younger."""
    random = Random(seed)
    world = CompanyWorld()
    roster = Roster(today, random)
    world.teams, world.people, world.first_day = TEAMS, tuple(roster.people), roster.first_day
    world.hiring = hiring(world.people, today, seed)
    founded = datetime.combine(roster.first_day, time.min, UTC) - timedelta(days=900)
    for path, name in GROUPS:
        world.add_group(path, name, visibility="public", created_at=founded)
    for path in [HANDBOOK, *(path for team in LEAVES for path in team.projects), ARCHIVED]:
        name = path.rpartition("/")[2].replace("-", " ").capitalize()
        world.add_project(path, name, visibility="public", created_at=founded)
    world.archive_project(world.project(ARCHIVED))
    accounts = {person.person_id: _account(world, person) for person in roster.people}
    world.declared = {
        person.person_id: person.username
        for number, person in enumerate(roster.people, 1)
        if number % UNDECLARED_EVERY
    }
    timeline = Timeline(datetime.combine(today, time.min, UTC))
    renamed = _newest_of("foundations", roster, today)
    _plan_renaming(world, timeline, accounts[renamed.person_id], renamed.username)
    work = Work(world, roster, accounts, timeline, random)
    visitors = Visitors(work)
    work.plan_teams()
    visitors.plan()
    timeline.run()
    outsiders = {
        "bot": visitors.updater,
        "community": visitors.community[0],
        "community 2": visitors.community[1],
        "community 3": visitors.community[2],
        "community 4": visitors.community[3],
        "contractor": visitors.contractors[2],
    }
    Cases(work, _protagonists(roster, accounts, today), outsiders).apply()
    return world


def _account(world: World, person: Person) -> User:
    created = datetime.combine(person.start_date, time(7), UTC)
    user = world.add_user(
        person.username, person.name, created_at=created, public_email=person.email
    )
    world.add_member(world.group("acme"), user)
    return user


def _newest_of(team: str, roster: Roster, today: date) -> Person:
    """The member of a team who has been there longest without leading it."""
    return min(
        (p for p in roster.in_team(team, today) if p.stays[-1].role == "member"),
        key=lambda p: (p.start_date, p.person_id),
    )


def _plan_renaming(world: World, timeline: Timeline, user: User, username: str) -> None:
    """Until some day the account had another name, which notes of that time keep."""
    world.rename_user(user, f"{username}-old")
    timeline.plan(timeline.end - RENAMED_AGE, lambda _: world.rename_user(user, username))


def _protagonists(roster: Roster, accounts: dict[str, User], today: date) -> dict[str, User]:
    """Somebody of each team, by the team's slug; a second one with a 2 behind it, and who left last."""
    found: dict[str, User] = {}
    for team in LEAVES:
        members = [p for p in roster.in_team(team.slug, today) if p.stays[-1].role == "member"]
        for name, person in zip((team.slug, f"{team.slug} 2"), members, strict=False):
            found[name] = accounts[person.person_id]
        left = [
            p for p in roster.people if p.end_date is not None and p.stays[-1].team == team.slug
        ]
        if left:
            last = max(left, key=lambda p: (p.end_date, p.person_id))
            found[f"{team.slug} left"] = accounts[last.person_id]
    return found
