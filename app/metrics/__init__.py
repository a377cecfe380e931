"""The metrics layer: definitions, attribution, computation, and the answers that are read from it.

`INDICATORS` is the explicit list. A new indicator is a declaration in its family's module, a line
here and a test; API, pages, CSV and documentation follow.
"""

from app.errors import NotFoundError
from app.metrics.flow import MR_RATE
from app.metrics.indicator import Indicator
from app.metrics.open_work import OPEN_MR_AGE, OPEN_MR_REVIEW_TIME

INDICATORS: tuple[Indicator, ...] = (OPEN_MR_REVIEW_TIME, OPEN_MR_AGE, MR_RATE)


def get_indicator(key: str) -> Indicator:
    """The indicator of a key; raises NotFoundError (field `key`) that lists the keys there are."""
    for indicator in INDICATORS:
        if indicator.key == key:
            return indicator
    raise NotFoundError(
        f"There is no indicator {key!r}.",
        field="key",
        hint=f"The indicators are {', '.join(indicator.key for indicator in INDICATORS)}.",
    )
