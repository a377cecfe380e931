"""What somebody may see: one function decides, and everything that answers asks it.

An answer is drawn from a session of the database, which carries the access of who asked: what a
session does not carry, nobody may see.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from sqlalchemy.orm import Session

from app.errors import AppError
from app.metrics.indicator import Indicator
from app.metrics.teams import VISIBLE_TEAMS, Tree, load_tree


class Role(StrEnum):
    """What somebody is. Who has several may do what any of them may."""

    VIEWER = "viewer"
    MANAGER = "manager"
    DIRECTOR = "director"
    ADMIN = "admin"


class Right(StrEnum):
    """What there is to see."""

    OWN = "own"
    """One's own account, also without any role."""
    ANY = "any"
    """What everybody who has a role may see: which indicators and teams there are."""
    VALUES = "values"
    """The values of a team."""
    MERGE_REQUESTS = "merge_requests"
    """The merge requests behind a team's values, and what waits in it."""
    PEOPLE = "people"
    """Names: who is in a team, who joined and left, who is behind the indicators of people."""
    OPERATION = "operation"
    """Runs, data quality, and what a monitoring system reads."""
    AUDIT = "audit"
    """Who did what, and everybody's tokens."""


WORDS = {
    Right.OWN: "this",
    Right.ANY: "this",
    Right.VALUES: "the values of this team",
    Right.MERGE_REQUESTS: "the merge requests of this team",
    Right.PEOPLE: "the people of this team",
    Right.OPERATION: "the runs and the quality of the data",
    Right.AUDIT: "who did what",
}


class ForbiddenError(AppError):
    """Somebody asked for what they may not see. HTTP 403."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. id: `user:SUBJECT`, `token:ID`, empty where nobody signs in. name: as they are called.

    address: where the question came from, as far as known.
    """

    id: str = ""
    name: str = ""
    address: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """What a caller may see.

    roles: all that they have. own: slugs of the teams that are theirs, each with everything below it.
    others: whether they see values of teams that are not theirs. others_merge_requests: whether they
    then also see the merge requests behind them. everything: nobody signs in here.
    """

    caller: Caller = Caller()
    roles: frozenset[Role] = frozenset()
    own: frozenset[str] = frozenset()
    others: bool = False
    others_merge_requests: bool = False
    everything: bool = False

    @property
    def key(self) -> bytes:
        """The same for whoever is answered alike; who it is has a part in it, pages tell it."""
        told = (
            (self.caller.id, self.caller.name),
            (sorted(self.roles), sorted(self.own)),
            (self.others, self.others_merge_requests, self.everything),
        )
        return blake2b(repr(told).encode(), digest_size=16).digest()

    @property
    def needs_a_team(self) -> bool:
        """Whether what they see differs from team to team."""
        return bool(self.own)


EVERYTHING = Access(everything=True)
NOTHING = Access()

SEES = "sees"
"""Key of `Session.info`."""


def decide(access: Access, right: Right, lineage: Collection[str] = ()) -> bool:
    """Whether somebody may see it.

    lineage: slugs of the team and of all teams above it; empty where it is about no team, or about one
    that does not exist.
    """
    if access.everything:
        return True
    if right is Right.OWN:
        return True
    if not access.roles:
        return False
    match right:
        case Right.ANY:
            return True
        case Right.OPERATION | Right.AUDIT:
            return Role.ADMIN in access.roles
        case Right.VALUES:
            return access.others or bool(access.own)  # of which teams, `restrict` says
        case Right.MERGE_REQUESTS:
            theirs = not access.own.isdisjoint(lineage)
            return theirs or (access.others and access.others_merge_requests)
        case Right.PEOPLE:
            return not access.own.isdisjoint(lineage)


def restrict(session: Session, access: Access) -> None:
    """Lets a session answer to somebody: of teams that they may see nothing of it knows nothing.

    The tree is read here, once for the whole answer, where what they see differs from team to team.
    """
    session.info.pop(VISIBLE_TEAMS, None)
    tree = load_tree(session) if access.needs_a_team else None
    session.info[SEES] = Sees(access, tree)
    if not (access.everything or access.others):
        session.info[VISIBLE_TEAMS] = visible_to(access, tree) if tree is not None else frozenset()


def visible_to(access: Access, tree: Tree) -> frozenset[str]:
    """The slugs of the teams of which somebody may see anything: theirs, those below them, and those
    above, since values are read beside those of the whole."""
    if access.everything or access.others:
        return frozenset(each.slug for each in tree)
    visible: set[str] = set()
    for slug in access.own:
        if slug in tree:
            visible |= {each.slug for each in (*tree.ancestors(slug), *tree.subtree(slug))}
    return frozenset(visible)


def lineage(tree: Tree, slug: str) -> list[str]:
    """A team and all teams above it; empty for one that does not exist."""
    return [slug, *(each.slug for each in tree.ancestors(slug))] if slug in tree else []


class Sees:
    """What somebody may see of many teams. tree: where that differs from team to team."""

    def __init__(self, access: Access, tree: Tree | None = None) -> None:
        self.access = access
        self._tree = tree

    @classmethod
    def of(cls, session: Session) -> "Sees":
        """What whom the session answers to may see. One outside the web server answers to its
        operator."""
        found = session.info.get(SEES, ALL)
        assert isinstance(found, Sees)
        return found

    @property
    def operation(self) -> bool:
        """Whether they may see runs and the quality of the data."""
        return decide(self.access, Right.OPERATION)

    @property
    def audit(self) -> bool:
        """Whether they may see who did what."""
        return not self.access.everything and decide(self.access, Right.AUDIT)

    @property
    def account(self) -> str | None:
        """What they are called; None where nobody signs in."""
        return None if self.access.everything else self.access.caller.name

    def may(self, right: Right, team: str | None = None) -> bool:
        """Whether they may see it. team: a slug, where it is about one."""
        above = lineage(self._tree, team) if self._tree is not None and team is not None else ()
        return decide(self.access, right, above)

    def people(self, team: str) -> bool:
        """Whether they may see the names in a team."""
        return self.may(Right.PEOPLE, team)

    def merge_requests(self, team: str) -> bool:
        """Whether they may see the merge requests of a team."""
        return self.may(Right.MERGE_REQUESTS, team)

    def evidence(self, indicator: Indicator, team: str) -> bool:
        """Whether they may see what is behind an indicator of a team."""
        return self.may(right_of_evidence(indicator), team)


ALL = Sees(EVERYTHING)


def right_of_evidence(indicator: Indicator) -> Right:
    """What it takes to see what is behind an indicator: merge requests, or people and openings."""
    return Right.MERGE_REQUESTS if indicator.counts_merge_requests else Right.PEOPLE


def require(session: Session, right: Right, team: str | None = None) -> None:
    """Raises ForbiddenError unless whom the session answers to may see it."""
    sees = Sees.of(session)
    if not sees.may(right, team):
        raise refusal(sees.access, right)


def refusal(access: Access, right: Right) -> ForbiddenError:
    """Why somebody may not see it, and who could."""
    if not access.roles:
        return ForbiddenError(
            f"{access.caller.name or 'You'} signed in, but has no role here.",
            "Ask who runs teamgauge for one: [auth] grants in its configuration.",
        )
    roles = ", ".join(sorted(access.roles))
    return ForbiddenError(
        f"You may not see {WORDS[right]}: {access.caller.name} is {roles} here.",
        "Names and merge requests are shown to who manages the team or one above it."
        if right in (Right.MERGE_REQUESTS, Right.PEOPLE)
        else "",
    )
