"""Merge requests and whose they are, as columns: a million objects would take seconds and gigabytes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date

import numpy as np
import numpy.typing as npt
from psycopg import sql
from sqlalchemy.orm import Session

from app.metrics.portions import all_portions
from app.store.columns import BIGINT, BOOLEAN, DATE, Columns, Type, read_portion

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NEVER = int(np.iinfo(np.int64).max)
"""The instant of what did not happen: after every other."""
PORTION = 500_000
"""Merge requests that the server sends at a time: bounds its memory and ours."""
FIRST_DAY = date(2000, 1, 1).toordinal()
"""From which Postgres counts days in its binary format."""


@dataclass(frozen=True, slots=True)
class Work:
    """A counted merge request; instants in microseconds since 1970, None where not happened."""

    author_id: int | None
    project_id: int
    created_at: int
    review_started_at: int | None
    ended_at: int | None
    merged_at: int | None
    community: bool
    first_engaged_at: int | None = None


@dataclass(frozen=True, slots=True)
class WorkColumns:
    """Merge requests of `Work` as columns of one length, oldest first.

    author: 0 where there is none. Instants: NEVER where not happened.
    """

    author: Integers
    project: Integers
    created_at: Integers
    review_started_at: Integers
    ended_at: Integers
    merged_at: Integers
    first_engaged_at: Integers
    community: Flags

    def __len__(self) -> int:
        return len(self.author)

    def where(self, chosen: Flags) -> "WorkColumns":
        """Some of the merge requests."""
        return WorkColumns(*(getattr(self, each.name)[chosen] for each in fields(self)))

    @classmethod
    def of(cls, works: Iterable[Work]) -> "WorkColumns":
        """Columns of single merge requests, in any order."""
        rows = sorted(works, key=lambda work: work.created_at)

        def instants(name: str) -> Integers:
            values = (getattr(work, name) for work in rows)
            return np.array([NEVER if value is None else value for value in values], np.int64)

        return cls(
            author=np.array([work.author_id or 0 for work in rows], np.int64),
            project=np.array([work.project_id for work in rows], np.int64),
            created_at=instants("created_at"),
            review_started_at=instants("review_started_at"),
            ended_at=instants("ended_at"),
            merged_at=instants("merged_at"),
            first_engaged_at=instants("first_engaged_at"),
            community=np.array([work.community for work in rows], np.bool_),
        )

    @classmethod
    def read(
        cls, session: Session, condition: sql.Composable, *, most: bool = False
    ) -> "WorkColumns":
        """The rows of merge_request_facts that fulfil a condition. most: whether most of them may."""
        query = sql.SQL("SELECT {} FROM merge_request_facts WHERE {}").format(
            sql.SQL(", ").join([*map(sql.SQL, _PLAIN), *map(_microseconds, INSTANTS)]), condition
        )
        if not most:
            return cls(**in_order(read_portion(session, query, _LAYOUT), "created_at"))
        key = "merge_request_id"
        parts = [
            read_portion(session, sql.SQL("{} AND {}").format(query, each.within(key)), _LAYOUT)
            for each in all_portions(session, "merge_request_facts", key, PORTION)
        ]
        none = {name: np.empty(0, kind.native) for name, kind in _LAYOUT.items()}
        # Column by column, so that no more than one of them is there twice.
        whole = {
            name: np.concatenate([none[name], *(part.pop(name) for part in parts)])
            for name in _LAYOUT
        }
        order = np.argsort(whole["created_at"], kind="stable")
        return cls(**{name: whole.pop(name)[order] for name in _LAYOUT})


INSTANTS = ("created_at", "review_started_at", "ended_at", "merged_at", "first_engaged_at")
_PLAIN = ("coalesce(author_id, 0)", "project_id", "community")
_LAYOUT: Mapping[str, Type] = {
    "author": BIGINT,
    "project": BIGINT,
    "community": BOOLEAN,
    **dict.fromkeys(INSTANTS, BIGINT),
}


def _microseconds(column: str) -> sql.Composable:
    return sql.SQL("coalesce((extract(epoch FROM {}) * 1000000)::bigint, {})").format(
        sql.Identifier(column), sql.Literal(NEVER)
    )


@dataclass(frozen=True, slots=True)
class TeamDays:
    """Days of a team, as ordinals: from first up to, not including, end."""

    team_id: int
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Pairs:
    """Merge requests with the spans of their authors: indices into both, of one length."""

    work: Integers
    span: Integers


@dataclass(frozen=True, slots=True)
class Attribution:
    """The teams to which the work of accounts belongs, as columns in order of the account.

    team: index of the team. first, end: days as ordinals, from first up to, not including, end.
    """

    account: Integers
    team: Integers
    first: Integers
    end: Integers

    @classmethod
    def of(cls, spans: Mapping[int, Sequence[TeamDays]], team_ids: Sequence[int]) -> "Attribution":
        """Columns of the spans of each account."""
        index = {team_id: number for number, team_id in enumerate(team_ids)}
        rows = [
            (account, index[each.team_id], each.first, each.end)
            for account, own in sorted(spans.items())
            for each in own
        ]
        return cls(*np.array(rows, np.int64).reshape(-1, 4).T)

    @classmethod
    def read(
        cls,
        session: Session,
        team_ids: Sequence[int],
        within: sql.Composable,
        accounts: Sequence[int] | None = None,
    ) -> "Attribution":
        """The attribution spans of the teams that fulfil a condition on their days.

        team_ids: ascending. accounts: of these alone; None: of all.
        """
        query = sql.SQL(
            "SELECT account_id, team_id, first_day, end_day FROM attribution_spans"
            " WHERE {teams} AND {within} AND {those}"
        ).format(
            teams=of_teams(team_ids),
            within=within,
            those=sql.SQL("true")
            if accounts is None
            else sql.SQL("account_id = ANY({}::bigint[])").format(sql.Literal(list(accounts))),
        )
        found = read_portion(session, query, {"account": BIGINT, **_SPAN})
        return cls(**in_order(indexed(found, team_ids), "account"))

    def pairs(self, author: Integers) -> Pairs:
        """Each merge request with each span of its author, in order of the merge requests."""
        return Pairs(*equal(author, self.account))

    def on(self, author: Integers, day: Integers) -> tuple[Integers, Integers]:
        """(merge request, team) for each team to which an author's work belongs on a day.

        author, day: of one length; days as ordinals.
        """
        pairs = self.pairs(author)
        when = day[pairs.work]
        holds = (self.first[pairs.span] <= when) & (when < self.end[pairs.span])
        return pairs.work[holds], self.team[pairs.span[holds]]


@dataclass(frozen=True, slots=True)
class Presence:
    """Days of members in teams, as columns; who is twice in a team at a time counts twice.

    team: index of the team. first, end: days as ordinals, from first up to, not including, end.
    """

    team: Integers
    first: Integers
    end: Integers

    @classmethod
    def of(cls, spans: Iterable[TeamDays], team_ids: Sequence[int]) -> "Presence":
        """Columns of single spans."""
        index = {team_id: number for number, team_id in enumerate(team_ids)}
        rows = [(index[each.team_id], each.first, each.end) for each in spans]
        return cls(*np.array(rows, np.int64).reshape(-1, 3).T)

    @classmethod
    def read(cls, session: Session, team_ids: Sequence[int], within: sql.Composable) -> "Presence":
        """The members of the teams, of stays that fulfil a condition on their days.

        team_ids: ascending.
        """
        query = sql.SQL(
            "SELECT team_id, first_day, end_day FROM team_member_spans WHERE {teams} AND {within}"
        ).format(teams=of_teams(team_ids), within=within)
        return cls(**indexed(read_portion(session, query, _SPAN), team_ids))


_SPAN: Mapping[str, Type] = {"team": BIGINT, "first": DATE, "end": DATE}


FEW_TEAMS = 20
"""Up to so many teams the server looks their spans up; of more, those of all are read in one go."""


def of_teams(team_ids: Sequence[int]) -> sql.Composable:
    """A condition on team_id that leaves out what other teams have, or lets it through: `indexed`
    leaves it out in any case. Hundreds of teams hold nearly every span, and to look them up one by
    one costs the server five times what it costs to read the table."""
    if len(team_ids) > FEW_TEAMS:
        return sql.SQL("true")
    return sql.SQL("team_id = ANY({}::bigint[])").format(sql.Literal(list(team_ids)))


def indexed(found: Columns, team_ids: Sequence[int]) -> Columns:
    """Spans as they are read, of these teams alone, with the index of their team and days as ordinals."""
    index, theirs = places(found["team"], np.array(team_ids, np.int64))
    kept = {**found, "team": index}
    if not theirs.all():
        kept = {name: column[theirs] for name, column in kept.items()}
    days = {name: kept[name].astype(np.int64) + FIRST_DAY for name in ("first", "end")}
    return {**kept, **days}


def in_order(found: Columns, *keys: str) -> Columns:
    """The same rows in order of one or more columns."""
    order = np.lexsort([found[key] for key in reversed(keys)])
    return {name: column[order] for name, column in found.items()}


def places(keys: Integers, among: Integers) -> tuple[Integers, Flags]:
    """(place, whether it is there) of each key among others, which are in order, each once."""
    if not len(among):
        return np.zeros(len(keys), np.int64), np.zeros(len(keys), np.bool_)
    place = np.minimum(np.searchsorted(among, keys), len(among) - 1)
    return place, among[place] == keys


def equal(left: Integers, right: Integers) -> tuple[Integers, Integers]:
    """(places in left, places in right) of all pairs of equal numbers, in order of left.

    right: ascending.
    """
    low = np.searchsorted(right, left, "left")
    count = np.searchsorted(right, left, "right") - low
    of_left = np.repeat(np.arange(len(left)), count)
    begin = np.cumsum(count) - count
    return of_left, np.arange(len(of_left)) - np.repeat(begin - low, count)


def count_by(*keys: tuple[Integers, int]) -> Integers:
    """How often each combination of keys occurs, as an array with one dimension a key.

    keys: (numbers from 0 on, how many there can be).
    """
    shape = [size for _, size in keys]
    flat = np.ravel_multi_index([numbers for numbers, _ in keys], shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)
