"""From which day on stored values may differ from what a full computation would give, and why."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from app.metrics.indicator import Input, Restated

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
    """The first stale day by what changed and reason; what changed is None where it touches all."""

    since: dict[tuple[Input | None, Restated], date] = field(default_factory=dict)

    def add(self, reason: Restated, day: date | None, changed: Input | None = None) -> None:
        """Notes that values from a day on may differ; None: none does."""
        if day is not None:
            key = (changed, reason)
            self.since[key] = min(day, self.since.get(key, day))

    def of(self, reads: Collection[Input]) -> "Stale":
        """What is stale for an indicator that reads these inputs alone."""
        return Stale(
            {
                (changed, reason): day
                for (changed, reason), day in self.since.items()
                if changed is None or changed in reads
            }
        )

    @property
    def first_day(self) -> date | None:
        """The first stale day of all; None: nothing is stale."""
        return min(self.since.values(), default=None)

    def reason_of(self, last_day: date) -> Restated:
        """Why a value changed whose period ends with last_day."""
        reaching = {reason for (_, reason), since in self.since.items() if since <= last_day}
        return next((reason for reason in PRECEDENCE if reason in reaching), Restated.LATE_DATA)
