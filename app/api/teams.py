"""`/api/v1/teams`: the tree, one team, its indicators and what waits in it."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from app.api.listing import Listed, respond, respond_with_list
from app.api.problems import PROBLEMS, TABLE_OR_PROBLEMS
from app.api.request import Configured, Paged, Parameters, Period, Reading
from app.api.shapes.indicators import ScorecardAnswer
from app.api.shapes.merge_requests import AttentionAnswer, WaitingOpeningAnswer
from app.api.shapes.teams import TeamAnswer, TeamRowAnswer
from app.auth.access import Sees
from app.metrics import queries
from app.metrics.answers import EvidenceRow

router = APIRouter(prefix="/api/v1/teams", tags=["teams"])


Slug = Annotated[str, Path(description="Slug of a team.")]


class TeamParameters(Parameters):
    """Which day and range."""

    on: Annotated[
        str | None, Field(description="The day whose members are named; by default today.")
    ] = None
    from_: Annotated[
        str | None,
        Field(
            alias="from",
            description="First day or month of the membership changes; by default 13 months back.",
        ),
    ] = None
    to: Annotated[
        str | None,
        Field(description="Last day or month of the membership changes; by default today."),
    ] = None


class ScorecardParameters(Paged):
    """Which period."""

    period: Period = None


@router.get("", response_model=Listed[TeamRowAnswer], responses=TABLE_OR_PROBLEMS)
def list_teams(
    request: Request, session: Reading, settings: Configured, asked: Annotated[Paged, Query()]
) -> Response:
    """Every team, `organisation` first, parents before children."""
    items = [TeamRowAnswer.of(row) for row in queries.teams(session, settings)]
    return respond_with_list(request, asked, TeamRowAnswer, items)


@router.get("/{slug}", response_model=TeamAnswer, responses=PROBLEMS)
def team(
    session: Reading, settings: Configured, slug: Slug, asked: Annotated[TeamParameters, Query()]
) -> Response:
    """One team: managers, people on a day, owned projects, membership changes, targets in force."""
    found = queries.team(session, settings, slug, on=asked.on, from_=asked.from_, to=asked.to)
    return respond(TeamAnswer.of(found, names=Sees.of(session).people(slug)))


@router.get(
    "/{slug}/scorecard", response_model=Listed[ScorecardAnswer], responses=TABLE_OR_PROBLEMS
)
def scorecard(
    request: Request,
    session: Reading,
    settings: Configured,
    slug: Slug,
    asked: Annotated[ScorecardParameters, Query()],
) -> Response:
    """Every indicator of one team in one period."""
    found = queries.scorecard(session, settings, slug, period=asked.period)
    items = [ScorecardAnswer.of(row) for row in found.items]
    return respond_with_list(request, asked, ScorecardAnswer, items)


@router.get(
    "/{slug}/attention",
    response_model=Listed[AttentionAnswer | WaitingOpeningAnswer],
    responses=TABLE_OR_PROBLEMS,
)
def attention(
    request: Request,
    session: Reading,
    settings: Configured,
    slug: Slug,
    asked: Annotated[Paged, Query()],
) -> Response:
    """What waits now: reviews, answers to the community, openings past their target start, orphans."""
    found = queries.attention(session, settings, slug, limit=None)
    items: list[AttentionAnswer | WaitingOpeningAnswer] = [
        *(_waiting("in_review", each.row) for each in found.oldest_in_review),
        *(_waiting("community", each.row, each.due_at) for each in found.community),
        *(
            WaitingOpeningAnswer(
                kind="opening",
                opening_id=each.opening_id,
                team=each.team,
                opened_on=each.opened_on,
                target_start_on=each.target_start_on,
                value=each.days,
            )
            for each in found.openings
        ),
        *(_waiting("orphaned", each.row) for each in found.orphaned),
    ]
    kinds = AttentionAnswer | WaitingOpeningAnswer
    return respond_with_list(request, asked, kinds, items)


def _waiting(kind: str, row: EvidenceRow, due_at: datetime | None = None) -> AttentionAnswer:
    return AttentionAnswer(kind=kind, due_at=due_at, **AttentionAnswer.fields_of(row))
