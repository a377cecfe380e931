"""Making and revoking tokens: who may give which rights away, and what a token has to say."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from app.auth import audit, tokens
from app.auth.access import Access, ForbiddenError, Right, Role, decide, lineage
from app.auth.callers import OF_TEAMS
from app.errors import InvalidValueError, NotFoundError
from app.metrics.calendar import local_day, local_midnight
from app.metrics.teams import Tree, load_tree
from app.settings import Settings

LONGEST_DAYS = 366
"""From today to the last day of a token."""

LONGEST_NAME = 100
MOST = 50
"""Tokens of one person that work at the same time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A token that somebody wants. teams: slugs, of a manager and a director alone.

    last_day: the last local day on which it works.
    """

    name: str
    role: str
    teams: Sequence[str]
    last_day: date


def may_grant(access: Access, role: Role, teams: Collection[str], tree: Tree) -> bool:
    """Whether somebody may make a token that is this in these teams: no answer through it shows more
    than they may see themselves. tree: of today."""
    if access.everything:
        return True
    match role:
        case Role.VIEWER:
            return access.others
        case Role.ADMIN:
            return Role.ADMIN in access.roles
        case Role.MANAGER | Role.DIRECTOR:
            return bool(teams) and all(
                not access.own.isdisjoint(lineage(tree, team)) for team in teams
            )


def grantable(access: Access, tree: Tree) -> list[Role]:
    """The roles that somebody may give to a token, of some team at least."""
    return [role for role in Role if may_grant(access, role, access.own & set(_slugs(tree)), tree)]


def last_days(now: datetime, settings: Settings) -> tuple[date, date]:
    """The first and the last day that may be the last one of a token."""
    today = local_day(now, settings.reporting.zone)
    return today, today + timedelta(days=LONGEST_DAYS)


def grant(
    session: Session, settings: Settings, access: Access, wanted: Wanted, now: datetime
) -> tuple[int, str]:
    """Makes a token and writes that down; answers its id and the token itself. The caller commits.

    session: one that is not restricted. Raises InvalidValueError that names what is wrong about it, and
    ForbiddenError for more than whoever wants it may see.
    """
    name = wanted.name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidValueError(
            f"A token needs a name of 1 to {LONGEST_NAME} characters that says what it is for.",
            "name",
        )
    if wanted.role not in set(Role):
        raise InvalidValueError(f"role {wanted.role!r:.40} is none of {', '.join(Role)}.", "role")
    role, tree = Role(wanted.role), load_tree(session)
    teams = sorted(set(wanted.teams))
    _check_teams(role, teams, tree)
    if not may_grant(access, role, teams, tree):
        raise ForbiddenError(
            "A token cannot see more than you see yourself.",
            f"You are {', '.join(sorted(access.roles))} here.",
        )
    first, last = last_days(now, settings)
    if not first <= wanted.last_day <= last:
        raise InvalidValueError(
            f"The last day must be one from {first} to {last}, not {wanted.last_day}.", "last_day"
        )
    made_by = tokens.maker(access.caller)
    if len(tokens.listed(session, now, made_by=made_by, ended_for=timedelta(0))) >= MOST:
        raise InvalidValueError(
            f"There are {MOST} tokens that work already.", "name", "Revoke one that nobody uses."
        )
    expires_at = local_midnight(wanted.last_day + timedelta(days=1), settings.reporting.zone)
    token_id, token = tokens.make(
        session,
        name=name,
        role=role,
        teams=teams,
        expires_at=expires_at,
        made_by=access.caller,
        now=now,
    )
    details = {"name": name, "role": role.value, "teams": teams, "last_day": str(wanted.last_day)}
    audit.record(
        session, audit.TOKEN_MADE, access.caller, object=f"token:{token_id}", details=details
    )
    return token_id, token


def withdraw(session: Session, access: Access, token_id: int, now: datetime) -> str:
    """Revokes a token and writes that down; answers its name. The caller commits.

    Admins revoke everybody's, others what they made. Raises NotFoundError (field `token_id`) for one
    that is not theirs, or does not work any more.
    """
    everybodys = decide(access, Right.AUDIT)
    made_by = None if everybodys else tokens.maker(access.caller)
    name = tokens.revoke(session, token_id, now, made_by)
    if name is None:
        whose = "token" if everybodys else "token of yours"
        raise NotFoundError(f"There is no {whose} {token_id} that works.", "token_id")
    audit.record(
        session,
        audit.TOKEN_REVOKED,
        access.caller,
        object=f"token:{token_id}",
        details={"name": name},
    )
    return name


def _check_teams(role: Role, teams: Sequence[str], tree: Tree) -> None:
    if role not in OF_TEAMS:
        if teams:
            raise InvalidValueError(
                f"A token of the role {role} is of all teams: leave teams out.", "teams"
            )
        return
    if not teams:
        raise InvalidValueError(f"Say of which teams the token is {role}.", "teams")
    unknown = [team for team in teams if team not in tree]
    if unknown:
        raise InvalidValueError(f"There is no team {unknown[0]!r:.80}.", "teams")


def _slugs(tree: Tree) -> list[str]:
    return [node.slug for node in tree]
