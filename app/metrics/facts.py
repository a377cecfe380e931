"""A merge request as the indicators see it, from what GitLab last told: pure, one at a time."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.metrics.bots import BotPatterns
from app.metrics.calendar import microseconds
from app.metrics.review_start import PresentReviewer, ReviewNote, review_start


@dataclass(frozen=True, slots=True)
class RawMergeRequest:
    """A row of merge_requests with what facts are made of."""

    id: int
    project_id: int
    author_id: int | None
    state: str
    draft: bool
    labels: Sequence[str]
    created_at: datetime
    updated_at: datetime
    merged_at: datetime | None
    closed_at: datetime | None
    merge_user_id: int | None
    reviewer_rows_read: bool
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reaction:
    """A note that is no request: comment, approved or ready (marked as ready)."""

    created_at: datetime
    author_id: int | None
    kind: str


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened on a merge request. requests, reactions: oldest first. reviewers: those of now.
    paths: what it changed, as far as that was read."""

    requests: Sequence[ReviewNote] = ()
    reactions: Sequence[Reaction] = ()
    reviewers: Sequence[PresentReviewer] = ()
    paths: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """A row of merge_request_facts; see there."""

    merge_request_id: int
    project_id: int
    author_id: int | None
    created_at: datetime
    review_started_at: datetime | None
    ended_at: datetime | None
    merged_at: datetime | None
    draft: bool
    ready_at: datetime | None
    first_engaged_at: datetime | None
    responses: list[list[int]]
    handbook: bool
    counted: bool
    community: bool
    end_estimated: bool
    review_start_inferred: bool
    left_out: str | None

    @property
    def in_use(self) -> bool:
        """Whether any indicator counts it: handbook scope knows no product scope."""
        return self.counted or (self.handbook and self.left_out == "out_of_scope")

    @property
    def response_due_from(self) -> datetime:
        """When the clock of an answer to the community starts."""
        return self.ready_at or self.created_at


class Accounts:
    """Accounts by every username that was ever seen of them, and which of them are bots."""

    def __init__(
        self,
        usernames: Mapping[int, str],
        flagged: frozenset[int],
        former: Sequence[tuple[str, int]],
        patterns: BotPatterns,
    ) -> None:
        """usernames: the present one by account id. flagged: what GitLab calls a bot.
        former: (username in lower case, account id) of every name seen."""
        self._patterns = patterns
        self.bots = frozenset(
            account
            for account, username in usernames.items()
            if account in flagged or patterns.matches(username)
        )
        self._by_name: dict[str, int] = {}
        for name, account in sorted(former, reverse=True):  # of several, the oldest account
            self._by_name[name] = account
        for account, username in usernames.items():  # who bears a name now comes first
            self._by_name[username.lower()] = account

    def resolve(self, name: str) -> int | None:
        """The account behind a username of any day."""
        return self._by_name.get(name.lower())

    def is_bot(self, who: int | str) -> bool:
        """Whether an account, or a name that no account is known by, is a bot."""
        return who in self.bots if isinstance(who, int) else self._patterns.matches(who)


@dataclass(frozen=True, slots=True)
class Counting:
    """What decides whether a merge request counts.

    in_scope: the ids of the projects in scope. handbook: the path globs of each handbook project by
    its id; without any, every merge request into it is one of the handbook.
    """

    accounts: Accounts
    in_scope: frozenset[int]
    exclude_drafts: bool
    community_label: str
    handbook: Mapping[int, Sequence[re.Pattern[str]]] = field(default_factory=dict)

    def is_handbook(self, raw: RawMergeRequest, paths: Sequence[str]) -> bool:
        """Whether it was merged into handbook scope."""
        globs = self.handbook.get(raw.project_id)
        if raw.state != "merged" or globs is None or (raw.draft and self.exclude_drafts):
            return False
        return not globs or any(glob.fullmatch(path) for glob in globs for path in paths)


def end_of(raw: RawMergeRequest) -> tuple[datetime | None, bool]:
    """(end of the open interval, whether it is estimated); no end while open or locked."""
    if raw.state == "merged":
        return raw.merged_at or raw.updated_at, raw.merged_at is None
    if raw.state == "closed":
        return raw.closed_at or raw.updated_at, raw.closed_at is None
    return None, False


def _left_out(raw: RawMergeRequest, ended_at: datetime | None, counting: Counting) -> str | None:
    """Why a merge request does not count; None if it does."""
    if raw.deleted_at is not None:
        return "deleted"
    if ended_at is not None and ended_at < raw.created_at:
        return "quarantined"
    if raw.author_id is not None and raw.author_id in counting.accounts.bots:
        return "bot"
    if raw.project_id not in counting.in_scope:
        return "out_of_scope"
    if raw.draft and counting.exclude_drafts:
        return "draft"
    return None


def derive(raw: RawMergeRequest, happened: Happened, counting: Counting) -> Facts:
    """The facts of a merge request. Notes dated before it are left aside."""
    accounts = counting.accounts
    ended_at, end_estimated = end_of(raw)
    merged_at = ended_at if raw.state == "merged" else None
    start = review_start(
        raw.created_at,
        happened.requests,
        happened.reviewers,
        rows_read=raw.reviewer_rows_read,
        resolve=accounts.resolve,
        eligible=lambda who: who != raw.author_id and not accounts.is_bot(who),
    )
    reactions = [each for each in happened.reactions if each.created_at >= raw.created_at]
    ready_at = min((each.created_at for each in reactions if each.kind == "ready"), default=None)
    answers = [
        (each.created_at, each.author_id)
        for each in reactions
        if each.kind != "ready"
        and each.author_id is not None
        and each.author_id != raw.author_id
        and not accounts.is_bot(each.author_id)
    ]
    engaged = [at for at, _ in answers if start.at is not None and at >= start.at]
    left_out = _left_out(raw, ended_at, counting)
    label = counting.community_label.casefold()
    community = any(name.casefold() == label for name in raw.labels)
    merger = raw.merge_user_id
    if merged_at and merger and merger != raw.author_id and not accounts.is_bot(merger):
        answers.append((merged_at, merger))
    clock_start = ready_at or raw.created_at
    return Facts(
        merge_request_id=raw.id,
        project_id=raw.project_id,
        author_id=raw.author_id,
        created_at=raw.created_at,
        review_started_at=start.at,
        ended_at=ended_at,
        merged_at=merged_at,
        draft=raw.draft,
        ready_at=ready_at,
        first_engaged_at=min(engaged, default=None),
        responses=[
            [microseconds(at), who] for at, who in sorted(answers) if community and at > clock_start
        ],
        handbook=counting.is_handbook(raw, happened.paths),
        counted=left_out is None,
        community=community,
        end_estimated=end_estimated,
        review_start_inferred=start.inferred,
        left_out=left_out,
    )
