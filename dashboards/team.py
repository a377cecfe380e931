"""The page `/teams/{slug}`: every indicator of one team, what waits now, and who is in it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.orm import Session

from app.auth.access import ALL, Sees
from app.errors import NotFoundError
from app.metrics import INDICATORS, queries
from app.metrics.answers import Attention, Cards, MembershipChange, Scorecard, ShownAbove, Team
from app.metrics.calendar import fiscal_year_start, last_of_month, month_label, months_back
from app.metrics.hiring import HIRING_VS_PLAN
from app.metrics.indicator import Indicator, Series
from app.metrics.open_work import OPEN_MR_AGE
from app.metrics.points import load_basis
from app.settings import Settings
from dashboards import addresses, figures, formatting
from dashboards.asked import Asked, today, usual_month
from dashboards.cards import Card, card_of, is_stale
from dashboards.periods import picker
from dashboards.shares import Mix, mix_of
from dashboards.waiting import answer_of, opening_of, wait_of

GRAINS: Mapping[str, str] = {"week": "By week", "day": "By day", "month": "By month"}
DEFAULT_GRAIN = "week"
REPORTS = (("Report, HTML", "html"), ("Report, Markdown", "md"), ("Report, CSV", "csv"))
WAITING_SHOWN = 4
CHANGE_MONTHS = 3
NOT_SHOWN = Attention(team="", oldest_in_review=[], community=[], openings=[], orphaned=[])


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Somebody joined or left, as a line of the list."""

    words: str
    day: date
    detail: str


def view(session: Session, settings: Settings, asked: Asked) -> dict[str, object]:
    """What `team.html` draws. Raises NotFoundError and InvalidValueError for a wrong address."""
    slug, period, variant = asked.path["slug"], asked.get("period"), asked.get("variant")
    grain = asked.one_of("grain", GRAINS, DEFAULT_GRAIN)
    if variant is not None and not any(_has(each, variant) for each in INDICATORS):
        raise NotFoundError(f"No indicator has a variant {variant!r:.40}.", "variant")
    cards = queries.cards(
        session,
        settings,
        team=slug,
        period=period,
        from_=asked.get("from"),
        to=asked.get("to") or period,
        grain=grain,
        variant=variant,
    )
    on = day_shown(settings, period, cards.series.values())
    since = months_back(on, CHANGE_MONTHS - 1)
    team = queries.team(session, settings, slug, on=str(on), from_=str(since), to=str(on))
    sees = Sees.of(session)
    attention = (
        queries.attention(session, settings, slug) if sees.merge_requests(slug) else NOT_SHOWN
    )
    names = {node.slug: node.name for node in load_basis(session, settings).tree}
    return context(team, cards, attention, names, settings, asked, datetime.now(UTC), sees)


def mix_above(above: ShownAbove | None, key: str, period: str | None) -> Mix | None:
    """The shares of a team above with the way to them."""
    if above is None:
        return None
    return mix_of(above.name, f"{addresses.team(above.team, period=period)}#{key}", above.point)


def _has(indicator: Indicator, variant: str | None) -> bool:
    return any(each.key == variant for each in indicator.variants)


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
    found: Cards,
    attention: Attention,
    names: Mapping[str, str],
    settings: Settings,
    asked: Asked,
    now: datetime,
    sees: Sees = ALL,
) -> dict[str, object]:
    """The page of a team's answers. names: by slug. now: when it is drawn. sees: what the reader may."""
    kept = {name: asked.get(name) for name in ("period", "from", "to", "grain", "variant")}
    period, series = kept["period"], found.series
    cards = []
    for row in found.scorecard.items:
        key = row.indicator.key
        instead = mix_above(found.above.get(key), key, period)
        card = card_of(row, series[key], settings, kept, instead, now)
        cards.append(card if sees.evidence(row.indicator, team.slug) else card.without_evidence())
    eight = [card for card in cards if not card.indicator.supporting]
    month = formatting.first_day(period) if period else usual_month(settings, team.on)

    def here(**other: object | None) -> str:
        return addresses.team(team.slug, **{**kept, **other})

    reached = [one.data_through for one in series.values() if one.data_through is not None]
    points = [row.point for row in found.scorecard.items]
    hiring = series.get(HIRING_VS_PLAN.key)
    oldest = attention.oldest_in_review[:WAITING_SHOWN]
    # Among the oldest it is said already whose author has left.
    told = {(waiting.row.project, waiting.row.iid) for waiting in oldest}
    orphaned = [
        waiting
        for waiting in attention.orphaned
        if (waiting.row.project, waiting.row.iid) not in told
    ][:WAITING_SHOWN]
    return {
        "team": team,
        "shows_people": sees.people(team.slug),
        "shows_attention": sees.merge_requests(team.slug),
        "data_through": max(reached, default=None),
        "recorded_at": max((p.recorded_at for p in points if p.recorded_at), default=None),
        "jump": eight,
        # What is never judged comes last.
        "cards": sorted(eight, key=lambda card: card.indicator.categorical),
        "beside": [card for card in cards if card.indicator.supporting],
        "as_of": _as_of(cards, max(reached, default=None), settings, latest=period is None),
        "oldest": [wait_of(waiting) for waiting in oldest],
        "orphaned": [wait_of(waiting, heading_says_left=True) for waiting in orphaned],
        "due": [
            answer_of(each, max(reached), settings.reporting.zone)
            for each in attention.community[:WAITING_SHOWN]
        ],
        "overdue": [
            opening_of(each, names, team.slug) for each in attention.openings[:WAITING_SHOWN]
        ],
        "hiring": hiring_of(found.scorecard, settings, None if period else hiring),
        "hiring_stops": formatting.day(hiring.data_through.astimezone(settings.reporting.zone))
        if hiring and hiring.data_through and not period and is_stale(hiring, now)
        else None,
        "all_orphaned": addresses.evidence(OPEN_MR_AGE.key, team=team.slug, state="orphaned")
        if len(attention.orphaned) > len(orphaned)
        else None,
        "changes": [change_of(change, team, names) for change in team.membership_changes],
        "changes_since": months_back(team.on, CHANGE_MONTHS - 1),
        "crumbs": [(name, addresses.team(slug, **kept)) for slug, name in team.ancestors],
        "children": [(name, addresses.team(slug, **kept)) for slug, name in team.children],
        "picker": picker(
            asked=period,
            today=today(settings, max(reached)) if reached else team.on,
            history_start=settings.reporting.history_start,
            daily=False,
            # A range of its own would no longer fit another period.
            address=lambda other: here(**{"period": other, "from": None, "to": None}),
            action=addresses.team(team.slug),
            hidden={"grain": kept["grain"], "variant": kept["variant"]},
        ),
        "grains": grain_choices(asked, here),
        "variants": [
            (each.title, here(variant=each.key if index else None), each.key == one.variant)
            for one in series.values()
            for index, each in enumerate(one.indicator.variants)
        ],
        "exports": [
            ("Scorecard, CSV", _export(team.slug, "/scorecard", period, "csv")),
            ("Scorecard, JSON", _export(team.slug, "/scorecard", period, None)),
            ("Team, JSON", addresses.api(f"/teams/{team.slug}", on=str(team.on))),
            *(
                (
                    words,
                    addresses.report(team.slug, month=month_label(month), format=form),
                )
                for words, form in REPORTS
                if sees.people(team.slug)
            ),
        ],
        "template": figures.TEMPLATE,
    }


