"""What waits in a team now: reviews, answers to the community, openings, and work without an author."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Row,
    Subquery,
    and_,
    cast,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from app.metrics.answers import Attention, Due, OverdueOpening, Waiting
from app.metrics.calendar import MICROSECONDS_PER_DAY, Clock, microseconds
from app.metrics.community import COMMUNITY_RESPONSE, EPOCH, Promise
from app.metrics.evidence_query import ROWS, evidence_row
from app.metrics.open_work import OPEN_MR_REVIEW_TIME
from app.metrics.points import load_basis
from app.metrics.teams import Node, Tree
from app.metrics.workset import CommunityWork, load_responders
from app.settings import Settings
from app.store.tables import (
    AttributionSpan,
    EffectiveOpening,
    MergeRequest,
    MergeRequestFacts,
    ProjectOwner,
)

IN_REVIEW, ORPHANED, COMMUNITY = "in_review", "orphaned", "community"


@dataclass(frozen=True, slots=True)
class _Moment:
    """A day and its instant, up to which the data reach."""

    day: date
    instant: datetime

    @classmethod
    def of(cls, clock: Clock, on: date | None) -> "_Moment":
        """The end of a day, or now."""
        day = clock.today if on is None else min(on, clock.today)
        return cls(day, clock.instant_of(day))


def attention(
    session: Session,
    settings: Settings,
    team: str | None,
    *,
    limit: int | None = 10,
    on: date | None = None,
) -> Attention:
    """What waits in a team now, or waited at the end of a day.

    Merge requests in review, the longest first; answers to the community that are due or overdue, the
    earliest deadline first; openings past their target start; open work whose author has left.
    limit: how many of each at most; None: all. Raises NotFoundError (field `slug`).
    """
    basis = load_basis(session, settings)
    node = basis.tree.find(team, "slug")
    now = _Moment.of(basis.clock(OPEN_MR_REVIEW_TIME), on)
    answers = _Moment.of(basis.clock(COMMUNITY_RESPONSE), on)
    rows = _open_work(session, node, now, answers, limit)
    community = [row for row in rows if row.kind == COMMUNITY]
    responders = load_responders(session, {who for row in community for _, who in row.responses})
    promise = Promise.of(settings, responders, answers.instant)
    return Attention(
        team=node.slug,
        oldest_in_review=[_waiting(row, now) for row in rows if row.kind == IN_REVIEW],
        community=list(_due(community, promise))[:limit],
        openings=_overdue_openings(session, basis.tree, node, now.day, limit),
        orphaned=[_waiting(row, now) for row in rows if row.kind == ORPHANED],
    )


def _open_work(
    session: Session, node: Node, now: _Moment, answers: _Moment, limit: int | None
) -> Sequence[Row[Any]]:
    """Every kind of merge request that waits, each by the start of its wait: one statement.

    Whether the community was answered in time is told by `Promise` alone, so that its merge requests
    come without a limit.
    """
    facts = MergeRequestFacts
    picked = union_all(
        select(_of_authors(node, now, facts.review_started_at, IN_REVIEW, limit)),
        select(_of_authors(node, now, facts.created_at, ORPHANED, limit)),
        select(_of_community(node, answers)),
    ).subquery()
    statement = (
        ROWS.add_columns(
            picked.c.kind,
            picked.c.start,
            picked.c.orphaned,
            picked.c.orphaned_from,
            MergeRequestFacts.project_id,
            MergeRequestFacts.responses,
        )
        .join(picked, picked.c.merge_request_id == MergeRequest.id)
        .order_by(picked.c.start, MergeRequest.id)
    )
    return session.execute(statement).all()


def _open_at(instant: datetime) -> ColumnElement[bool]:
    ended = MergeRequestFacts.ended_at
    return or_(ended.is_(None), ended > instant)


def _of_authors(node: Node, now: _Moment, start: Any, kind: str, limit: int | None) -> Subquery:
    """What is open of the team's authors, the earliest start first. start: the fact that begins the
    wait."""
    facts, span = MergeRequestFacts, AttributionSpan
    return (
        select(
            literal(kind).label("kind"),
            facts.merge_request_id,
            start.label("start"),
            span.orphaned,
            span.first_day.label("orphaned_from"),
        )
        .join(span, span.account_id == facts.author_id)
        .where(
            span.team_id == node.id,
            span.first_day <= now.day,
            span.end_day > now.day,
            span.orphaned if kind == ORPHANED else true(),
            facts.counted,
            start <= now.instant,
            _open_at(now.instant),
        )
        .order_by(start, facts.merge_request_id)
        .limit(limit)
        .subquery()
    )


def _of_community(node: Node, now: _Moment) -> Subquery:
    """What the community has open in the team's projects and does not wait for its author itself."""
    facts = MergeRequestFacts
    start = func.coalesce(facts.ready_at, facts.created_at)
    owned = (
        select(ProjectOwner.project_id)
        .where(ProjectOwner.project_id == facts.project_id, ProjectOwner.team_id == node.id)
        .exists()
    )
    return (
        select(
            literal(COMMUNITY).label("kind"),
            facts.merge_request_id,
            start.label("start"),
            false().label("orphaned"),
            cast(null(), Date).label("orphaned_from"),
        )
        .where(
            facts.community,
            facts.counted,
            not_(and_(facts.draft, facts.ready_at.is_(None))),
            start <= now.instant,
            _open_at(now.instant),
            # The organisation owns every project.
            true() if node.parent is None else owned,
        )
        .subquery()
    )


def _waiting(row: Row[Any], now: _Moment) -> Waiting:
    waited = (microseconds(now.instant) - microseconds(row.start)) / MICROSECONDS_PER_DAY
    last = row.orphaned_from - timedelta(days=1) if row.orphaned else None
    return Waiting(row=evidence_row(row, waited, row.orphaned), days=waited, author_left_on=last)


def _due(rows: Sequence[Row[Any]], promise: Promise) -> Iterator[Due]:
    """Those that nobody has answered, by their deadline: who began to wait first is due first."""
    for row in rows:
        work = CommunityWork(
            merge_request_id=row.id,
            project_id=row.project_id,
            started_at=microseconds(row.start),
            waiting=False,
            responses=[(at, who) for at, who in row.responses],
        )
        if promise.answer_to(work) is None:
            deadline = promise.deadline(work.started_at)
            late = (promise.through - deadline) / MICROSECONDS_PER_DAY
            due_at = EPOCH + timedelta(microseconds=deadline)
            yield Due(row=evidence_row(row, late, False), due_at=due_at)


def _overdue_openings(
    session: Session, tree: Tree, node: Node, today: date, limit: int | None
) -> list[OverdueOpening]:
    """Openings of the team or one below it that are open past their target start, the longest first."""
    opening = EffectiveOpening
    statement = (
        select(opening.opening_id, opening.team, opening.opened_on, opening.target_start_on)
        .where(
            opening.opened_on <= today,
            func.coalesce(opening.closed_on > today, True),
            opening.target_start_on < today,
        )
        .order_by(opening.target_start_on, opening.opening_id)
        .limit(limit)
    )
    if node.parent is not None:
        inside = [each.slug for each in tree.subtree(node.slug)]
        statement = statement.where(opening.team.in_(inside))
    return [
        OverdueOpening(
            opening_id=row.opening_id,
            team=row.team,
            opened_on=row.opened_on,
            target_start_on=row.target_start_on,
            days=(today - row.target_start_on).days,
        )
        for row in session.execute(statement)
    ]
