"""What GitLab last told of merge requests → their facts: pure, a portion of them at once as columns.

A merge request is its position in the portion. Instants are microseconds since 2000, as Postgres
counts them; NEVER where not happened. An account is its id, 0 where there is none.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import numpy.typing as npt

from app.metrics.bots import BotPatterns
from app.metrics.facts import LEFT_OUT, FactColumns, Responses
from app.metrics.review_start import Mentions, PresentReviewers, review_starts
from app.metrics.work_columns import NEVER, Flags, Integers
from app.store.columns import EPOCH


@dataclass(frozen=True, slots=True)
class RawColumns:
    """Rows of merge_requests with what facts are made of, as columns of one length, in order of the id.

    merged, closed: the state. labelled: carries the community label.
    """

    id: Integers
    project_id: Integers
    author_id: Integers
    merged: Flags
    closed: Flags
    draft: Flags
    labelled: Flags
    created_at: Integers
    updated_at: Integers
    merged_at: Integers
    closed_at: Integers
    merge_user_id: Integers
    reviewer_rows_read: Flags
    deleted: Flags


@dataclass(frozen=True, slots=True)
class Named:
    """Names in notes that request reviews or withdraw requests; see `Mentions` for order and work.

    who: the number of the name, see `Accounts.number`.
    """

    work: Integers
    at: Integers
    who: Integers
    removed: Flags


@dataclass(frozen=True, slots=True)
class Reactions:
    """Notes that are no requests, in any order. ready: marked as ready; else comment or approval."""

    work: Integers
    at: Integers
    author_id: Integers
    ready: Flags


@dataclass(frozen=True, slots=True)
class Reviewers:
    """Who are reviewers now. at: of the reviewer row; NEVER where it was not read."""

    work: Integers
    at: Integers
    account_id: Integers


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened on the merge requests of a portion. paths: what those of handbook projects
    changed, by position, as far as that was read."""

    named: Named
    reactions: Reactions
    reviewers: Reviewers
    paths: Mapping[int, Sequence[str]] = field(default_factory=dict)


class Accounts:
    """Accounts by every username that was ever seen of them, and which of them are bots."""

    def __init__(
        self,
        usernames: Mapping[int, str],
        flagged: frozenset[int],
        former: Iterable[tuple[str, int]],
        patterns: BotPatterns,
    ) -> None:
        """usernames: the present one by account id. flagged: what GitLab calls a bot.
        former: (username in lower case, account id) of every name seen."""
        self._patterns = patterns
        self._bots = {
            account
            for account, username in usernames.items()
            if account in flagged or patterns.matches(username)
        }
        self._by_name: dict[str, int] = {}
        for name, account in former:
            # Of several it is the oldest account.
            self._by_name[name] = min(account, self._by_name.get(name, account))
        for account, username in usernames.items():  # who bears a name now comes first
            self._by_name[username.lower()] = account
        self._strangers: dict[str, int] = {}

    def number(self, name: str) -> int:
        """The account behind a username of any day; a number below zero stands for a name that no
        account is known by."""
        account = self._by_name.get(name.lower())
        return self._stranger(name) if account is None else account

    def _stranger(self, name: str) -> int:
        if name not in self._strangers:
            number = self._strangers[name] = -1 - len(self._strangers)
            if self._patterns.matches(name):
                self._bots.add(number)
        return self._strangers[name]

    def are_bots(self, who: Integers) -> Flags:
        """Which of these accounts and names are bots."""
        bots: npt.NDArray[np.bool_] = np.isin(who, np.array(sorted(self._bots), np.int64))
        return bots


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

    def is_community_label(self, label: str) -> bool:
        """Whether a label is the community's, however it is written."""
        return label.casefold() == self.community_label.casefold()

    def in_handbook(self, raw: RawColumns, paths: Mapping[int, Sequence[str]]) -> Flags:
        """Which were merged into handbook scope. paths: as in `Happened`."""
        inside = raw.merged & np.isin(raw.project_id, np.array(sorted(self.handbook), np.int64))
        if self.exclude_drafts:
            inside &= ~raw.draft
        for position in np.flatnonzero(inside).tolist():
            globs = self.handbook[int(raw.project_id[position])]
            changed = paths.get(position, ())
            inside[position] = not globs or any(
                glob.fullmatch(path) for glob in globs for path in changed
            )
        return inside


def ends_of(raw: RawColumns) -> tuple[Integers, Flags]:
    """(ends of the open intervals, whether they are estimated); no end while open or locked."""
    told = np.where(raw.merged, raw.merged_at, np.where(raw.closed, raw.closed_at, NEVER))
    estimated = (raw.merged | raw.closed) & (told == NEVER)
    return np.where(estimated, raw.updated_at, told), estimated


