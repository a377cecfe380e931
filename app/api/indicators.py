"""`/api/v1/indicators`: what is measured, its values over time, side by side, and their evidence."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from app.api.listing import (
    PAGE,
    Cursor,
    Listed,
    page_size,
    respond,
    respond_as_table,
    respond_with_list,
    respond_with_page,
)
from app.api.problems import TABLE_OR_PROBLEMS
from app.api.request import AsTable, Configured, Paged, Period, Reading, Variant
from app.api.shapes.indicators import (
    CompareAnswer,
    IndicatorAnswer,
    PointAnswer,
    SeriesAnswer,
)
from app.api.shapes.merge_requests import EvidenceAnswer
from app.api.shapes.occurrences import OccurrenceAnswer
from app.metrics import INDICATORS, get_indicator, queries
from app.metrics.answers import EvidenceRow, OccurrenceRow
from app.metrics.evidence_filters import Selection, selection
from app.metrics.evidence_query import require_project

router = APIRouter(prefix="/api/v1/indicators", tags=["indicators"])

Key = Annotated[str, Path(description="Key of an indicator.")]
Team = Annotated[str | None, Field(description="Slug of a team; by default `organisation`.")]


class SeriesParameters(AsTable):
    """Which series."""

    team: Team = None
    from_: Annotated[
        str | None,
        Field(alias="from", description="First day or month; by default 13 months back."),
    ] = None
    to: Annotated[
        str | None, Field(description="Last day or month, inclusive; by default today.")
    ] = None
    grain: Annotated[
        str | None, Field(description="day, week or month; by default that of the cadence.")
    ] = None
    variant: Variant = None
    as_known_at: Annotated[
        str | None,
        Field(
            description="An ISO instant (without an offset: local time in reporting.timezone), or a"
            " day or month for its end: the values as they stood then."
        ),
    ] = None


class CompareParameters(Paged):
    """Which comparison."""

    parent: Annotated[
        str | None,
        Field(
            description="Slug of the team whose children are compared; by default `organisation`."
        ),
    ] = None
    period: Period = None
    variant: Variant = None


class EvidenceParameters(Paged):
    """Behind which point."""

    team: Team = None
    period: Period = None
    variant: Variant = None
    kind: Annotated[
        str | None,
        Field(
            description="What is listed, of an indicator that counts people: for hiring member, hire,"
            " transfer_in, leaver, opening, offer or plan. By default what n counts."
        ),
    ] = None
    state: Annotated[
        str | None,
        Field(
            description="Only merge requests of which all of this is true; names with commas between"
            " them. Of a daily indicator, at the end of the day: in_review or not_in_review; of a"
            " monthly one, now: open, merged or closed; of both: draft, orphaned, end_estimated,"
            " review_start_inferred."
        ),
    ] = None
    project: Annotated[
        str | None, Field(description="Only merge requests into this project, by its path.")
    ] = None
    label: Annotated[str | None, Field(description="Only merge requests with this label.")] = None
    answer: Annotated[
        str | None,
        Field(
            description="Of community_response: only met or missed; or, in place of what n counts,"
            " pending or waiting_for_author."
        ),
    ] = None
    sort: Annotated[
        str | None,
        Field(
            description="By what merge requests are sorted, with a minus for the other way round:"
            " value, answer, due, answered, merged, created, review, waited, state, title or"
            " reference, as far as the indicator has it. By default the greatest value first."
        ),
    ] = None


@router.get("", response_model=Listed[IndicatorAnswer], responses=TABLE_OR_PROBLEMS)
def list_indicators(request: Request, asked: Annotated[Paged, Query()]) -> Response:
    """What is measured."""
    items = [IndicatorAnswer.of(indicator) for indicator in INDICATORS]
    return respond_with_list(request, asked, IndicatorAnswer, items)


@router.get("/{key}/series", response_model=SeriesAnswer, responses=TABLE_OR_PROBLEMS)
def series(
    request: Request,
    session: Reading,
    settings: Configured,
    key: Key,
    asked: Annotated[SeriesParameters, Query()],
) -> Response:
    """One indicator of one team over time, with its limits and targets. As CSV: its points."""
    found = queries.series(
        session,
        settings,
        key,
        team=asked.team,
        from_=asked.from_,
        to=asked.to,
        grain=asked.grain,
        variant=asked.variant,
        as_known_at=asked.as_known_at,
    )
    answer = SeriesAnswer.of(found)
    if asked.format == "csv":
        return respond_as_table(request, PointAnswer, answer.points)
    return respond(answer)


@router.get("/{key}/compare", response_model=Listed[CompareAnswer], responses=TABLE_OR_PROBLEMS)
def compare(
    request: Request,
    session: Reading,
    settings: Configured,
    key: Key,
    asked: Annotated[CompareParameters, Query()],
) -> Response:
    """A team and the teams directly below it in one period; the team itself comes first."""
    found = queries.compare(
        session, settings, key, parent=asked.parent, period=asked.period, variant=asked.variant
    )
    items = [CompareAnswer.of(row) for row in (found.parent, *found.children)]
    return respond_with_list(request, asked, CompareAnswer, items)


@router.get(
    "/{key}/evidence",
    response_model=Listed[EvidenceAnswer | OccurrenceAnswer],
    responses=TABLE_OR_PROBLEMS,
)
def evidence(
    request: Request,
    session: Reading,
    settings: Configured,
    key: Key,
    asked: Annotated[EvidenceParameters, Query()],
) -> Response:
    """The merge requests (people, openings, moves) behind one point; without a filter as many as the
    point's n."""
    cursor = Cursor(request)
    period, start, last = asked.period, 0, ""
    if asked.cursor is not None:
        # The latest period may change between two pages: that of the first one stands.
        period, start, last = cursor.read(asked.cursor, str, int, str)
    indicator = get_indicator(key)
    merge_requests = indicator.counts_merge_requests
    narrowed = selection(
        indicator,
        state=asked.state,
        project=asked.project,
        label=asked.label,
        answer=asked.answer,
        sort=asked.sort,
    )
    limit = asked.limit or (None if asked.format == "csv" else PAGE)
    # As it comes, only what is shown has to be read.
    if merge_requests and limit and narrowed == Selection() and asked.kind is None:
        part = queries.evidence_part(
            session,
            settings,
            key,
            team=asked.team,
            period=period,
            variant=asked.variant,
            limit=limit,
            start=start,
            last=last,
        )
        next_ = None
        if part.more:
            next_ = cursor.write(part.period, part.end, _reference(part.rows[-1]))
        shown = [_answer(row) for row in part.rows]
        return respond_with_page(request, asked, EvidenceAnswer, shown, next_)
    found = queries.evidence(
        session,
        settings,
        key,
        team=asked.team,
        period=period,
        variant=asked.variant,
        kind=asked.kind,
    )
    require_project(session, found, narrowed.project)
    rows: Sequence[EvidenceRow | OccurrenceRow] = (
        narrowed.of(found) if merge_requests else found.of_kind
    )
    start = _after(rows, last, start)
    end = start + page_size(asked, len(rows))
    items = [_answer(row) for row in rows[start:end]]
    next_ = None
    if end < len(rows):
        next_ = cursor.write(found.period, end, _reference(rows[end - 1]))
    kind = EvidenceAnswer if merge_requests else OccurrenceAnswer
    return respond_with_page(request, asked, kind, items, next_)


def _answer(row: EvidenceRow | OccurrenceRow) -> EvidenceAnswer | OccurrenceAnswer:
    if isinstance(row, OccurrenceRow):
        return OccurrenceAnswer.model_validate(row)
    return EvidenceAnswer(**EvidenceAnswer.fields_of(row))


def _reference(row: EvidenceRow | OccurrenceRow) -> str:
    if isinstance(row, OccurrenceRow):
        return f"{row.kind} {row.person_id or row.reference or row.team} {row.first_day}"
    return f"{row.project}!{row.iid}"


def _after(rows: Sequence[EvidenceRow | OccurrenceRow], last: str, start: int) -> int:
    """Where the next page begins: after the last row that was shown.

    Where that one is gone, so are perhaps others before it: rather one twice than one never.
    """
    for index, row in enumerate(rows):
        if _reference(row) == last:
            return index + 1
    return max(start - 1, 0)
