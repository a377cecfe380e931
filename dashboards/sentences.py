"""What a point says in words: the sentence of a card, the lines of a tip, a signal, a missing value.

Plain sentences with the number, the range and the target. "Worsened" and "improved" are said only of
signals, and follow the indicator's direction. Never a cause, praise or blame.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.metrics.indicator import (
    Better,
    Cadence,
    Indicator,
    Limits,
    Point,
    Reason,
    Status,
    Unit,
)
from dashboards import formatting

STATUS_WORDS = {
    Status.ON_TARGET: "on target",
    Status.ATTENTION: "attention",
    Status.PROBLEM: "problem",
    Status.NO_TARGET: "no target",
    Status.NO_DATA: "no data",
    Status.SUPPRESSED: "hidden",
}
BY_UNIT = {
    Unit.DAYS: "The median of the {noun} is [{value}]",
    Unit.PERCENT: "[{value}] in {when}",
    Unit.MERGE_REQUESTS_PER_PERSON: "[{value}] in {when}",
}
"""What a value says where its indicator has no words of its own for it."""

FEW_IN_A_CELL = 5  # a median or rate of fewer merge requests moves by itself


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A point with everything that its words need.

    at: the borders that its digits must not cross. running: the point of the running month beside a
    monthly value; None: there is none, or it is the point itself. variant: one that is not the
    default.
    """

    indicator: Indicator
    point: Point
    limits: Limits | None
    target: float | None
    at: tuple[float, ...]
    running: Point | None = None
    variant: str | None = None

    @property
    def shown(self) -> str:
        """The value with its unit."""
        return formatting.full(self.indicator, self.point.value, self.at)

    @property
    def difference(self) -> float | None:
        """From the centre line, in the indicator's unit; None without either."""
        if self.limits is None or self.point.value is None:
            return None
        return self.point.value - self.limits.centre

    @property
    def improved(self) -> bool:
        """Whether the difference goes the way the indicator calls better."""
        return ((self.difference or 0) < 0) == (self.indicator.better is Better.LOWER)

    @property
    def outside(self) -> bool:
        """Whether the value lies outside its normal range; a signal may also be a long run inside."""
        value = self.point.value
        if self.limits is None or value is None:
            return False
        return not self.limits.lower <= value <= self.limits.upper

    @property
    def spread(self) -> str:
        """The normal range in words, true beside the value's digits."""
        assert self.limits is not None
        return formatting.normal_range(self.indicator, self.limits, beside=self.point.value)


def status_words(point: Point) -> str:
    """The status in words; a running month has none."""
    if point.status is not None:
        return STATUS_WORDS[point.status]
    return "not over, no status" if point.partial else "no status"


def few(point: Point, indicator: Indicator, least: int) -> bool:
    """Whether fewer merge requests than `least` are behind the value, so that one moves it a lot.

    Where people are counted, n are not the cases that the value is a median or rate of.
    """
    return indicator.counts_merge_requests and point.n is not None and point.n < least


def missing(indicator: Indicator, point: Point) -> str:
    """Why a value is missing, in at most three words."""
    if point.reason is Reason.SUPPRESSED:
        return "hidden"
    if point.reason is Reason.NOT_MEANINGFUL:
        return "not meaningful"
    if point.recorded_at is None:
        return "not recorded"
    return indicator.nothing[0]


def missing_sentence(indicator: Indicator, point: Point) -> str:
    """Why a value is missing, as a sentence."""
    by = "on" if formatting.is_day(point.period) else "in"
    when = f"{by} {formatting.period(point.period)}"
    if point.reason is Reason.SUPPRESSED:
        return "Showing it would show a group of fewer people than the rule allows."
    if point.reason is Reason.NOT_MEANINGFUL:
        return f"The numbers {when} do not allow a meaningful value."
    if point.recorded_at is None:
        return f"No value of {formatting.period(point.period)} was recorded."
    return indicator.nothing[1].format(when=when)


