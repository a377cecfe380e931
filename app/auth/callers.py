"""Who asks and which roles they have: from a session or a token, the grants, and the memberships."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.auth import sessions, tokens
from app.auth.access import Access, Caller, Role
from app.metrics.calendar import local_day
from app.settings import AuthSettings, Settings
from app.store.tables import (
    ApiToken,
    EffectiveIdentity,
    EffectiveMembership,
    EffectivePerson,
    SignedIn,
)

OF_TEAMS = (Role.MANAGER, Role.DIRECTOR)
"""Roles that somebody has of some teams; the others are of all."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """A caller with their access. due: it is time to note that they are still there."""

    access: Access
    row: SignedIn | ApiToken
    due: bool


def by_session(
    session: Session, settings: Settings, session_id: str, now: datetime, address: str
) -> Recognised | None:
    """Who has the session; None if it is over."""
    found = sessions.find(session, session_id, settings.auth, now)
    if found is None:
        return None
    caller = Caller(f"user:{found.subject}", found.name, address)
    access = access_of_user(session, settings, found, caller, now)
    return Recognised(access, found, sessions.is_due(found, now))


def by_token(
    session: Session, settings: Settings, token: str, now: datetime, address: str
) -> Recognised | None:
    """Whose token it is; None if it is worth nothing."""
    found = tokens.find(session, token, now)
    if found is None:
        return None
    caller = Caller(f"token:{found.id}", found.name, address)
    access = access_of_role(settings.auth, caller, Role(found.role), found.teams)
    return Recognised(access, found, tokens.is_due(found, now))


def access_of_role(
    auth: AuthSettings, caller: Caller, role: Role, teams: Collection[str]
) -> Access:
    """What somebody sees who has this one role; teams: slugs, of a manager and a director alone."""
    return access_of_roles(auth, caller, {role}, frozenset(teams if role in OF_TEAMS else ()))


def access_of_user(
    session: Session, settings: Settings, who: SignedIn, caller: Caller, now: datetime
) -> Access:
    """What somebody may see today: by grants for them or a group of theirs, as the manager of teams."""
    auth = settings.auth
    roles: set[Role] = {Role.VIEWER} if auth.everyone == "viewer" else set()
    own: set[str] = set()
    for grant in auth.grants:
        # `sub` is compared as it stands: two of them may differ in nothing but upper and lower case.
        named = who.subject in grant.users or who.email in {each.lower() for each in grant.users}
        if named or not set(grant.groups).isdisjoint(who.groups):
            roles.add(Role(grant.role))
            own.update(grant.teams)
    if auth.leaders:
        led = _led_teams(session, settings, who, now)
        if led:
            roles.add(Role.MANAGER)
            own.update(led)
    return access_of_roles(auth, caller, roles, frozenset(own))


def access_of_roles(
    auth: AuthSettings, caller: Caller, roles: set[Role], own: frozenset[str]
) -> Access:
    """What somebody sees who has these roles, and these teams."""
    sees_all = bool(roles & {Role.VIEWER, Role.ADMIN})
    others = sees_all or (bool(roles) and auth.other_teams == "viewer")
    return Access(
        caller=caller,
        roles=frozenset(roles),
        own=own,
        others=others,
        others_merge_requests=others and auth.viewers_see_merge_requests,
    )


def _led_teams(session: Session, settings: Settings, who: SignedIn, now: datetime) -> Sequence[str]:
    """The teams that somebody manages today, as the memberships of the person they are say.

    A person is found by the e-mail address, or by the account; where several people share an address,
    nobody is.
    """
    people = []
    if who.email:
        by_email = select(EffectivePerson.person_id).where(
            func.lower(EffectivePerson.email) == who.email
        )
        people.append(list(session.scalars(by_email)))
    if who.username:
        by_username = select(EffectiveIdentity.person_id).where(
            EffectiveIdentity.username == who.username
        )
        people.append(list(session.scalars(by_username)))
    persons = {found[0] for found in people if len(found) == 1}
    if len(persons) != 1 or any(len(found) > 1 for found in people):
        return []
    today = local_day(now, settings.reporting.zone)
    membership = EffectiveMembership
    return list(
        session.scalars(
            select(membership.team)
            .where(
                membership.person_id == persons.pop(),
                membership.role == "manager",
                membership.valid_from <= today,
                or_(membership.valid_to.is_(None), membership.valid_to > today),
            )
            .distinct()
        )
    )
