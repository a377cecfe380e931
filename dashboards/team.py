"""The page `/teams/{slug}`: every indicator of one team, what waits now, and who is in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from markupsafe import Markup
from sqlalchemy.orm import Session

from app.metrics import INDICATORS, queries
from app.metrics.answers import (
    Attention,
    MembershipChange,
    Scorecard,
    ScorecardRow,
    Team,
    Waiting,
)
from app.metrics.calendar import last_of_month, months_back
from app.metrics.indicator import Cadence, Grain, Indicator, Point, Series, Status
from app.settings import Settings
from dashboards import addresses, figures, formatting
from dashboards.asked import Asked, today
from dashboards.cells import colour_of, mark_of
from dashboards.periods import picker
from dashboards.sentences import Judged, card, status_words
from dashboards.static_chart import trend_chart
from dashboards.trend import trend_of

GRAINS: Mapping[str, str] = {"week": "By week", "day": "By day", "month": "By month"}
NUMBERS_SHOWN = 60
WAITING_SHOWN = 4
CHANGE_MONTHS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """A row of the table below a chart."""

    period: str
    shown: str
    mark: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One indicator of the team.

    number None: there is no value, and `sentence` says why. figure: what Plotly draws; None: nothing
    to draw. more: how many older numbers only the CSV has.
    """

    indicator: Indicator
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
    chart: Markup
    chart_label: str
    figure: Mapping[str, object] | None
    made_of: str
    when: str
    evidence: str
    evidence_words: str
    address: str
    numbers: Sequence[Number]
    more: int
    csv: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """A merge request that waits, as a line of the list."""

    title: str
    address: str | None
    days: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Somebody joined or left, as a line of the list."""

    words: str
    day: date
    detail: str


def view(session: Session, settings: Settings, asked: Asked) -> dict[str, object]:
    """What `team.html` draws. Raises NotFoundError and InvalidValueError for a wrong address."""
    slug, period = asked.path["slug"], asked.get("period")
    grain = asked.one_of("grain", GRAINS, "week")
    scorecard = queries.scorecard(session, settings, slug, period=period)
    series = {
        indicator.key: queries.series(
            session,
            settings,
            indicator.key,
            team=slug,
            to=period,
            grain=grain if indicator.cadence is Cadence.DAILY else None,
        )
        for indicator in INDICATORS
    }
    on = day_shown(settings, period, series.values())
    since = months_back(on, CHANGE_MONTHS - 1)
    team = queries.team(session, settings, slug, on=str(on), from_=str(since), to=str(on))
    attention = queries.attention(session, settings, slug)
    names = {row.slug: row.name for row in queries.teams(session, settings)}
    return context(team, scorecard, series, attention, names, settings, asked)


def day_shown(settings: Settings, period: str | None, series: Iterable[Series]) -> date:
    """The day of the memberships: that of the period, its month's last one, or the running day."""
    reached = [one.data_through for one in series if one.data_through is not None]
    running = today(settings, max(reached, default=datetime.now(UTC)))
    if period is None:
        return running
    first = formatting.first_day(period)
    return first if formatting.is_day(period) else min(last_of_month(first), running)


def context(
    team: Team,
    scorecard: Scorecard,
    series: Mapping[str, Series],
    attention: Attention,
    names: Mapping[str, str],
    settings: Settings,
    asked: Asked,
) -> dict[str, object]:
    """The page of a team's answers; series: by indicator key, of the same period; names: by slug."""
    period, grain = asked.get("period"), asked.get("grain")
    kept = {"period": period, "grain": grain}
    cards = [
        card_of(row, series[row.indicator.key], team, settings, period)
        for row in scorecard.items
        if row.variant in (None, row.indicator.default_variant)
    ]
    reached = [one.data_through for one in series.values() if one.data_through is not None]
    points = [row.point for row in scorecard.items]
    return {
        "team": team,
        "data_through": max(reached, default=None),
        "recorded_at": max((p.recorded_at for p in points if p.recorded_at), default=None),
        "cards": cards,
        "as_of": _as_of(cards, max(reached, default=None), settings),
        "oldest": [wait_of(waiting) for waiting in attention.oldest_in_review[:WAITING_SHOWN]],
        "orphaned": [wait_of(waiting) for waiting in attention.orphaned[:WAITING_SHOWN]],
        "orphaned_count": len(attention.orphaned),
        "changes": [change_of(change, team, names) for change in team.membership_changes],
        "changes_since": months_back(team.on, CHANGE_MONTHS - 1),
        "crumbs": [(name, addresses.team(slug, **kept)) for slug, name in team.ancestors],
        "children": [(name, addresses.team(slug, **kept)) for slug, name in team.children],
        "picker": picker(
            asked=period,
            today=today(settings, max(reached)) if reached else team.on,
            history_start=settings.reporting.history_start,
            daily=False,
            address=lambda other: addresses.team(team.slug, **{**kept, "period": other}),
            action=addresses.team(team.slug),
            hidden={"grain": grain},
        ),
        "grains": [
            (
                words,
                addresses.team(team.slug, period=period, grain=name if name != "week" else None),
                name == (grain or "week"),
            )
            for name, words in GRAINS.items()
        ],
        "exports": [
            ("Scorecard, CSV", _export(team.slug, "/scorecard", period, "csv")),
            ("Scorecard, JSON", _export(team.slug, "/scorecard", period, None)),
            ("Team, JSON", addresses.api(f"/teams/{team.slug}", on=str(team.on))),
        ],
        "template": figures.TEMPLATE,
    }


