"""A note's text → what an indicator reads of it; the text itself is not kept."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from collectors.gitlab.records import NoteRecord
from collectors.record import flag, read, text, value_at

MENTION = re.compile(r"(?<![\w.])@([A-Za-z0-9_.](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?)")
"""A username in a text. It may have dots, dashes and underscores in it, but does not end in a dot:
that one ends the sentence."""

REQUESTED = re.compile(r"\brequested\s+(?:a\s+)?reviews?\s+(?:from|of)\b", re.IGNORECASE)
REMOVED = re.compile(
    r"\bremoved\s+(?:the\s+)?review\s+requests?\s+(?:for|from|of)\b", re.IGNORECASE
)
MARKED = re.compile(
    r"(?P<un>un)?marked\s+(?:this\s+merge\s+request\s+)?as\s+(?:an?\s+)?"
    r"(?P<what>ready|drafts?|work\s+in\s+progress|wip)\b",
    re.IGNORECASE,
)
"""`marked this merge request as **ready**`, and the wording of before 14.0: `unmarked as a **Work In
Progress**`."""


@dataclass(frozen=True, slots=True)
class NoteMeaning:
    """kind: as in the table `notes`. requested, removed: usernames in lower case, in order."""

    kind: str
    requested: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def meaning(body: str, *, system: bool, action: str | None) -> NoteMeaning | None:
    """What a note says to an indicator; None: nothing.

    action: GraphQL's systemNoteMetadata.action; None where GitLab does not tell it, as in REST. The
    text is written in the language of the instance, so an action that is known counts for more:
    a note with the action `reviewer` and no word of ours is taken for a request, which is what most
    of them are.
    """
    if not system:
        return NoteMeaning("comment")
    plain = re.sub(r"[*`]", "", body).strip()
    if action in ("approved", "unapproved"):
        return NoteMeaning(action)
    if action == "reviewer":
        return _review_request(plain, otherwise_requested=True)
    marked = MARKED.match(plain)
    if marked:
        ready = (marked["what"].lower() == "ready") is not bool(marked["un"])
        return NoteMeaning("ready" if ready else "draft")
    if action is not None:
        return None
    if re.match(r"(un)?approved this merge request\b", plain, re.IGNORECASE):
        return NoteMeaning("unapproved" if plain[:2].lower() == "un" else "approved")
    if REQUESTED.match(plain) or REMOVED.match(plain):
        return _review_request(plain, otherwise_requested=False)
    return None


def _review_request(plain: str, *, otherwise_requested: bool) -> NoteMeaning:
    """Each name belongs to the nearest phrase before it; one note can both request and remove."""
    phrases = sorted(
        [(found.start(), True) for found in REQUESTED.finditer(plain)]
        + [(found.start(), False) for found in REMOVED.finditer(plain)]
    )
    requested: list[str] = []
    removed: list[str] = []
    for mention in MENTION.finditer(plain):
        before = [is_request for start, is_request in phrases if start < mention.start()]
        is_request = before[-1] if before else otherwise_requested
        (requested if is_request else removed).append(mention[1].lower())
    return NoteMeaning("review_request", _once(requested), _once(removed))


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def read_note(answer: Any, merge_request_id: int) -> NoteRecord | None:
    """A note as GraphQL or REST shows it; None for one that no indicator reads. Raises RecordError."""
    found = meaning(
        value_at(answer, "body", convert=text),
        system=value_at(answer, "system", convert=flag),
        action=value_at(
            answer, "systemNoteMetadata.action", convert=text, optional=True, absent=None
        ),
    )
    if found is None:
        return None
    return read(
        NoteRecord,
        answer,
        merge_request_id=merge_request_id,
        kind=found.kind,
        requested=found.requested,
        removed=found.removed,
        names=_once(found.requested + found.removed),
    )


def open_requests(notes: Sequence[NoteRecord]) -> set[str]:
    """Usernames from whom a review was requested and not withdrawn since. notes: of one merge request."""
    names: set[str] = set()
    for note in sorted(notes, key=lambda note: (note.created_at, note.id)):
        names -= set(note.removed)
        names |= set(note.requested)
    return names
