"""One team in one month as a report: what every format of it is written from.

Nothing in it depends on when it is made, so that the same data give the same report.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from markupsafe import Markup
from sqlalchemy.orm import Session

from app.errors import ConfigurationError, InvalidValueError
from app.metrics import queries
from app.metrics.answers import Attention, Cards, Due, ScorecardRow, Team
from app.metrics.calendar import (
    Clock,
    last_of_month,
    local_day,
    month_label,
    next_month,
)
from app.metrics.indicator import Grain
from app.metrics.periods import Asked as Period
from app.metrics.periods import parse
from app.metrics.points import Basis, load_basis, one_snapshot, running_day
from app.metrics.restatements import Restatement
from app.settings import Settings
from dashboards import addresses, formatting
from dashboards.asked import usual_month
from dashboards.cards import Card, card_of
from dashboards.report_care import care_of
from dashboards.sentences import Judged, signal_line
from dashboards.sparkline import Size
from dashboards.static_chart import trend_chart
from dashboards.team import Change, change_of, hiring_of, mix_above
from dashboards.waiting import Answer, Wait, answer_of, opening_of, wait_of

WAITING_TOLD = 3
CHART = Size(420, 74)
"""A chart fills half a page of A4."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waits:
    """What waited; more: how many of each kind are not listed."""

    in_review: Sequence[Wait]
    due: Sequence[Answer]
    overdue: Sequence[Wait]
    orphaned: Sequence[Wait]
    more: Mapping[str, int]

    @property
    def nothing(self) -> bool:
        """Whether nothing waited."""
        return not (self.in_review or self.due or self.overdue or self.orphaned)


