"""One team as its page shows it: people on a day, owned projects, membership changes, targets."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy import ScalarSelect, and_, case, func, not_, or_, select, union_all
from sqlalchemy.orm import Session

from app.metrics import INDICATORS, periods
from app.metrics.answers import MembershipChange, Person, Team
from app.metrics.points import load_basis, running_day
from app.metrics.teams import Node
from app.settings import Settings
from app.store.tables import (
    Account,
    AttributionSpan,
    EffectiveEmployment,
    EffectiveIdentity,
    EffectiveMembership,
    EffectivePerson,
    FormerUsername,
    MergeRequestFacts,
    Project,
    ProjectOwner,
)

NEW_FOR = timedelta(days=31)
"""So long after the first day employed somebody who joins a team is still new to the company."""


def team(
    session: Session,
    settings: Settings,
    slug: str | None,
    *,
    on: str | None = None,
    from_: str | None = None,
    to: str | None = None,
) -> Team:
    """The team on a day (by default the running one) and its membership changes in a range.

    People are the members of the team and of the teams below it. The range is the last 13 months up
    to today unless asked for. Raises NotFoundError (field `slug`) and InvalidValueError.
    """
    basis = load_basis(session, settings)
    node = basis.tree.find(slug, "slug")
    today = running_day(settings, basis.through)
    day = today if on is None else periods.parse(on, "on").last
    first, last = periods.bounds(from_, to, today)
    inside = {each.slug for each in basis.tree.subtree(node.slug)}
    members = _members(session, node, inside, first, last, today)
    people = _people(members, inside, day)
    managers = {
        person.person_id
        for person in _people(members, {node.slug}, day)
        if person.role == "manager"
    }
    targets = (basis.targets.in_force(each, node.slug, day) for each in INDICATORS)
    return Team(
        slug=node.slug,
        name=node.name,
        parent=node.parent,
        ancestors=[(each.slug, each.name) for each in basis.tree.ancestors(node.slug)],
        children=[(each.slug, each.name) for each in basis.tree.children(node.slug)],
        on=day,
        headcount=len(people),
        managers=[person for person in people if person.person_id in managers],
        people=people,
        owns=list(node.owns),
        projects=_projects(session, node),
        membership_changes=_membership_changes(
            members, inside, {each.slug for each in basis.tree}, first, last
        ),
        targets=[target for target in targets if target is not None],
    )


def _projects(session: Session, node: Node) -> list[str]:
    """Paths of the projects that the team or one below it owns; the organisation owns all."""
    statement = select(Project.path).order_by(Project.path)
    if node.parent is not None:
        statement = statement.join(ProjectOwner, ProjectOwner.project_id == Project.id).where(
            ProjectOwner.team_id == node.id
        )
    return list(session.scalars(statement))


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Days of a person in one team, from first up to, not including, end (None while open).

    began: an employment began with it or in the month before. ended: none goes on after it.
    orphaned: how many of the person's merge requests have been nobody's since its end, and are open.
    """

    team: str
    manager: bool
    first: date
    end: date | None
    began: bool
    ended: bool
    orphaned: int

    def holds(self, day: date) -> bool:
        """Whether the day lies in it."""
        return self.first <= day and (self.end is None or day < self.end)


@dataclass(frozen=True, slots=True)
class _Member:
    """Somebody who is or was in the team or one below it, with every stretch anywhere, by team."""

    person_id: str
    name: str
    username: str | None
    stretches: list[_Stretch]


def _members(
    session: Session, node: Node, inside: Collection[str], first: date, last: date, today: date
) -> list[_Member]:
    """Everybody who was ever in the team or one below it, by name. One statement.

    What is told of an employment and of orphaned work is told of changes from first to last alone.
    """
    membership, person = EffectiveMembership, EffectivePerson
    username = (
        select(EffectiveIdentity.person_id, func.min(EffectiveIdentity.username).label("username"))
        .group_by(EffectiveIdentity.person_id)
        .subquery()
    )
    employment = EffectiveEmployment
    employed = select(employment.person_id).where(employment.person_id == membership.person_id)
    began = employed.where(
        employment.start_date > membership.valid_from - NEW_FOR,
        employment.start_date <= membership.valid_from,
    ).exists()
    goes_on = employed.where(
        employment.start_date <= membership.valid_to,
        func.coalesce(employment.end_date >= membership.valid_to, True),
    ).exists()
    ended = and_(employed.exists(), not_(goes_on))
    rows = session.execute(
        select(
            membership.person_id,
            person.name,
            username.c.username,
            membership.team,
            membership.role == "manager",
            membership.valid_from,
            membership.valid_to,
            case((membership.valid_from.between(first, last), began), else_=False),
            case((membership.valid_to.between(first, last), ended), else_=False),
            case((membership.valid_to.between(first, last), _left_open(node, today)), else_=0),
        )
        .join(person, person.person_id == membership.person_id)
        .outerjoin(username, username.c.person_id == membership.person_id)
        .where(
            membership.person_id.in_(
                select(EffectiveMembership.person_id).where(EffectiveMembership.team.in_(inside))
            )
        )
        .order_by(person.name, membership.person_id, membership.team, membership.valid_from)
    )
    members: dict[str, _Member] = {}
    for person_id, name, known, *stretch in rows:
        member = members.setdefault(person_id, _Member(person_id, name, known, []))
        member.stretches.append(_Stretch(*stretch))
    return list(members.values())


