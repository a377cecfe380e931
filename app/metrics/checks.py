"""Every kind of finding about the data: one explicit list."""

import csv
from collections.abc import Iterable
from io import StringIO

from app.metrics.check import Check, Found, Item, Row, and_, counted, day, instant
from app.metrics.conflicts import CONFLICTS
from app.metrics.derive_organisation import CLAIMS
from app.metrics.freshness import TITLES

# Accounts that wrote merge requests, are no bots and belong to nobody; each with the one person who
# has its name, or whose e-mail address begins with its username; those can be mended at once, and come
# first. How much they wrote is told as a part of all that lacks a team, and only coarsely: it says what
# is worth mending, and neither counts nor ranks anybody.
UNMATCHED = f"""
    {CLAIMS}, wrote AS (
        SELECT author_id, count(*) AS merge_requests, max(created_at) AS last,
               count(*) FILTER (WHERE ended_at IS NULL) AS open
        FROM merge_request_facts WHERE counted GROUP BY author_id
    ), namesakes AS (
        SELECT lower(name) AS name, min(person_id) AS person_id
        FROM effective_people GROUP BY 1 HAVING count(*) = 1
    ), mailboxes AS (
        SELECT lower(split_part(email, '@', 1)) AS name, min(person_id) AS person_id
        FROM effective_people WHERE email IS NOT NULL GROUP BY 1 HAVING count(*) = 1
    )
    SELECT a.username, a.name, w.last, w.open,
           w.merge_requests / sum(w.merge_requests) OVER () AS part, p.person_id, p.name AS person,
           n.person_id IS NOT NULL AS of_same_name, (p.person_id IS NOT NULL)::int AS suggested,
           (SELECT t.name FROM effective_memberships s JOIN teams t ON t.slug = s.team
            WHERE s.person_id = p.person_id ORDER BY s.valid_from DESC LIMIT 1) AS team
    FROM wrote w
    JOIN accounts a ON a.id = w.author_id
    LEFT JOIN namesakes n ON n.name = lower(a.name)
    LEFT JOIN mailboxes m ON m.name = lower(a.username)
    LEFT JOIN effective_people p ON p.person_id = coalesce(n.person_id, m.person_id)
    WHERE NOT EXISTS (SELECT 1 FROM claims c WHERE c.account_id = a.id)
    ORDER BY suggested DESC, lower(a.username), a.id
"""  # noqa: S608 - our own statement


PARTS = ((0.1, "much"), (0.01, "some"), (0.0, "little"))
"""From which part of the merge requests that have no team on an account wrote how much of them."""


def _unmatched(row: Row) -> Item:
    part = next(word for least, word in PARTS if row["part"] >= least)
    sentence = (
        f"{row['name']} wrote {part} of what has no team, the last time on {day(row['last'])}."
    )
    cells: list[object] = [row["name"], part, day(row["last"])]
    if row["person_id"] is None:
        line = csv_line(["", " ".join(row["name"].split()), "", row["username"], ""])
        cells.append(None)
        return {"address": row["username"], "text": sentence, "line": line, "cells": cells}
    same = "name" if row["of_same_name"] else "e-mail name"
    team = f", {row['team']}" if row["team"] else ""
    cells.append(f"same {same} as {row['person']}{team}")
    return {
        "address": row["username"],
        "text": f"{sentence} Same {same} as {row['person']} ({row['person_id']}): if it is the same"
        f" person, write {row['username']} as the gitlab_username there.",
        "cells": cells,
    }


def csv_line(cells: Iterable[str]) -> str:
    """Cells as one line of a CSV file, quoted where it must be."""
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _effect_of_unmatched(found: Found) -> str:
    theirs = found.sums["open"]
    if not theirs:
        return "Their merge requests belong to no team and lower the coverage."
    has = "has" if theirs == 1 else "have"
    return (
        f"{theirs:,} of {counted(found.open, 'open merge request')} {has} no team"
        f" (coverage {found.coverage})."
    )


