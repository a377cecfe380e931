"""From which day on stored values may differ from what a full computation would give, and why."""

from dataclasses import dataclass, field
from datetime import date

from app.metrics.indicator import Restated

# Where several causes reach a period, the one that explains most is named.
PRECEDENCE = (
    Restated.DEFINITION,
    Restated.CONFIGURATION,
    Restated.MEMBERSHIP,
    Restated.LATE_DATA,
    Restated.TIME_PASSED,
)


@dataclass(slots=True)
class Stale:
    """The first stale day by reason."""

    since: dict[Restated, date] = field(default_factory=dict)

    def add(self, reason: Restated, day: date | None) -> None:
        """Notes that values from a day on may differ; None: none does."""
        if day is not None:
            self.since[reason] = min(day, self.since.get(reason, day))

    @property
    def first_day(self) -> date | None:
        """The first stale day of all; None: nothing is stale."""
        return min(self.since.values(), default=None)

    def reason_of(self, last_day: date) -> Restated:
        """Why a value changed whose period ends with last_day."""
        for reason in PRECEDENCE:
            since = self.since.get(reason)
            if since is not None and since <= last_day:
                return reason
        return Restated.LATE_DATA
