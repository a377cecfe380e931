"""The tables, by noun; importing this package makes `Base.metadata` complete."""

from app.store.tables.access import ApiToken, AuditEvent, SignedIn
from app.store.tables.alerts import AlertState
from app.store.tables.base import Base
from app.store.tables.changes import Change, ChangedMergeRequest
from app.store.tables.derived import (
    AttributionSpan,
    Considered,
    MergeRequestFacts,
    ProjectOwner,
    RefreshState,
    TeamMemberSpan,
)
from app.store.tables.effective import (
    EffectiveEmployment,
    EffectiveIdentity,
    EffectiveMembership,
    EffectiveOpening,
    EffectivePerson,
)
from app.store.tables.forgotten import ForgottenKey, ForgottenTrace
from app.store.tables.hiring import Offer, Opening, PlannedHeadcount
from app.store.tables.organisation import Employment, Identity, Membership, Person, Team
from app.store.tables.period_values import PeriodValue
from app.store.tables.queue import Mark, RateLimit, RefreshItem, WorkItem
from app.store.tables.runs import Position, QuarantinedRecord, Run
from app.store.tables.values import Coverage, DailyValue, IndicatorValue, Target
from app.store.tables.work import (
    Account,
    ChangedPath,
    FormerUsername,
    MergeRequest,
    Note,
    Project,
    Reviewer,
)

__all__ = [
    "Account",
    "AlertState",
    "ApiToken",
    "AttributionSpan",
    "AuditEvent",
    "Base",
    "Change",
    "ChangedMergeRequest",
    "ChangedPath",
    "Considered",
    "Coverage",
    "DailyValue",
    "EffectiveEmployment",
    "EffectiveIdentity",
    "EffectiveMembership",
    "EffectiveOpening",
    "EffectivePerson",
    "Employment",
    "ForgottenKey",
    "ForgottenTrace",
    "FormerUsername",
    "Identity",
    "IndicatorValue",
    "Mark",
    "Membership",
    "MergeRequest",
    "MergeRequestFacts",
    "Note",
    "Offer",
    "Opening",
    "PeriodValue",
    "Person",
    "PlannedHeadcount",
    "Position",
    "Project",
    "ProjectOwner",
    "QuarantinedRecord",
    "RateLimit",
    "RefreshItem",
    "RefreshState",
    "Reviewer",
    "Run",
    "SignedIn",
    "Target",
    "Team",
    "TeamMemberSpan",
    "WorkItem",
]
