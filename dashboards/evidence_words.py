"""What the evidence page says of its merge requests: headline, sentence, states and order."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from app.metrics.answers import Evidence, EvidenceRow
from app.metrics.indicator import Cadence, Unit
from dashboards import formatting

LEFT_OUT = {
    "bot": "by bots",
    "quarantined": "quarantined",
    "deleted": "deleted",
    "out_of_scope": "out of scope",
    "draft": "drafts",
}


def headline(evidence: Evidence, at: Sequence[float]) -> str:
    """`31 merge requests behind 41.3 days`. at: the borders that its digits must not cross."""
    point, indicator = evidence.point, evidence.indicator
    counted = formatting.counted(len(evidence.rows), "merge requests")
    if point.value is None:
        return f"{counted}, no value"
    return f"{counted} behind {formatting.full(indicator, point.value, at)}"


def lede(evidence: Evidence, zone: ZoneInfo) -> str:
    """Of what and when, and how the rows make the number."""
    indicator, point = evidence.indicator, evidence.point
    variant = next((v.title for v in indicator.variants if v.key == evidence.variant), None)
    name = f"{indicator.title} ({variant})" if variant else indicator.title
    text = f"{name} of {evidence.team_name} {_when(evidence, zone)}."
    if point.value is None:
        return text
    if indicator.unit is Unit.DAYS:
        return f"{text} {_median(evidence)}"
    if indicator.unit is Unit.PERCENT:
        of = f"{formatting.plain(point.numerator or 0)} of {formatting.plain(point.denominator or 0)}"
        return f"{text} {of} {indicator.noun} had an answer in time."
    people = formatting.people(float(point.denominator or 0))
    return f"{text} Each counts once; together they are divided by {people} on average."


def _when(evidence: Evidence, zone: ZoneInfo) -> str:
    partial = evidence.point.partial
    if evidence.indicator.cadence is Cadence.MONTHLY:
        return f"in {formatting.period(evidence.period)}{' so far' if partial else ''}"
    if partial:
        return f"on {formatting.instant_with_zone(evidence.instant, zone)} (day not over)"
    return f"on {formatting.period(evidence.period)}"


def _median(evidence: Evidence) -> str:
    value = evidence.point.value or 0.0
    more = sum((row.value or 0) > value for row in evidence.rows)
    less = sum((row.value or 0) < value for row in evidence.rows)
    if evidence.indicator.cadence is Cadence.DAILY:
        what, longer, shorter = "ages", "older", "younger"
    else:
        what, longer, shorter = "times", "longer", "shorter"
    return (
        f"The value is the median of the {what} below: {more} are {longer}, {less} are {shorter}."
    )


def left_out(evidence: Evidence) -> str:
    """How many merge requests of the team do not count, and why."""
    counts = [
        f"{count:,} {LEFT_OUT.get(reason, reason.replace('_', ' '))}"
        for reason, count in evidence.left_out.items()
        if count
    ]
    return f"Left out: {', '.join(counts)}." if counts else "Left out: none."


def waited(row: EvidenceRow, instant: datetime) -> float | None:
    """Days in review at an instant; None before the review began."""
    if row.review_started_at is None or row.review_started_at > instant:
        return None
    return (instant - row.review_started_at).total_seconds() / 86_400


def state_then(row: EvidenceRow, instant: datetime) -> str:
    """How it stood with an open merge request at the instant of a day."""
    if row.draft:
        return "draft"
    if waited(row, instant) is not None:
        return "in review"
    return "not yet in review"


def state_now(row: EvidenceRow) -> str:
    """How it stands with a merge request of a month."""
    if row.state in ("opened", "locked"):
        return "draft" if row.draft else "open"
    return row.state


def range_words(first: int, shown: int, total: int, sort: str, cadence: Cadence) -> str:
    """`1 to 25 of 60, oldest first`. first: rows before the page; shown: on a whole page."""
    if not total:
        return "No merge request"
    most, least = ("oldest", "youngest") if cadence is Cadence.DAILY else ("longest", "shortest")
    order = {"-value": f", {most} first", "value": f", {least} first"}.get(sort, "")
    return f"{first + 1:,} to {min(first + shown, total):,} of {total:,}{order}"
