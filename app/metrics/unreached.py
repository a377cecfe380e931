"""Where a person is named in what is not changed when they are forgotten: free text, paths, what was done."""

import re
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.subjects import Subject

SHOWN = 10
"""Places of each kind that are told; the count is that of all."""


@dataclass(frozen=True, slots=True)
class Unreached:
    """Something that names the person and stays. what: in the plural. places: some of them."""

    what: str
    count: int
    places: tuple[str, ...]


# `words`: names and addresses, and usernames with @ before them. `part`: a username as a part of a path.
KINDS = {
    "other people of the same name": (
        "SELECT DISTINCT person_id FROM people WHERE lower(name) = ANY(:names)"
        " AND person_id IS DISTINCT FROM :person"
    ),
    "other GitLab users of the same name": (
        "SELECT '@' || username FROM accounts WHERE lower(name) = ANY(:names)"
        " AND id <> ALL(:accounts)"
    ),
    "titles of merge requests": "SELECT web_url FROM merge_requests WHERE title ~* :words",
    "labels of merge requests": (
        "SELECT DISTINCT label FROM merge_requests, unnest(labels) AS label"
        " WHERE label ~* :words OR label ~* :scoped"
    ),
    "projects": "SELECT path FROM projects WHERE path ~* :part OR name ~* :words",
    "teams": "SELECT slug FROM teams WHERE name ~* :words AND source = 'files'",
    "changed files": "SELECT DISTINCT path FROM changed_paths WHERE path ~* :part",
    "audit events": (
        "SELECT id::text FROM audit_events WHERE actor_name = ANY(:exact) OR object = ANY(:exact)"
        " OR details::text ~* :words"
    ),
}


def unreached(session: Session, subject: Subject) -> list[Unreached]:
    """What names somebody and stays, of the kinds of which there is any."""
    spoken = [*subject.names, *subject.emails, *(f"@{name}" for name in subject.usernames)]
    usernames = "|".join(map(re.escape, sorted(subject.usernames))) or "$."
    asked = {
        "words": rf"(^|\W)({'|'.join(map(re.escape, sorted(spoken)))})(\W|$)",
        "part": rf"(^|/)({usernames})([./]|$)",
        "scoped": rf"(^|:)({usernames})$",
        "names": [name.lower() for name in subject.names],
        "person": subject.person_id,
        "accounts": list(subject.accounts),
        "exact": sorted(subject.words),
    }
    found = []
    for what, statement in KINDS.items():
        counted = f"SELECT place, count(*) OVER () FROM ({statement}) s(place)"  # noqa: S608 - our own
        rows = session.execute(text(f"{counted} ORDER BY 1 LIMIT {SHOWN}"), asked).all()
        if rows:
            found.append(Unreached(what, rows[0][1], tuple(place for place, _ in rows)))
    return found
