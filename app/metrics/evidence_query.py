"""What stands behind one point: merge requests, or people, openings and moves."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Row, Select, Text, any_, bindparam, func, select
from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.metrics import get_indicator
from app.metrics.answers import Evidence, EvidenceRow, OccurrenceRow
from app.metrics.calendar import Clock
from app.metrics.indicator import Contribution, EvidenceQuery, Indicator, Occurrence
from app.metrics.left_out import left_out
from app.metrics.periods import Slot
from app.metrics.points import PointReader, Shown, load_basis, variant_of
from app.metrics.teams import Node
from app.settings import Settings
from app.store.tables import (
    Account,
    AttributionSpan,
    EffectivePerson,
    MergeRequest,
    MergeRequestFacts,
    Project,
)

ROWS: Select[*tuple[Any, ...]] = (
    select(
        MergeRequest.id,
        Project.path.label("project"),
        MergeRequest.iid,
        MergeRequest.title,
        MergeRequest.web_url,
        MergeRequest.state,
        MergeRequest.draft,
        MergeRequest.labels,
        MergeRequest.author_id,
        Account.username.label("author_username"),
        Account.name.label("author_name"),
        MergeRequestFacts.created_at,
        MergeRequest.merged_at,
        MergeRequest.closed_at,
        MergeRequestFacts.review_started_at,
        MergeRequestFacts.end_estimated,
        MergeRequestFacts.review_start_inferred,
    )
    .join(Project, Project.id == MergeRequest.project_id)
    .join(MergeRequestFacts, MergeRequestFacts.merge_request_id == MergeRequest.id)
    .outerjoin(Account, Account.id == MergeRequest.author_id)
)
"""What is shown of a merge request."""


def evidence(
    session: Session,
    settings: Settings,
    key: str,
    *,
    team: str | None = None,
    period: str | None = None,
    variant: str | None = None,
    kind: str | None = None,
) -> Evidence:
    """The merge requests behind one point, the oldest first; as many as the point's n.

    Those of a rate, which have no value of their own, come in the order of their ids. Of an
    indicator that counts people: what there is of every kind, by name or date; as many as n are of
    the first kind. Raises NotFoundError (field `kind`) for one that the indicator does not have.
    """
    indicator = get_indicator(key)
    of_variant = variant_of(indicator, variant)
    of_kind = _kind_of(indicator, kind)
    basis = load_basis(session, settings)
    node = basis.tree.find(team, "team")
    clock = basis.clock(indicator)
    slot = basis.judged_slot(indicator, period)
    reader = PointReader(session, basis, [Shown(indicator, of_variant, [slot])], [node])
    asked = _query(settings, node, of_variant, slot, clock)
    contributions = indicator.evidence(session, asked)
    rows = _rows(
        session, node, asked, [each for each in contributions if isinstance(each, Contribution)]
    )
    return Evidence(
        indicator=indicator,
        team=node.slug,
        team_name=node.name,
        period=slot.label or slot.stored.isoformat(),
        variant=of_variant or None,
        point=reader.point(node, indicator, slot),
        rows=[row for row, each in rows if each.counts],
        beside=[row for row, each in rows if not each.counts],
        left_out=left_out(session, indicator, node, asked),
        target=reader.target(node, indicator, slot),
        instant=asked.instant,
        kind=of_kind,
        occurrences=_occurrences(
            session, indicator, [each for each in contributions if isinstance(each, Occurrence)]
        ),
    )


@dataclass(frozen=True, slots=True)
class EvidencePart:
    """Some of the merge requests behind a point, in the order of all. end: how many there are up to the
    last of them; more: whether any come after it."""

    period: str
    rows: Sequence[EvidenceRow]
    end: int
    more: bool


def evidence_part(
    session: Session,
    settings: Settings,
    key: str,
    *,
    team: str | None = None,
    period: str | None = None,
    variant: str | None = None,
    limit: int,
    start: int = 0,
    last: str = "",
) -> EvidencePart:
    """Merge requests of `evidence` after one of them: only what is shown is read.

    last: the one before, as its project's path, an exclamation mark and its iid. Where it is gone, so
    are perhaps others before it: then from the one before `start` on, rather one twice than one never.
    """
    indicator = get_indicator(key)
    of_variant = variant_of(indicator, variant)
    basis = load_basis(session, settings)
    node = basis.tree.find(team, "team")
    slot = basis.judged_slot(indicator, period)
    asked = _query(settings, node, of_variant, slot, basis.clock(indicator))
    found = sorted(
        (
            each
            for each in indicator.evidence(session, asked)
            if isinstance(each, Contribution) and each.counts
        ),
        key=_order,
    )
    first = 0
    if last:
        before = _merge_requests(session, last)
        places = (place for place, each in enumerate(found) if each.merge_request_id in before)
        place = next(places, None)
        first = max(start - 1, 0) if place is None else place + 1
    shown = found[first : first + limit]
    return EvidencePart(
        period=slot.label or slot.stored.isoformat(),
        rows=[row for row, _ in _rows(session, node, asked, shown)],
        end=first + len(shown),
        more=first + limit < len(found),
    )


def _order(contribution: Contribution) -> tuple[float, int]:
    """The greatest value first; those of a rate by their ids."""
    return -(contribution.value or 0.0), contribution.merge_request_id


def _merge_requests(session: Session, reference: str) -> Collection[int]:
    """The ids of a merge request by `path!iid`; two where a project has the path that another had."""
    path, _, iid = reference.rpartition("!")
    # Postgres has no text with a NUL in it, and no number of more digits.
    if "\0" in path or not (iid.isdecimal() and len(iid) <= 18):
        return ()
    of_project = select(Project.id).where(Project.path == path)
    return session.scalars(
        select(MergeRequest.id).where(
            MergeRequest.project_id.in_(of_project), MergeRequest.iid == int(iid)
        )
    ).all()


def _kind_of(indicator: Indicator, kind: str | None) -> str | None:
    if kind is None:
        return next(iter(indicator.evidence_kinds), None)
    if kind not in indicator.evidence_kinds:
        known = ", ".join(indicator.evidence_kinds) or "none"
        raise NotFoundError(
            f"{indicator.key} has no evidence of kind {kind!r:.40}.", "kind", f"It has {known}."
        )
    return kind


def _occurrences(
    session: Session, indicator: Indicator, found: Sequence[Occurrence]
) -> list[OccurrenceRow]:
    """What was found with the names of people: kind by kind, people by name, the rest by date."""
    if not found:
        return []
    people = [each.person_id for each in found if each.person_id is not None]
    asked = any_(bindparam(None, people, type_=ARRAY(Text())))
    known = session.execute(
        select(EffectivePerson.person_id, EffectivePerson.name).where(
            EffectivePerson.person_id == asked
        )
    )
    names = {row.person_id: row.name for row in known}
    rows = [
        OccurrenceRow(
            kind=each.kind,
            person_id=each.person_id,
            # Somebody who is known no longer has no name but the id.
            name=names.get(each.person_id, each.person_id) if each.person_id else None,
            reference=each.reference,
            team=each.team,
            first_day=each.first_day,
            last_day=each.last_day,
            value=each.value,
        )
        for each in found
    ]
    order = {kind: place for place, kind in enumerate(indicator.evidence_kinds)}
    return sorted(
        rows,
        key=lambda row: (
            order[row.kind],
            row.name or "",
            row.first_day or row.last_day or date.max,
            row.person_id or row.reference or row.team or "",
        ),
    )


def _query(settings: Settings, node: Node, variant: str, slot: Slot, clock: Clock) -> EvidenceQuery:
    return EvidenceQuery(
        team_id=node.id,
        variant=variant,
        first_day=slot.first,
        last_day=slot.last,
        since=clock.start_of(slot.first),
        instant=clock.instant_of(slot.last),
        data_through=clock.data_through,
        timezone=settings.reporting.timezone,
        settings=settings,
    )


def _rows(
    session: Session, node: Node, asked: EvidenceQuery, contributions: Sequence[Contribution]
) -> list[tuple[EvidenceRow, Contribution]]:
    by_id = {each.merge_request_id: each for each in contributions}
    if not by_id:  # people, openings and moves have no merge requests
        return []
    found = {
        row.id: row
        for row in session.execute(
            ROWS.where(
                MergeRequest.id == any_(bindparam(None, list(by_id), type_=ARRAY(BigInteger())))
            )
        )
    }
    left = _left_on(
        session, node, asked, {row.author_id for id_, row in found.items() if by_id[id_].orphaned}
    )
    order = sorted(found, key=lambda id_: _order(by_id[id_]))
    return [
        (
            replace(
                evidence_row(found[id_], by_id[id_].value, by_id[id_].orphaned),
                author_left_on=left.get(found[id_].author_id) if by_id[id_].orphaned else None,
                answering=by_id[id_].answering,
            ),
            by_id[id_],
        )
        for id_ in order
    ]


def _left_on(
    session: Session, node: Node, asked: EvidenceQuery, authors: Collection[int]
) -> Mapping[int, date]:
    """The last day in any team of those who had left by the end of the period, by account."""
    if not authors:
        return {}
    span = AttributionSpan
    rows = session.execute(
        select(span.account_id, func.max(span.first_day).label("first_day"))
        .where(
            span.account_id == any_(bindparam(None, list(authors), type_=ARRAY(BigInteger()))),
            span.team_id == node.id,
            span.orphaned,
            span.first_day <= asked.last_day,
        )
        .group_by(span.account_id)
    )
    return {row.account_id: row.first_day - timedelta(days=1) for row in rows}


def require_project(session: Session, found: Evidence, path: str | None) -> None:
    """Raises NotFoundError (field `project`) for a path that no collected project has."""
    if path is None or any(row.project == path for row in (*found.rows, *found.beside)):
        return
    # Postgres has no text with a NUL in it.
    known = select(Project.id).where(Project.path == path).limit(1)
    if "\0" in path or session.scalar(known) is None:
        raise NotFoundError(f"There is no project {path!r:.80}.", "project")


def evidence_row(row: Row[Any], value: float | None, orphaned: bool) -> EvidenceRow:
    """What is shown of a row of `ROWS`. value: in days, None for a rate."""
    flags = {
        "orphaned": orphaned,
        "end_estimated": row.end_estimated,
        "review_start_inferred": row.review_start_inferred,
    }
    return EvidenceRow(
        project=row.project,
        iid=row.iid,
        title=row.title,
        web_url=row.web_url,
        state=row.state,
        draft=row.draft,
        author_username=row.author_username,
        author_name=row.author_name,
        created_at=row.created_at,
        merged_at=row.merged_at,
        closed_at=row.closed_at,
        review_started_at=row.review_started_at,
        value=value,
        flags=tuple(flag for flag, raised in flags.items() if raised),
        labels=row.labels,
    )
