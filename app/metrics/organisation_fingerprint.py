"""Whether anything changed of people, teams, accounts, plan and hiring since the last refresh.

What is derived of them takes a second for ten thousand people; most refreshes find nothing new.
"""

from itertools import starmap

from sqlalchemy import text
from sqlalchemy.orm import Session

RULES = 1
"""Raised when something else is derived from the same rows, so that the next refresh derives again."""

# What team_member_spans, attribution_spans and considered are derived from, see `derive_organisation`
# and `derive_considered`: the tables beneath the views `effective_*` with every source in them.
READ = {
    "teams": "id, slug, parent, removed_at",
    "people": "source, person_id, email, attributes",
    "identities": "source, username, person_id",
    "employment": "source, person_id, start_date, end_date, termination_type",
    "memberships": "source, person_id, team, valid_from, valid_to",
    "accounts": "id, username, email, bot",
    "former_usernames": "account_id, username",
    "plan": "team, month, planned_headcount",
    "openings": "source, opening_id, team, opened_on, closed_on",
    "offers": "source, offer_id, team, accepted_on, starts_on",
}


def _of_table(table: str, columns: str) -> str:
    """The number of rows and the sum of their hashes: their order means nothing."""
    hashes = f"sum(hash_record_extended(ROW({columns}), 0))"
    return f"(SELECT concat(count(*), ':', {hashes}) FROM {table})"  # noqa: S608 - our own names


QUERY = text(f"SELECT concat_ws(' ', {', '.join(starmap(_of_table, READ.items()))})")


def fingerprint(session: Session) -> str:
    """Two states with the same fingerprint have the same rows."""
    return f"{RULES} {session.scalar(QUERY)}"
