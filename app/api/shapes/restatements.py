"""What was restated."""

from datetime import datetime

from app.api.shapes.answer import Answer
from app.metrics.indicator import Reason, Restated


class RestatementAnswer(Answer):
    """A value of a period that was over and came out differently later."""

    indicator: str
    """Key of the indicator."""
    variant: str | None
    """Key of the variant; null for an indicator without variants."""
    team: str
    """Slug of the team."""
    period: str
    """The day (YYYY-MM-DD) or the month (YYYY-MM)."""
    value: float | None
    """As it had been recorded, in the indicator's unit."""
    reason_of_null: Reason | None
    """Why that value was null; null where there was one."""
    value_now: float | None
    """What took its place then."""
    reason_of_null_now: Reason | None
    """Why what took its place is null; null where there is a value."""
    recorded_at: datetime
    """When the earlier value had been recorded."""
    superseded_at: datetime
    """When the other one took its place."""
    reason: Restated
    """Why it came out differently."""
