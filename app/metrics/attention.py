"""What waits in a team now: reviews, answers to the community, openings, and work without an author."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, BigInteger, any_, bindparam, func, or_, select, text
from sqlalchemy.orm import Session

from app.metrics.answers import Attention, Due, OverdueOpening, Waiting
from app.metrics.calendar import MICROSECONDS_PER_DAY, Clock, microseconds
from app.metrics.community import COMMUNITY_RESPONSE, EPOCH, Promise
from app.metrics.evidence_query import ROWS, evidence_row
from app.metrics.open_work import OPEN_MR_REVIEW_TIME
from app.metrics.points import load_basis
from app.metrics.teams import Node, Tree
from app.metrics.workset import community_work, load_responders
from app.settings import Settings
from app.store.tables import (
    AttributionSpan,
    EffectiveOpening,
    MergeRequest,
    MergeRequestFacts,
)


def attention(
    session: Session, settings: Settings, team: str | None, *, limit: int | None = 10
) -> Attention:
    """What waits in a team now.

    Merge requests in review, the longest first; answers to the community that are due or overdue, the
    earliest deadline first; openings past their target start; open work whose author has left.
    limit: how many of each at most; None: all. Raises NotFoundError (field `slug`).
    """
    basis = load_basis(session, settings)
    node = basis.tree.find(team, "slug")
    clock = basis.clock(OPEN_MR_REVIEW_TIME)
    facts = MergeRequestFacts
    return Attention(
        team=node.slug,
        oldest_in_review=_waiting(session, node, clock, facts.review_started_at, limit),
        community=_due(session, settings, node, basis.clock(COMMUNITY_RESPONSE), limit),
        openings=_overdue_openings(session, basis.tree, node, clock.today, limit),
        orphaned=_waiting(session, node, clock, facts.created_at, limit, orphaned=True),
    )


def _waiting(
    session: Session,
    node: Node,
    clock: Clock,
    start: Any,
    limit: int | None,
    *,
    orphaned: bool = False,
) -> list[Waiting]:
    """What is open in a team now, the earliest start first. start: the fact that begins the wait."""
    today: date = clock.today
    spans = (
        select(AttributionSpan.account_id, AttributionSpan.orphaned)
        .where(
            AttributionSpan.team_id == node.id,
            AttributionSpan.first_day <= today,
            AttributionSpan.end_day > today,
        )
        .subquery()
    )
    facts = MergeRequestFacts
    statement = (
        ROWS.add_columns(spans.c.orphaned, start.label("start"))
        .join(spans, spans.c.account_id == facts.author_id)
        .where(
            facts.counted,
            start <= clock.data_through,
            or_(facts.ended_at.is_(None), facts.ended_at > clock.data_through),
        )
        .order_by(start, MergeRequest.id)
        .limit(limit)
    )
    if orphaned:
        statement = statement.where(spans.c.orphaned)
    instant = microseconds(clock.data_through)
    waiting: list[Waiting] = []
    for row in session.execute(statement):
        waited = (instant - microseconds(row.start)) / MICROSECONDS_PER_DAY
        waiting.append(Waiting(row=evidence_row(row, waited, row.orphaned), days=waited))
    return waiting


def _due(
    session: Session, settings: Settings, node: Node, clock: Clock, limit: int | None
) -> list[Due]:
    """Open community merge requests in the team's projects that nobody has answered."""
    promise = Promise.of(settings, load_responders(session), clock.data_through)
    ours = set(
        session.scalars(
            text(
                "SELECT f.merge_request_id FROM merge_request_facts f"
                " WHERE f.community AND f.counted"
                " AND (f.ended_at IS NULL OR f.ended_at > :now)"
                " AND (:everything OR EXISTS (SELECT 1 FROM project_owners o"
                " WHERE o.project_id = f.project_id AND o.team_id = :team_id))"
            ),
            {
                "now": clock.data_through,
                "everything": node.parent is None,
                "team_id": node.id,
            },
        )
    )
    unanswered = {
        work.merge_request_id: promise.deadline(work.started_at)
        for work in community_work(session, EPOCH)
        if work.merge_request_id in ours
        and not work.waiting
        and work.started_at <= promise.through
        and promise.answer_to(work) is None
    }
    order = sorted(unanswered, key=lambda key: (unanswered[key], key))[:limit]
    rows = {
        row.id: row
        for row in session.execute(
            ROWS.where(MergeRequest.id == any_(bindparam(None, order, type_=ARRAY(BigInteger()))))
        )
    }
    return [
        Due(
            row=evidence_row(
                rows[key], (promise.through - unanswered[key]) / MICROSECONDS_PER_DAY, False
            ),
            due_at=_instant(unanswered[key]),
        )
        for key in order
    ]


def _instant(since_epoch: int) -> datetime:
    return EPOCH + timedelta(microseconds=since_epoch)


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
