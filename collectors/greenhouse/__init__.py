"""Openings and offers from Greenhouse's Harvest v3, with the teams that they are for."""

from collections.abc import Iterator

from app.settings import required_greenhouse_secret
from collectors.greenhouse.client import GreenhouseClient
from collectors.greenhouse.collection import Collection
from collectors.record import Batch
from collectors.retry import RetryPolicy
from collectors.source import Context


def fetch(context: Context, policy: RetryPolicy | None = None) -> Iterator[Batch]:
    """Everything that brings the store up to what Greenhouse shows now.

    policy: how patient it is. Raises ConfigurationError, and a SourceError when Greenhouse cannot
    be read any further.
    """
    settings = context.settings
    secret = required_greenhouse_secret(settings)
    client = GreenhouseClient(settings.greenhouse, secret, context.counters, policy)
    try:
        yield from Collection(context, client).batches()
    finally:
        client.close()
