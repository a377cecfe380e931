"""Who did what."""

from datetime import datetime
from typing import Any

from app.api.shapes.answer import Answer


class AuditAnswer(Answer):
    """Something that somebody did."""

    id: int
    """Rises with every event."""
    at: datetime
    """When."""
    actor: str
    """`user:SUBJECT` as the provider calls them, `token:ID`, or `program:NAME` of one that changed
    data by itself; empty for somebody who was not let in."""
    actor_name: str
    """What they were called then; empty for a program."""
    action: str
    """`signed_in`, `sign_in_refused`, `signed_out`, `sessions_ended`, `people_seen`, `exported`,
    `token_made`, `token_revoked`, `targets_changed`, `identities_changed`, `person_forgotten`."""
    object: str
    """What it was done to: an address, a token, or which kind of change."""
    details: dict[str, Any]
    """More about it, by the action: what a token may, how many rows changed."""
    address: str
    """Of the network, where it came from; empty for a program."""