def hiring_of(
    scorecard: Scorecard, settings: Settings, up_to_now: Series | None = None
) -> list[tuple[str, str]]:
    """Headcount and hiring of the fiscal year as words and numbers; empty before anything is known.

    up_to_now: hiring against plan up to the running month, which is then told of; None: the month of
    the scorecard.
    """
    known = [each.point for each in scorecard.items if each.indicator is HIRING_VS_PLAN]
    known += up_to_now.points[-1:] if up_to_now else []
    known = [point for point in known if point.recorded_at is not None]
    if not known:
        return []
    point, year = known[-1], fiscal_year(known[-1].period, settings)
    beside = point.beside
    planned = "–" if point.denominator is None else formatting.plain(point.denominator)
    age = beside.get("open_openings_median_age")
    told = [
        (f"Planned for {formatting.period(point.period)}", planned),
        (f"Hires, {year} to date", _of_planned(beside)),
        (f"Transfers in, {year}", formatting.plain(beside["transfers_in"])),
        (f"Leavers, {year}", formatting.plain(beside["leavers"])),
        ("Open openings", formatting.plain(beside["open_openings"])),
    ]
    if age is not None:
        told.append(("Median age of openings", f"{age:,.0f} days"))
    told.append(
        ("Accepted, not started", formatting.plain(beside["offers_accepted_not_started"] or 0))
    )
    return told


def _of_planned(beside: Mapping[str, Any]) -> str:
    hires, planned = beside["hires"], beside.get("planned_hires")
    return formatting.plain(hires) + (f" of {planned} planned" if planned is not None else "")


def fiscal_year(period: str, settings: Settings) -> str:
    """`FY27`: named after the year in which it ends."""
    start = fiscal_year_start(
        formatting.first_day(period), settings.reporting.fiscal_year_start_month
    )
    return f"FY{(start.year + (start.month > 1)) % 100:02d}"


def grain_choices(asked: Asked, here: Callable[..., str]) -> list[tuple[str, str, bool]]:
    """The grains of daily indicators as a menu: words, address, whether it is the present one."""
    chosen = asked.get("grain") or DEFAULT_GRAIN
    return [
        (words, here(grain=name if name != DEFAULT_GRAIN else None), name == chosen)
        for name, words in GRAINS.items()
    ]


def change_of(change: MembershipChange, team: Team, names: Mapping[str, str]) -> Change:
    """A membership change as a line of the list."""
    here = names.get(change.team, change.team)
    elsewhere = None if change.elsewhere is None else names.get(change.elsewhere, change.elsewhere)
    detail = [] if change.team == team.slug else [here]
    if elsewhere and change.kind == "joined":
        detail.append(f"from {elsewhere}; earlier work stays with {elsewhere}")
    elif change.kind == "joined":
        detail.append("new hire" if change.employment == "began" else "new to the teams")
    elif elsewhere:
        detail.append(f"to {elsewhere}")
    else:
        gone = "left the company" if change.employment == "ended" else "in no team since"
        detail.append(f"{gone}{_orphaned(change.orphaned)}")
    return Change(words=f"{change.person} {change.kind}", day=change.day, detail=", ".join(detail))


def _orphaned(count: int) -> str:
    if not count:
        return ""
    words = formatting.counted(count, "open merge requests")
    return f"; {words} {'is' if count == 1 else 'are'} orphaned"


def _export(slug: str, what: str, period: str | None, form: str | None) -> str:
    return addresses.api(f"/teams/{slug}{what}", period=period, format=form)


def _as_of(
    cards: Sequence[Card], reached: datetime | None, settings: Settings, *, latest: bool
) -> str:
    """`As of 22 Nov 2026, 06:10 UTC, day not over; monthly indicators for October 2026, …`."""
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
        which = ", which is not over" if month in partial else ", the last whole month" * latest
        parts.append(f"monthly indicators for {formatting.period(month)}{which}")
    words = "; ".join(parts)
    return f"{words[:1].upper()}{words[1:]}." if words else ""
