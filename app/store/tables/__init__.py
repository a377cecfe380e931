"""The tables, by noun; importing this package makes `Base.metadata` complete."""

from app.store.tables.base import Base
from app.store.tables.derived import (
    AttributionSpan,
    MergeRequestFacts,
    ProjectOwner,
    RefreshState,
    TeamMemberSpan,
)
from app.store.tables.organisation import Employment, Identity, Membership, Person, Team
from app.store.tables.runs import Position, QuarantinedRecord, Run
from app.store.tables.values import Coverage, IndicatorValue, Target
from app.store.tables.work import Account, FormerUsername, MergeRequest, Note, Project, Reviewer

__all__ = [
    "Account",
    "AttributionSpan",
    "Base",
    "Coverage",
    "Employment",
    "FormerUsername",
    "Identity",
    "IndicatorValue",
    "Membership",
    "MergeRequest",
    "MergeRequestFacts",
    "Note",
    "Person",
    "Position",
    "Project",
    "ProjectOwner",
    "QuarantinedRecord",
    "RefreshState",
    "Reviewer",
    "Run",
    "Target",
    "Team",
    "TeamMemberSpan",
]
