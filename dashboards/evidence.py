"""The page `/indicators/{key}/evidence`: the merge requests or people behind one number."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from math import isclose
from zoneinfo import ZoneInfo

from markupsafe import Markup
from sqlalchemy.orm import Session

from app.metrics import queries
from app.metrics.answers import Evidence, EvidenceRow
from app.metrics.calendar import local_day
from app.metrics.indicator import Cadence, Indicator, Unit
from app.metrics.points import load_basis
from app.settings import Settings
from dashboards import addresses, formatting, occurrences
from dashboards.asked import Asked, today
from dashboards.evidence_words import (
    headline,
    lede,
    left_out,
    range_words,
    state_now,
    state_then,
    waited,
)
from dashboards.periods import picker
from dashboards.static_chart import strip

ROWS_PER_PAGE = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """One chip: how many rows it keeps, and its address."""

    words: str
    count: int
    address: str
    current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A merge request of the table. above_median: the row before which the median is announced."""

    reference: str
    address: str | None
    title: str
    author: str
    value: str
    created: str
    review_started: str
    merged: str
    in_review: str
    state: str
    flags: Sequence[str]
    above_median: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """A column head; address: where it is sorted by; direction: as `aria-sort` names it."""

    words: str
    name: str | None
    address: str | None
    direction: str
    numeric: bool


Kept = Callable[[EvidenceRow, datetime], bool]
FILTERS: Mapping[str, tuple[str, Kept]] = {
    "all": ("All", lambda row, instant: True),
    "in_review": ("In review", lambda row, instant: waited(row, instant) is not None),
    "draft": ("Draft", lambda row, instant: row.draft),
    "orphaned": ("Orphaned", lambda row, instant: "orphaned" in row.flags),
    "end_estimated": ("End estimated", lambda row, instant: "end_estimated" in row.flags),
    "review_start_inferred": (
        "Review start inferred",
        lambda row, instant: "review_start_inferred" in row.flags,
    ),
}
FLAGS = {"end_estimated": "end estimated", "review_start_inferred": "review start inferred"}


def _time(instant: datetime | None) -> float:
    return instant.timestamp() if instant else float("-inf")


SORTS: Mapping[str, Callable[[EvidenceRow], float | str]] = {
    "value": lambda row: row.value if row.value is not None else float("-inf"),
    "created": lambda row: _time(row.created_at),
    "review": lambda row: _time(row.review_started_at),
    "merged": lambda row: _time(row.merged_at),
    "title": lambda row: row.title.casefold(),
    "reference": lambda row: f"{row.project} {row.iid:012d}",
}
"""What the table can be sorted by; never by person."""


def view(session: Session, settings: Settings, asked: Asked) -> dict[str, object]:
    """What `evidence.html` draws. Raises NotFoundError and InvalidValueError for a wrong address."""
    key = asked.path["key"]
    evidence = queries.evidence(
        session,
        settings,
        key,
        team=asked.get("team"),
        period=asked.get("period"),
        variant=asked.get("variant"),
    )
    basis = load_basis(session, settings)
    above = [(node.slug, node.name) for node in basis.tree.ancestors(evidence.team)]
    through = basis.data_through(evidence.indicator) or evidence.instant
    names = {node.slug: node.name for node in basis.tree}
    return context(evidence, above, through, settings, asked, names)


def context(
    evidence: Evidence,
    above: Sequence[tuple[str, str]],
    data_through: datetime,
    settings: Settings,
    asked: Asked,
    names: Mapping[str, str] = occurrences.NO_NAMES,
) -> dict[str, object]:
    """The page of an evidence. above: slug and name of the teams above the team, the root first;
    names: of all teams, by slug."""
    kept = {
        "team": evidence.team,
        "period": asked.get("period"),
        "variant": asked.get("variant"),
        "state": asked.get("state"),
        "sort": asked.get("sort"),
    }
    frame = _frame(evidence, above, data_through, settings, kept)
    if evidence.indicator.counts_merge_requests:
        return frame | _merge_requests(evidence, settings, asked, kept)
    named = {name: kept[name] for name in ("team", "period", "variant")}
    at = formatting.borders(evidence.indicator, evidence.target, settings.targets.tolerance)
    return frame | occurrences.context(evidence, named, at, names)


