"""What each address needs: one explicit list, asked before anything is answered. An address that is
not in it answers to nobody."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session
from starlette.requests import Request

from app.auth import audit
from app.auth.access import (
    EVERYTHING,
    NOTHING,
    Access,
    ForbiddenError,
    Right,
    decide,
    refusal,
    require,
    restrict,
    right_of_evidence,
)
from app.errors import NotFoundError
from app.metrics import get_indicator
from app.store.tables.organisation import ROOT_TEAM


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What a route needs.

    team: where the slug of its team stands: `slug` in the path, or this name in the query, the whole
    organisation unless given; None: it is about no single team. evidence: it lists what is behind an
    indicator, which are people or merge requests. file: it is a file to be sent on.
    """

    route: str
    right: Right
    team: str | None = None
    evidence: bool = False
    file: bool = False


RULES: tuple[Rule, ...] = (
    Rule(route="/", right=Right.VALUES),
    Rule(route="/teams/{slug}", right=Right.VALUES, team="slug"),
    Rule(route="/teams/{slug}/report", right=Right.PEOPLE, team="slug", file=True),
    Rule(route="/indicators/{key}", right=Right.VALUES, team="team"),
    Rule(route="/indicators/{key}/evidence", right=Right.VALUES, team="team", evidence=True),
    Rule(route="/data", right=Right.OPERATION),
    Rule(route="/account", right=Right.OWN),
    Rule(route="/account/tokens", right=Right.ANY),
    Rule(route="/account/tokens/{token_id}/revoke", right=Right.ANY),
    Rule(route="/account/sessions/end", right=Right.OWN),
    Rule(route="/audit/sessions/end", right=Right.AUDIT),
    Rule(route="/audit", right=Right.AUDIT),
    Rule(route="/openapi.json", right=Right.ANY),
    Rule(route="/metrics", right=Right.OPERATION),
    Rule(route="/api/v1/indicators", right=Right.ANY),
    Rule(route="/api/v1/indicators/{key}/series", right=Right.VALUES, team="team"),
    Rule(route="/api/v1/indicators/{key}/compare", right=Right.VALUES, team="parent"),
    Rule(route="/api/v1/indicators/{key}/evidence", right=Right.VALUES, team="team", evidence=True),
    Rule(route="/api/v1/teams", right=Right.ANY),
    Rule(route="/api/v1/teams/{slug}", right=Right.VALUES, team="slug"),
    Rule(route="/api/v1/teams/{slug}/scorecard", right=Right.VALUES, team="slug"),
    Rule(route="/api/v1/teams/{slug}/attention", right=Right.MERGE_REQUESTS, team="slug"),
    Rule(route="/api/v1/restatements", right=Right.VALUES),
    Rule(route="/api/v1/runs", right=Right.OPERATION),
    Rule(route="/api/v1/data-quality", right=Right.OPERATION),
    Rule(route="/api/v1/audit", right=Right.AUDIT),
)
BY_ROUTE: Mapping[str, Rule] = {each.route: each for each in RULES}


def access_for(request: Request) -> Access:
    """The access of who asks: everything where nobody signs in, nothing for a stranger elsewhere."""
    signed_in = request.app.state.settings.auth.mode != "none"
    found = getattr(request.state, "access", NOTHING if signed_in else EVERYTHING)
    assert isinstance(found, Access)
    return found


def session_of(request: Request) -> bytes | None:
    """The hash of the session that asks; None: a script asks, or nobody signs in here."""
    found: bytes | None = getattr(request.state, "session", None)
    return found


def rule_of(request: Request) -> Rule:
    """The rule of the route that answers. Raises ForbiddenError where there is none."""
    route = getattr(request.scope.get("route"), "path", "")
    rule = BY_ROUTE.get(route)
    if rule is None:
        raise ForbiddenError("Nobody may see this address.")
    return rule


def authorise(request: Request, session: Session) -> None:
    """Lets the session answer to who asks, as far as they may see what they ask for.

    Raises ForbiddenError. Writes down who looks at names and takes files, where people sign in.
    """
    access = access_for(request)
    restrict(session, access)
    if access.everything:
        return
    rule = rule_of(request)
    team = _team(rule, request)
    require(session, rule.right, team)
    if rule.evidence:
        right = _right_of_evidence(str(request.path_params.get("key", "")))
        require(session, right, team)
        if right is Right.PEOPLE:
            _write_down(request, audit.PEOPLE_SEEN, access)
    if rule.file or request.query_params.get("format") == "csv":
        _write_down(request, audit.EXPORTED, access)


def authorise_without_data(request: Request) -> None:
    """As `authorise`, for a route that is about no team. Raises ForbiddenError."""
    access, rule = access_for(request), rule_of(request)
    if not decide(access, rule.right):
        raise refusal(access, rule.right)


def _team(rule: Rule, request: Request) -> str | None:
    if rule.team is None:
        return None
    if rule.team == "slug":
        return str(request.path_params["slug"])
    return request.query_params.get(rule.team) or ROOT_TEAM


def _right_of_evidence(key: str) -> Right:
    try:
        return right_of_evidence(get_indicator(key))
    except NotFoundError:
        return Right.VALUES  # whoever answers says that there is no such indicator


def _write_down(request: Request, action: audit.Action, access: Access) -> None:
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    with request.app.state.writing.begin() as session:
        audit.record(session, action, access.caller, object=address[:500])
    # Whoever comes again has to come here again: what is kept of answers is given away unseen.
    request.state.written_down = True