def tip(judged: Judged) -> list[str]:
    """Lines of a cell's tip; the first is its head. Nothing that the linked page does not say."""
    indicator, point = judged.indicator, judged.point
    if point.value is None:
        head = STATUS_WORDS[point.status or Status.NO_DATA].capitalize()
        return [head, missing_sentence(indicator, point)]
    lines = [f"{judged.shown} · {status_words(point)}"]
    if judged.target is not None:
        lines.append(f"Target {formatting.target(indicator, judged.target)}")
    lines += _made_of(judged)
    if point.coverage is not None:
        lines.append(f"Coverage {formatting.percent(point.coverage)}")
    if judged.running is not None and judged.running.value is not None:
        name = formatting.period(judged.running.period)
        lines.append(f"{name} so far: {formatting.short(indicator, judged.running.value)}")
    lines += _limit_lines(judged)
    if few(point, indicator, FEW_IN_A_CELL):
        lines.append("Few cases: read with care")
    return lines


def _made_of(judged: Judged) -> list[str]:
    indicator, point = judged.indicator, judged.point
    lines = []
    if indicator.unit is Unit.MERGE_REQUESTS_PER_PERSON and point.denominator is not None:
        counted = formatting.counted(point.n or 0, indicator.noun)
        lines.append(f"{counted}, {formatting.people(point.denominator)} on average")
    elif indicator.unit is Unit.PERCENT and point.denominator is not None:
        lines.append(_of(judged))
    elif point.n is not None:
        lines.append(formatting.counted(point.n, indicator.noun))
    if point.p25 is not None and point.p75 is not None:
        low, high = (formatting.number(indicator, value) for value in (point.p25, point.p75))
        lines.append(f"Middle half {low} to {high} {formatting.unit_word(indicator)}")
    return lines


def _limit_lines(judged: Judged) -> list[str]:
    if judged.limits is None or judged.difference is None:
        return []
    if not judged.point.signal:
        return [f"Normal range {judged.spread}"]
    centre = formatting.short(judged.indicator, judged.limits.centre)
    side = "above" if judged.difference > 0 else "below"
    size = formatting.change(judged.indicator, judged.difference).split(formatting.NO_BREAK, 1)[1]
    lines = [f"{size} {side} its centre line {centre}"]
    if judged.outside:
        return [*lines, f"Signal: outside its normal range {judged.spread}"]
    return [*lines, f"Signal: the eighth month or later on one side, normal range {judged.spread}"]


def signal_line(judged: Judged) -> str:
    """A signal after the team's name: `Open MR Age worsened to 41.3 days, normal 17 to 31`."""
    name = judged.indicator.title
    verb = "improved" if judged.improved else "worsened"
    if judged.outside:
        rest = f"normal {judged.spread}".replace(" ", formatting.NO_BREAK)
        return f"{name} {verb} to {judged.shown}, {rest}"
    side = "above" if (judged.difference or 0) > 0 else "below"
    assert judged.limits is not None
    centre = formatting.full(judged.indicator, judged.limits.centre)
    return f"{name} {verb}: {judged.shown}, eight months or more {side} {centre}"


def card(judged: Judged, points: Sequence[Point]) -> Markup:
    """The sentence of a card, the number marked strong.

    points: the series beside it, in order, for how long a signal has lasted and what was before.
    """
    indicator, point = judged.indicator, judged.point
    if point.value is None:
        return Markup.escape(missing_sentence(indicator, point))
    parts = [_subject(judged) + _against_range(judged, points) + "."]
    if judged.point.signal:
        before = _month_before(judged, points)
        if before is not None:
            parts.append(Markup(" A month before it was {}.").format(before))
    if judged.running is not None and judged.running.value is not None:
        parts.append(
            Markup(" {} so far: {}.").format(
                formatting.period(judged.running.period).split()[0],
                formatting.short(indicator, judged.running.value),
            )
        )
    return Markup("").join(parts)


