"""What is not among the merge requests behind a point although it is the team's: how many, and why."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from app.metrics.community import COMMUNITY_RESPONSE
from app.metrics.durations import FIRST_ENGAGEMENT_TIME, REVIEW_TIME_TO_MERGE
from app.metrics.flow import HANDBOOK_UPDATE_RATE
from app.metrics.indicator import Cadence, EvidenceQuery, Indicator
from app.metrics.open_work import OPEN_MR_REVIEW_TIME
from app.metrics.teams import Node
from app.store.tables import AttributionSpan, MergeRequestFacts, ProjectOwner

REASONS = (
    "bot",
    "draft",
    "out_of_scope",
    "quarantined",
    "unattributed",
    "not_in_review",
    "not_answered",
)
"""In the order in which they are told. draft: the configuration leaves drafts out. unattributed: its
author is in no team. not_in_review: nobody was asked for a review, where it is the review that is
measured. not_answered: the first answer is measured and there is none yet."""

FACTS = MergeRequestFacts
BY_REVIEW = (OPEN_MR_REVIEW_TIME.key, REVIEW_TIME_TO_MERGE.key)


def left_out(
    session: Session, indicator: Indicator, node: Node, asked: EvidenceQuery
) -> Mapping[str, int]:
    """How many merge requests of the team and period do not count, by reason; none where none does.

    Of the team: its author's on the day that counts, or for a project that it owns.
    """
    if not indicator.counts_merge_requests:
        return {}
    found = session.execute(union_all(*_counts(indicator, node, asked)))
    counts = {reason: count for reason, count in found if count}
    return {reason: counts[reason] for reason in REASONS if reason in counts}


def _counts(
    indicator: Indicator, node: Node, asked: EvidenceQuery
) -> list[Select[*tuple[Any, ...]]]:
    """A statement of (reason, count) for everything that can be left out here."""
    theirs = or_(_by_author(node, asked, indicator), _owned(node))
    considered = [_only(indicator, asked), theirs]
    # A handbook merge request counts whatever the product scope says.
    reasons = ["bot", "draft"] + ["out_of_scope"] * (indicator.key != HANDBOOK_UPDATE_RATE.key)
    statements = [
        select(FACTS.left_out, func.count())
        .where(FACTS.left_out.in_(reasons), _in_period(indicator, asked), *considered)
        .group_by(FACTS.left_out),
        # One that is quarantined ends before it starts: it is in the period if any of its days is.
        _counted("quarantined").where(
            FACTS.left_out == "quarantined",
            FACTS.ended_at <= asked.instant,
            FACTS.created_at >= asked.since,
            *considered,
        ),
    ]
    if asked.variant in ("", "narrow") and indicator.key != COMMUNITY_RESPONSE.key:
        statements.append(
            _counted("unattributed").where(
                FACTS.counted,
                _in_period(indicator, asked),
                _only(indicator, asked),
                ~exists(_spans(asked, indicator)),
                _owned(node),
            )
        )
    if indicator.key in BY_REVIEW:
        begun = FACTS.review_started_at <= func.least(FACTS.merged_at, asked.instant)
        statements.append(
            _counted("not_in_review").where(
                FACTS.counted,
                _in_period(indicator, asked, by_review=False),
                func.coalesce(~begun, True),
                _by_author(node, asked, indicator),
            )
        )
    if indicator.key == FIRST_ENGAGEMENT_TIME.key:
        answered = FACTS.first_engaged_at <= asked.data_through
        statements.append(
            _counted("not_answered").where(
                FACTS.counted,
                _in_period(indicator, asked),
                func.coalesce(~answered, True),
                _by_author(node, asked, indicator),
            )
        )
    return statements


def _counted(reason: str) -> Select[*tuple[Any, ...]]:
    return select(literal(reason), func.count()).select_from(FACTS)


def _dated(indicator: Indicator, *, by_review: bool = True) -> Any:
    """The fact by whose time a merge request belongs to a period, or since when it is open in it."""
    if indicator.key == COMMUNITY_RESPONSE.key:
        return func.coalesce(FACTS.ready_at, FACTS.created_at)
    of_review = (OPEN_MR_REVIEW_TIME.key, FIRST_ENGAGEMENT_TIME.key)
    if by_review and indicator.key in of_review:
        return FACTS.review_started_at
    return FACTS.created_at if indicator.cadence is Cadence.DAILY else FACTS.merged_at


def _in_period(
    indicator: Indicator, asked: EvidenceQuery, *, by_review: bool = True
) -> ColumnElement[bool]:
    dated = _dated(indicator, by_review=by_review)
    if indicator.cadence is Cadence.MONTHLY:
        # The end of a month is the first instant of the next one.
        last = _local_day(dated, asked) <= asked.last_day
        return and_(dated >= asked.since, dated <= asked.instant, last)
    ended = FACTS.ended_at
    return and_(dated <= asked.instant, or_(ended.is_(None), ended > asked.instant))


def _only(indicator: Indicator, asked: EvidenceQuery) -> ColumnElement[bool]:
    """What the indicator looks at, whoever wrote it."""
    if indicator.key == COMMUNITY_RESPONSE.key or asked.variant == "wider":
        return and_(FACTS.community)
    if indicator.key == HANDBOOK_UPDATE_RATE.key:
        return and_(FACTS.handbook)
    if indicator.key == REVIEW_TIME_TO_MERGE.key:
        return FACTS.review_started_at <= FACTS.merged_at
    return true()


def _local_day(instant: Any, asked: EvidenceQuery) -> ColumnElement[Any]:
    return cast(func.timezone(asked.timezone, instant), Date)


def _spans(asked: EvidenceQuery, indicator: Indicator) -> Select[*tuple[Any, ...]]:
    """The stretches in which an author belongs to teams, on the day that counts."""
    day: Any = asked.last_day
    if indicator.cadence is Cadence.MONTHLY:
        day = _local_day(_dated(indicator), asked)
    span = AttributionSpan
    return (
        select(span.account_id)
        .where(span.account_id == FACTS.author_id, span.first_day <= day, span.end_day > day)
        .correlate(FACTS)
    )


def _by_author(node: Node, asked: EvidenceQuery, indicator: Indicator) -> ColumnElement[bool]:
    return exists(_spans(asked, indicator).where(AttributionSpan.team_id == node.id))


def _owned(node: Node) -> ColumnElement[bool]:
    # The organisation owns every project.
    if node.parent is None:
        return true()
    return exists(
        select(ProjectOwner.project_id)
        .where(ProjectOwner.project_id == FACTS.project_id, ProjectOwner.team_id == node.id)
        .correlate(FACTS)
    )
