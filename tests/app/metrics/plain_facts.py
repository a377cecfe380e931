"""The facts of a merge request as the definitions read, one at a time, and the same by our own code.

`plain` is what the fast computation is held against; `derived` writes single merge requests as columns
and asks the application.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from app.metrics import fact_rules
from app.metrics.bots import BotPatterns
from app.metrics.calendar import microseconds
from app.metrics.fact_rules import Counting, Named, RawColumns, Reactions, Reviewers
from app.metrics.facts import Facts
from app.metrics.work_columns import NEVER, Integers
from app.store.columns import EPOCH


@dataclass(frozen=True, slots=True)
class ReviewNote:
    """A system note that requests reviews, withdraws requests, or both. Names are those of its day."""

    created_at: datetime
    requested: Sequence[str]
    removed: Sequence[str]


@dataclass(frozen=True, slots=True)
class PresentReviewer:
    """Who is a reviewer now. created_at: of the reviewer row; None where it was not read."""

    account_id: int
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reaction:
    """A note that is no request: comment, approved or ready (marked as ready)."""

    created_at: datetime
    author_id: int | None
    kind: str


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """A merge request with all that happened on it. requests: oldest first."""

    id: int
    project_id: int
    author_id: int | None
    state: str
    created_at: datetime
    updated_at: datetime
    merged_at: datetime | None = None
    closed_at: datetime | None = None
    draft: bool = False
    labels: Sequence[str] = ()
    merge_user_id: int | None = None
    reviewer_rows_read: bool = True
    deleted_at: datetime | None = None
    requests: Sequence[ReviewNote] = ()
    reactions: Sequence[Reaction] = ()
    reviewers: Sequence[PresentReviewer] = ()
    paths: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class World:
    """Who is known, and what counts; the fields are those of `Accounts` and `Counting`."""

    usernames: Mapping[int, str]
    flagged: frozenset[int] = frozenset()
    former: Sequence[tuple[str, int]] = ()
    patterns: BotPatterns = field(default_factory=BotPatterns)
    in_scope: frozenset[int] = frozenset()
    exclude_drafts: bool = False
    community_label: str = "Community contribution"
    handbook: Mapping[int, Sequence[re.Pattern[str]]] = field(default_factory=dict)

    def counting(self) -> Counting:
        """The same as the application has it."""
        return Counting(
            accounts=fact_rules.Accounts(self.usernames, self.flagged, self.former, self.patterns),
            in_scope=self.in_scope,
            exclude_drafts=self.exclude_drafts,
            community_label=self.community_label,
            handbook=self.handbook,
        )

    def who(self, name: str) -> int | str:
        """Who bears a name now, else the oldest account that ever did, else the name itself."""
        for account, username in self.usernames.items():
            if username.lower() == name.lower():
                return account
        bore = [account for former, account in self.former if former == name.lower()]
        return min(bore, default=name)

    def is_bot(self, who: int | str) -> bool:
        """What the source flags, or what a username gives away."""
        if isinstance(who, str):
            return self.patterns.matches(who)
        return who in self.flagged or (
            who in self.usernames and self.patterns.matches(self.usernames[who])
        )


def plain_review_start(request: MergeRequest, world: World) -> tuple[datetime | None, bool]:
    """(the earliest evidence that somebody was asked, whether an unread row could be earlier)."""

    def eligible(who: int | str) -> bool:
        return who != request.author_id and not world.is_bot(who)

    evidence: list[datetime] = []
    requested: set[int | str] = set()
    strangers: set[str] = set()
    for note in request.requests:
        if note.created_at < request.created_at:
            continue
        for who in map(world.who, note.requested):
            requested.add(who)
            if eligible(who):
                evidence.append(note.created_at)
                if isinstance(who, str):
                    strangers.add(who)
        for who in map(world.who, note.removed):
            # Removed without having been asked by a note: a reviewer since it was made.
            if who not in requested and eligible(who):
                evidence.append(request.created_at)
            if isinstance(who, str):
                strangers.discard(who)
    present = [reviewer for reviewer in request.reviewers if eligible(reviewer.account_id)]
    evidence += [
        reviewer.created_at
        for reviewer in present
        if reviewer.created_at is not None and reviewer.created_at >= request.created_at
    ]
    unexplained = [reviewer for reviewer in present if reviewer.account_id not in requested]
    if len(unexplained) > len(strangers):
        evidence.append(request.created_at)
    at = min(evidence, default=None)
    inferred = at is not None and at > request.created_at and bool(present)
    return at, inferred and not request.reviewer_rows_read


def plain_end(request: MergeRequest) -> tuple[datetime | None, bool]:
    """(end of the open interval, whether it is estimated)."""
    if request.state not in {"merged", "closed"}:
        return None, False
    told = request.merged_at if request.state == "merged" else request.closed_at
    return told or request.updated_at, told is None


def plain_left_out(request: MergeRequest, ended_at: datetime | None, world: World) -> str | None:
    """Why it does not count."""
    if request.deleted_at is not None:
        return "deleted"
    if ended_at is not None and ended_at < request.created_at:
        return "quarantined"
    if request.author_id is not None and world.is_bot(request.author_id):
        return "bot"
    if request.project_id not in world.in_scope:
        return "out_of_scope"
    return "draft" if request.draft and world.exclude_drafts else None


def plain(request: MergeRequest, world: World) -> Facts:
    """The facts of a merge request, rule by rule."""
    ended_at, end_estimated = plain_end(request)
    merged_at = ended_at if request.state == "merged" else None
    start, inferred = plain_review_start(request, world)
    reactions = [each for each in request.reactions if each.created_at >= request.created_at]
    ready_at = min((each.created_at for each in reactions if each.kind == "ready"), default=None)
    answers = [
        (each.created_at, each.author_id)
        for each in reactions
        if each.kind != "ready"
        and each.author_id is not None
        and each.author_id != request.author_id
        and not world.is_bot(each.author_id)
    ]
    engaged = [at for at, _ in answers if start is not None and at >= start]
    left_out = plain_left_out(request, ended_at, world)
    label = world.community_label.casefold()
    community = any(name.casefold() == label for name in request.labels)
    merger = request.merge_user_id
    if merged_at and merger and merger != request.author_id and not world.is_bot(merger):
        answers.append((merged_at, merger))
    globs = world.handbook.get(request.project_id)
    return Facts(
        merge_request_id=request.id,
        project_id=request.project_id,
        author_id=request.author_id,
        created_at=request.created_at,
        review_started_at=start,
        ended_at=ended_at,
        merged_at=merged_at,
        draft=request.draft,
        ready_at=ready_at,
        first_engaged_at=min(engaged, default=None),
        responses=[
            [microseconds(at), who]
            for at, who in sorted(answers)
            if community and at > (ready_at or request.created_at)
        ],
        handbook=request.state == "merged"
        and globs is not None
        and not (request.draft and world.exclude_drafts)
        and (not globs or any(glob.fullmatch(path) for glob in globs for path in request.paths)),
        counted=left_out is None,
        community=community,
        end_estimated=end_estimated,
        review_start_inferred=inferred,
        left_out=left_out,
    )


def derived(requests: Iterable[MergeRequest], world: World) -> list[Facts]:
    """The facts as the application derives them, as one portion, in order of the id."""
    rows = sorted(requests, key=lambda request: request.id)
    counting = world.counting()
    raw = RawColumns(
        id=_integers(row.id for row in rows),
        project_id=_integers(row.project_id for row in rows),
        author_id=_integers(row.author_id or 0 for row in rows),
        merged=np.array([row.state == "merged" for row in rows], np.bool_),
        closed=np.array([row.state == "closed" for row in rows], np.bool_),
        draft=np.array([row.draft for row in rows], np.bool_),
        labelled=np.array(
            [any(map(counting.is_community_label, row.labels)) for row in rows], np.bool_
        ),
        created_at=_instants(row.created_at for row in rows),
        updated_at=_instants(row.updated_at for row in rows),
        merged_at=_instants(row.merged_at for row in rows),
        closed_at=_instants(row.closed_at for row in rows),
        merge_user_id=_integers(row.merge_user_id or 0 for row in rows),
        reviewer_rows_read=np.array([row.reviewer_rows_read for row in rows], np.bool_),
        deleted=np.array([row.deleted_at is not None for row in rows], np.bool_),
    )
    facts = fact_rules.derive(raw, _happened(rows, counting), counting)
    return [facts.row(position) for position in range(len(facts))]


def _happened(rows: Sequence[MergeRequest], counting: Counting) -> fact_rules.Happened:
    named = [
        (work, note.created_at, counting.accounts.number(name), removed)
        for work, row in enumerate(rows)
        for note in row.requests
        for names, removed in ((note.requested, False), (note.removed, True))
        for name in names
    ]
    reactions = [(work, each) for work, row in enumerate(rows) for each in row.reactions]
    reviewers = [(work, each) for work, row in enumerate(rows) for each in row.reviewers]
    return fact_rules.Happened(
        Named(
            work=_integers(work for work, *_ in named),
            at=_instants(at for _, at, _, _ in named),
            who=_integers(who for _, _, who, _ in named),
            removed=np.array([removed for *_, removed in named], np.bool_),
        ),
        Reactions(
            work=_integers(work for work, _ in reactions),
            at=_instants(each.created_at for _, each in reactions),
            author_id=_integers(each.author_id or 0 for _, each in reactions),
            ready=np.array([each.kind == "ready" for _, each in reactions], np.bool_),
        ),
        Reviewers(
            work=_integers(work for work, _ in reviewers),
            at=_instants(each.created_at for _, each in reviewers),
            account_id=_integers(each.account_id for _, each in reviewers),
        ),
        paths={work: row.paths for work, row in enumerate(rows)},
    )


def _integers(values: Iterable[int]) -> Integers:
    return np.fromiter(values, np.int64)


def _instants(values: Iterable[datetime | None]) -> Integers:
    return _integers(NEVER if value is None else microseconds(value) - EPOCH for value in values)