def _remedy_of_unmatched(found: Found) -> str:
    suggested = found.sums["suggested"]
    if not suggested:
        return "Add the line to people.csv, with a person_id, and the person to memberships.csv."
    place = "people.csv"
    if "bamboohr" in found.settings.configured_sources():
        place = f"BambooHR’s {found.settings.bamboohr.gitlab_username_field}, or to people.csv"
    has = "has" if suggested == 1 else "have"
    return f"Add the GitLab username to {place}: {suggested:,} {has} a suggestion."


def _without_account(row: Row) -> Item:
    sentence = f"{row['name']} has no gitlab_username."
    if row["username"] is not None:
        sentence = f"{row['name']} is said to be {row['username']}, whom GitLab has never shown us."
    cells = [row["name"], row["username"], row["team"]]
    return {"address": row["person_id"], "text": sentence, "cells": cells}


def _two_teams(row: Row) -> Item:
    until = f"up to {row['last']}" if row["last"] is not None else "until now"
    return {
        "address": row["person_id"],
        "text": f"{row['name']} is in {row['one']} and in {row['other']} from {row['first']} {until}.",
        "cells": [
            row["name"],
            f"{row['one_name']} and {row['other_name']}",
            day(row["first"]),
            day(row["last"]),
        ],
    }


def _effect_of_two_teams(found: Found) -> str:
    if found.count > 1:
        return (
            f"{counted(found.count, 'time')} somebody counts in two teams, and once in what is above"
            " both; so do their merge requests."
        )
    row = found.first
    until = f"up to {row['last']}" if row["last"] is not None else "until now"
    return f"One person counts in {row['one_name']} and {row['other_name']} from {row['first']} {until}."


def _remedy_of_two_teams(found: Found) -> str:
    place = "memberships.csv"
    if "bamboohr" in found.settings.configured_sources():
        place = "BambooHR or memberships.csv"
    return f"Right for a shared manager; else correct valid_to in {place}."


def _split(found: Found, *states: str) -> str:
    """`214 open and 1,902 merged`, without what there is none of."""
    return and_([f"{found.sums[state]:,} {state}" for state in states if found.sums[state]])


MERGE_REQUEST = "merge_requests m JOIN merge_request_facts f ON f.merge_request_id = m.id"