@dataclass(frozen=True, slots=True)
class Entry:
    """An indicator of the report: as it was answered, and as its card shows it."""

    row: ScorecardRow
    card: Card
    chart: Markup

    @property
    def value(self) -> str:
        """The value with its unit, the shares, or that there is none."""
        card = self.card
        if card.shares:
            return ", ".join(share.words for share in card.shares)
        if card.number is None:
            return card.no_value.lower()
        return f"{card.number} {card.unit}".rstrip()

    @property
    def status(self) -> str:
        """The status in words, and whether the value is a signal."""
        return f"{self.card.status}, signal" if self.card.signal else self.card.status

    @property
    def made_of(self) -> str:
        """How many cases are behind the value, and what else is beside it."""
        count, beside = self.row.point.n, self.card.made_of
        if count is None:
            return beside
        return ", ".join(filter(None, (f"n {count:,}", beside[:1].lower() + beside[1:])))


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A team in a month.

    month: its first day. running: it is not over. team: as it was on the last day of the month that
    the data reach. cards: every indicator in the month, and by month. eight, beside: the indicators,
    and what stands beside them. waits: now in the running month, else at the end of the month. care:
    what is missing or partial, and what was restated, one sentence each. reached: up to when the data
    reach; recorded: when the newest value in it was computed. address: of the page that shows the
    same; None: it is not known where that is served.
    """

    month: date
    running: bool
    team: Team
    cards: Cards
    eight: Sequence[Entry]
    beside: Sequence[Entry]
    signals: Sequence[str]
    hiring: Sequence[tuple[str, str]]
    changes: Sequence[Change]
    waits: Waits
    care: Sequence[str]
    as_of: str
    reached: datetime
    recorded: datetime | None
    address: str | None

    @property
    def title(self) -> str:
        """`Checkout, October 2026`."""
        return f"{self.team.name}, {formatting.month(self.month)}"

    @property
    def who(self) -> str:
        """Who the team is: `11 people, managed by Ines Carvalho.`"""
        managers = formatting.listed([person.name for person in self.team.managers])
        words = formatting.people(self.team.headcount)
        return f"{words}, managed by {managers}." if managers else f"{words}."

    @property
    def waits_title(self) -> str:
        """When it is that things wait."""
        if self.running:
            return "Needs attention now"
        return f"Open at the end of {formatting.month(self.month)}"


def report(
    session: Session,
    settings: Settings,
    slug: str,
    month: str | None = None,
    *,
    site: str = "",
) -> Report:
    """The report of a team and a month (`YYYY-MM`), by default the last one that is over.

    site: where the pages are served, without a path; empty: not known. Raises NotFoundError (field
    `slug`), InvalidValueError (field `month`) for what is no month, has not begun or lies before the
    start of history, and ConfigurationError as long as nothing is collected.
    """
    with one_snapshot(session):
        basis = load_basis(session, settings)
        if not basis.through:
            raise ConfigurationError(
                "Nothing is collected yet, so that there is nothing to report.",
                "Run `teamgauge collect`.",
            )
        node = basis.tree.find(slug, "slug")
        asked = _month(basis, month)
        return _report(session, settings, basis, node.slug, asked, site)


def _month(basis: Basis, text: str | None) -> Period:
    running = running_day(basis.settings, basis.through)
    usual = month_label(usual_month(basis.settings, running))
    asked = parse(usual if text is None else text, "month")
    if not asked.is_month:
        raise InvalidValueError(
            f"month {text!r:.40} is a day.",
            "month",
            f"Write its month: {month_label(asked.first)}.",
        )
    if asked.first > running:
        raise InvalidValueError(
            f"month {asked} has not begun: the data reach to {running}.", "month"
        )
    if asked.last < basis.history_start:
        raise InvalidValueError(
            f"month {asked} lies before the start of history, {basis.history_start}.",
            "month",
            "reporting.history_start decides how far back values are computed.",
        )
    return asked


def _report(
    session: Session, settings: Settings, basis: Basis, slug: str, asked: Period, site: str
) -> Report:
    month = month_label(asked.first)
    reached = max(basis.through.values())
    clock = Clock(settings.reporting.zone, reached)
    on = min(asked.last, clock.today)
    cards = queries.cards(session, settings, team=slug, period=month, to=month, grain=Grain.MONTH)
    team = queries.team(session, settings, slug, on=str(on), from_=month, to=month)
    attention = queries.attention(session, settings, slug, limit=None, on=on)
    restated = queries.restatements(
        session,
        settings,
        from_=str(basis.history_start),
        team=slug,
        periods_of={asked.first, asked.last},
        limit=None,
    )
    address = addresses.team(slug, period=month)
    return made(
        asked.first,
        team,
        cards,
        attention,
        restated,
        {node.slug: node.name for node in basis.tree},
        settings,
        reached=reached,
        address=f"{site.rstrip('/')}{address}" if site else None,
    )


def made(
    month: date,
    team: Team,
    cards: Cards,
    attention: Attention,
    restated: Sequence[Restatement],
    names: Mapping[str, str],
    settings: Settings,
    *,
    reached: datetime,
    address: str | None = None,
) -> Report:
    """The report of a team's answers. restated: of the month and of its last day, newest first;
    names: of the teams, by slug."""
    clock = Clock(settings.reporting.zone, reached)
    rows = cards.scorecard.items
    entries = [_entry(row, cards, settings) for row in rows]
    recorded = [row.point.recorded_at for row in rows if row.point.recorded_at]
    return Report(
        month=month,
        running=clock.is_partial_month(month),
        team=team,
        cards=cards,
        eight=[entry for entry in entries if not entry.row.indicator.supporting],
        beside=[entry for entry in entries if entry.row.indicator.supporting],
        signals=[signal_line(judged_of(row, settings)) for row in rows if row.point.signal],
        hiring=hiring_of(cards.scorecard, settings),
        changes=[change_of(change, team, names) for change in team.membership_changes],
        waits=_waits(attention, names, settings, min(reached, clock.start_of(next_month(month)))),
        care=care_of(month, cards, restated, settings, reached=reached),
        as_of=_as_of(month, settings, reached),
        reached=reached,
        recorded=max(recorded, default=None),
        address=address,
    )


def _entry(row: ScorecardRow, cards: Cards, settings: Settings) -> Entry:
    key, period = row.indicator.key, row.point.period
    instead = mix_above(cards.above.get(key), key, period)
    card = card_of(row, cards.series[key], settings, {"period": period}, instead)
    return Entry(
        row=row,
        card=card,
        chart=trend_chart(card.trend, CHART.width, CHART.height) if card.trend else Markup(),
    )


def judged_of(row: ScorecardRow, settings: Settings) -> Judged:
    """A row of a scorecard with everything that its words need."""
    return Judged(
        indicator=row.indicator,
        point=row.point,
        limits=row.limits,
        target=row.target,
        at=formatting.borders(row.indicator, row.target, settings.targets.tolerance),
    )


def _waits(
    attention: Attention, names: Mapping[str, str], settings: Settings, at: datetime
) -> Waits:
    """What waits, each kind cut to what is told. at: the instant at which it does."""
    lists = {
        "in_review": attention.oldest_in_review,
        "due": attention.community,
        "overdue": attention.openings,
        "orphaned": attention.orphaned,
    }
    return Waits(
        in_review=[wait_of(each) for each in attention.oldest_in_review[:WAITING_TOLD]],
        due=[_answer(each, at, settings) for each in attention.community[:WAITING_TOLD]],
        overdue=[opening_of(each, names) for each in attention.openings[:WAITING_TOLD]],
        orphaned=[
            wait_of(each, heading_says_left=True) for each in attention.orphaned[:WAITING_TOLD]
        ],
        more={
            name: len(found) - WAITING_TOLD
            for name, found in lists.items()
            if len(found) > WAITING_TOLD
        },
    )


def _answer(due: Due, at: datetime, settings: Settings) -> Answer:
    """A line with the day of its deadline: a report is read on any day."""
    zone = settings.reporting.zone
    when = "missed" if due.due_at < at else "due"
    return replace(
        answer_of(due, at, zone), when=f"{when} {formatting.day(local_day(due.due_at, zone))}"
    )


def _as_of(month: date, settings: Settings, reached: datetime) -> str:
    """`As of 31 Oct 2026`, `As of 22 Nov 2026, 06:10 UTC: November is not over`."""
    zone = settings.reporting.zone
    if Clock(zone, reached).is_partial_month(month):
        instant = formatting.instant_with_zone(reached, zone)
        return f"As of {instant}: {formatting.MONTHS[month.month - 1]} is not over."
    return f"As of {formatting.day(last_of_month(month))}."
