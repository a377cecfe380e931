"""A report as Markdown, to be pasted into an issue, and as CSV with the exact values."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from app import __version__, spreadsheet
from app.metrics.answers import ScorecardRow
from app.metrics.calendar import month_label
from app.metrics.indicator import Category
from app.settings import Settings
from dashboards import formatting
from dashboards.report import Entry, Report
from dashboards.waiting import Answer, Wait

# What means something to Markdown, or calls somebody or something in an issue.
SPECIAL = re.compile(r"([\\`*_\[\]<>&|~@#!$^])")
UNSAFE_IN_ADDRESS = re.compile(r"[\s<>\\]")

COLUMNS = (
    "team",
    "name",
    "month",
    "indicator",
    "title",
    "variant",
    "period",
    "category",
    "share",
    "value",
    "unit",
    "n",
    "numerator",
    "denominator",
    "p25",
    "p75",
    "p95",
    "target",
    "status",
    "reason",
    "partial",
    "coverage",
    "limits.centre",
    "limits.lower",
    "limits.upper",
    "signal",
    "recorded_at",
    "data_through",
    "beside",
)
"""Of the CSV, named as in the API."""


def csv(report: Report, settings: Settings) -> str:
    """A row for each indicator, and one more for each category of shares; null is empty."""
    del settings  # exact values are in no zone and no language
    rows: list[list[Any]] = []
    for row in report.cards.scorecard.items:
        rows.append(_row(report, row, None))
        rows += [_row(report, row, category) for category in row.point.categories or ()]
    return spreadsheet.table(COLUMNS, rows)


def _row(report: Report, row: ScorecardRow, category: Category | None) -> list[Any]:
    point, limits = row.point, row.limits
    return [
        report.team.slug,
        report.team.name,
        month_label(report.month),
        row.indicator.key,
        row.indicator.title,
        row.variant,
        point.period,
        category.category if category else None,
        category.share if category else None,
        point.value,
        row.indicator.unit,
        point.n,
        point.numerator,
        point.denominator,
        point.p25,
        point.p75,
        point.p95,
        row.target,
        point.status,
        point.reason,
        point.partial,
        point.coverage,
        limits.centre if limits else None,
        limits.lower if limits else None,
        limits.upper if limits else None,
        point.signal,
        _instant(point.recorded_at),
        _instant(report.cards.series[row.indicator.key].data_through),
        dict(point.beside) or None,
    ]


def _instant(instant: datetime | None) -> str | None:
    """As the API writes it."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def markdown(report: Report, settings: Settings) -> str:
    """Headings, a table, and lists; every name and title in it stays text."""
    return "\n".join(_lines(report, settings)) + "\n"


def _lines(report: Report, settings: Settings) -> Iterator[str]:
    yield f"# {text(report.title)}"
    yield ""
    yield text(f"{report.who} {report.as_of}")
    yield ""
    yield from _table(report.eight)
    yield from _words(report.eight)
    if report.beside:
        yield from _heading("Beside the eight")
        yield from _table(report.beside)
    if report.signals:
        yield from _heading("Changes that are signals")
        yield from (f"- {text(line)}" for line in report.signals)
    yield from _waits(report)
    if report.hiring:
        yield from _heading("Headcount and hiring")
        yield "| | |"
        yield "| --- | ---: |"
        yield from (f"| {text(words)} | {text(number)} |" for words, number in report.hiring)
    yield from _heading("Membership changes of the month")
    for change in report.changes:
        detail = f" ({text(change.detail)})" if change.detail else ""
        yield f"- {formatting.day(change.day)}: {text(change.words)}{detail}"
    if not report.changes:
        yield "Nobody joined or left."
    if report.care:
        yield from _heading("What is missing, partial or restated")
        yield from (f"- {text(sentence)}" for sentence in report.care)
    yield ""
    yield "---"
    yield ""
    yield _foot(report, settings)


def _heading(words: str) -> Iterator[str]:
    yield ""
    yield f"## {text(words)}"
    yield ""


def _table(entries: Sequence[Entry]) -> Iterator[str]:
    yield "| Indicator | Value | Status | Target | n | Coverage |"
    yield "| --- | ---: | --- | --- | ---: | ---: |"
    for entry in entries:
        point = entry.row.point
        cells = (
            entry.row.indicator.title,
            entry.value,
            entry.status,
            entry.card.target or "none",
            formatting.count(point.n),
            formatting.percent(point.coverage),
        )
        yield f"| {' | '.join(map(text, cells))} |"


def _words(entries: Sequence[Entry]) -> Iterator[str]:
    yield ""
    for entry in entries:
        beside = f" {entry.made_of}." if entry.made_of else ""
        sentence = entry.card.sentence.striptags()
        yield f"- {text(entry.row.indicator.title)}: {text(sentence + beside)}"


def _waits(report: Report) -> Iterator[str]:
    yield from _heading(report.waits_title)
    waits = report.waits
    if waits.nothing:
        yield "Nothing."
        return
    kinds: Sequence[tuple[str, str, Sequence[Wait | Answer]]] = (
        ("in_review", "Oldest in review", waits.in_review),
        ("due", "Community, answer due", waits.due),
        ("overdue", "Openings past their target start", waits.overdue),
        ("orphaned", "Author has left", waits.orphaned),
    )
    for kind, title, lines in kinds:
        if not lines:
            continue
        yield f"- {title}"
        for line in lines:
            when = line.when if isinstance(line, Answer) else line.days
            yield f"  - {_link(line.title, line.address)}: {text(when)} ({text(line.detail)})"
        if kind in waits.more:
            yield f"  - and {formatting.count(waits.more[kind])} more"


def _link(title: str, address: str | None) -> str:
    if address is None:
        return text(title)
    safe = UNSAFE_IN_ADDRESS.sub(lambda found: f"%{ord(found[0]):02X}", address)
    return f"[{text(title)}](<{safe}>)"


def _foot(report: Report, settings: Settings) -> str:
    zone = settings.reporting.zone
    parts = [f"Data through {formatting.instant_with_zone(report.reached, zone)}"]
    if report.recorded is not None:
        parts.append(f"recorded {formatting.instant(report.recorded, zone)}")
    parts.append(f"teamgauge {__version__}")
    line = text(", ".join(parts))
    return f"{line}. [The same on its page](<{report.address}>)" if report.address else f"{line}."


def text(words: str) -> str:
    """Words as Markdown that means nothing else, on one line."""
    return SPECIAL.sub(r"\\\1", " ".join(words.split()))
