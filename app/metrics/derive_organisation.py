"""Raw organisation tables → team_member_spans, attribution_spans and project_owners.

Each derived table is made again from what is known now and compared with what is stored: only what
differs is written, and the first day on which a value can differ is noted.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.attribution import (
    Membership,
    Span,
    Tree,
    attribution_spans,
    by_person,
    differences,
    member_spans,
)
from app.metrics.calendar import first_measured_day, local_day
from app.metrics.indicator import Input, Restated
from app.metrics.ownership import OwnedGlobs, project_owners
from app.metrics.stale import Stale
from app.settings import Settings
from app.store.engine import copy_rows

Owner = TypeVar("Owner", bound=Hashable)


def _teams(session: Session) -> tuple[Tree, list[OwnedGlobs]]:
    teams = session.execute(
        text("SELECT id, slug, parent, owns FROM teams WHERE removed_at IS NULL")
    ).all()
    ids = {team.slug: team.id for team in teams}
    tree = Tree({team.id: ids[team.parent] if team.parent else None for team in teams})
    return tree, [OwnedGlobs(team.id, team.slug, team.owns) for team in teams]


def _memberships(session: Session) -> dict[str, list[Membership]]:
    rows = session.execute(
        text(
            "SELECT m.person_id, t.id, m.valid_from, m.valid_to"
            " FROM effective_memberships m JOIN teams t ON t.slug = m.team WHERE t.removed_at IS NULL"
        )
    )
    return by_person(Membership(*row) for row in rows)


CLAIMS = """
    WITH named AS (
        SELECT i.person_id, i.source, a.id AS account_id, false AS former
        FROM effective_identities i JOIN accounts a ON lower(a.username) = i.username
        UNION ALL
        SELECT i.person_id, i.source, f.account_id, true
        FROM effective_identities i JOIN former_usernames f ON f.username = i.username
        WHERE NOT EXISTS (SELECT 1 FROM accounts a WHERE lower(a.username) = i.username)
    ), addressed AS (
        SELECT a.id AS account_id, min(p.person_id) AS person_id
        FROM accounts a JOIN effective_people p ON lower(p.email) = a.email
        WHERE NOT a.bot
        GROUP BY a.id HAVING count(*) = 1
    ), claims AS (
        SELECT account_id, person_id, source,
               CASE source WHEN 'files' THEN 3 ELSE 0 END + former::int AS rank
        FROM named
        UNION ALL
        SELECT account_id, person_id, 'e-mail', 2 FROM addressed
    )
