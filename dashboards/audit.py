"""The page `/audit`: who did what, and everybody's tokens."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.auth import audit, tokens
from app.errors import InvalidValueError
from app.metrics.teams import load_tree
from app.settings import Settings
from app.store.tables import AuditEvent
from dashboards import addresses, formatting, signed_in
from dashboards.account import token_row
from dashboards.asked import Asked

PER_PAGE = 50
TOKENS_SHOWN = 200
"""Of everybody; the command line lists all."""

LONGEST_DETAIL = 200
PARAMETERS = ("action", "before", "after")


@dataclass(frozen=True, kw_only=True, slots=True)
class EventRow:
    """An event as a row of the table. note: what is known of who did it beside their name."""

    at: str
    who: str
    note: str
    did: str
    object: str
    details: str
    address: str


def view(
    session: Session, settings: Settings, asked: Asked, now: datetime, current: bytes
) -> dict[str, object]:
    """What `audit.html` draws. current: the hash of the session that asks. Raises InvalidValueError for
    a wrong address."""
    action = asked.get("action")
    found, newer, older = _page(session, asked, action)
    tree = load_tree(session)
    people, more_people = signed_in.everybody(session, settings, now, current)
    everybodys = tokens.listed(session, now, limit=TOKENS_SHOWN + 1)

    def here(**query: object | None) -> str:
        return addresses.audit(action=action, **query)

    return {
        "events": [_row(event, settings) for event in found],
        "range": "Newest first" if found else "None",
        "newer": here(after=found[0].id) if newer else None,
        "older": here(before=found[-1].id) if older else None,
        "chosen": audit.BY_KEY[action].words if action else "Everything",
        "actions": [
            ("everything", addresses.audit(), action is None),
            *(
                (each.words, addresses.audit(action=each.key), action == each.key)
                for each in audit.ACTIONS
            ),
        ],
        "csv": addresses.api("/audit", format="csv", action=action),
        "days": settings.auth.audit_days,
        "tokens": [token_row(each, tree, settings, now) for each in everybodys[:TOKENS_SHOWN]],
        "more_tokens": len(everybodys) > TOKENS_SHOWN,
        "signed_in": people,
        "more_signed_in": more_people,
    }


def _page(
    session: Session, asked: Asked, action: str | None
) -> tuple[Sequence[AuditEvent], bool, bool]:
    """The events of a page, and whether there are newer and older ones."""
    before, after = (_number(asked, name) for name in ("before", "after"))
    if before is not None and after is not None:
        raise InvalidValueError("before and after cannot be asked for at once.", "after")
    found = audit.events(session, limit=PER_PAGE + 1, before=before, after=after, action=action)
    more = len(found) > PER_PAGE
    if after is not None:
        return found[-PER_PAGE:], more, bool(found)
    return found[:PER_PAGE], before is not None and bool(found), more


def _number(asked: Asked, name: str) -> int | None:
    text = asked.get(name)
    if text is None:
        return None
    if not (text.isdecimal() and len(text) <= 18):
        raise InvalidValueError(f"{name} {text!r:.40} is not the number of an event.", name)
    return int(text)


def _row(event: AuditEvent, settings: Settings) -> EventRow:
    kind, _, key = event.actor.partition(":")
    if kind == "program":
        who, note = key, ""
    elif kind == "token":
        who, note = event.actor_name or f"token {key}", f"token {key}"
    else:
        who, note = event.actor_name or "somebody", key
    known = audit.BY_KEY.get(event.action)
    return EventRow(
        at=formatting.instant(event.at, settings.reporting.zone),
        who=who,
        note=note,
        did=known.words if known else event.action,
        object=event.object,
        details=", ".join(f"{name} {_told(value)}" for name, value in _shown(event.details)),
        address=event.address,
    )


def _shown(details: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name.replace("_", " "), value) for name, value in details.items() if value != []]


def _told(value: Any) -> str:
    """A detail in a cell; the whole of a long one is in the file."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        text = " ".join(value)
    elif isinstance(value, list | Mapping):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = str(value)
    return text if len(text) <= LONGEST_DETAIL else f"{text[:LONGEST_DETAIL]}…"
