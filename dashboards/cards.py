"""One indicator of one team as a card: number, sentence, chart, numbers and the way to the evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup

from app.metrics.answers import ScorecardRow
from app.metrics.freshness import STALE_AFTER
from app.metrics.indicator import Cadence, Grain, Indicator, Point, Reason, Series, Status, Unit
from app.settings import Settings
from dashboards import addresses, figures, formatting, shares
from dashboards.asked import today
from dashboards.cells import colour_of, mark_of
from dashboards.sentences import Judged, beside, card, few, missing, status_words
from dashboards.shares import Mix, Share
from dashboards.static_chart import trend_chart
from dashboards.trend import FEW, Trend, trend_of

NUMBERS_SHOWN = 60
PRINTED_HEIGHT = 96


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """A row of the table below a chart."""

    period: str
    shown: str
    mark: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One indicator of the team.

    variant: its title, if it is not the default one. number None: there is no value, and `sentence`
    says why. trend: what its chart draws; None: nothing to draw. more: how many older numbers only the
    CSV has. shares: of a categorical indicator, with their bar; instead: those of the nearest team
    above that shows any, where the team's own are hidden.
    """

    indicator: Indicator
    variant: str | None
    period: str
    partial: bool
    mark: str
    colour: str
    status: str
    number: str | None
    unit: str
    signal: bool
    target: str
    sentence: Markup
    trend: Trend | None
    chart_label: str
    made_of: str
    when: str
    evidence: str
    evidence_words: str
    address: str
    numbers: Sequence[Number]
    more: int
    csv: str
    no_value: str
    shares: Sequence[Share]
    share_bar: Markup
    instead: Mix | None

    def without_evidence(self) -> "Card":
        """The same for who may not see what is behind it."""
        return self if self.indicator.categorical else replace(self, evidence_words="")

    @property
    def chart(self) -> Markup:
        """The server's drawings: as high as the figure that takes its place, and a lower one for paper."""
        if self.trend is None:
            return Markup()
        return trend_chart(self.trend, height=figures.TREND_HEIGHT) + trend_chart(
            self.trend, height=PRINTED_HEIGHT
        )

    @property
    def figure(self) -> Mapping[str, object] | None:
        """What Plotly draws; None: nothing."""
        return None if self.trend is None else figures.spec(figures.trend_figure(self.trend))


def card_of(
    row: ScorecardRow,
    series: Series,
    settings: Settings,
    kept: Mapping[str, str | None],
    instead: Mix | None = None,
    now: datetime | None = None,
) -> Card:
    """A card. series: of the same team and variant; kept: period and range of the page's address;
    instead: what is shown in place of hidden shares; now: when the page is drawn, to say where its
    data are stale."""
    indicator, point = row.indicator, row.point
    variant = row.variant if row.variant != indicator.default_variant else None
    last = series.points[-1] if series.points else None
    running = last if last and last.partial and last.period != point.period else None
    judged = Judged(
        indicator=indicator,
        point=point,
        limits=row.limits,
        target=row.target,
        at=formatting.borders(indicator, row.target, settings.targets.tolerance),
        running=running if indicator.cadence is Cadence.MONTHLY else None,
        variant=variant or None,
    )
    status = point.status or (Status.NO_DATA if point.value is None else None)
    parts = shares.shares_of(point)
    address = addresses.indicator(
        indicator.key, team=series.team, period=kept.get("period"), variant=variant
    )
    stale = now is not None and kept.get("period") is None and is_stale(series, now)
    return Card(
        indicator=indicator,
        variant=next((v.title for v in indicator.variants if v.key == variant), None),
        period=point.period,
        partial=point.partial,
        mark=mark_of(status),
        colour=colour_of(status),
        status=status_words(point).capitalize(),
        number=_figure_of(parts, judged),
        unit="people" if parts else formatting.unit_word(indicator),
        signal=point.signal,
        target=formatting.target(indicator, row.target),
        sentence=(
            _shares_sentence(parts, judged, settings)
            if indicator.categorical
            else card(judged, series.points)
        ),
        trend=trend_of(
            series, today(settings, series.data_through) if series.data_through else None
        ),
        chart_label=_chart_label(judged, series),
        made_of=_made_of(point, indicator, settings),
        when=_when(point, series.data_through if stale else None, settings),
        evidence=address
        if indicator.categorical
        else addresses.evidence(
            indicator.key, team=series.team, period=kept.get("period"), variant=variant
        ),
        evidence_words=_evidence_words(point, indicator),
        address=address,
        numbers=_numbers(series, settings),
        more=max(0, len(series.points) - NUMBERS_SHOWN),
        csv=addresses.api(
            f"/indicators/{indicator.key}/series",
            **{
                "team": series.team,
                "from": kept.get("from"),
                "to": kept.get("to") or kept.get("period"),
                "grain": series.grain,
                "variant": variant,
            },
            format="csv",
        ),
        no_value="Not shown" if point.reason is Reason.SUPPRESSED else "No value",
        shares=parts,
        share_bar=shares.bar(parts) if parts else Markup(),
        instead=instead if point.reason is Reason.SUPPRESSED else None,
    )


