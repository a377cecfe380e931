"""`/api/v1/audit`: who did what."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from app.api.listing import PAGE, Cursor, Listed, respond_with_page
from app.api.problems import TABLE_OR_PROBLEMS
from app.api.request import Paged, Reading
from app.api.shapes.audit import AuditAnswer
from app.auth import audit

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])


class AuditParameters(Paged):
    """Which events."""

    action: Annotated[
        str | None, Field(description="Only these, such as `signed_in`; by default all.")
    ] = None


@router.get("", response_model=Listed[AuditAnswer], responses=TABLE_OR_PROBLEMS)
def list_audit(
    request: Request, session: Reading, asked: Annotated[AuditParameters, Query()]
) -> Response:
    """Who signed in, looked at names, took files, made or revoked tokens, and what changed targets and
    identities, newest first; for admins."""
    cursor = Cursor(request)
    before: int | None = None
    if asked.cursor is not None:
        [before] = cursor.read(asked.cursor, int)
    limit = asked.limit or (None if asked.format == "csv" else PAGE)
    found = audit.events(
        session,
        limit=None if limit is None else limit + 1,
        before=before,
        action=asked.action,
    )
    shown = found[:limit]
    next_ = cursor.write(shown[-1].id) if len(found) > len(shown) else None
    items = [AuditAnswer.model_validate(event) for event in shown]
    answer = respond_with_page(request, asked, AuditAnswer, items, next_)
    answer.headers["Cache-Control"] = "no-store"
    return answer
