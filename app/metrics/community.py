"""Response to the community: the share of community merge requests that were answered in time."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.business_time import BusinessTime
from app.metrics.calendar import first_of_month, local_day, microseconds, next_month
from app.metrics.indicator import (
    Answering,
    Better,
    BuiltInTarget,
    Cadence,
    Computed,
    Contribution,
    Covered,
    EvidenceQuery,
    Indicator,
    Input,
    Reason,
    Unit,
    Value,
)
from app.metrics.stale import StalePeriods
from app.metrics.workset import (
    CommunityWork,
    Days,
    Workset,
    community_work,
    load_responders,
)
from app.settings import Settings

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


class Answered(StrEnum):
    """How it stands with the answer to a community merge request."""

    MET = "met"
    MISSED = "missed"
    PENDING = "pending"
    WAITING = "waiting_for_author"


COUNTED = (Answered.MET, Answered.MISSED)
"""What n counts; the others stand beside it."""


@dataclass(frozen=True, slots=True)
class Promise:
    """Who may answer, and until when.

    employed: the days on which the person behind an account was employed, by account; None: nobody
    is known at all, so that anybody's answer counts. through: data_through in microseconds.
    """

    business_time: BusinessTime
    days: int
    employed: Mapping[int, Sequence[Days]] | None
    through: int

    @classmethod
    def of(
        cls,
        settings: Settings,
        employed: Mapping[int, Sequence[Days]] | None,
        through: datetime,
    ) -> "Promise":
        """The promise as it is configured."""
        reporting = settings.reporting
        return cls(
            BusinessTime(reporting.zone, frozenset(reporting.holidays)),
            settings.community.response_business_days,
            employed,
            microseconds(through),
        )

    def deadline(self, started_at: int) -> int:
        """Until when a merge request must be answered (microseconds)."""
        return microseconds(self.business_time.after(_instant(started_at), self.days))

    def may_answer(self, account: int, at: int) -> bool:
        """Whether the account is that of somebody who was employed on the day of an instant."""
        if self.employed is None:
            return True
        day = local_day(_instant(at), self.business_time.zone).toordinal()
        return any(each.first <= day < each.end for each in self.employed.get(account, ()))

    def answer_to(self, work: CommunityWork) -> int | None:
        """When it was answered first, as far as the data reach."""
        for at, account in work.responses:
            if at <= self.through and self.may_answer(account, at):
                return at
        return None

    def judge(self, work: CommunityWork) -> Answered:
        """How it stands with the answer at data_through."""
        if work.waiting:
            return Answered.WAITING
        deadline = self.deadline(work.started_at)
        answer = self.answer_to(work)
        if answer is not None:
            return Answered.MET if answer <= deadline else Answered.MISSED
        return Answered.MISSED if self.through > deadline else Answered.PENDING


def _compute(workset: Workset, stale: StalePeriods) -> Computed:
    clock = workset.clock
    periods = stale.periods
    starts = [microseconds(clock.start_of(month)) for month in periods]
    ends = [microseconds(clock.start_of(next_month(month))) for month in periods]
    through = microseconds(clock.data_through)
    promise = Promise.of(workset.settings, workset.employed, clock.data_through)
    counts: dict[tuple[int, date], Counter[Answered]] = defaultdict(Counter)
    judged: Counter[date] = Counter()
    owned: Counter[date] = Counter()
    for work in workset.community:
        at = bisect_right(starts, work.started_at) - 1
        if at < 0 or work.started_at >= ends[at] or work.started_at > through:
            continue
        month = periods[at]
        answered = promise.judge(work)
        owners = workset.owners_of(work.project_id)
        for team_id in owners:
            counts[team_id, month][answered] += 1
        if answered in COUNTED:
            judged[month] += 1
            owned[month] += owners != {workset.root_id}

    def values() -> Iterator[Value]:
        for team_id in workset.team_ids:
            for month in periods:
                yield _value(team_id, month, counts.get((team_id, month), Counter()))

    return Computed(
        values={"": values()},
        coverage=[
            Covered(period=month, attributed=owned[month], total=judged[month]) for month in periods
        ],
    )


def _value(team_id: int, month: date, count: Mapping[Answered, int]) -> Value:
    met, total = count[Answered.MET], count[Answered.MET] + count[Answered.MISSED]
    return Value(
        team_id=team_id,
        period=month,
        value=100 * met / total if total else None,
        n=total,
        numerator=float(met),
        denominator=float(total),
        reason=None if total else Reason.NO_DATA,
        beside={
            str(Answered.PENDING): count[Answered.PENDING],
            str(Answered.WAITING): count[Answered.WAITING],
        },
    )


def _evidence(session: Session, query: EvidenceQuery) -> list[Contribution]:
    """The community merge requests of the month, each with its answer; those that need none yet do not
    count."""
    month = first_of_month(query.first_day)
    ours = set(
        session.scalars(
            text(
                "SELECT merge_request_id FROM merge_request_facts f"
                " WHERE f.community AND coalesce(f.ready_at, f.created_at) >= :since"
                " AND (EXISTS (SELECT 1 FROM project_owners o"
                " WHERE o.project_id = f.project_id AND o.team_id = :team_id)"
                " OR EXISTS (SELECT 1 FROM teams t WHERE t.id = :team_id AND t.parent IS NULL))"
            ),
            {"team_id": query.team_id, "since": query.since},
        )
    )
    works = community_work(session, [(query.since, query.data_through + MOMENT)])
    responders = load_responders(session, {who for each in works for _, who in each.responses})
    promise = Promise.of(query.settings, responders, query.data_through)
    return [
        _contribution(work, promise)
        for work in works
        if work.merge_request_id in ours
        and work.started_at <= promise.through
        and first_of_month(local_day(_instant(work.started_at), promise.business_time.zone))
        == month
    ]


def _contribution(work: CommunityWork, promise: Promise) -> Contribution:
    outcome = promise.judge(work)
    answered = None if work.waiting else promise.answer_to(work)
    return Contribution(
        merge_request_id=work.merge_request_id,
        value=None,
        orphaned=False,
        answering=Answering(
            outcome=str(outcome),
            due_at=None if work.waiting else _instant(promise.deadline(work.started_at)),
            answered_at=None if answered is None else _instant(answered),
        ),
        counts=outcome in COUNTED,
    )


def _instant(since_epoch: int) -> datetime:
    return EPOCH + timedelta(microseconds=since_epoch)


COMMUNITY_RESPONSE = Indicator(
    key="community_response",
    title="Response to Community SLO",
    short_title="Community response",
    definition=(
        "Share of the community’s merge requests of the month that somebody of us answered in time: "
        "with a note, an approval or the merge itself within two business days, unless the "
        "configuration says otherwise."
    ),
    formula="met ÷ (met + missed)",
    unit=Unit.PERCENT,
    cadence=Cadence.MONTHLY,
    better=Better.HIGHER,
    target=BuiltInTarget(value=90.0, source="ours"),
    sources=("gitlab", "files", "bamboohr"),
    reads=frozenset({Input.WORK, Input.OWNERSHIP, Input.RESPONDERS}),
    attribution="The team that owns the target project; without an owner the organisation alone.",
    counts=(
        "Merge requests with the community label, by the month in which they were first marked as "
        "ready, else created. Drafts that wait for their author and answers that are not due yet are "
        "counted beside it."
    ),
    noun="community merge requests",
    ours=(
        "GitLab names this indicator and never published its formula; clock, deadline and target are "
        "our reading. Business time runs around the clock from Monday to Friday, without holidays."
    ),
    decimals=0,
    possible=(0.0, 100.0),
    unsettled=str(Answered.PENDING),
    says="In {when} [{part}] community merge requests had an answer in time",
    nothing=(
        "none to answer",
        "No community merge request in a project of this team had to be answered {when}.",
    ),
    compute=_compute,
    evidence=_evidence,
)
