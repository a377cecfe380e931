"""`/api/v1/runs`: what the collectors did."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.api.listing import PAGE, Cursor, Listed, respond_with_page
from app.api.problems import TABLE_OR_PROBLEMS
from app.api.request import Paged, Reading
from app.api.shapes.operation import RunAnswer
from app.metrics import queries

router = APIRouter(prefix="/api/v1/runs", tags=["runs"])


@router.get("", response_model=Listed[RunAnswer], responses=TABLE_OR_PROBLEMS)
def list_runs(request: Request, session: Reading, asked: Annotated[Paged, Query()]) -> Response:
    """Runs of the collectors, newest first."""
    cursor = Cursor(request)
    before: int | None = None
    if asked.cursor is not None:
        [before] = cursor.read(asked.cursor, int)
    limit = asked.limit or (None if asked.format == "csv" else PAGE)
    found = queries.runs(session, limit=None if limit is None else limit + 1, before=before)
    shown = found[:limit]
    next_ = cursor.write(shown[-1].id) if len(found) > len(shown) else None
    items = [RunAnswer.of(run) for run in shown]
    return respond_with_page(request, asked, RunAnswer, items, next_)
