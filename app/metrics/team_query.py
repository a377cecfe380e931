"""One team as its page shows it: people on a day, owned projects, membership changes, targets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.metrics import INDICATORS, periods
from app.metrics.answers import MembershipChange, Person, Team
from app.metrics.points import load_basis, running_day
from app.metrics.teams import Node, Tree
from app.settings import Settings
from app.store.tables import (
    EffectiveIdentity,
    EffectiveMembership,
    EffectivePerson,
    Project,
    ProjectOwner,
    TeamMemberSpan,
)


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
    subtree = basis.tree.subtree(node.slug)
    people = _people(session, node, subtree, day)
    targets = (basis.targets.in_force(each, node.slug, day) for each in INDICATORS)
    return Team(
        slug=node.slug,
        name=node.name,
        parent=node.parent,
        ancestors=[(each.slug, each.name) for each in basis.tree.ancestors(node.slug)],
        children=[(each.slug, each.name) for each in basis.tree.children(node.slug)],
        on=day,
        headcount=len(people),
        managers=_managers(session, node, people, day),
        people=people,
        owns=list(node.owns),
        projects=_projects(session, node),
        membership_changes=_membership_changes(session, basis.tree, subtree, first, last),
        targets=[target for target in targets if target is not None],
    )


def _people(session: Session, node: Node, subtree: Iterable[Node], day: date) -> list[Person]:
    """The members of a team on a day, by name; `manager` is who manages it or a team below it."""
    username = (
        select(func.min(EffectiveIdentity.username))
        .where(EffectiveIdentity.person_id == EffectivePerson.person_id)
        .scalar_subquery()
    )
    manages = (
        select(EffectiveMembership.person_id)
        .where(
            EffectiveMembership.team.in_([each.slug for each in subtree]),
            EffectiveMembership.role == "manager",
            EffectiveMembership.valid_from <= day,
            (EffectiveMembership.valid_to.is_(None)) | (EffectiveMembership.valid_to > day),
        )
        .distinct()
    )
    rows = session.execute(
        select(
            EffectivePerson.person_id,
            EffectivePerson.name,
            username,
            EffectivePerson.person_id.in_(manages),
        )
        .join(TeamMemberSpan, TeamMemberSpan.person_id == EffectivePerson.person_id)
        .where(
            TeamMemberSpan.team_id == node.id,
            TeamMemberSpan.first_day <= day,
            TeamMemberSpan.end_day > day,
        )
        .distinct()
        .order_by(EffectivePerson.name, EffectivePerson.person_id)
    )
    return [
        Person(
            person_id=person_id, name=name, username=known, role="manager" if manager else "member"
        )
        for person_id, name, known, manager in rows
    ]


def _managers(session: Session, node: Node, people: Sequence[Person], day: date) -> list[Person]:
    """Who manages the team itself on a day, by name."""
    own = set(
        session.scalars(
            select(EffectiveMembership.person_id).where(
                EffectiveMembership.team == node.slug,
                EffectiveMembership.role == "manager",
                EffectiveMembership.valid_from <= day,
                (EffectiveMembership.valid_to.is_(None)) | (EffectiveMembership.valid_to > day),
            )
        )
    )
    return [person for person in people if person.person_id in own]


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
    """Days of a person in one team, from first up to, not including, end (None while open)."""

    team: str
    first: date
    end: date | None


def _membership_changes(
    session: Session, tree: Tree, subtree: Iterable[Node], first: date, last: date
) -> list[MembershipChange]:
    """Who joined or left the team or one below it from first to last, newest first.

    A change of role is none. A move within the team is one change: joined, with where from.
    """
    inside = {node.slug for node in subtree}
    shown = {node.slug for node in tree}
    concerned = select(EffectiveMembership.person_id).where(EffectiveMembership.team.in_(inside))
    rows = session.execute(
        select(
            EffectiveMembership.person_id,
            EffectivePerson.name,
            EffectiveMembership.team,
            EffectiveMembership.valid_from,
            EffectiveMembership.valid_to,
        )
        .join(EffectivePerson, EffectivePerson.person_id == EffectiveMembership.person_id)
        .where(EffectiveMembership.person_id.in_(concerned))
        .order_by(
            EffectiveMembership.person_id, EffectiveMembership.team, EffectiveMembership.valid_from
        )
    )
    stretches: dict[tuple[str, str], list[_Stretch]] = {}
    for person_id, name, slug, valid_from, valid_to in rows:
        own = stretches.setdefault((person_id, name), [])
        if own and own[-1].team == slug and own[-1].end == valid_from:
            own[-1] = _Stretch(slug, own[-1].first, valid_to)
        else:
            own.append(_Stretch(slug, valid_from, valid_to))
    changes: list[MembershipChange] = []
    for (_, name), own in stretches.items():
        for stretch in own:
            if stretch.team not in inside:
                continue
            came_from = [each.team for each in own if each.end == stretch.first]
            goes_to = [each.team for each in own if each.first == stretch.end]
            if first <= stretch.first <= last:
                changes.append(
                    _change("joined", name, stretch.team, stretch.first, came_from, shown)
                )
            within = any(slug in inside for slug in goes_to)
            if stretch.end is not None and first <= stretch.end <= last and not within:
                changes.append(_change("left", name, stretch.team, stretch.end, goes_to, shown))
    return sorted(changes, key=lambda change: (-change.day.toordinal(), change.person, change.kind))


def _change(
    kind: str, person: str, team: str, day: date, elsewhere: Sequence[str], shown: set[str]
) -> MembershipChange:
    known = [slug for slug in elsewhere if slug in shown]
    return MembershipChange(
        day=day, person=person, kind=kind, team=team, elsewhere=known[0] if known else None
    )
