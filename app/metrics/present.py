"""What answers say of the moment they are given in, besides what is stored: the one place that knows.

Everything else that they tell is as of the instants up to which the data reach.
"""

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.metrics import INDICATORS
from app.metrics.collected import collected_through
from app.metrics.freshness import STALE_AFTER
from app.metrics.stored import load_data_through

Reached = frozenset[datetime]


def load_reached(session: Session) -> Reached | None:
    """The instants up to which sources were collected and indicators measured; two statements.

    None before all that is told of merge requests is measured: until then the present instant stands
    in for how far the data reach, and what waits is told to have waited up to it.
    """
    through = load_data_through(session)
    if any("gitlab" in each.sources and each.key not in through for each in INDICATORS):
        return None
    return frozenset((*through.values(), *collected_through(session).values()))


def told_of(now: datetime, reached: Collection[datetime], zone: ZoneInfo) -> str:
    """What answers say of a moment: which day it is, how many days each source and indicator lies
    back, and whether that is too long. The same words: they say the same."""
    back = (f"{(now - at).days}{'!' * (now - at > STALE_AFTER)}" for at in sorted(reached))
    return f"{now.astimezone(zone).date()} {' '.join(back)}"
