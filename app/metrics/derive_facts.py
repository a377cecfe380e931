"""Raw merge requests → merge_request_facts, for those that changed; notes what becomes stale."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.bots import BotPatterns
from app.metrics.facts import (
    Accounts,
    Counting,
    Facts,
    Happened,
    RawMergeRequest,
    Reaction,
    derive,
)
from app.metrics.review_start import PresentReviewer, ReviewNote
from app.metrics.stale import Stale
from app.metrics.stale_work import ChangedWork
from app.settings import Settings, glob_pattern
from app.store.engine import copy_rows

PORTION = 5_000
"""Merge requests that are derived at a time: bounds the memory."""

COLUMNS = tuple(column.name for column in fields(Facts))

_values = attrgetter(*COLUMNS)


def _row(facts: Facts) -> list[Any]:
    """Facts as COPY takes them."""
    return [Jsonb(value) if isinstance(value, list) else value for value in _values(facts)]


@dataclass(frozen=True, slots=True)
class Claimed:
    """Ids of what the collectors marked as changed; the marks are off in this transaction."""

    merge_requests: Sequence[int]
    accounts: Sequence[int]
    projects: Sequence[int]


def claim(session: Session) -> Claimed:
    """Takes the marks of change off. A row that a collector holds right now keeps its mark."""

    def take(table: str) -> list[int]:
        statement = f"""
            UPDATE {table} SET dirty = false WHERE id IN (
                SELECT id FROM {table} WHERE dirty ORDER BY id FOR UPDATE SKIP LOCKED)
            RETURNING id
            """  # noqa: S608 - our own table names
        return list(session.scalars(text(statement)))

    return Claimed(take("merge_requests"), take("accounts"), take("projects"))


def affected(session: Session, claimed: Claimed) -> list[int]:
    """The merge requests whose facts may differ: changed themselves, or their people or project."""
    return sorted(
        {
            *claimed.merge_requests,
            *session.scalars(
                text(
                    """
                    WITH names AS (
                        SELECT array_agg(DISTINCT username) AS names FROM former_usernames
                        WHERE account_id = ANY(:accounts))
                    SELECT id FROM merge_requests
                    WHERE author_id = ANY(:accounts) OR merge_user_id = ANY(:accounts)
                       OR project_id = ANY(:projects)
                    UNION
                    SELECT merge_request_id FROM notes WHERE author_id = ANY(:accounts)
                    UNION
                    SELECT merge_request_id FROM reviewers WHERE account_id = ANY(:accounts)
                    UNION
                    SELECT merge_request_id FROM notes, names WHERE notes.names && names.names
                    """
                ),
                {"accounts": list(claimed.accounts), "projects": list(claimed.projects)},
            ),
        }
    )


def counting(session: Session, settings: Settings) -> Counting:
    """What decides whether a merge request counts, as things stand now."""
    people = session.execute(text("SELECT id, username, bot FROM accounts")).all()
    former = session.execute(text("SELECT username, account_id FROM former_usernames"))
    scope = [glob_pattern(glob) for glob in settings.gitlab.product_scope]
    projects = session.execute(text("SELECT id, path FROM projects")).all()
    handbook = {
        each.project.lower(): tuple(glob_pattern(glob) for glob in each.paths)
        for each in settings.gitlab.handbook
    }
    return Counting(
        accounts=Accounts(
            usernames={row.id: row.username for row in people},
            flagged=frozenset(row.id for row in people if row.bot),
            former=[(row.username, row.account_id) for row in former],
            patterns=BotPatterns(settings.gitlab.bots),
        ),
        in_scope=frozenset(
            row.id for row in projects if any(glob.fullmatch(row.path) for glob in scope)
        ),
        exclude_drafts=settings.gitlab.exclude_drafts,
        community_label=settings.gitlab.community_label,
        handbook={
            row.id: handbook[row.path.lower()] for row in projects if row.path.lower() in handbook
        },
    )


def _happened(session: Session, ids: Sequence[int]) -> dict[int, Happened]:
    """What happened on each merge request; nothing stands for one that is not in the answer."""
    asked = {"ids": list(ids)}
    requests: dict[int, list[ReviewNote]] = defaultdict(list)
    reactions: dict[int, list[Reaction]] = defaultdict(list)
    for row in session.execute(
        text(
            "SELECT merge_request_id, kind, created_at, author_id, requested, removed FROM notes"
            " WHERE kind IN ('review_request', 'comment', 'approved', 'ready')"
            " AND merge_request_id = ANY(:ids) ORDER BY created_at, id"
        ),
        asked,
    ):
        if row.kind == "review_request":
            note = ReviewNote(row.created_at, row.requested, row.removed)
            requests[row.merge_request_id].append(note)
        else:
            reaction = Reaction(row.created_at, row.author_id, row.kind)
            reactions[row.merge_request_id].append(reaction)
    reviewers: dict[int, list[PresentReviewer]] = defaultdict(list)
    for row in session.execute(
        text(
            "SELECT merge_request_id, account_id, created_at FROM reviewers"
            " WHERE merge_request_id = ANY(:ids)"
        ),
        asked,
    ):
        reviewers[row[0]].append(PresentReviewer(*row[1:]))
    paths: dict[int, list[str]] = defaultdict(list)
    for merge_request_id, path in session.execute(
        text("SELECT merge_request_id, path FROM changed_paths WHERE merge_request_id = ANY(:ids)"),
        asked,
    ):
        paths[merge_request_id].append(path)
    return {
        key: Happened(
            requests.get(key, ()),
            reactions.get(key, ()),
            reviewers.get(key, ()),
            paths.get(key, ()),
        )
        for key in requests.keys() | reactions.keys() | reviewers.keys() | paths.keys()
    }


def _derived(session: Session, ids: Sequence[int], rules: Counting) -> Iterator[Facts]:
    happened = _happened(session, ids)
    nothing = Happened()
    columns = ", ".join(column.name for column in fields(RawMergeRequest))
    for row in session.execute(
        text(f"SELECT {columns} FROM merge_requests WHERE id = ANY(:ids)"),  # noqa: S608
        {"ids": list(ids)},
    ):
        yield derive(RawMergeRequest(*row), happened.get(row.id, nothing), rules)


def derive_facts(
    session: Session, settings: Settings, claimed: Claimed, stale: Stale, *, everything: bool
) -> int:
    """Derives the facts of what changed (or of everything); returns how many differ.

    Facts of a merge request that is no longer stored went with it.
    """
    rules = counting(session, settings)
    ids = (
        list(session.scalars(text("SELECT id FROM merge_requests ORDER BY id")))
        if everything
        else affected(session, claimed)
    )
    changed, work = 0, ChangedWork(settings.reporting.zone)
    for start in range(0, len(ids), PORTION):
        portion = ids[start : start + PORTION]
        stored = {
            row[0]: Facts(*row)
            for row in session.execute(
                text(
                    f"SELECT {', '.join(COLUMNS)} FROM merge_request_facts"  # noqa: S608
                    " WHERE merge_request_id = ANY(:ids)"
                ),
                {"ids": portion},
            )
        }
        differing = [
            facts
            for facts in _derived(session, portion, rules)
            if facts != stored.get(facts.merge_request_id)
        ]
        for facts in differing:
            if not everything:
                work.note(stored.get(facts.merge_request_id), facts)
        if differing:
            replaced = [facts.merge_request_id for facts in differing]
            session.execute(
                text("DELETE FROM merge_request_facts WHERE merge_request_id = ANY(:ids)"),
                {"ids": replaced},
            )
            copy_rows(session, "merge_request_facts", COLUMNS, map(_row, differing))
        changed += len(differing)
    work.mark(session, stale)
    return changed
