"""The page `/account`: who somebody is here, what they may see, and their tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from app.auth import granting, sessions, tokens
from app.auth.access import Access, Right, Role, Sees, decide, lineage
from app.errors import InvalidValueError
from app.metrics.calendar import local_day
from app.metrics.teams import Node, Tree, load_tree
from app.settings import Settings
from app.store.tables import ApiToken
from dashboards import formatting, signed_in
from dashboards.forms import Filled

USUAL_DAYS = 90
"""From today to the last day that the form proposes."""

ROLE_WORDS: Mapping[Role, str] = {
    Role.VIEWER: "values of all teams, no names",
    Role.MANAGER: "own teams and everything below them, with merge requests and names",
    Role.DIRECTOR: "own teams and everything below them, with merge requests and names",
    Role.ADMIN: "values of all teams, no names; how it runs, and who did what",
}
RIGHT_WORDS: Mapping[Right, str] = {
    Right.VALUES: "Values, and which teams there are",
    Right.MERGE_REQUESTS: "Merge requests behind them",
    Right.PEOPLE: "Names: members, leavers, evidence of people",
    Right.OPERATION: "Runs and the quality of the data",
    Right.AUDIT: "Who did what, and everybody’s tokens",
}
OWN_TEAMS, ALL_TEAMS, NOTHING, YES = "own teams", "all teams", "no", "yes"


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenRow:
    """A token as a row of a table. revoke: the words of its button; empty: it works no more."""

    token: ApiToken
    teams: str
    made: str
    used: str
    until: str
    mark: str
    colour: str
    state: str
    revoke: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Something to choose in a form, with its name for a reader."""

    value: str
    words: str
    chosen: bool


def reach(access: Access, right: Right) -> str:
    """Of which teams somebody may see what a right is about: own ones, all, or none."""
    if right in (Right.OPERATION, Right.AUDIT):
        return YES if decide(access, right) else NOTHING
    everywhere = access.others if right is Right.VALUES else decide(access, right)
    if everywhere:
        return ALL_TEAMS
    return OWN_TEAMS if access.own and decide(access, right, access.own) else NOTHING


def view(
    session: Session,
    settings: Settings,
    now: datetime,
    *,
    current: bytes,
    filled: Filled | None = None,
    problem: InvalidValueError | None = None,
    made: str | None = None,
) -> dict[str, object]:
    """What `account.html` draws for whom the session answers to.

    current: the hash of the session that asks. filled: the form for a token as it was sent, where it was
    refused; problem: why. made: the token that was just made, which nobody will see again.
    """
    access, tree = Sees.of(session).access, load_tree(session)
    subject = tokens.maker(access.caller)
    first, last = granting.last_days(now, settings)
    proposed = str(first + timedelta(days=USUAL_DAYS))
    shown = filled or Filled()
    return {
        "name": access.caller.name,
        "provider": urlsplit(settings.auth.issuer).hostname,
        "facts": _facts(session, access, subject),
        "roles": [(role.value, ROLE_WORDS[role]) for role in Role if role in access.roles],
        "teams": [tree.find(slug, "team") for slug in sorted(access.own) if slug in tree],
        "missing": [slug for slug in sorted(access.own) if slug not in tree],
        "rights": [(words, reach(access, right)) for right, words in RIGHT_WORDS.items()],
        "tokens": [
            token_row(each, tree, settings, now)
            for each in tokens.listed(session, now, made_by=subject)
        ],
        "role_choices": [
            Choice(
                value=role.value,
                words=ROLE_WORDS[role],
                chosen=role == shown.get("role"),
            )
            for role in granting.grantable(access, tree)
        ],
        "team_choices": [
            Choice(
                value=node.slug,
                words=_with_parents(node, tree),
                chosen=node.slug in shown.all("teams"),
            )
            for node in _own(access, tree)
        ],
        "days": {"first": str(first), "last": str(last)},
        "filled": {
            "name": shown.get("name"),
            "last_day": shown.get("last_day") or proposed,
        },
        "problem": None if problem is None else f"{problem}",
        "wrong": None if problem is None else problem.field,
        "made": made,
        **signed_in.own(session, settings, now, subject, current),
    }


def wanted(filled: Filled) -> granting.Wanted:
    """The token that a form asks for. Raises InvalidValueError for a day that is none."""
    text = filled.get("last_day")
    try:
        last_day = date.fromisoformat(text)
    except ValueError as error:
        raise InvalidValueError(
            f"{text!r:.40} is no day such as 2027-01-31.", "last_day"
        ) from error
    return granting.Wanted(
        name=filled.get("name"),
        role=filled.get("role"),
        teams=filled.all("teams"),
        last_day=last_day,
    )


def token_row(token: ApiToken, tree: Tree, settings: Settings, now: datetime) -> TokenRow:
    """A token for a table."""
    zone = settings.reporting.zone
    if token.revoked_at is not None:
        mark, colour, state = "no_data", "none", "revoked"
    elif token.expires_at <= now:
        mark, colour, state = "no_data", "none", "over"
    else:
        mark, colour, state = "on_target", "ok", "works"
    names = [tree.find(slug, "team").name if slug in tree else slug for slug in token.teams]
    used = token.last_used_at
    return TokenRow(
        token=token,
        teams=formatting.listed(names) if names else "all",
        made=formatting.day(local_day(token.created_at, zone)),
        used="never" if used is None else formatting.instant(used, zone),
        until=formatting.day(local_day(token.expires_at - timedelta(microseconds=1), zone)),
        mark=mark,
        colour=colour,
        state=state,
        revoke=f"Revoke {token.name}" if state == "works" else "",
    )


def _facts(session: Session, access: Access, subject: str) -> list[tuple[str, str]]:
    """What the provider said of somebody when they last signed in."""
    found = sessions.newest(session, subject)
    if found is None:
        return []
    told = {
        "E-mail": found.email,
        "GitLab account": found.username,
        "Groups": " ".join(found.groups) or "none",
        "Known to the provider as": found.subject,
    }
    return [(words, value) for words, value in told.items() if value]


def _own(access: Access, tree: Tree) -> Sequence[Node]:
    """The teams that are somebody's, those below them included, as the tree has them."""
    return [node for node in tree if not access.own.isdisjoint(lineage(tree, node.slug))]


def _with_parents(node: Node, tree: Tree) -> str:
    """`Product, Checkout`: the root alone is left out above others."""
    above = [each.name for each in tree.ancestors(node.slug)[1:]]
    return ", ".join((*above, node.name))
