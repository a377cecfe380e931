"""Employment, plan, openings, offers and declared attributes → considered: what the values rest on.

Each row is a small fact as this refresh sees it. What differs from what the last one saw tells from
which day on values may differ.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.attribution import FOREVER
from app.metrics.calendar import local_day
from app.metrics.derive_organisation import person_of_account
from app.metrics.indicator import Input, Restated
from app.metrics.stale import Stale
from app.settings import Settings
from app.store.engine import copy_rows

# The indicators that read a kind, and what a change of it is called.
KINDS: Mapping[str, tuple[Input, Restated]] = {
    "employment": (Input.EMPLOYMENT, Restated.MEMBERSHIP),
    "plan": (Input.PLAN, Restated.CONFIGURATION),
    "tree": (Input.PLAN, Restated.CONFIGURATION),
    "opening": (Input.HIRING, Restated.LATE_DATA),
    "offer": (Input.HIRING, Restated.LATE_DATA),
    "attribute": (Input.ATTRIBUTES, Restated.LATE_DATA),
    "employed": (Input.RESPONDERS, Restated.MEMBERSHIP),
    "people": (Input.RESPONDERS, Restated.MEMBERSHIP),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """first_day: the first day on which it can matter. content: plain JSON, days as ordinals."""

    first_day: date
    content: list[Any]


Facts = dict[tuple[str, str], Fact]


def derive_considered(session: Session, settings: Settings, stale: Stale) -> None:
    """Writes what differs and notes what becomes stale."""
    derived: Facts = {
        **_employment(session),
        **_plan(session),
        **_openings(session),
        **_attributes(session, settings),
        **_employed(session, settings.reporting.history_start),
    }
    stored: Facts = {
        (kind, key): Fact(first_day, content)
        for kind, key, first_day, content in session.execute(
            text("SELECT kind, key, first_day, content FROM considered")
        )
    }
    changed = [key for key in derived.keys() | stored.keys() if derived.get(key) != stored.get(key)]
    for kind, key in changed:
        changed_input, reason = KINDS[kind]
        if kind != "employed":
            for fact in (stored.get((kind, key)), derived.get((kind, key))):
                stale.add(reason, fact.first_day if fact else None, changed_input)
    accounts = [int(key) for kind, key in changed if kind == "employed"]
    stale.add(Restated.MEMBERSHIP, _first_answered(session, settings, accounts), Input.RESPONDERS)
    _write(session, changed, derived)


def _write(session: Session, changed: Sequence[tuple[str, str]], derived: Facts) -> None:
    if not changed:
        return
    session.execute(
        text(
            "DELETE FROM considered c USING unnest(CAST(:kinds AS text[]), CAST(:keys AS text[]))"
            " AS gone(kind, key) WHERE c.kind = gone.kind AND c.key = gone.key"
        ),
        {"kinds": [kind for kind, _ in changed], "keys": [key for _, key in changed]},
    )
    copy_rows(
        session,
        "considered",
        ("kind", "key", "first_day", "content"),
        (
            (kind, key, fact.first_day, Jsonb(fact.content))
            for kind, key in changed
            if (fact := derived.get((kind, key))) is not None
        ),
    )


def _ordinal(day: date | None) -> int | None:
    return None if day is None else day.toordinal()


def _employment(session: Session) -> Facts:
    rows = session.execute(
        text("SELECT person_id, start_date, end_date, termination_type FROM effective_employment")
    )
    return {
        ("employment", f"{person} {start}"): Fact(
            start, [person, start.toordinal(), _ordinal(end), ending]
        )
        for person, start, end, ending in rows
    }


def _plan(session: Session) -> Facts:
    """The plan, and the tree that a parent's plan is summed over."""
    found: Facts = {
        ("plan", f"{team} {month}"): Fact(month, [team, month.toordinal(), planned])
        for team, month, planned in session.execute(
            text("SELECT team, month, planned_headcount FROM plan")
        )
    }
    if found:
        first = min(fact.first_day for fact in found.values())
        for slug, parent in session.execute(
            text("SELECT slug, parent FROM teams WHERE removed_at IS NULL")
        ):
            found["tree", slug] = Fact(first, [parent])
    return found


def _openings(session: Session) -> Facts:
    found: Facts = {
        ("opening", key): Fact(opened, [team, opened.toordinal(), _ordinal(closed)])
        for key, team, opened, closed in session.execute(
            text("SELECT opening_id, team, opened_on, closed_on FROM effective_openings")
        )
    }
    for source, key, team, accepted, starts in session.execute(
        text(
            "SELECT source, offer_id, team, accepted_on, starts_on FROM offers"
            " WHERE accepted_on IS NOT NULL"
        )
    ):
        content = [team, accepted.toordinal(), _ordinal(starts)]
        found["offer", f"{source} {key}"] = Fact(accepted, content)
    return found


def _attributes(session: Session, settings: Settings) -> Facts:
    """What people declared of the configured attribute, from their first day in any team on."""
    rows = session.execute(
        text(
            """
            SELECT p.person_id, btrim(p.attributes ->> :attribute) AS declared,
                   min(m.valid_from) AS first_day
            FROM effective_people p JOIN effective_memberships m ON m.person_id = p.person_id
            WHERE btrim(p.attributes ->> :attribute) <> ''
            GROUP BY 1, 2
            """
        ),
        {"attribute": settings.diversity.attribute},
    )
    return {
        ("attribute", person): Fact(first_day, [declared]) for person, declared, first_day in rows
    }


def _employed(session: Session, history_start: date) -> Facts:
    """On which days the person behind each account was employed, and whether anybody is known.

    Of whom no employment is known, the days of membership.
    """
    stretches: dict[str, list[list[int]]] = {}
    for person, first, last in session.execute(
        text(
            """
            SELECT person_id, start_date, end_date FROM effective_employment
            UNION ALL
            SELECT person_id, valid_from, valid_to - 1 FROM effective_memberships m
            WHERE NOT EXISTS (SELECT 1 FROM effective_employment e WHERE e.person_id = m.person_id)
            ORDER BY 1, 2
            """
        )
    ):
        end = FOREVER.toordinal() if last is None else last.toordinal() + 1
        stretches.setdefault(person, []).append([first.toordinal(), end])
    found: Facts = {
        ("employed", str(account)): Fact(history_start, stretches[person])
        for account, person in person_of_account(session).items()
        if person in stretches
    }
    if session.scalar(text("SELECT EXISTS (SELECT 1 FROM effective_people)")):
        found["people", "known"] = Fact(history_start, [True])
    return found


def _first_answered(session: Session, settings: Settings, accounts: Iterable[int]) -> date | None:
    """The first day on which a clock started that one of the accounts may have stopped."""
    asked = list(accounts)
    if not asked:
        return None
    first = session.scalar(
        text(
            """
            SELECT min(coalesce(f.ready_at, f.created_at)) FROM merge_request_facts f
            WHERE f.community AND f.counted AND EXISTS (
                SELECT 1 FROM jsonb_array_elements(f.responses) AS response
                WHERE (response ->> 1)::bigint = ANY(:accounts))
            """
        ),
        {"accounts": asked},
    )
    return None if first is None else local_day(first, settings.reporting.zone)
