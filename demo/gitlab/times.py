"""Times as the two APIs write and read them."""

from datetime import UTC, date, datetime, time


def graphql_time(instant: datetime) -> str:
    """GraphQL's `Time`: ISO 8601 in whole seconds; a fraction is cut off, as GitLab does."""
    return f"{instant.astimezone(UTC).isoformat()[:19]}Z"


def rest_time(instant: datetime | None) -> str | None:
    """REST's times: ISO 8601 with milliseconds, cut off."""
    if instant is None:
        return None
    utc = instant.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def read_time(text: str) -> datetime:
    """A time or a bare day that a client sent; without a zone it is UTC. Raises ValueError."""
    if len(text) == len("2024-05-02"):
        return datetime.combine(date.fromisoformat(text), time.min, UTC)
    # An unescaped plus sign of the zone arrives as a space.
    instant = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