CHECKS: tuple[Check, ...] = (
    Check(
        kind="unmatched_identity",
        title="Unmatched identities",
        statement=UNMATCHED,
        item=_unmatched,
        effect=_effect_of_unmatched,
        remedy=_remedy_of_unmatched,
        heads=("GitLab username", "Name there", "Of what has no team", "Last seen", "Suggestion"),
        sums=("open", "suggested"),
    ),
    Check(
        kind="person_without_account",
        title="People without an account",
        statement="""
            SELECT p.person_id, p.name, i.username,
                   (SELECT t.name FROM effective_memberships s JOIN teams t ON t.slug = s.team
                    WHERE s.person_id = p.person_id ORDER BY s.valid_from DESC LIMIT 1) AS team
            FROM effective_people p LEFT JOIN effective_identities i ON i.person_id = p.person_id
            WHERE EXISTS (SELECT 1 FROM effective_memberships m WHERE m.person_id = p.person_id)
              AND NOT EXISTS (SELECT 1 FROM effective_identities j JOIN former_usernames f
                              ON f.username = j.username WHERE j.person_id = p.person_id)
              AND NOT EXISTS (SELECT 1 FROM effective_identities j JOIN accounts a
                              ON lower(a.username) = j.username WHERE j.person_id = p.person_id)
            ORDER BY p.name, p.person_id
        """,
        item=_without_account,
        effect="They count in the headcount, but nothing that they merge can count for them.",
        remedy="Write the GitLab username into people.csv; leave it out for who does not use GitLab.",
        heads=("Person", "Name", "Username that is told", "Team"),
    ),
    Check(
        kind="person_without_team",
        title="People without a team",
        statement="""
            SELECT p.person_id, p.name FROM effective_people p
            WHERE NOT EXISTS (SELECT 1 FROM effective_memberships m WHERE m.person_id = p.person_id)
            ORDER BY p.name, p.person_id
        """,
        item=lambda row: {
            "address": row["person_id"],
            "text": f"{row['name']} was never in a team.",
            "cells": [row["name"]],
        },
        effect="Their merge requests belong to no team and lower the coverage.",
        remedy="Add them to memberships.csv.",
        heads=("Person", "Name"),
    ),
    Check(
        kind="quarantined_merge_request",
        title="Quarantined merge requests",
        statement=f"""
            SELECT m.web_url, f.created_at, f.ended_at FROM {MERGE_REQUEST}
            WHERE f.left_out = 'quarantined' ORDER BY f.created_at, m.id
        """,  # noqa: S608 - a part of our own
        item=lambda row: {
            "address": row["web_url"],
            "text": f"Ends {row['ended_at']}, before it starts {row['created_at']}.",
            "cells": [instant(row["created_at"]), instant(row["ended_at"])],
        },
        effect="Left out of every indicator.",
        remedy="They end before they start: nothing to do but to know it.",
        heads=("Merge request", "Starts", "Ends"),
    ),
    Check(
        kind="quarantined_record",
        title="Quarantined records",
        statement=(
            "SELECT source, address, kind, reason FROM quarantined_records ORDER BY source, address"
        ),
        item=lambda row: {
            "address": row["address"],
            "text": f"{row['source']}, {row['kind']}: {row['reason']}",
            "cells": [
                TITLES.get(row["source"], row["source"]),
                row["kind"].replace("_", " "),
                row["reason"],
            ],
        },
        effect="Left out of every indicator: they could not be read.",
        remedy="The reason says what is wrong with each; the next collect tries again.",
        heads=("Where", "Source", "Record", "Reason"),
    ),
    Check(
        kind="unreachable_project",
        title="Projects out of reach",
        statement="""
            SELECT p.web_url, p.unreachable_since, count(*) AS merge_requests,
                   count(*) FILTER (WHERE m.state IN ('opened', 'locked')) AS open
            FROM projects p JOIN merge_requests m ON m.project_id = p.id
            WHERE p.unreachable_since IS NOT NULL AND m.deleted_at IS NULL
            GROUP BY p.id ORDER BY p.path
        """,
        item=lambda row: {
            "address": row["web_url"],
            "text": f"{counted(row['merge_requests'], 'merge request')}, not shown by GitLab since"
            f" {day(row['unreachable_since'])}: deleted, hidden from the token or switched off.",
            "cells": [row["merge_requests"], row["open"], day(row["unreachable_since"])],
        },
        effect=lambda found: (
            f"{counted(found.sums['merge_requests'], 'merge request')}, {found.sums['open']:,} of them"
            " open, count as they were read last; nothing newer is known."
        ),
        remedy="Give the owner of gitlab.token access again. If the project was deleted, run"
        " teamgauge collect gitlab --full: then they count as deleted.",
        heads=("Project", "Merge requests", "Open", "Not shown since"),
        sums=("merge_requests", "open"),
    ),
    Check(
        kind="end_estimated",
        title="Estimated ends",
        statement=f"""
            SELECT m.web_url, m.state, f.ended_at, (m.state = 'merged')::int AS merged,
                   (m.state = 'closed')::int AS closed
            FROM {MERGE_REQUEST}
            WHERE f.end_estimated AND f.counted ORDER BY f.ended_at DESC, m.id
        """,  # noqa: S608 - a part of our own
        item=lambda row: {
            "address": row["web_url"],
            "text": f"Is {row['state']}, probably since {row['ended_at']}.",
            "cells": [row["state"], instant(row["ended_at"])],
        },
        effect=lambda found: (
            f"{_split(found, 'merged', 'closed')} without a time; the last update is used."
        ),
        remedy="Nothing: marked “end estimated” in the evidence.",
        heads=("Merge request", "State", "Probably since"),
        sums=("merged", "closed"),
    ),
    Check(
        kind="early_note",
        title="Notes older than their merge request",
        statement="""
            SELECT m.web_url, n.id, n.kind, n.created_at, m.created_at AS starts_at
            FROM notes n JOIN merge_requests m ON m.id = n.merge_request_id
            WHERE n.early AND m.deleted_at IS NULL
            ORDER BY n.created_at, n.id
        """,
        item=lambda row: {
            "address": f"{row['web_url']}#note_{row['id']}",
            "text": f"A note ({row['kind'].replace('_', ' ')}) of {row['created_at']} on a"
            f" merge request of {row['starts_at']}.",
            "cells": [
                row["kind"].replace("_", " "),
                instant(row["created_at"]),
                instant(row["starts_at"]),
            ],
        },
        effect="The note is left aside, the merge request counts.",
        remedy="Nothing: imports from elsewhere bring them.",
        heads=("Merge request", "Note", "Written", "Merge request created"),
    ),
    Check(
        kind="membership_overlap",
        title="People in two teams at once",
        statement="""
            SELECT p.person_id, p.name, a.team AS one, b.team AS other,
                   one.name AS one_name, other.name AS other_name,
                   greatest(a.valid_from, b.valid_from) AS first,
                   least(a.valid_to, b.valid_to) - 1 AS last
            FROM effective_memberships a
            JOIN effective_memberships b ON b.person_id = a.person_id AND b.team > a.team
                 AND b.valid_from < coalesce(a.valid_to, 'infinity')
                 AND a.valid_from < coalesce(b.valid_to, 'infinity')
            JOIN effective_people p ON p.person_id = a.person_id
            JOIN teams one ON one.slug = a.team
            JOIN teams other ON other.slug = b.team
            ORDER BY 7 DESC, p.name, a.team, b.team
        """,
        item=_two_teams,
        effect=_effect_of_two_teams,
        remedy=_remedy_of_two_teams,
        heads=("Person", "Name", "Teams", "From", "Up to"),
    ),
    Check(
        kind="bot",
        title="Bots left out",
        statement="""
            SELECT a.username, a.name, count(*) AS merge_requests,
                   count(*) FILTER (WHERE f.ended_at IS NULL) AS open,
                   count(*) FILTER (WHERE f.merged_at IS NOT NULL) AS merged,
                   count(*) FILTER (WHERE f.ended_at IS NOT NULL AND f.merged_at IS NULL) AS closed
            FROM merge_request_facts f JOIN accounts a ON a.id = f.author_id
            WHERE f.left_out = 'bot' GROUP BY a.id ORDER BY count(*) DESC, a.username
        """,
        item=lambda row: {
            "address": row["username"],
            "text": f"{row['name']}: {counted(row['merge_requests'], 'merge request')} not counted.",
            "cells": [row["name"], row["merge_requests"], row["open"], row["merged"]],
        },
        effect=lambda found: (
            f"Merge requests that are not counted: {_split(found, 'open', 'merged', 'closed')}."
        ),
        remedy="Check the list once; gitlab.bots adds username globs.",
        heads=("GitLab username", "Name there", "Merge requests", "Open", "Merged"),
        sums=("open", "merged", "closed"),
    ),
    Check(
        kind="review_start_inferred",
        title="Inferred review starts",
        statement=f"""
            SELECT m.web_url, f.review_started_at, (f.ended_at IS NULL)::int AS open
            FROM {MERGE_REQUEST}
            WHERE f.review_start_inferred AND f.counted
            ORDER BY f.review_started_at DESC, m.id
        """,  # noqa: S608 - a part of our own
        item=lambda row: {
            "address": row["web_url"],
            "text": f"In review since {row['review_started_at']}, or earlier.",
            "cells": [instant(row["review_started_at"])],
        },
        effect=lambda found: (
            "The review may have begun earlier than its first note says:"
            f" {found.sums['open']:,} of them are open."
        ),
        remedy='gitlab.reviewer_rows = "all" reads the exact start, with one more request for each.',
        heads=("Merge request", "In review since, or earlier"),
        sums=("open",),
    ),
    *CONFLICTS,
)
