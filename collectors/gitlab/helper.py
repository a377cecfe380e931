"""What does the pieces of a GitLab run in another process: the same items, on a collection of its own."""

from collections.abc import Callable
from dataclasses import replace

from collectors.gitlab.collection import ROWS_MISSING, begin, end
from collectors.gitlab.items import read
from collectors.record import Batch
from collectors.retry import RetryPolicy
from collectors.source import Context, Handed


class GitLabHelper:
    """Client, quarantine and page sizes for all pieces of one run in this process."""

    def __init__(self, context: Context, policy: RetryPolicy | None = None) -> None:
        """policy: how patient it is. Raises ConfigurationError."""
        self._shared = begin(context, policy, helping=True)

    def work(self, context: Context, handed: Handed, put: Callable[[Batch], None]) -> None:
        """Does one item, beginning with what is stored now; see `Helper`."""
        item = read(handed.kind, handed.fields)
        collection = replace(self._shared, context=context, positions=context.known.positions())
        item.run(collection, put)
        if collection.reader.rows.missing:
            context.remark(ROWS_MISSING)

    def stop(self) -> None:
        """Ends what is under way."""
        self._shared.client.stop()

    def close(self) -> None:
        """Ends threads and connections."""
        end(self._shared)