def _left_out(raw: RawColumns, ended_at: Integers, counting: Counting) -> Integers:
    """Why merge requests do not count, as places in LEFT_OUT. The first reason holds."""
    reasons = {
        "deleted": raw.deleted,
        "quarantined": ended_at < raw.created_at,
        "bot": counting.accounts.are_bots(raw.author_id),
        "out_of_scope": ~np.isin(raw.project_id, np.array(sorted(counting.in_scope), np.int64)),
        "draft": raw.draft & counting.exclude_drafts,
    }
    found: Integers = np.select(
        list(reasons.values()), [LEFT_OUT.index(reason) for reason in reasons], 0
    ).astype(np.int64)
    return found


def derive(raw: RawColumns, happened: Happened, counting: Counting) -> FactColumns:
    """The facts of a portion. Notes dated before their merge request are left aside."""
    accounts = counting.accounts
    ended_at, end_estimated = ends_of(raw)
    merged_at = np.where(raw.merged, ended_at, NEVER)
    named, reviewers = happened.named, happened.reviewers
    start = review_starts(
        raw.created_at,
        Mentions(
            named.work,
            named.at,
            named.who,
            named.removed,
            eligible=_is_another(raw, named.work, named.who, accounts),
        ),
        PresentReviewers(
            reviewers.work,
            reviewers.at,
            reviewers.account_id,
            eligible=_is_another(raw, reviewers.work, reviewers.account_id, accounts),
        ),
        rows_read=raw.reviewer_rows_read,
    )
    reactions = happened.reactions
    valid = reactions.at >= raw.created_at[reactions.work]
    ready_at = _first(raw, reactions.work, reactions.at, valid & reactions.ready)
    answers = (
        valid
        & ~reactions.ready
        & (reactions.author_id != 0)
        & _is_another(raw, reactions.work, reactions.author_id, accounts)
    )
    engaging = answers & (reactions.at >= start.at[reactions.work])
    left_out = _left_out(raw, ended_at, counting)
    return FactColumns(
        merge_request_id=raw.id,
        project_id=raw.project_id,
        author_id=raw.author_id,
        created_at=raw.created_at,
        review_started_at=start.at,
        ended_at=ended_at,
        merged_at=merged_at,
        draft=raw.draft,
        ready_at=ready_at,
        first_engaged_at=_first(raw, reactions.work, reactions.at, engaging),
        handbook=counting.in_handbook(raw, happened.paths),
        counted=left_out == 0,
        community=raw.labelled,
        end_estimated=end_estimated,
        review_start_inferred=start.inferred,
        left_out=left_out,
        responses=dict(
            _responses(raw, reactions, answers, merged_at, _clock_start(raw, ready_at), accounts)
        ),
    )


def _is_another(raw: RawColumns, work: Integers, who: Integers, accounts: Accounts) -> Flags:
    """Which of these people are neither the merge request's author nor a bot."""
    another: npt.NDArray[np.bool_] = (who != raw.author_id[work]) & ~accounts.are_bots(who)
    return another


def _first(raw: RawColumns, work: Integers, at: Integers, which: Flags) -> Integers:
    """The earliest of some instants by merge request."""
    first = np.full(len(raw.id), NEVER)
    np.minimum.at(first, work[which], at[which])
    return first


def _clock_start(raw: RawColumns, ready_at: Integers) -> Integers:
    """When the clock of an answer to the community starts."""
    return np.where(ready_at == NEVER, raw.created_at, ready_at)


def _responses(
    raw: RawColumns,
    reactions: Reactions,
    answers: Flags,
    merged_at: Integers,
    clock_start: Integers,
    accounts: Accounts,
) -> Iterator[tuple[int, Responses]]:
    """What answered those of the community after their clock started: notes, approvals, the merge."""
    everybody = np.arange(len(raw.id))
    merger = raw.merge_user_id
    merges = np.flatnonzero(
        (merged_at != NEVER) & (merger != 0) & _is_another(raw, everybody, merger, accounts)
    )
    work = np.concatenate([reactions.work[answers], merges])
    at = np.concatenate([reactions.at[answers], merged_at[merges]])
    who = np.concatenate([reactions.author_id[answers], merger[merges]])
    told = raw.labelled[work] & (at > clock_start[work])
    work, at, who = work[told], at[told], who[told]
    order = np.lexsort((who, at, work))
    rows = zip(
        raw.id[work[order]].tolist(),
        (at[order] + EPOCH).tolist(),
        who[order].tolist(),
        strict=True,
    )
    for key, own in groupby(rows, key=lambda row: row[0]):
        yield key, [[instant, account] for _, instant, account in own]