def _left_open(node: Node, today: date) -> ScalarSelect[int]:
    """How many open merge requests have been orphaned since the end of a person's membership."""
    facts, span, account = MergeRequestFacts, AttributionSpan, Account
    names = union_all(
        select(func.lower(account.username)).correlate(account),
        select(FormerUsername.username)
        .where(FormerUsername.account_id == account.id)
        .correlate(account),
    )
    declared = (
        select(EffectiveIdentity.username)
        .where(
            EffectiveIdentity.person_id == EffectiveMembership.person_id,
            EffectiveIdentity.username.in_(names),
        )
        .correlate(EffectiveMembership, account)
        .exists()
    )
    return (
        select(func.count())
        .select_from(span)
        .join(facts, facts.author_id == span.account_id)
        .join(account, account.id == span.account_id)
        .where(
            span.team_id == node.id,
            span.orphaned,
            # Whose account it is was decided there: the names only tell several leavers of a day apart.
            span.first_day == EffectiveMembership.valid_to,
            span.end_day > today,
            facts.counted,
            facts.ended_at.is_(None),
            or_(declared, account.email == func.lower(EffectivePerson.email)),
        )
        .correlate(EffectiveMembership, EffectivePerson)
        .scalar_subquery()
    )


def _people(members: Iterable[_Member], inside: Collection[str], day: date) -> list[Person]:
    """The members on a day, by name; `manager` is who manages one of the teams inside."""
    people: list[Person] = []
    for member in members:
        present = [each for each in member.stretches if each.team in inside and each.holds(day)]
        if present:
            people.append(
                Person(
                    person_id=member.person_id,
                    name=member.name,
                    username=member.username,
                    role="manager" if any(each.manager for each in present) else "member",
                )
            )
    return people


def _membership_changes(
    members: Iterable[_Member],
    inside: Collection[str],
    shown: Collection[str],
    first: date,
    last: date,
) -> list[MembershipChange]:
    """Who joined or left one of the teams inside from first to last, newest first.

    A change of role is none. A move within is one change: joined, with where from. shown: the teams
    that may be named.
    """
    changes: list[MembershipChange] = []
    for member in members:
        own = _joined(member.stretches)
        for stretch in own:
            if stretch.team not in inside:
                continue
            came_from = [each.team for each in own if each.end == stretch.first]
            goes_to = [each.team for each in own if each.first == stretch.end]
            if first <= stretch.first <= last:
                began = "began" if stretch.began and not came_from else None
                changes.append(_change("joined", member, stretch, came_from, shown, began))
            within = any(slug in inside for slug in goes_to)
            if stretch.end is not None and first <= stretch.end <= last and not within:
                ended = "ended" if stretch.ended and not goes_to else None
                changes.append(_change("left", member, stretch, goes_to, shown, ended))
    return sorted(changes, key=lambda change: (-change.day.toordinal(), change.person, change.kind))


def _joined(stretches: Iterable[_Stretch]) -> list[_Stretch]:
    """Stretches in one team that touch become one: between them only the role was another."""
    joined: list[_Stretch] = []
    for each in stretches:
        before = joined[-1] if joined else None
        if before is not None and before.team == each.team and before.end == each.first:
            joined[-1] = replace(each, first=before.first, began=before.began)
        else:
            joined.append(each)
    return joined


def _change(
    kind: str,
    member: _Member,
    stretch: _Stretch,
    elsewhere: Sequence[str],
    shown: Collection[str],
    employment: str | None,
) -> MembershipChange:
    known = [slug for slug in elsewhere if slug in shown]
    left = kind == "left"
    day = stretch.end if left else stretch.first
    assert day is not None
    return MembershipChange(
        day=day,
        person=member.name,
        kind=kind,
        team=stretch.team,
        elsewhere=known[0] if known else None,
        employment=employment,
        orphaned=stretch.orphaned if left and not elsewhere else 0,
    )