def _frame(
    evidence: Evidence,
    above: Sequence[tuple[str, str]],
    data_through: datetime,
    settings: Settings,
    kept: Mapping[str, str | None],
) -> dict[str, object]:
    """What stands around the list, whatever is listed."""
    indicator = evidence.indicator

    def here(**other: object | None) -> str:
        return addresses.evidence(indicator.key, **{**kept, **other})

    return {
        "evidence": evidence,
        "indicator": indicator,
        "data_through": data_through,
        "recorded_at": evidence.point.recorded_at,
        "crumbs": [
            *(
                (name, addresses.team(slug, period=kept["period"]))
                for slug, name in (*above, (evidence.team, evidence.team_name))
            ),
            (indicator.title, addresses.indicator(indicator.key, period=kept["period"])),
        ],
        "picker": picker(
            asked=kept["period"],
            today=today(settings, data_through),
            history_start=settings.reporting.history_start,
            daily=indicator.cadence is Cadence.DAILY,
            address=lambda period: here(period=period),
            action=addresses.evidence(indicator.key),
            hidden={**kept, "period": None},
        ),
        "variants": [
            (variant.title, here(variant=variant.key), variant.key == evidence.variant)
            for variant in indicator.variants
        ],
    }


def _merge_requests(
    evidence: Evidence, settings: Settings, asked: Asked, kept: Mapping[str, str | None]
) -> dict[str, object]:
    """The table of merge requests."""
    indicator, zone = evidence.indicator, settings.reporting.zone
    aged, daily = indicator.unit is Unit.DAYS, indicator.cadence is Cadence.DAILY
    default = "-value" if aged else "-merged"
    filters = {name: kept for name, kept in FILTERS.items() if daily or name != "in_review"}
    chosen = asked.one_of("state", filters, "all")
    sort = asked.one_of("sort", {s: 0 for key in SORTS for s in (key, f"-{key}")}, default)
    rows = sorted(
        (row for row in evidence.rows if filters[chosen][1](row, evidence.instant)),
        key=SORTS[sort.lstrip("-")],
        reverse=sort.startswith("-"),
    )
    pages = max(1, -(-len(rows) // ROWS_PER_PAGE))
    page = asked.page_number(pages)
    first = (page - 1) * ROWS_PER_PAGE
    # An age beside it says more, unless the age is counted from the review itself.
    waits = daily and any(
        not isclose(row.value or 0.0, waited(row, evidence.instant) or 0.0, abs_tol=1e-6)
        for row in evidence.rows
    )
    marks = _median_marks(evidence, rows) if (chosen, sort) == ("all", "-value") else {}

    def here(**other: object | None) -> str:
        return addresses.evidence(indicator.key, **{**kept, **other})

    at = formatting.borders(indicator, evidence.target, settings.targets.tolerance)
    return {
        "headline": headline(evidence, at),
        "lede": lede(evidence, zone),
        "strip": _strip(evidence, at) if aged and evidence.rows else Markup(),
        "filters": [
            Filter(
                words=words,
                count=sum(keep(row, evidence.instant) for row in evidence.rows),
                address=here(state=name if name != "all" else None),
                current=name == chosen,
            )
            for name, (words, keep) in filters.items()
        ],
        "left_out": left_out(evidence),
        "heads": _heads(indicator, waits, sort, default, here),
        "aged": aged,
        "waits": waits,
        "lines": [
            line_of(row, evidence.instant, zone, marks.get(index), daily=daily)
            for index, row in islice(enumerate(rows), first, first + ROWS_PER_PAGE)
        ],
        "range": range_words(first, ROWS_PER_PAGE, len(rows), sort, indicator.cadence),
        "previous": here(page=page - 1 if page > 2 else None) if page > 1 else None,
        "next": here(page=page + 1) if page < pages else None,
        "csv": addresses.api(
            f"/indicators/{indicator.key}/evidence",
            **{name: kept[name] for name in ("team", "period", "variant")},
            format="csv",
        ),
    }


def _strip(evidence: Evidence, at: Sequence[float]) -> Markup:
    point, indicator = evidence.point, evidence.indicator
    ages = [row.value for row in evidence.rows if row.value is not None]
    if not ages or point.value is None:
        return Markup()
    words = formatting.number(indicator, point.value, at)
    half = (point.p25, point.p75)
    spread = ""
    middle = None
    if half[0] is not None and half[1] is not None:
        middle = (half[0], half[1])
        spread = f", middle half {half[0]:.0f} to {half[1]:.0f}"
    what = "Ages" if indicator.cadence is Cadence.DAILY else "Times"
    goal = f"; target {formatting.plain(evidence.target)}" if evidence.target is not None else ""
    label = (
        f"{what} of {formatting.counted(len(ages), 'merge requests')} from {min(ages):.0f} to "
        f"{max(ages):.0f} days; median {words}{spread}{goal}"
    )
    return strip(
        ages,
        median=point.value,
        median_words=words,
        middle_half=middle,
        target=evidence.target,
        label=label,
    )


def _median_marks(evidence: Evidence, rows: Sequence[EvidenceRow]) -> dict[int, str]:
    """By the index of the row before which it stands: where the median lies, oldest first."""
    value, total = evidence.point.value, len(rows)
    if value is None or total < 3:
        return {}
    words = f"Median: {formatting.full(evidence.indicator, value)}."
    if total % 2:
        return {total // 2: f"{words} The next row is the middle one of {total:,}."}
    return {total // 2: f"{words} It lies between the row above and the row below."}


def _heads(
    indicator: Indicator, waits: bool, sort: str, default: str, here: Callable[..., str]
) -> list[Head]:
    """The columns of the table in order; a second choice of the same head turns it round."""

    def head(words: str, name: str | None = None, numeric: bool = False) -> Head:
        if name is None:
            return Head(words=words, name=None, address=None, direction="", numeric=numeric)
        descending = sort == f"-{name}"
        ascending = sort == name
        turned = name if descending else f"-{name}"
        return Head(
            words=words,
            name=name,
            address=here(sort=turned if turned != default else None),
            direction="descending" if descending else "ascending" if ascending else "none",
            numeric=numeric,
        )

    heads = [head("Merge request", "reference"), head("Title", "title"), head("Author")]
    if indicator.unit is Unit.DAYS:
        heads += [head(f"{indicator.short_title}, days", "value", True), head("Created", "created")]
        heads += [head("Review started", "review")]
        heads += [head("In review, days", numeric=True)] * waits
    else:
        heads += [head("Merged", "merged"), head("Created", "created")]
        heads += [head("Review started", "review")]
    return [*heads, head("State")]


def line_of(
    row: EvidenceRow, instant: datetime, zone: ZoneInfo, mark: str | None, *, daily: bool
) -> Line:
    """A merge request as a row of the table; daily: it was open at the instant."""

    def day(moment: datetime | None) -> str:
        return formatting.day(local_day(moment, zone)) if moment else formatting.NO_VALUE

    days = waited(row, instant)
    flags = ["orphaned: author has left"] if "orphaned" in row.flags else []
    return Line(
        reference=f"{row.project}!{row.iid}",
        address=addresses.outside(row.web_url),
        title=row.title,
        author=row.author_name or row.author_username or "unknown",
        value=formatting.NO_VALUE if row.value is None else f"{row.value:,.1f}",
        created=day(row.created_at),
        review_started=day(row.review_started_at),
        merged=day(row.merged_at),
        in_review=formatting.NO_VALUE if days is None else f"{days:,.1f}",
        state=state_then(row, instant) if daily else state_now(row),
        flags=[*flags, *(words for name, words in FLAGS.items() if name in row.flags)],
        above_median=mark,
    )
