"""`/api/v1/restatements`: which values of the past came out differently later, and why."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from app.api.listing import PAGE, Cursor, Listed, respond_with_page
from app.api.problems import TABLE_OR_PROBLEMS
from app.api.request import Configured, Paged, Reading
from app.api.shapes.restatements import RestatementAnswer
from app.metrics import queries

router = APIRouter(prefix="/api/v1/restatements", tags=["restatements"])


class RestatementParameters(Paged):
    """Which restatements."""

    from_: Annotated[
        str | None,
        Field(
            alias="from",
            description="First day or month in which they happened; else 31 days back.",
        ),
    ] = None
    to: Annotated[
        str | None, Field(description="Last day or month, inclusive; by default today.")
    ] = None
    team: Annotated[str | None, Field(description="Slug of a team; by default all.")] = None
    indicator: Annotated[str | None, Field(description="Key of an indicator; by default all.")] = (
        None
    )


@router.get("", response_model=Listed[RestatementAnswer], responses=TABLE_OR_PROBLEMS)
def list_restatements(
    request: Request,
    session: Reading,
    settings: Configured,
    asked: Annotated[RestatementParameters, Query()],
) -> Response:
    """Values of periods that were over and came out differently later, newest first."""
    cursor = Cursor(request)
    before: tuple[datetime, int] | None = None
    if asked.cursor is not None:
        at, number = cursor.read(asked.cursor, str, int)
        before = (datetime.fromisoformat(at), number)
    limit = asked.limit or (None if asked.format == "csv" else PAGE)
    found = queries.restatements(
        session,
        settings,
        from_=asked.from_,
        to=asked.to,
        team=asked.team,
        indicator=asked.indicator,
        limit=None if limit is None else limit + 1,
        before=before,
    )
    shown = found[:limit]
    next_ = None
    if len(found) > len(shown):
        next_ = cursor.write(shown[-1].superseded_at.isoformat(), shown[-1].id)
    items = [
        RestatementAnswer.model_validate(
            {name: getattr(each, name) for name in RestatementAnswer.model_fields}
        )
        for each in shown
    ]
    return respond_with_page(request, asked, RestatementAnswer, items, next_)
