"""`/api/v1/data-quality`: what in the data does not fit, and what to do about it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.api.listing import Listed, respond_with_list
from app.api.problems import TABLE_OR_PROBLEMS
from app.api.request import Configured, Paged, Reading
from app.api.shapes import FindingAnswer, FindingRow
from app.metrics import quality

router = APIRouter(prefix="/api/v1/data-quality", tags=["data quality"])


@router.get("", response_model=Listed[FindingAnswer], responses=TABLE_OR_PROBLEMS)
def list_findings(
    request: Request, session: Reading, settings: Configured, asked: Annotated[Paged, Query()]
) -> Response:
    """Every kind of finding with its cases. As CSV: every case, one row each."""
    if asked.format == "csv":
        rows = [
            FindingRow.model_validate({"kind": finding.kind, **item})
            for finding in quality.findings(session, settings, most=None)
            for item in finding.items
        ]
        return respond_with_list(request, asked, FindingRow, rows)
    items = [FindingAnswer.of(finding) for finding in quality.findings(session, settings)]
    return respond_with_list(request, asked, FindingAnswer, items)
