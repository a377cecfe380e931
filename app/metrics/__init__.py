"""The metrics layer: definitions, attribution, computation, and the answers that are read from it.

`INDICATORS` is the explicit list. A new indicator is a declaration in its family's module, a line
here and a test; API, pages, CSV and documentation follow.
"""

from app.errors import NotFoundError
from app.metrics.community import COMMUNITY_RESPONSE
from app.metrics.diversity import DIVERSITY
from app.metrics.durations import FIRST_ENGAGEMENT_TIME, REVIEW_TIME_TO_MERGE, TIME_TO_MERGE
from app.metrics.flow import HANDBOOK_UPDATE_RATE, MR_RATE
from app.metrics.hiring import HIRING_VS_PLAN
from app.metrics.indicator import Indicator
from app.metrics.open_work import OPEN_MR_AGE, OPEN_MR_REVIEW_TIME
from app.metrics.retention import RETENTION

INDICATORS: tuple[Indicator, ...] = (
    OPEN_MR_REVIEW_TIME,
    OPEN_MR_AGE,
    COMMUNITY_RESPONSE,
    HIRING_VS_PLAN,
    MR_RATE,
    DIVERSITY,
    HANDBOOK_UPDATE_RATE,
    RETENTION,
    REVIEW_TIME_TO_MERGE,
    FIRST_ENGAGEMENT_TIME,
    TIME_TO_MERGE,
)


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
