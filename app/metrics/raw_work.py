"""Raw merge requests and what happened on them, from the tables of the collectors, as columns."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.fact_rules import (
    Accounts,
    Counting,
    Happened,
    Named,
    RawColumns,
    Reactions,
    Reviewers,
)
from app.metrics.portions import Portion
from app.metrics.work_columns import Flags, Integers, in_order, places
from app.store.columns import BIGINT, BOOLEAN, TEXT, TIMESTAMPTZ, Columns, Type, read_portion


def read_raw(session: Session, portion: Portion, counting: Counting) -> RawColumns:
    """The merge requests themselves."""
    within = portion.within("id")
    labels = session.scalars(
        text(
            f"SELECT DISTINCT unnest(labels) FROM merge_requests WHERE {portion.where('id')}"  # noqa: S608 - a condition of our own, on numbers
        )
    )
    labelled = sql.SQL("labels && {}::text[]").format(
        sql.Literal([label for label in labels if counting.is_community_label(label)])
    )
    query = sql.SQL("SELECT {}, {} FROM merge_requests WHERE {}").format(
        labelled, sql.SQL(", ".join(query for query, _ in RAW.values())), within
    )
    layout = {"labelled": BOOLEAN, **{name: kind for name, (_, kind) in RAW.items()}}
    return RawColumns(**in_order(read_portion(session, query, layout), "id"))


RAW = {
    "id": ("id", BIGINT),
    "project_id": ("project_id", BIGINT),
    "author_id": ("coalesce(author_id, 0)", BIGINT),
    "merged": ("state = 'merged'", BOOLEAN),
    "closed": ("state = 'closed'", BOOLEAN),
    "draft": ("draft", BOOLEAN),
    "created_at": ("created_at", TIMESTAMPTZ),
    "updated_at": ("updated_at", TIMESTAMPTZ),
    "merged_at": ("coalesce(merged_at, 'infinity')", TIMESTAMPTZ),
    "closed_at": ("coalesce(closed_at, 'infinity')", TIMESTAMPTZ),
    "merge_user_id": ("coalesce(merge_user_id, 0)", BIGINT),
    "reviewer_rows_read": ("reviewer_rows_read", BOOLEAN),
    "deleted": ("deleted_at IS NOT NULL", BOOLEAN),
}


def read_happened(
    session: Session, portion: Portion, raw: RawColumns, counting: Counting
) -> Happened:
    """What happened on these merge requests."""
    return Happened(
        _named(session, portion, raw, counting.accounts),
        Reactions(**_read(session, portion, raw, REACTIONS, REACTION)),
        Reviewers(**_read(session, portion, raw, REVIEWERS, REVIEWER)),
        _paths(session, portion, raw) if any(counting.handbook.values()) else {},
    )


REACTIONS = sql.SQL(
    "SELECT merge_request_id, created_at, coalesce(author_id, 0), kind = 'ready' FROM notes"
    " WHERE kind IN ('comment', 'approved', 'ready') AND {}"
)
REACTION: Mapping[str, Type] = {
    "work": BIGINT,
    "at": TIMESTAMPTZ,
    "author_id": BIGINT,
    "ready": BOOLEAN,
}
REVIEWERS = sql.SQL(
    "SELECT merge_request_id, coalesce(created_at, 'infinity'), account_id FROM reviewers WHERE {}"
)
REVIEWER: Mapping[str, Type] = {"work": BIGINT, "at": TIMESTAMPTZ, "account_id": BIGINT}
NAMES = sql.SQL(
    "SELECT merge_request_id, created_at, id, coalesce(requested, ''), coalesce(removed, '') FROM ("
    "SELECT merge_request_id, created_at, id, unnest(requested) AS requested, unnest(removed) AS"
    " removed FROM notes WHERE kind = 'review_request' AND {}) AS side_by_side"
)
"""A row holds a name that is asked, a name that is removed, or both; a name is never empty."""
MENTION: Mapping[str, Type] = {
    "work": BIGINT,
    "at": TIMESTAMPTZ,
    "note": BIGINT,
    "requested": TEXT,
    "removed": TEXT,
}


def _read(
    session: Session, portion: Portion, raw: RawColumns, query: sql.SQL, layout: Mapping[str, Type]
) -> Columns:
    found = read_portion(session, query.format(portion.within("merge_request_id")), layout)
    return _placed(found, raw)


def _placed(found: Columns, raw: RawColumns) -> Columns:
    """Columns with the position of each merge request in place of its id.

    Whoever collects at the same time may have written one since: it is marked, and comes next time.
    """
    place, known = places(found["work"], raw.id)
    found["work"] = place
    return {name: column[known] for name, column in found.items()}


def _named(session: Session, portion: Portion, raw: RawColumns, accounts: Accounts) -> Named:
    """The names in notes, by number."""
    found = _read(session, portion, raw, NAMES, MENTION)
    sides = [
        {**{name: found[name][there] for name in ("work", "at", "note")}, "who": who}
        for there, who in (
            _numbers(found["requested"], accounts),
            _numbers(found["removed"], accounts),
        )
    ]
    asked = len(sides[0]["who"])
    both = {name: np.concatenate([side[name] for side in sides]) for name in sides[0]}
    removed = np.arange(len(both["who"])) >= asked
    order = np.lexsort((removed, both["note"], both["at"], both["work"]))
    return Named(both["work"][order], both["at"][order], both["who"][order], removed[order])


def _numbers(column: npt.NDArray[Any], accounts: Accounts) -> tuple[Flags, Integers]:
    """(where there is a name, its numbers)."""
    there: Flags = (column != b"").astype(np.bool_)
    names = column[there].tolist()
    numbers = {name: accounts.number(name.decode()) for name in set(names)}
    return there, np.fromiter(map(numbers.__getitem__, names), np.int64, len(names))


def _paths(session: Session, portion: Portion, raw: RawColumns) -> dict[int, list[str]]:
    """The changed paths by position."""
    position = dict(zip(raw.id.tolist(), range(len(raw.id)), strict=True))
    paths: dict[int, list[str]] = defaultdict(list)
    for merge_request_id, path in session.execute(
        text(
            "SELECT merge_request_id, path FROM changed_paths"  # noqa: S608 - ids alone
            f" WHERE {portion.where('merge_request_id')}"
        )
    ):
        if merge_request_id in position:
            paths[position[merge_request_id]].append(path)
    return paths


def ids(session: Session, query: sql.Composable) -> Integers:
    """The ids that a query tells."""
    return read_portion(session, query, {"id": BIGINT})["id"]
