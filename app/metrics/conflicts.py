"""Where sources contradict each other or name what there is not: which word holds, and whose it is."""

from app.metrics.check import Check, Item, Row, and_, day
from app.metrics.derive_organisation import CLAIMS
from app.metrics.freshness import TITLES


def _contradiction(row: Row) -> Item:
    told = {
        "name": row["name_differs"],
        "e-mail address": row["email_differs"],
        "employment": row["employment_differs"],
        "teams": row["memberships_differ"],
    }
    about = and_([what for what, differs in told.items() if differs])
    return {
        "address": row["person_id"],
        "text": f"{row['name']}: the files and {row['source']} do not agree about {about}.",
        "cells": [row["name"], TITLES.get(row["source"], row["source"]), about],
    }


# Of a person whom an HR system and the files know: what both tell, and tell differently. Names and
# addresses that one of them does not tell are no contradiction, nor are tables without a row.
CONTRADICTIONS = """
    SELECT h.person_id, h.name, h.source,
           h.name <> f.name AS name_differs,
           lower(h.email) <> lower(f.email) AS email_differs,
           he.told <> fe.told AS employment_differs,
           hm.told <> fm.told AS memberships_differ
    FROM people h
    JOIN people f ON f.person_id = h.person_id AND f.source = 'files' AND h.source <> 'files'
    LEFT JOIN LATERAL (
        SELECT array_agg(concat_ws(' ', start_date, end_date, termination_type)
                         ORDER BY start_date) AS told
        FROM employment e WHERE (e.source, e.person_id) = (h.source, h.person_id)) he ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(concat_ws(' ', start_date, end_date, termination_type)
                         ORDER BY start_date) AS told
        FROM employment e WHERE (e.source, e.person_id) = ('files', h.person_id)) fe ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(concat_ws(' ', team, valid_from, valid_to, role)
                         ORDER BY valid_from, team) AS told
        FROM memberships m WHERE (m.source, m.person_id) = (h.source, h.person_id)) hm ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(concat_ws(' ', team, valid_from, valid_to, role)
                         ORDER BY valid_from, team) AS told
        FROM memberships m WHERE (m.source, m.person_id) = ('files', h.person_id)) fm ON true
    WHERE h.name <> f.name OR lower(h.email) <> lower(f.email)
       OR he.told <> fe.told OR hm.told <> fm.told
    ORDER BY h.name, h.person_id
"""


CLAIMED_TWICE = f"""
    {CLAIMS}
    SELECT a.username,
           array_agg(p.name || ' (' || c.source || ')' ORDER BY c.rank, p.name) AS claims
    FROM claims c
    JOIN accounts a ON a.id = c.account_id
    JOIN effective_people p ON p.person_id = c.person_id
    GROUP BY a.id HAVING count(DISTINCT c.person_id) > 1
    ORDER BY a.username
"""  # noqa: S608 - our own statement


CONFLICTS: tuple[Check, ...] = (
    Check(
        kind="source_conflict",
        title="Sources that contradict each other",
        effect="The HR system’s word counts, the files’ does not.",
        remedy=(
            "Correct the side that is wrong. A second team at the same time cannot be said in an HR "
            "system: take the person’s rows out of the files, or out of the HR system."
        ),
        statement=CONTRADICTIONS,
        item=_contradiction,
        heads=("Person", "Name", "Other source", "Do not agree about"),
    ),
    Check(
        kind="account_of_several_people",
        title="Accounts of several people",
        effect="The first one’s team is credited.",
        remedy="The HR system’s field goes before the e-mail address, and that before people.csv.",
        statement=CLAIMED_TWICE,
        item=lambda row: {
            "address": row["username"],
            "text": f"Is said to be {and_(row['claims'])}; the first one holds.",
            "cells": [and_(row["claims"])],
        },
        heads=("GitLab username", "Said to be; the first one holds"),
    ),
    Check(
        kind="opening_without_team",
        title="Openings without a team",
        effect="They count for the organisation’s list of what waits, and for no team.",
        remedy="Give the department the slug of a team as its external id, or the team’s name.",
        statement="""
            SELECT opening_id, source, opened_on FROM effective_openings
            WHERE team IS NULL AND closed_on IS NULL ORDER BY opened_on, opening_id
        """,
        item=lambda row: {
            "address": row["opening_id"],
            "text": f"Open since {row['opened_on']} in {row['source']}.",
            "cells": [TITLES.get(row["source"], row["source"]), day(row["opened_on"])],
        },
        heads=("Opening", "Source", "Open since"),
    ),
)