"""
"""Which person an account is said to be, by whom; the lowest rank holds."""


def person_of_account(session: Session) -> dict[int, str]:
    """The person behind each account.

    By the username that an HR system tells, else by the e-mail address, else by the username of
    people.csv; a former username counts where no account bears it now. An address that two people
    have tells nothing.
    """
    found: dict[int, str] = {}
    for account_id, person_id in session.execute(
        text(f"{CLAIMS} SELECT account_id, person_id FROM claims ORDER BY rank, 1, 2")  # noqa: S608 - our own names
    ):
        found.setdefault(account_id, person_id)
    return found


def _stored(session: Session, table: str, owner: str, orphaned: str) -> dict[Any, list[Span]]:
    """Stored spans by owner. Names are our own, never input."""
    spans: dict[Any, list[Span]] = {}
    for key, *span in session.execute(
        text(f"SELECT {owner}, team_id, first_day, end_day, {orphaned} FROM {table}")  # noqa: S608 - our own names
    ):
        spans.setdefault(key, []).append(Span(*span))
    return spans


def _differing(
    stored: Mapping[Owner, Iterable[Span]], derived: Mapping[Owner, Iterable[Span]]
) -> list[Owner]:
    return [
        key
        for key in stored.keys() | derived.keys()
        if set(stored.get(key, ())) != set(derived.get(key, ()))
    ]


def _write(
    session: Session,
    table: str,
    columns: Sequence[str],
    owners: Sequence[Any],
    rows: Iterable[Sequence[Any]],
) -> None:
    """Replaces the spans of the owners (the first column)."""
    if owners:
        session.execute(
            text(f"DELETE FROM {table} WHERE {columns[0]} = ANY(:owners)"),  # noqa: S608 - our own names
            {"owners": list(owners)},
        )
        copy_rows(session, table, columns, rows)


def derive_members(session: Session, stale: Stale) -> None:
    """team_member_spans: in which teams, ancestors included, each person is a member."""
    tree, _ = _teams(session)
    derived = {p: member_spans(own, tree) for p, own in _memberships(session).items()}
    stored = _stored(session, "team_member_spans", "person_id", "false")
    changed = _differing(stored, derived)
    for person in changed:
        before, after = stored.get(person, ()), derived.get(person, ())
        # Who came, moved or left counts in later months as well, in each team that they were in.
        first = min((span.first_day for span in differences(before, after)), default=None)
        teams = {span.team_id for span in (*before, *after)}
        stale.add(Restated.MEMBERSHIP, first, Input.MEMBERS, teams=teams)
    _write(
        session,
        "team_member_spans",
        ("person_id", "team_id", "first_day", "end_day"),
        changed,
        (
            (person, span.team_id, span.first_day, span.end_day)
            for person in changed
            for span in derived.get(person, ())
        ),
    )


def derive_attribution(session: Session, settings: Settings, stale: Stale) -> None:
    """attribution_spans: to which teams, ancestors included, each account's work belongs."""
    tree, _ = _teams(session)
    spans = {p: attribution_spans(own, tree) for p, own in _memberships(session).items()}
    derived = {
        account: spans[person]
        for account, person in person_of_account(session).items()
        if person in spans
    }
    stored = _stored(session, "attribution_spans", "account_id", "orphaned")
    changed = _differing(stored, derived)
    # An account is stale no earlier than its first merge request: the newly seen account of
    # somebody who joined years ago changes nothing before it.
    for account, first in session.execute(
        text(
            "SELECT author_id, min(created_at) FROM merge_request_facts"
            " WHERE author_id = ANY(:accounts) AND counted GROUP BY author_id"
        ),
        {"accounts": changed},
    ):
        seen = first_measured_day(first, settings.reporting.zone)
        for span in differences(stored.get(account, ()), derived.get(account, ())):
            stale.add(
                Restated.MEMBERSHIP,
                max(span.first_day, seen),
                Input.ATTRIBUTION,
                end=span.end_day,
                teams=[span.team_id],
            )
    _write(
        session,
        "attribution_spans",
        ("account_id", "team_id", "first_day", "end_day", "orphaned"),
        changed,
        (
            (account, span.team_id, span.first_day, span.end_day, span.orphaned)
            for account in changed
            for span in derived.get(account, ())
        ),
    )


def derive_ownership(session: Session, settings: Settings, stale: Stale) -> None:
    """project_owners: which teams, ancestors included, own each project."""
    tree, owned = _teams(session)
    projects = session.execute(text("SELECT id, path FROM projects"))
    paths: dict[int, str] = {row.id: row.path for row in projects}
    derived = project_owners(paths, owned, tree)
    rows = session.execute(text("SELECT project_id, team_id FROM project_owners"))
    stored: set[tuple[int, int]] = {(row.project_id, row.team_id) for row in rows}
    changed = sorted({project for project, _ in derived ^ stored})
    if not changed:
        return
    teams = {team for _, team in derived ^ stored}
    first = session.scalar(
        text(
            "SELECT min(least(merged_at, CASE WHEN community THEN coalesce(ready_at, created_at) END))"
            " FROM merge_request_facts WHERE project_id = ANY(:projects) AND counted"
        ),
        {"projects": changed},
    )
    if first is not None:
        day = local_day(first, settings.reporting.zone)
        stale.add(Restated.CONFIGURATION, day, Input.OWNERSHIP, teams=teams)
    _write(
        session,
        "project_owners",
        ("project_id", "team_id"),
        changed,
        (pair for pair in derived if pair[0] in set(changed)),
    )
