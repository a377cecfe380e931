"""A merge request as the indicators see it, from what GitLab last told: pure, one at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.metrics.bots import BotPatterns
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
    reviewer_rows_read: bool
    deleted_at: datetime | None


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
    counted: bool
    community: bool
    end_estimated: bool
    review_start_inferred: bool
    left_out: str | None


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
    """What decides whether a merge request counts. in_scope: the ids of the projects in scope."""

    accounts: Accounts
    in_scope: frozenset[int]
    exclude_drafts: bool
    community_label: str


def end_of(raw: RawMergeRequest) -> tuple[datetime | None, bool]:
    """(end of the open interval, whether it is estimated); no end while open or locked."""
    if raw.state == "merged":
        return raw.merged_at or raw.updated_at, raw.merged_at is None
    if raw.state == "closed":
        return raw.closed_at or raw.updated_at, raw.closed_at is None
    return None, False


def derive(
    raw: RawMergeRequest,
    notes: Sequence[ReviewNote],
    reviewers: Sequence[PresentReviewer],
    counting: Counting,
) -> Facts:
    """The facts of a merge request. notes: its review requests, oldest first."""
    accounts = counting.accounts
    ended_at, end_estimated = end_of(raw)
    start = review_start(
        raw.created_at,
        notes,
        reviewers,
        rows_read=raw.reviewer_rows_read,
        resolve=accounts.resolve,
        eligible=lambda who: who != raw.author_id and not accounts.is_bot(who),
    )
    left_out: str | None = None
    if raw.deleted_at is not None:
        left_out = "deleted"
    elif ended_at is not None and ended_at < raw.created_at:
        left_out = "quarantined"
    elif raw.author_id is not None and accounts.is_bot(raw.author_id):
        left_out = "bot"
    elif raw.project_id not in counting.in_scope:
        left_out = "out_of_scope"
    elif raw.draft and counting.exclude_drafts:
        left_out = "draft"
    label = counting.community_label.casefold()
    return Facts(
        merge_request_id=raw.id,
        project_id=raw.project_id,
        author_id=raw.author_id,
        created_at=raw.created_at,
        review_started_at=start.at,
        ended_at=ended_at,
        merged_at=ended_at if raw.state == "merged" else None,
        counted=left_out is None,
        community=any(name.casefold() == label for name in raw.labels),
        end_estimated=end_estimated,
        review_start_inferred=start.inferred,
        left_out=left_out,
    )


def first_affected(old: Facts | None, new: Facts | None) -> datetime | None:
    """The first instant at which a change of facts can change a value; None where it cannot."""
    counted = [facts for facts in (old, new) if facts is not None and facts.counted]
    if not counted:
        return None
    if old is None or new is None or len(counted) == 1:
        return min(facts.created_at for facts in counted)
    if (old.author_id, old.project_id, old.created_at) != (
        new.author_id,
        new.project_id,
        new.created_at,
    ):
        return min(old.created_at, new.created_at)
    instants: list[datetime | None] = []
    if old.review_started_at != new.review_started_at:
        instants += [old.review_started_at, new.review_started_at]
    if old.ended_at != new.ended_at or old.merged_at != new.merged_at:
        instants += [old.ended_at, new.ended_at]
    if old.community != new.community:
        instants += [old.merged_at, new.merged_at]
    return min((instant for instant in instants if instant is not None), default=None)
