"""The page `/data`: how fresh each source is, what does not fit, and the runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.errors import InvalidValueError, NotFoundError
from app.metrics import quality, queries
from app.metrics.answers import Finding, Freshness
from app.metrics.freshness import TITLES, freshness
from app.settings import Settings
from app.store.tables import Run
from dashboards import addresses, formatting
from dashboards.asked import Asked
from dashboards.data_findings import finding_row
from dashboards.data_sources import outcome_of, source_row
from dashboards.notes import notes_of

RUNS_PER_PAGE = 20
ITEMS_SHOWN = 5
"""Cases of the kind that is listed on the page of all kinds."""
ITEMS_PER_PAGE = 50
"""On the page of one kind."""
LISTED = "unmatched_identity"
"""The kind whose cases are on the page of all kinds: it is the one that a reader can mend at once."""
PARAMETERS = ("before", "after", "finding", "page")


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
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPage:
    """A page of runs, newest first. newer: how many come before it, of all."""

    runs: Sequence[Run]
    newer: int
    all: int


def view(session: Session, settings: Settings, asked: Asked) -> dict[str, object]:
    """What `data.html` draws. Raises InvalidValueError and NotFoundError for a wrong address."""
    sources = freshness(session, settings, counted=True)
    kind = asked.get("finding")
    if kind is not None:
        return one_kind(_finding(session, settings, kind, asked), sources, settings, asked)
    return context(
        sources,
        quality.findings(session, settings, most=ITEMS_SHOWN),
        _runs(session, asked),
        settings,
        datetime.now(UTC),
    )


def _finding(session: Session, settings: Settings, kind: str, asked: Asked) -> Finding:
    """The cases of one page. Raises NotFoundError (field `finding`) where there is no such kind."""

    def cases(page: int) -> Finding:
        start = (page - 1) * ITEMS_PER_PAGE
        try:
            [found] = quality.findings(
                session, settings, most=ITEMS_PER_PAGE, start=start, kind=kind
            )
        except NotFoundError as error:
            raise NotFoundError(error.message, "finding", error.hint) from error
        return found

    # Whether there is such a page is known, and told, once the cases are counted.
    text = asked.get("page") or ""
    page = int(text) if text.isdecimal() and len(text) <= 9 else 1
    found = cases(max(page, 1))
    return found if found.items else cases(1)


def _pages(count: int) -> int:
    return max(1, -(-count // ITEMS_PER_PAGE))


def _runs(session: Session, asked: Asked) -> RunPage:
    before, after = (_run_number(asked, name) for name in ("before", "after"))
    if before is not None and after is not None:
        raise InvalidValueError("before and after cannot be asked for at once.", "after")
    runs = queries.runs(session, limit=RUNS_PER_PAGE, before=before, after=after)
    if not runs and (before or after):
        runs = queries.runs(session, limit=RUNS_PER_PAGE)
    count, newer = queries.count_runs(session, runs[0].id) if runs else (0, 0)
    return RunPage(runs=runs, newer=newer, all=count)


def _run_number(asked: Asked, name: str) -> int | None:
    text = asked.get(name)
    if text is None:
        return None
    if not (text.isdecimal() and len(text) <= 18):
        raise InvalidValueError(f"{name} {text!r:.40} is not the number of a run.", name)
    return int(text)


def context(
    freshness: Sequence[Freshness],
    findings: Sequence[Finding],
    runs: RunPage,
    settings: Settings,
    now: datetime,
) -> dict[str, object]:
    """The page of its answers."""
    zone = settings.reporting.zone
    shown = runs.runs
    last = runs.newer + len(shown)
    rows = [finding_row(finding, zone) for finding in findings]
    return {
        "data_through": _through(freshness),
        "troubles": notes_of(freshness, settings, now, every=True),
        "sources": [source_row(row, settings, now) for row in freshness],
        "findings": rows,
        "listed": [row for row in rows if row.finding.kind == LISTED and row.items],
        "runs": [run_row(run, zone) for run in shown],
        "range": _range(runs),
        "newer": f"{addresses.data(after=shown[0].id)}#runs" if runs.newer else None,
        "older": f"{addresses.data(before=shown[-1].id)}#runs" if last < runs.all else None,
        "exports": [
            ("Runs, CSV", addresses.api("/runs", format="csv")),
            ("Runs, JSON", addresses.api("/runs")),
            ("Quality, CSV", addresses.api("/data-quality", format="csv")),
            ("Quality, JSON", addresses.api("/data-quality")),
        ],
        "configured": bool(freshness),
    }


def one_kind(
    finding: Finding, freshness: Sequence[Freshness], settings: Settings, asked: Asked
) -> dict[str, object]:
    """The page of one kind of finding: every case of it, page by page."""
    pages = _pages(finding.count)
    page = asked.page_number(pages)
    first = (page - 1) * ITEMS_PER_PAGE
    until = first + len(finding.items)

    def here(number: int) -> str:
        return addresses.data(finding=finding.kind, page=number if number > 1 else None)

    return {
        "data_through": _through(freshness),
        "one": finding_row(finding, settings.reporting.zone),
        "range": f"{first + 1:,} to {until:,} of {finding.count:,}" if finding.count else "None",
        "previous": here(page - 1) if page > 1 else None,
        "next": here(page + 1) if page < pages else None,
    }


def _through(freshness: Sequence[Freshness]) -> datetime | None:
    return min((row.data_through for row in freshness if row.data_through), default=None)


def _range(runs: RunPage) -> str:
    """`The newest 20 of 412`, or which ones they are."""
    count = len(runs.runs)
    if not runs.newer:
        if runs.all > count:
            return f"The newest {count:,} of {runs.all:,}"
        return "1 run" if count == 1 else f"{count:,} runs, newest first"
    return f"{runs.newer + 1:,} to {runs.newer + count:,} of {runs.all:,}, newest first"


def run_row(run: Run, zone: ZoneInfo) -> RunRow:
    """A run as a row of the table."""
    mark, colour, word = outcome_of(run.outcome, run.message)
    took = formatting.NO_VALUE
    if run.finished_at is not None:
        took = formatting.duration((run.finished_at - run.started_at).total_seconds())
    note = [run.message] if run.message else []
    if run.waited_seconds >= 1:
        note.append(f"Waited {formatting.duration(run.waited_seconds)} for the source.")
    return RunRow(
        run=run,
        source=TITLES.get(run.source, run.source),
        mark=mark,
        colour=colour,
        outcome=word,
        started=formatting.instant(run.started_at, zone),
        took=took,
        note=" ".join(note),
    )