def change_of(change: MembershipChange, team: Team, names: Mapping[str, str]) -> Change:
    """A membership change as a line of the list."""
    here = names.get(change.team, change.team)
    elsewhere = None if change.elsewhere is None else names.get(change.elsewhere, change.elsewhere)
    detail = [] if change.team == team.slug else [here]
    if change.kind == "joined":
        detail.append(f"from {elsewhere}" if elsewhere else "new to the teams")
    else:
        detail.append(f"to {elsewhere}" if elsewhere else "in no team since")
    return Change(words=f"{change.person} {change.kind}", day=change.day, detail=", ".join(detail))


def _export(slug: str, what: str, period: str | None, form: str | None) -> str:
    return addresses.api(f"/teams/{slug}{what}", period=period, format=form)


def _as_of(cards: Sequence[Card], reached: datetime | None, settings: Settings) -> str:
    """`As of 22 Nov 2026, 06:10 UTC, day not over; monthly indicators for October 2026.`"""
    days = {card.period for card in cards if formatting.is_day(card.period)}
    months = {card.period for card in cards if not formatting.is_day(card.period)}
    partial = {card.period for card in cards if card.partial}
    parts = []
    for day in sorted(days):
        if day in partial and reached is not None:
            instant = formatting.instant_with_zone(reached, settings.reporting.zone)
            parts.append(f"As of {instant}, day not over")
        else:
            parts.append(f"As of {formatting.period(day)}")
    for month in sorted(months):
        not_over = ", which is not over" if month in partial else ""
        parts.append(f"monthly indicators for {formatting.period(month)}{not_over}")
    words = "; ".join(parts)
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def card_of(
    row: ScorecardRow, series: Series, team: Team, settings: Settings, period: str | None
) -> Card:
    """One indicator of the team with its chart, sentence, numbers and the way to the evidence."""
    indicator, point = row.indicator, row.point
    last = series.points[-1] if series.points else None
    running = last if last and last.partial and last.period != point.period else None
    judged = Judged(
        indicator=indicator,
        point=point,
        limits=row.limits,
        target=row.target,
        at=formatting.borders(indicator, row.target, settings.targets.tolerance),
        running=running if indicator.cadence is Cadence.MONTHLY else None,
    )
    trend = trend_of(series, today(settings, series.data_through) if series.data_through else None)
    status = point.status or (Status.NO_DATA if point.value is None else None)
    asked = {"team": team.slug, "period": period}
    return Card(
        indicator=indicator,
        period=point.period,
        partial=point.partial,
        mark=mark_of(status),
        colour=colour_of(status),
        status=status_words(point).capitalize(),
        number=None if point.value is None else _number(judged),
        unit=formatting.unit_word(indicator),
        signal=point.signal,
        target=formatting.target(indicator, row.target),
        sentence=card(judged, series.points),
        chart=trend_chart(trend) if trend else Markup(),
        chart_label=_chart_label(judged, series),
        figure=figures.spec(figures.trend_figure(trend)) if trend else None,
        made_of=_made_of(point, indicator),
        when=_when(point),
        evidence=addresses.evidence(indicator.key, **asked),
        evidence_words=formatting.counted(point.n, "merge requests") if point.n else "",
        address=addresses.indicator(indicator.key, period=period),
        numbers=_numbers(series, settings),
        more=max(0, len(series.points) - NUMBERS_SHOWN),
        csv=addresses.api(
            f"/indicators/{indicator.key}/series",
            team=team.slug,
            to=period,
            grain=series.grain,
            format="csv",
        ),
    )


def _number(judged: Judged) -> str:
    return formatting.short(judged.indicator, judged.point.value, judged.at)


def _chart_label(judged: Judged, series: Series) -> str:
    parts = [f"{judged.indicator.title} by {series.grain}, now {judged.shown}"]
    if judged.limits:
        parts.append(f"normal range {judged.spread}")
    if judged.target is not None:
        parts.append(f"target {formatting.target(judged.indicator, judged.target)}")
    return f"{', '.join(parts)}. The table below has the numbers."


def _made_of(point: Point, indicator: Indicator) -> str:
    """What stands behind the number, beside the link to it: counts of a rate, spread of a median."""
    parts = []
    if point.denominator is not None and point.n is not None:
        parts.append(formatting.counted(point.n, indicator.noun))
        parts.append(formatting.people(float(point.denominator)))
    elif point.p25 is not None and point.p75 is not None:
        low, high = (formatting.number(indicator, each) for each in (point.p25, point.p75))
        parts.append(f"middle half {low} to {high}")
    if point.coverage is not None:
        parts.append(f"coverage {formatting.percent(point.coverage)}")
    words = ", ".join(parts)
    return f"{words[:1].upper()}{words[1:]}"


def _when(point: Point) -> str:
    """`22 Nov, day not over`, `October 2026`."""
    if not formatting.is_day(point.period):
        return formatting.period(point.period) + (", not over" if point.partial else "")
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
                shown=formatting.full(
                    series.indicator, point.value, _borders(point, series, settings)
                ),
                mark=", ".join(marks),
            )
        )
    return rows


def _borders(point: Point, series: Series, settings: Settings) -> tuple[float, ...]:
    """The borders of the target that was in force in the point's period."""
    day = formatting.first_day(point.period)
    in_force = [step.value for step in series.targets if step.valid_from <= day]
    target = in_force[-1] if in_force else None
    return formatting.borders(series.indicator, target, settings.targets.tolerance)


def wait_of(waiting: Waiting) -> Wait:
    """A line of what waits: title, how long, which merge request and whose."""
    row = waiting.row
    detail = [f"{row.project}!{row.iid}"]
    detail += [name for name in (row.author_name or row.author_username,) if name]
    detail += ["author has left"] if "orphaned" in row.flags else []
    return Wait(
        title=row.title,
        address=addresses.outside(row.web_url),
        days=f"{waiting.days:,.0f} {'day' if round(waiting.days) == 1 else 'days'}",
        detail=", ".join(detail),
    )
