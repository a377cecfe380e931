"""Raw merge requests → merge_request_facts, for those that changed; notes what becomes stale."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.bots import BotPatterns
from app.metrics.fact_rules import Accounts, Counting, derive
from app.metrics.facts import (
    LEFT_OUT,
    PLAIN,
    FactColumns,
    Facts,
    differing,
)
from app.metrics.portions import Portion, all_portions, portions_of
from app.metrics.raw_work import ids, read_happened, read_raw
from app.metrics.stale import Stale
from app.metrics.stale_work import ChangedWork
from app.metrics.work_columns import NEVER, Integers, in_order, places
from app.settings import Settings, glob_pattern
from app.store.columns import (
    BIGINT,
    BOOLEAN,
    INTEGER,
    TEXT,
    TIMESTAMPTZ,
    Kind,
    Layout,
    Nullable,
    Type,
    fixed_text,
    read_portion,
    text_up_to,
    write_columns,
)
from app.store.engine import copy_rows

COLUMNS = tuple(column.name for column in fields(Facts))

_values = attrgetter(*COLUMNS)


@dataclass(frozen=True, slots=True)
class Claimed:
    """Ids of what was marked as changed, each once; the marks are off in this transaction."""

    merge_requests: Integers
    accounts: Integers
    projects: Integers


def claim(session: Session) -> Claimed:
    """Takes off the marks of change that are visible now, before anything else is read.

    What a transaction changes that ends later has its own mark, which stays for the next refresh; an
    account or project that a collector holds right now keeps its mark. Nobody waits for anybody.
    """

    def take(table: str) -> Integers:
        query = sql.SQL("SELECT id FROM {} WHERE dirty ORDER BY id FOR UPDATE SKIP LOCKED")
        marked = ids(session, query.format(sql.Identifier(table)))
        session.execute(
            text(f"UPDATE {table} SET dirty = false WHERE id = ANY(:ids)"),  # noqa: S608 - our names
            {"ids": marked.tolist()},
        )
        return marked

    changed = ids(session, sql.SQL("DELETE FROM changed_merge_requests RETURNING id"))
    return Claimed(np.unique(changed), take("accounts"), take("projects"))


def affected(session: Session, claimed: Claimed) -> Integers:
    """The merge requests whose facts may differ: changed themselves, or their people or project.

    In order, each once.
    """
    accounts = sql.Literal(claimed.accounts.tolist())
    found = [claimed.merge_requests]
    if len(claimed.projects):
        query = sql.SQL("SELECT id FROM merge_requests WHERE project_id = ANY({}::bigint[])")
        found.append(ids(session, query.format(sql.Literal(claimed.projects.tolist()))))
    if len(claimed.accounts):
        # Names as they stand here, not in a subquery: the planner sees how many there are.
        names = session.scalars(
            text(
                "SELECT DISTINCT username FROM former_usernames WHERE account_id = ANY(:accounts)"
            ),
            {"accounts": claimed.accounts.tolist()},
        )
        query = sql.SQL(
            """
            SELECT id FROM merge_requests
            WHERE author_id = ANY({accounts}::bigint[]) OR merge_user_id = ANY({accounts}::bigint[])
            UNION
            SELECT merge_request_id FROM notes WHERE author_id = ANY({accounts}::bigint[])
            UNION
            SELECT merge_request_id FROM reviewers WHERE account_id = ANY({accounts}::bigint[])
            UNION
            SELECT merge_request_id FROM notes WHERE names && {names}::text[]
            """
        )
        found.append(ids(session, query.format(accounts=accounts, names=sql.Literal(names.all()))))
    return np.unique(np.concatenate(found))


def counting(session: Session, settings: Settings) -> Counting:
    """What decides whether a merge request counts, as things stand now."""
    people = read_portion(
        session,
        sql.SQL("SELECT id, username, bot FROM accounts"),
        {"id": BIGINT, "username": TEXT, "bot": BOOLEAN},
    )
    former = read_portion(
        session,
        sql.SQL("SELECT username, account_id FROM former_usernames"),
        {"username": TEXT, "account": BIGINT},
    )
    scope = [glob_pattern(glob) for glob in settings.gitlab.product_scope]
    projects = session.execute(text("SELECT id, path FROM projects")).all()
    handbook = {
        each.project.lower(): tuple(glob_pattern(glob) for glob in each.paths)
        for each in settings.gitlab.handbook
    }
    return Counting(
        accounts=Accounts(
            usernames=dict(zip(people["id"].tolist(), _decoded(people["username"]), strict=True)),
            flagged=frozenset(people["id"][people["bot"]].tolist()),
            former=zip(_decoded(former["username"]), former["account"].tolist(), strict=True),
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


def _decoded(names: npt.NDArray[np.object_]) -> Iterator[str]:
    return (name.decode() for name in names)


def derive_facts(
    session: Session, settings: Settings, claimed: Claimed, stale: Stale, *, everything: bool
) -> int:
    """Derives the facts of what changed (or of everything); returns how many differ.

    Where everything is derived, all history is stale already: nothing is marked.
    Facts of a merge request that is no longer stored went with it.
    """
    rules = counting(session, settings)
    portions: Iterator[Portion] = (
        all_portions(session) if everything else portions_of(affected(session, claimed))
    )
    changed, work = 0, ChangedWork(settings.reporting.zone)
    for portion in portions:
        raw = read_raw(session, portion, rules)
        derived = derive(raw, read_happened(session, portion, raw, rules), rules)
        stored = _stored(session, portion)
        which = differing(derived, stored)
        if len(which):
            place, known = places(derived.merge_request_id[which], stored.merge_request_id)
            if not everything:
                for position, before, is_known in zip(which, place, known, strict=True):
                    old = stored.row(before) if is_known else None
                    work.note(old, derived.row(position))
            _remove(session, stored.merge_request_id[place[known]])
            _write(session, derived, which)
        changed += len(which)
    work.mark(session, stale)
    return changed


INSTANTS = ("review_started_at", "ended_at", "merged_at", "ready_at", "first_engaged_at")


def _kind(name: str) -> Type:
    """What a column of facts is; what stands for null in it is of the same kind."""
    if name == "left_out":
        return INTEGER
    if name.endswith("_id"):
        return BIGINT
    return TIMESTAMPTZ if name.endswith("_at") else BOOLEAN


READ: Mapping[str, Type] = {name: _kind(name) for name in PLAIN}


def _column(name: str) -> sql.Composable:
    """A column of facts with what stands for null."""
    if name in INSTANTS:
        return sql.SQL("coalesce({}, 'infinity')").format(sql.Identifier(name))
    if name == "author_id":
        return sql.SQL("coalesce(author_id, 0)")
    if name == "left_out":
        return sql.SQL("coalesce(array_position({}::text[], left_out), 0)").format(
            sql.Literal(list(LEFT_OUT[1:]))
        )
    return sql.Identifier(name)


def _stored(session: Session, portion: Portion) -> FactColumns:
    query = sql.SQL("SELECT {} FROM merge_request_facts WHERE {}").format(
        sql.SQL(", ").join(map(_column, PLAIN)), portion.within("merge_request_id")
    )
    answered = session.execute(
        text(
            "SELECT merge_request_id, responses FROM merge_request_facts"  # noqa: S608 - ids alone
            f" WHERE {portion.where('merge_request_id')} AND responses <> '[]'"
        )
    )
    responses = {row.merge_request_id: row.responses for row in answered}
    found = in_order(read_portion(session, query, READ), "merge_request_id")
    return FactColumns(**found, responses=responses)


NO_RESPONSES = b"\x01[]"
"""An empty array in the binary form of jsonb: its version, then the text."""
REASON = text_up_to(max(len(reason) for reason in LEFT_OUT if reason))
REASONS = np.array([(reason or "").encode() for reason in LEFT_OUT], REASON.native)


def _written(name: str) -> Kind:
    """How a column of facts is written."""
    if name in INSTANTS:
        return Nullable(TIMESTAMPTZ, NEVER)
    if name == "author_id":
        return Nullable(BIGINT, 0)
    return Nullable(REASON, b"") if name == "left_out" else READ[name]


WRITE: Layout = {
    "responses": fixed_text(NO_RESPONSES.decode()),
    **{name: _written(name) for name in PLAIN},
}


def _remove(session: Session, keys: Integers) -> None:
    if len(keys):
        session.execute(
            text("DELETE FROM merge_request_facts WHERE merge_request_id = ANY(:ids)"),
            {"ids": keys.tolist()},
        )


def _write(session: Session, facts: FactColumns, which: Integers) -> None:
    """Writes some of the facts; those with responses, which are few, one by one."""
    answered = np.isin(facts.merge_request_id[which], np.fromiter(facts.responses, np.int64))
    plain = which[~answered]
    rows: dict[str, Any] = {name: getattr(facts, name)[plain] for name in PLAIN}
    rows["left_out"] = REASONS[rows["left_out"]]
    rows["responses"] = np.full(len(plain), NO_RESPONSES)
    write_columns(session, "merge_request_facts", WRITE, rows)
    if answered.any():
        singly = (_row(facts.row(position)) for position in which[answered].tolist())
        copy_rows(session, "merge_request_facts", COLUMNS, singly)


def _row(facts: Facts) -> list[Any]:
    """Facts as COPY takes them."""
    return [Jsonb(value) if isinstance(value, list) else value for value in _values(facts)]