def _subject(judged: Judged) -> Markup:
    """The value as its indicator says it, or by its unit."""
    indicator, point = judged.indicator, judged.point
    name = formatting.period(point.period)
    when = f"{name} so far" if point.partial else name
    months = int(point.beside.get("months", 12))
    says = indicator.says if judged.variant is None else ""
    written = (says or BY_UNIT[indicator.unit]).format(
        value=judged.shown,
        number=formatting.number(indicator, point.value, judged.at),
        part=_part(judged)[0],
        noun=indicator.noun,
        when=when,
        end=when if point.partial else f"the end of {name}",
        at_the_end=f"in {when}" if point.partial else f"at the end of {name}",
        months="month" if months == 1 else f"{months} months",
    )
    plain = Markup.escape(written)
    return plain.replace("[", Markup("<strong>")).replace("]", Markup("</strong>"))


def _part(judged: Judged) -> tuple[str, str]:
    """(`19 of 20`, `community merge requests`)."""
    point, indicator = judged.point, judged.indicator
    share = (
        f"{formatting.plain(point.numerator or 0)} of {formatting.plain(point.denominator or 0)}"
    )
    return share, "planned people" if indicator.key == "hiring_vs_plan" else indicator.noun


def _of(judged: Judged) -> str:
    """`19 of 20 community merge requests`; `1 leaver, 6.5 people on average`."""
    point = judged.point
    if judged.indicator.key != "retention":
        return " ".join(_part(judged))
    left = formatting.counted(round(point.numerator or 0), judged.indicator.noun)
    return f"{left}, {formatting.people(float(point.denominator or 0))} on average"


def beside(point: Point) -> list[str]:
    """What stands beside a value, in words; nothing of what there is none of."""
    told = [
        ("pending", "{} still in time"),
        ("waiting_for_author", "{} waiting for the author"),
        ("unanswered", "{} not answered yet"),
        ("open_openings", "{} open {opening}"),
        ("offers_accepted_not_started", "{} accepted, not started"),
        ("other_endings", "{} other {ending}"),
    ]
    words = [
        words.format(
            formatting.plain(count),
            opening="opening" if count == 1 else "openings",
            ending="ending" if count == 1 else "endings",
        )
        for key, words in told
        if (count := point.beside.get(key))
    ]
    if point.beside.get("short_history"):
        months = int(point.beside["months"])
        words.append(f"short history: {months} {'month' if months == 1 else 'months'}")
    if point.beside.get("mean") is not None:
        words.append(f"mean {point.beside['mean']:.1f} days")
    return words


def _against_range(judged: Judged, points: Sequence[Point]) -> str:
    running_month = judged.point.partial and judged.indicator.cadence is Cadence.MONTHLY
    if judged.limits is None or judged.difference is None or running_month:
        return ""
    if not judged.point.signal:
        return "" if judged.outside else f", inside its normal range of {judged.spread}"
    side = "above" if judged.difference > 0 else "below"
    if judged.outside:
        since = _since(judged, points)
        lasting = f" since {formatting.period(since)}" if since != judged.point.period else ""
        return f", {side} its normal range of {judged.spread}{lasting}"
    centre = formatting.short(judged.indicator, judged.limits.centre)
    return f", {side} its centre line of {centre} for eight months or more"


def _since(judged: Judged, points: Sequence[Point]) -> str:
    """The first period of the unbroken row outside the range, on the same side, that ends here."""
    limits, since = judged.limits, judged.point.period
    assert limits is not None
    above = (judged.difference or 0) > 0
    for earlier in reversed([p for p in points if p.period < since and not p.partial]):
        value = earlier.value
        if value is None or not (value > limits.upper if above else value < limits.lower):
            break
        since = earlier.period
    return since


def _month_before(judged: Judged, points: Sequence[Point]) -> str | None:
    """The value of the month before, or of the last point at least four weeks before."""
    day = formatting.last_day(judged.point.period)
    earlier = [p for p in points if (day - formatting.last_day(p.period)).days >= 28]
    if not earlier or earlier[-1].value is None:
        return None
    return formatting.short(judged.indicator, earlier[-1].value, judged.at)