def is_stale(series: Series, now: datetime) -> bool:
    """Whether one of the sources of a series was last collected too long ago."""
    return series.data_through is not None and now - series.data_through > STALE_AFTER


def _evidence_words(point: Point, indicator: Indicator) -> str:
    """What the link to the evidence says; empty where nothing is listed."""
    if indicator.categorical:
        return "Rules of this indicator"
    if not point.n or not indicator.evidence_kinds:
        return ""
    noun = "merge requests" if indicator.counts_merge_requests else indicator.noun
    return formatting.counted(point.n, noun)


def _shares_sentence(parts: Sequence[Share], judged: Judged, settings: Settings) -> Markup:
    point = judged.point
    if point.reason is Reason.SUPPRESSED:
        return Markup(
            "Showing this team would show a group of fewer than {} people. This holds on every page, "
            "in exports and for every role."
        ).format(settings.diversity.minimum)
    if not parts:
        return card(judged, ())
    return Markup("{} {}, by one declared attribute: {}.").format(
        "So far in" if point.partial else "At the end of",
        formatting.period(point.period),
        settings.diversity.attribute,
    )


def _figure_of(parts: Sequence[Share], judged: Judged) -> str | None:
    """The number at the head of a card: the value; of shares, how many people they are of."""
    if parts:
        return formatting.count(judged.point.n)
    return None if judged.point.value is None else _number(judged)


def _number(judged: Judged) -> str:
    return formatting.short(judged.indicator, judged.point.value, judged.at)


def _chart_label(judged: Judged, series: Series) -> str:
    parts = [f"{judged.indicator.title} by {series.grain}, now {judged.shown}"]
    if judged.limits:
        parts.append(f"normal range {judged.spread}")
    if judged.target is not None:
        parts.append(f"target {formatting.target(judged.indicator, judged.target)}")
    return f"{', '.join(parts)}. The table below has the numbers."


def _made_of(point: Point, indicator: Indicator, settings: Settings) -> str:
    """What stands behind the number, beside the link to it: counts of a rate, spread of a median."""
    parts = []
    if point.reason is Reason.SUPPRESSED:
        parts.append(f"one declared attribute: {settings.diversity.attribute}")
    if point.value is not None:
        parts += ["few cases"] * few(point, indicator, FEW)
        per_person = indicator.unit is Unit.MERGE_REQUESTS_PER_PERSON or "months" in point.beside
        if per_person and point.denominator is not None:
            # The link beside it says how many, if there are any.
            parts += [formatting.counted(0, indicator.noun)] * (point.n == 0)
            parts.append(f"{formatting.people(float(point.denominator))} on average")
        elif point.p25 is not None and point.p75 is not None:
            low, high = (formatting.number(indicator, each) for each in (point.p25, point.p75))
            parts.append(f"middle half {low}–{high}")
    parts += beside(point)
    if point.value is not None and point.coverage is not None:
        parts.append(f"coverage {formatting.percent(point.coverage)}")
    words = ", ".join(parts)
    return f"{words[:1].upper()}{words[1:]}"


def _when(point: Point, stopped: datetime | None, settings: Settings) -> str:
    """`22 Nov, day not over`; of a month, which its sentence names, only where it is not over."""
    if stopped is not None:
        day = stopped.astimezone(settings.reporting.zone).date()
        return f"stops at {formatting.day(day)}"
    if not formatting.is_day(point.period):
        return f"{formatting.period(point.period)}, not over" if point.partial else ""
    words = formatting.period(point.period)
    return f"{words.rpartition(' ')[0]}, day not over" if point.partial else words


def _numbers(series: Series, settings: Settings) -> list[Number]:
    rows = []
    for point in list(reversed(series.points))[:NUMBERS_SHOWN]:
        marks = ["signal"] * point.signal + ["not over"] * point.partial
        name = formatting.period(point.period)
        rows.append(
            Number(
                period=f"week to {name}" if series.grain is Grain.WEEK else name,
                shown=_shown(point, series, settings),
                mark=", ".join(marks),
            )
        )
    return rows


def _shown(point: Point, series: Series, settings: Settings) -> str:
    if series.indicator.categorical:
        words = [share.words for share in shares.shares_of(point)]
        return ", ".join(words) or missing(series.indicator, point)
    return formatting.full(series.indicator, point.value, _borders(point, series, settings))


def _borders(point: Point, series: Series, settings: Settings) -> tuple[float, ...]:
    """The borders of the target that was in force in the point's period."""
    day = formatting.first_day(point.period)
    in_force = [step.value for step in series.targets if step.valid_from <= day]
    target = in_force[-1] if in_force else None
    return formatting.borders(series.indicator, target, settings.targets.tolerance)
