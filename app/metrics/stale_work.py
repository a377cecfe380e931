"""What a change of merge requests makes stale: of the teams of their authors and owners, for some days."""

from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.calendar import first_measured_day, local_day
from app.metrics.facts import Facts
from app.metrics.indicator import Input, Restated
from app.metrics.stale import Stale
from app.metrics.work_columns import Attribution, equal
from app.store.columns import BIGINT, read_columns

Reach = tuple[datetime, datetime | None]
"""From the first instant up to the last one that a change can reach; None: to the end of time."""


def reach(old: Facts | None, new: Facts | None) -> Reach | None:
    """Between which instants a change of facts can change a value; None where it cannot.

    An instant that lies in the reach makes its day stale, and the month of that day.
    """
    used = [facts for facts in (old, new) if facts is not None and facts.in_use]
    if not used:
        return None
    whole = [_life(facts) for facts in used]
    if old is None or new is None or len(used) == 1 or old.counted != new.counted:
        return _joined(whole)
    if (old.author_id, old.project_id, old.created_at) != (
        new.author_id,
        new.project_id,
        new.created_at,
    ):
        return _joined(whole)
    parts: list[Reach] = []
    if old.review_started_at != new.review_started_at:
        parts += [
            (facts.review_started_at, _last(facts))
            for facts in used
            if facts.review_started_at is not None
        ]
    if old.first_engaged_at != new.first_engaged_at:
        # It counts in the month in which the review began.
        parts += [
            (facts.review_started_at, facts.review_started_at)
            for facts in used
            if facts.review_started_at is not None
        ]
    if old.ended_at != new.ended_at or old.merged_at != new.merged_at:
        ends = [facts.ended_at for facts in used]
        known = [end for end in ends if end is not None]
        parts += [(min(known), None if None in ends else max(known))] if known else []
    if old.community != new.community or old.handbook != new.handbook:
        parts += [(each, each) for facts in used if (each := facts.merged_at) is not None]
    if (old.community or new.community) and (
        (old.community, old.ready_at, old.draft, old.responses)
        != (new.community, new.ready_at, new.draft, new.responses)
    ):
        parts += [(facts.response_due_from, facts.response_due_from) for facts in used]
    return _joined(parts)


def _last(facts: Facts) -> datetime | None:
    """The last instant at which a merge request matters; None while it is open."""
    if facts.ended_at is None:
        return None
    return max(facts.ended_at, facts.review_started_at or facts.ended_at)


def _life(facts: Facts) -> Reach:
    """Between which instants a merge request matters at all."""
    last = _last(facts)
    return facts.created_at, last and max(last, facts.response_due_from)


def _joined(parts: list[Reach]) -> Reach | None:
    """From the first begin to the last end."""
    if not parts:
        return None
    ends = [end for _, end in parts]
    known = [end for end in ends if end is not None]
    return min(begin for begin, _ in parts), None if None in ends else max(known)


@dataclass(slots=True)
class ChangedWork:
    """Changes of facts, noted one by one and made stale together."""

    zone: ZoneInfo
    author: list[int] = field(default_factory=list)
    project: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)

    def note(self, old: Facts | None, new: Facts | None) -> None:
        """A merge request whose facts were, and are now; None: it had or has none."""
        instants = reach(old, new)
        if instants is None:
            return
        begin, last = instants
        first = first_measured_day(begin, self.zone).toordinal()
        until = date.max if last is None else local_day(last, self.zone)
        concerned = {(f.author_id or 0, f.project_id) for f in (old, new) if f is not None}
        for author, project in concerned:
            self.author.append(author)
            self.project.append(project)
            self.first.append(first)
            self.end.append(until.toordinal() + (last is not None))

    def note_instant(self, author: int, project: int, instant: datetime) -> None:
        """A merge request that counts otherwise in the period in which an instant lies."""
        self.author.append(author)
        self.project.append(project)
        self.first.append(first_measured_day(instant, self.zone).toordinal())
        self.end.append(local_day(instant, self.zone).toordinal() + 1)

    def mark(self, session: Session, stale: Stale) -> None:
        """Makes stale what the changes reach: in the teams of the authors as they are known now (what
        they were before is stale by the change of attribution), in those that own the projects, and
        in the organisation, whose coverage counts what belongs to nobody."""
        if not self.author:
            return
        author, first = np.array(self.author, np.int64), np.array(self.first, np.int64)
        project, end = np.array(self.project, np.int64), np.array(self.end, np.int64)
        whenever = sql.SQL("true")
        spans = Attribution.read(session, stale.team_ids, whenever, np.unique(author).tolist())
        pairs = spans.pairs(author)
        stale.add_spans(
            Restated.LATE_DATA,
            Input.WORK,
            spans.team[pairs.span],
            np.maximum(first[pairs.work], spans.first[pairs.span]),
            np.minimum(end[pairs.work], spans.end[pairs.span]),
        )
        everything = np.full(len(first), stale.root, np.int64)
        for changed in (Input.WORK, Input.OWNERSHIP):
            stale.add_spans(Restated.LATE_DATA, changed, everything, first, end)
        owned = read_columns(
            session,
            sql.SQL(
                "SELECT project_id, array_position({teams}::bigint[], team_id)::bigint - 1"
                " FROM project_owners WHERE project_id = ANY({projects}) AND team_id = ANY({teams})"
                " ORDER BY project_id"
            ).format(
                teams=sql.Literal(list(stale.team_ids)),
                projects=sql.Literal(np.unique(project).tolist()),
            ),
            {"project": BIGINT, "team": BIGINT},
        )
        work, owner = equal(project, owned["project"])
        stale.add_spans(
            Restated.LATE_DATA, Input.OWNERSHIP, owned["team"][owner], first[work], end[work]
        )


def mark_answered(
    session: Session, stale: Stale, zone: ZoneInfo, reached: datetime, through: datetime
) -> None:
    """Makes stale the months of the reviews whose first answer lies between two instants.

    A run reads what was written while it ran, later than its data_through: such an answer begins to
    count when the data have come so far, though nothing else changes.
    """
    work = ChangedWork(zone)
    for row in session.execute(
        text(
            "SELECT coalesce(author_id, 0) AS author, project_id, review_started_at"
            " FROM merge_request_facts WHERE first_engaged_at > :first AND first_engaged_at <= :last"
        ),
        {"first": min(reached, through), "last": max(reached, through)},
    ):
        work.note_instant(row.author, row.project_id, row.review_started_at)
    work.mark(session, stale)
