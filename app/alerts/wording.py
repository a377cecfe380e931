"""What is said: one message for all that has changed, as e-mail and as Slack reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from app.alerts.judging import OFF_TARGET, STALE, IndicatorStand, SourceStand, Stand
from app.settings import Settings
from dashboards import addresses, formatting


@dataclass(frozen=True, slots=True)
class Line:
    """A change. what: whom or what it is about. news: how it stands. address: of the page that shows it;
    empty: it is not known where that is served."""

    what: str
    news: str
    address: str


@dataclass(frozen=True, slots=True)
class Message:
    """Everything that has changed. subject: how much of what kind."""

    subject: str
    lines: Sequence[Line]

    @property
    def text(self) -> str:
        """As plain text."""
        return "\n".join([f"{self.subject}.", "", *(_plain(line) for line in self.lines), ""])

    @property
    def slack(self) -> str:
        """In the marks of Slack, which others understand as well."""
        return "\n".join([f"*teamgauge*: {self.subject}", *(_marked(line) for line in self.lines)])


def _plain(line: Line) -> str:
    address = f"\n  {line.address}" if line.address else ""
    return f"- {line.what} {line.news}{address}"


def _marked(line: Line) -> str:
    what, news = _escaped(line.what), _escaped(line.news)
    return f"• <{line.address}|{what}> {news}" if line.address else f"• *{what}* {news}"


def _escaped(text: str) -> str:
    """Text in which Slack finds no marks of its own: no link, no mention of everybody."""
    for mark, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "¦")):
        text = text.replace(mark, written)
    return text


def message(stands: Sequence[Stand], settings: Settings) -> Message:
    """What is said of changes; in the order in which they come."""
    told = [
        (sum(each.state == state for each in stands), one, several)
        for state, one, several in (
            (OFF_TARGET, "1 indicator left its target", "{} indicators left their target"),
            ("on_target", "1 indicator is back on its target", "{} indicators are back on target"),
            (STALE, "1 source is stale", "{} sources are stale"),
            ("fresh", "1 source is up to date again", "{} sources are up to date again"),
        )
    ]
    parts = [
        one if number == 1 else several.format(number) for number, one, several in told if number
    ]
    return Message(", ".join(parts), [_line(each, settings) for each in stands])


def _line(stand: Stand, settings: Settings) -> Line:
    if isinstance(stand, IndicatorStand):
        return _of_indicator(stand, settings)
    assert isinstance(stand, SourceStand)
    return _of_source(stand, settings)


def _of_indicator(stand: IndicatorStand, settings: Settings) -> Line:
    indicator, point = stand.indicator, stand.point
    borders = formatting.borders(indicator, stand.target, settings.targets.tolerance)
    value = formatting.full(indicator, point.value, borders)
    when = f"{'on' if formatting.is_day(point.period) else 'in'} {formatting.period(point.period)}"
    beside = [f"target {formatting.target(indicator, stand.target)}"]
    if stand.limits is not None:
        usual = formatting.normal_range(indicator, stand.limits, beside=point.value)
        beside.append(f"usually {usual}")
    news = "left its target" if stand.state == OFF_TARGET else "is back on its target"
    return Line(
        f"{stand.node.name}: {indicator.title}",
        f"{news}: {value} {when} ({'; '.join(beside)}).",
        _address(
            settings, addresses.indicator(indicator.key, team=stand.team, period=point.period)
        ),
    )


def _of_source(stand: SourceStand, settings: Settings) -> Line:
    zone: ZoneInfo = settings.reporting.zone
    through = formatting.instant_with_zone(stand.data_through, zone)
    if stand.state == STALE:
        last = {"done": "", "running": "; a run is under way"}.get(
            stand.outcome, f"; its last run: {stand.outcome}"
        )
        news = f"is stale: complete up to {through}{last}."
    else:
        news = f"is up to date again: complete up to {through}."
    return Line(stand.title, news, _address(settings, addresses.data()))


def _address(settings: Settings, path: str) -> str:
    """The whole address of a page, where it is configured where people open them."""
    return f"{settings.auth.base_url}{path}" if settings.auth.base_url else ""
