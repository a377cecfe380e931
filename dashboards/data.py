"""The page `/data`: how fresh each source is, what does not fit, and the runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.errors import InvalidValueError
from app.metrics import INDICATORS, quality, queries
from app.metrics.answers import Finding, Freshness
from app.metrics.freshness import TITLES, freshness
from app.settings import Settings
from app.store.tables import Run
from dashboards import addresses, formatting
from dashboards.asked import Asked
from dashboards.notes import notes_of

RUNS_PER_PAGE = 20
ITEMS_SHOWN = 20
OUTCOMES = {
    "done": ("on_target", "ok", "All done"),
    "partial": ("attention", "warn", "Part failed"),
    "failed": ("problem", "bad", "Failed"),
    "running": ("half", "none", "Running"),
}
STATES = {
    "fresh": ("on_target", "ok", "Fresh"),
    "stale": ("attention", "warn", "Stale"),
    "never": ("no_data", "none", "Never collected"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceRow:
    """A source with its state as mark, colour and word."""

    freshness: Freshness
    mark: str
    colour: str
    state: str
    through: str
    last_run: str
    feeds: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One case of a finding; line: what to add to a file, if the finding says so."""

    name: str
    address: str | None
    text: str
    line: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingRow:
    """A finding with the cases that are shown, and how many more there are."""

    finding: Finding
    items: Sequence[Item]
    more: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRow:
    """A run with its outcome as mark, colour and word."""

    run: Run
    source: str
    mark: str
    colour: str
    outcome: str
    started: str
    took: str


def view(session: Session, settings: Settings, asked: Asked) -> dict[str, object]:
    """What `data.html` draws. Raises InvalidValueError for a wrong address."""
    before = asked.get("before")
    if before is not None and not (before.isdecimal() and len(before) <= 18):
        raise InvalidValueError(f"before {before!r:.40} is not the number of a run.", "before")
    return context(
        freshness(session, settings),
        quality.findings(session, settings, most=ITEMS_SHOWN),
        queries.runs(session, limit=RUNS_PER_PAGE + 1, before=int(before) if before else None),
        settings,
        datetime.now(UTC),
        first_page=before is None,
    )


def context(
    freshness: Sequence[Freshness],
    findings: Sequence[Finding],
    runs: Sequence[Run],
    settings: Settings,
    now: datetime,
    *,
    first_page: bool,
) -> dict[str, object]:
    """The page of its answers; runs: newest first, one more than is shown if there are older ones."""
    zone = settings.reporting.zone
    shown = runs[:RUNS_PER_PAGE]
    older = len(runs) > RUNS_PER_PAGE
    return {
        "data_through": min(
            (row.data_through for row in freshness if row.data_through), default=None
        ),
        "troubles": notes_of(freshness, settings, now, every=True),
        "sources": [source_row(row, zone) for row in freshness],
        "findings": [finding_row(finding, zone) for finding in findings],
        "runs": [run_row(run, zone) for run in shown],
        "older": addresses.data(before=shown[-1].id) + "#runs" if older else None,
        "newest": None if first_page else addresses.data() + "#runs",
        "exports": [
            ("Runs, CSV", addresses.api("/runs", format="csv")),
            ("Runs, JSON", addresses.api("/runs")),
            ("Quality, CSV", addresses.api("/data-quality", format="csv")),
            ("Quality, JSON", addresses.api("/data-quality")),
        ],
        "configured": bool(freshness),
    }


def source_row(row: Freshness, zone: ZoneInfo) -> SourceRow:
    """A source as a row of the table."""
    mark, colour, word = STATES[row.state]
    titles = {indicator.key: indicator.short_title for indicator in INDICATORS}
    return SourceRow(
        freshness=row,
        mark=mark,
        colour=colour,
        state=word,
        through=formatting.instant(row.data_through, zone) if row.data_through else "–",
        last_run=_last_run(row, zone),
        feeds=", ".join(titles.get(key, key) for key in row.feeds),
    )


def _last_run(row: Freshness, zone: ZoneInfo) -> str:
    if row.last_started_at is None:
        return "none yet"
    if row.last_finished_at is None:
        return f"running since {formatting.instant(row.last_started_at, zone)}"
    took = formatting.duration((row.last_finished_at - row.last_started_at).total_seconds())
    outcome = OUTCOMES.get(row.last_outcome or "", ("", "", row.last_outcome or ""))[2].lower()
    return f"{took}, {outcome}, ended {formatting.instant(row.last_finished_at, zone)}"


def finding_row(finding: Finding, zone: ZoneInfo) -> FindingRow:
    """A finding with its cases."""
    items = [
        Item(
            name=addresses.reference(str(item.get("address", ""))),
            address=addresses.outside(str(item.get("address", ""))),
            text=formatting.in_words(str(item.get("text", "")), zone),
            line=str(item["line"]) if item.get("line") else None,
        )
        for item in finding.items[:ITEMS_SHOWN]
    ]
    return FindingRow(finding=finding, items=items, more=finding.count - len(items))


def run_row(run: Run, zone: ZoneInfo) -> RunRow:
    """A run as a row of the table."""
    mark, colour, word = OUTCOMES.get(run.outcome, ("no_data", "none", run.outcome))
    took = "–"
    if run.finished_at is not None:
        took = formatting.duration((run.finished_at - run.started_at).total_seconds())
    return RunRow(
        run=run,
        source=TITLES.get(run.source, run.source),
        mark=mark,
        colour=colour,
        outcome=word,
        started=formatting.instant(run.started_at, zone),
        took=took,
    )
