"""Merge requests from GitLab, GraphQL first: changes and survey, new projects whole,
then repairs, and the changed paths of handbook projects."""

from collections.abc import Iterator
from datetime import timedelta

from collectors.gitlab.changed_paths import read_changed_paths
from collectors.gitlab.collection import ROWS_MISSING, begin, end
from collectors.gitlab.lists import read_changes, read_whole_projects
from collectors.gitlab.reconcile import reconcile
from collectors.record import Batch
from collectors.retry import RetryPolicy
from collectors.source import Context

WORTH_TELLING = timedelta(minutes=1)
"""A difference of the clocks that somebody should look at."""


def fetch(context: Context, policy: RetryPolicy | None = None) -> Iterator[Batch]:
    """Everything that brings the store up to what GitLab shows now.

    policy: how patient it is. Raises ConfigurationError, and a SourceError when GitLab cannot be
    read any further at all.
    """
    collection = begin(context, policy)
    try:
        yield from read_changes(collection)
        yield from read_whole_projects(collection)
        yield from reconcile(collection)
        yield from read_changed_paths(collection)
    finally:
        end(collection)
    context.ahead = collection.client.clock.offset
    if abs(context.ahead) >= WORTH_TELLING:
        context.remark(
            f"GitLab's clock is {abs(context.ahead).total_seconds():.0f} seconds"
            f" {'ahead of' if context.ahead > timedelta(0) else 'behind'} this machine's;"
            " what is stored, and how far, is in GitLab's time."
        )
    if collection.reader.rows.missing:
        context.remark(ROWS_MISSING)
