"""What the evidence page says of its merge requests: headline, sentence, states, flags and order."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from app.metrics.answers import Evidence, EvidenceRow
from app.metrics.calendar import local_day
from app.metrics.evidence_filters import is_open, judges_answers, waited
from app.metrics.indicator import Cadence, Unit
from dashboards import addresses, formatting

LEFT_OUT = {
    "bot": "by bots",
    "draft": "drafts, as configured",
    "out_of_scope": "outside the product scope",
    "quarantined": "quarantined",
    "unattributed": "by people in no team",
    "not_in_review": "without a review",
    "not_answered": "without an answer yet",
}
FINDINGS = {
    "bot": "bot",
    "quarantined": "quarantined_merge_request",
    "unattributed": "unmatched_identity",
}
"""Where the page of the data lists what was left out, by reason."""

STATES = {
    "in_review": "In review",
    "not_in_review": "Not yet in review",
    "open": "Open",
    "merged": "Merged",
    "closed": "Closed",
    "draft": "Draft",
    "orphaned": "Orphaned",
    "end_estimated": "End estimated",
    "review_start_inferred": "Review start inferred",
}
ANSWERS: Mapping[str, tuple[str, str, str]] = {
    "met": ("on_target", "ok", "met"),
    "missed": ("problem", "bad", "missed"),
    "pending": ("half", "none", "pending"),
    "waiting_for_author": ("no_data", "none", "waiting for author"),
}
"""Mark, colour and words of each outcome."""


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


def left_out(
    evidence: Evidence, period: str | None, *, findings: bool
) -> Iterator[tuple[str, str | None]]:
    """What of the team's does not count: how many and why, and the address of their list if there is
    one. period: of the page's address. findings: whether the reader may see those of the data."""
    for reason, count in evidence.left_out.items():
        address = None
        if reason in FINDINGS and findings:
            address = addresses.data(finding=FINDINGS[reason])
        elif reason == "not_in_review" and evidence.indicator.cadence is Cadence.DAILY:
            address = addresses.evidence(
                "open_mr_age", team=evidence.team, period=period, state=reason
            )
        yield f"{count:,} {LEFT_OUT[reason]}", address


def state_of(row: EvidenceRow, evidence: Evidence) -> str:
    """How it stood with a merge request at the instant of a day; of a month, how it stands now."""
    if evidence.indicator.cadence is Cadence.MONTHLY:
        return ("draft" if row.draft else "open") if is_open(row) else row.state
    if waited(row, evidence.instant) is not None:
        return "draft, in review" if row.draft else "in review"
    return "draft" if row.draft else "not yet in review"


def flags_of(row: EvidenceRow, evidence: Evidence, zone: ZoneInfo) -> list[str]:
    """What has to be known of a row: `orphaned: author left 30 Sep`."""
    words = []
    if "orphaned" in row.flags:
        left = row.author_left_on
        year = local_day(evidence.instant, zone).year
        words.append(
            "orphaned: author has left"
            if left is None
            else f"orphaned: author left {_day_near(left, year)}"
        )
    others = ["end_estimated"]
    if not judges_answers(evidence.indicator):  # its answers know nothing of reviews
        others.append("review_start_inferred")
    return [*words, *(STATES[flag].lower() for flag in others if flag in row.flags)]


def _day_near(day: date, year: int) -> str:
    """A day, with its year only where it is another one."""
    text = formatting.day(day)
    return text.removesuffix(f" {year}")


def range_words(first: int, shown: int, total: int, evidence: Evidence, sort: str) -> str:
    """`1 to 25 of 60, oldest first`. first: rows before the page; shown: on a whole page."""
    if not total:
        return "No merge request"
    daily = evidence.indicator.cadence is Cadence.DAILY
    most, least = ("oldest", "youngest") if daily else ("longest", "shortest")
    order = {"-value": f", {most} first", "value": f", {least} first"}.get(sort, "")
    return f"{first + 1:,} to {min(first + shown, total):,} of {total:,}{order}"


def moment(instant: datetime | None, zone: ZoneInfo) -> str:
    """An instant as a cell shows it: its local day and time."""
    return formatting.NO_VALUE if instant is None else formatting.instant(instant, zone)


def day(instant: datetime | None, zone: ZoneInfo) -> str:
    """An instant as a cell shows it: its local day."""
    return formatting.NO_VALUE if instant is None else formatting.day(local_day(instant, zone))


def days(value: float | None) -> str:
    """Days as a cell shows them."""
    return formatting.NO_VALUE if value is None else f"{value:,.1f}"
