"""What in the data does not fit, what it does to the numbers and what to do."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.metrics.answers import Finding
from app.metrics.check import Check, Item, listed
from app.metrics.conflicts import CONFLICTS
from app.metrics.derive_organisation import person_of_account
from app.settings import Settings

MOST_ITEMS = 500
"""Items of one finding unless all are asked for; the count is always that of all."""


def findings(
    session: Session,
    settings: Settings,
    *,
    most: int | None = MOST_ITEMS,
    kind: str | None = None,
) -> list[Finding]:
    """Every kind of finding, those without any case included.

    most: items of each kind at most; None: all. kind: only this one; raises NotFoundError (field
    `kind`) where there is no such kind.
    """
    del settings  # what counts was decided by the refresh
    found: list[Finding] = []
    for check in CHECKS if kind is None else [_check(kind)]:
        items, count = check.find(session, most)
        found.append(
            Finding(
                kind=check.kind,
                title=check.title,
                count=count,
                effect=check.effect,
                remedy=check.remedy,
                items=items,
            )
        )
    return found


def _check(kind: str) -> Check:
    for check in CHECKS:
        if check.kind == kind:
            return check
    known = ", ".join(check.kind for check in CHECKS)
    raise NotFoundError(f"There is no kind of finding {kind!r:.40}.", "kind", f"There are {known}.")


def _unmatched(session: Session, most: int | None) -> tuple[Sequence[Item], int]:
    """Accounts that wrote merge requests, are no bots and belong to nobody."""
    known = person_of_account(session)
    rows = session.execute(
        text(
            """
            SELECT a.id, a.username, a.name, count(*) AS merge_requests, max(f.created_at) AS last
            FROM merge_request_facts f JOIN accounts a ON a.id = f.author_id
            WHERE f.counted GROUP BY a.id ORDER BY count(*) DESC, a.username
            """
        )
    )
    unmatched = [row for row in rows if row.id not in known]
    people: dict[str, list[tuple[str, str]]] = {}
    for person_id, name in session.execute(text("SELECT person_id, name FROM effective_people")):
        people.setdefault(name.casefold(), []).append((person_id, name))
    shown = unmatched if most is None else unmatched[:most]
    return [_unmatched_item(row, people.get(row.name.casefold(), ())) for row in shown], len(
        unmatched
    )


def _unmatched_item(row: Any, namesakes: Sequence[tuple[str, str]]) -> Item:
    requests = _counted(row.merge_requests, "merge request")
    sentence = f"{row.name} wrote {requests}, the last on {row.last:%Y-%m-%d}."
    item: Item = {"address": row.username, "text": sentence}
    if len(namesakes) == 1:
        person_id, name = namesakes[0]
        item["text"] = (
            f"{sentence} Same name as {name} ({person_id}): if it is the same person, write"
            f" {row.username} as the gitlab_username there."
        )
    else:
        item["line"] = csv_line(["", " ".join(row.name.split()), "", row.username, ""])
    return item


def csv_line(cells: Iterable[str]) -> str:
    """Cells as one line of a CSV file, quoted where it must be."""
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _without_account(row: Any) -> Item:
    if row.username is None:
        sentence = f"{row.name} has no gitlab_username."
    else:
        sentence = f"{row.name} is said to be {row.username}, whom GitLab has never shown us."
    return {"address": row.person_id, "text": sentence}


def _two_teams(row: Any) -> Item:
    until = f"up to {row.last:%Y-%m-%d}" if row.last is not None else "until now"
    return {
        "address": row.person_id,
        "text": f"{row.name} is in {row.one} and in {row.other} from {row.first:%Y-%m-%d} {until}.",
    }


MERGE_REQUEST = "merge_requests m JOIN merge_request_facts f ON f.merge_request_id = m.id"

CHECKS: tuple[Check, ...] = (
    Check(
        kind="unmatched_identity",
        title="Unmatched identities",
        effect="Their merge requests belong to no team and lower the coverage.",
        remedy="Add the line to people.csv, with a person_id, and the person to memberships.csv.",
        find=_unmatched,
    ),
    Check(
        kind="person_without_account",
        title="People without an account",
        effect="They count in the headcount, but nothing that they merge can count for them.",
        remedy="Write the GitLab username into people.csv; leave it out for who does not use GitLab.",
        find=listed(
            """
            SELECT p.person_id, p.name, i.username
            FROM effective_people p LEFT JOIN effective_identities i ON i.person_id = p.person_id
            WHERE EXISTS (SELECT 1 FROM effective_memberships m WHERE m.person_id = p.person_id)
              AND NOT EXISTS (SELECT 1 FROM effective_identities j JOIN former_usernames f
                              ON f.username = j.username WHERE j.person_id = p.person_id)
              AND NOT EXISTS (SELECT 1 FROM effective_identities j JOIN accounts a
                              ON lower(a.username) = j.username WHERE j.person_id = p.person_id)
            ORDER BY p.name, p.person_id
            """,
            _without_account,
        ),
    ),
    Check(
        kind="person_without_team",
        title="People without a team",
        effect="Their merge requests belong to no team and lower the coverage.",
        remedy="Add them to memberships.csv.",
        find=listed(
            """
            SELECT p.person_id, p.name FROM effective_people p
            WHERE NOT EXISTS (SELECT 1 FROM effective_memberships m WHERE m.person_id = p.person_id)
            ORDER BY p.name, p.person_id
            """,
            lambda row: {"address": row.person_id, "text": f"{row.name} was never in a team."},
        ),
    ),
    Check(
        kind="quarantined_merge_request",
        title="Quarantined merge requests",
        effect="Left out of every indicator.",
        remedy="They end before they start: nothing to do but to know it.",
        find=listed(
            f"""
            SELECT m.web_url, f.created_at, f.ended_at FROM {MERGE_REQUEST}
            WHERE f.left_out = 'quarantined' ORDER BY f.created_at, m.id
            """,  # noqa: S608
            lambda row: {
                "address": row.web_url,
                "text": f"Ends {row.ended_at.isoformat()}, before it starts {row.created_at.isoformat()}.",
            },
        ),
    ),
    Check(
        kind="quarantined_record",
        title="Quarantined records",
        effect="Left out of every indicator: they could not be read.",
        remedy="The reason says what is wrong with each; the next collect tries again.",
        find=listed(
            "SELECT source, address, kind, reason FROM quarantined_records ORDER BY source, address",
            lambda row: {"address": row.address, "text": f"{row.source}, {row.kind}: {row.reason}"},
        ),
    ),
    Check(
        kind="unreachable_project",
        title="Projects out of reach",
        effect="Their merge requests count as they were read last; nothing newer is known.",
        remedy="Give the owner of gitlab.token access again. If the project was deleted, run"
        " teamgauge collect gitlab --full: then they count as deleted.",
        find=listed(
            """
            SELECT p.web_url, p.unreachable_since, count(*) AS merge_requests
            FROM projects p JOIN merge_requests m ON m.project_id = p.id
            WHERE p.unreachable_since IS NOT NULL AND m.deleted_at IS NULL
            GROUP BY p.id ORDER BY p.path
            """,
            lambda row: {
                "address": row.web_url,
                "text": f"{_counted(row.merge_requests, 'merge request')}, not shown by GitLab since"
                f" {row.unreachable_since:%Y-%m-%d}: deleted, hidden from the token or switched off.",
            },
        ),
    ),
    Check(
        kind="end_estimated",
        title="Estimated ends",
        effect="Merged or closed without a time of it; the last update is used.",
        remedy="Nothing: marked “end estimated” in the evidence.",
        find=listed(
            f"""
            SELECT m.web_url, m.state, f.ended_at FROM {MERGE_REQUEST}
            WHERE f.end_estimated AND f.counted ORDER BY f.ended_at DESC, m.id
            """,  # noqa: S608
            lambda row: {
                "address": row.web_url,
                "text": f"Is {row.state}, probably since {row.ended_at.isoformat()}.",
            },
        ),
    ),
    Check(
        kind="early_note",
        title="Notes older than their merge request",
        effect="The note is left aside, the merge request counts.",
        remedy="Nothing: imports from elsewhere bring them.",
        find=listed(
            """
            SELECT m.web_url, n.id, n.kind, n.created_at, m.created_at AS starts_at
            FROM notes n JOIN merge_requests m ON m.id = n.merge_request_id
            WHERE n.created_at < m.created_at AND m.deleted_at IS NULL
            ORDER BY n.created_at, n.id
            """,
            lambda row: {
                "address": f"{row.web_url}#note_{row.id}",
                "text": f"A note ({row.kind.replace('_', ' ')}) of {row.created_at.isoformat()} on a"
                f" merge request of {row.starts_at.isoformat()}.",
            },
        ),
    ),
    Check(
        kind="membership_overlap",
        title="People in two teams at once",
        effect="They and their merge requests count in both teams, and once in what is above both.",
        remedy="Right for a shared manager; else correct valid_to in memberships.csv.",
        find=listed(
            """
            SELECT p.person_id, p.name, a.team AS one, b.team AS other,
                   greatest(a.valid_from, b.valid_from) AS first,
                   least(a.valid_to, b.valid_to) - 1 AS last
            FROM effective_memberships a
            JOIN effective_memberships b ON b.person_id = a.person_id AND b.team > a.team
                 AND b.valid_from < coalesce(a.valid_to, 'infinity')
                 AND a.valid_from < coalesce(b.valid_to, 'infinity')
            JOIN effective_people p ON p.person_id = a.person_id
            ORDER BY 5 DESC, p.name, one, other
            """,
            _two_teams,
        ),
    ),
    Check(
        kind="bot",
        title="Bots left out",
        effect="Their merge requests are in no indicator.",
        remedy="Check the list once; gitlab.bots adds username globs.",
        find=listed(
            """
            SELECT a.username, a.name, count(*) AS merge_requests
            FROM merge_request_facts f JOIN accounts a ON a.id = f.author_id
            WHERE f.left_out = 'bot' GROUP BY a.id ORDER BY count(*) DESC, a.username
            """,
            lambda row: {
                "address": row.username,
                "text": f"{row.name}: {_counted(row.merge_requests, 'merge request')} not counted.",
            },
        ),
    ),
    Check(
        kind="review_start_inferred",
        title="Inferred review starts",
        effect="The review may have begun earlier than its first note says.",
        remedy='gitlab.reviewer_rows = "all" reads the exact start, with one more request for each.',
        find=listed(
            f"""
            SELECT m.web_url, f.review_started_at FROM {MERGE_REQUEST}
            WHERE f.review_start_inferred AND f.counted
            ORDER BY f.review_started_at DESC, m.id
            """,  # noqa: S608
            lambda row: {
                "address": row.web_url,
                "text": f"In review since {row.review_started_at.isoformat()}, or earlier.",
            },
        ),
    ),
    *CONFLICTS,
)
