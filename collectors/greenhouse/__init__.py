"""Openings and offers from Greenhouse's Harvest v3, with the teams that they are for."""

from collections.abc import Iterator

from collectors.greenhouse.client import GreenhouseClient
from collectors.greenhouse.collection import Collection
from collectors.record import Batch
from collectors.retry import RetryPolicy
from collectors.source import Context


def fetch(context: Context, policy: RetryPolicy | None = None) -> Iterator[Batch]:
    """Everything that brings the store up to what Greenhouse shows now.

    policy: how patient it is. Raises a SourceError when Greenhouse cannot be read any further.
    """
    client = GreenhouseClient(context.settings.greenhouse, context.counters, policy)
    try:
        yield from Collection(context, client).batches()
    finally:
        client.close()
