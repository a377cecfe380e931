"""`/api/v1/data-quality`: what in the data does not fit, and what to do about it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from app.api.listing import Cursor, Listed, page_size, respond_with_page
from app.api.problems import TABLE_OR_PROBLEMS
from app.api.request import Configured, Paged, Reading
from app.api.shapes.operation import FindingAnswer
from app.metrics import quality

router = APIRouter(prefix="/api/v1/data-quality", tags=["data quality"])


class FindingParameters(Paged):
    """Which findings."""

    kind: Annotated[
        str | None, Field(description="Only the cases of this kind of finding; by default of all.")
    ] = None


@router.get("", response_model=Listed[FindingAnswer], responses=TABLE_OR_PROBLEMS)
def list_findings(
    request: Request,
    session: Reading,
    settings: Configured,
    asked: Annotated[FindingParameters, Query()],
) -> Response:
    """Every case of every kind of finding, with what it does to the numbers and what to do."""
    cursor = Cursor(request)
    start = 0
    if asked.cursor is not None:
        [start] = cursor.read(asked.cursor, int)
    # One case more than the page has tells whether there is another page.
    whole = asked.limit is None and asked.format == "csv"
    most = None if whole else start + page_size(asked, 0) + 1
    found = quality.findings(session, settings, most=most, kind=asked.kind)
    cases = [case for finding in found for case in FindingAnswer.each_of(finding)]
    end = start + page_size(asked, len(cases))
    next_ = cursor.write(end) if end < len(cases) else None
    return respond_with_page(request, asked, FindingAnswer, cases[start:end], next_)
