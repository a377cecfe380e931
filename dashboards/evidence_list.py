"""The merge requests behind one number, as the evidence page lists them: columns, order and pages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isclose
from zoneinfo import ZoneInfo

from markupsafe import Markup

from app.auth.access import ALL, Sees
from app.metrics.answers import Evidence, EvidenceRow
from app.metrics.evidence_filters import Selection, judges_answers, waited
from app.metrics.indicator import Cadence, Unit
from app.settings import Settings
from dashboards import addresses, evidence_words, formatting
from dashboards.asked import Asked
from dashboards.evidence_choices import Here, chips, chips_beside, menus
from dashboards.evidence_words import headline, lede, left_out, range_words
from dashboards.static_chart import strip

ROWS_PER_PAGE = 25
OF_POINT = ("team", "period", "variant")
"""The parameters that say which number it is; the others say how its list is shown."""
FILTERS = ("state", "project", "label", "answer")


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of the table. sort: what it is sorted by; None: it cannot be. status: mark and colour
    in front of the text."""

    words: str
    text: Callable[[EvidenceRow], str]
    sort: str | None = None
    numeric: bool = False
    status: Callable[[EvidenceRow], tuple[str, str]] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """A column head; address: where it is sorted by; direction: as `aria-sort` names it."""

    words: str
    address: str | None
    direction: str
    numeric: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A cell; mark, colour: of a status in front of its text."""

    text: str
    numeric: bool
    mark: str = ""
    colour: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A merge request of the table. cells: after its title, in the order of the heads. above_median:
    the row before which the median is announced."""

    reference: str
    address: str | None
    title: str
    cells: Sequence[Cell]
    flags: Sequence[str]
    above_median: str | None


def default_sort(evidence: Evidence) -> str:
    """The order of the page unless its address says another."""
    if evidence.indicator.unit is Unit.DAYS:
        return "-value"
    return "-due" if judges_answers(evidence.indicator) else "-merged"


def context(
    evidence: Evidence,
    chosen: Selection,
    settings: Settings,
    asked: Asked,
    kept: Mapping[str, str | None],
    sees: Sees = ALL,
) -> dict[str, object]:
    """What the page says and lists. kept: every parameter of its address but the page. sees: what the
    reader may."""
    indicator, zone = evidence.indicator, settings.reporting.zone
    default = default_sort(evidence)
    sort = chosen.sort or default
    rows = replace(chosen, sort=sort).of(evidence)
    pages = max(1, -(-len(rows) // ROWS_PER_PAGE))
    page = asked.page_number(pages)
    first = (page - 1) * ROWS_PER_PAGE
    unfiltered = not chosen.filters
    marks = _median_marks(evidence, rows, sort) if unfiltered else {}

    def here(**other: object | None) -> str:
        return addresses.evidence(indicator.key, **{**kept, **other})

    at = formatting.borders(indicator, evidence.target, settings.targets.tolerance)
    table = columns(evidence, zone)
    return {
        "headline": headline(evidence, at),
        "lede": lede(evidence, zone),
        "strip": _strip(evidence, at),
        "chips": chips(evidence, chosen, here),
        "beside": chips_beside(evidence, chosen, here),
        "menus": menus(evidence, chosen, here, kept),
        "action": addresses.evidence(indicator.key),
        "left_out": list(left_out(evidence, kept["period"], findings=sees.operation)),
        "heads": _heads(table, sort, default, here),
        "lines": [
            _line(row, evidence, table, zone, marks.get(first + index))
            for index, row in enumerate(rows[first : first + ROWS_PER_PAGE])
        ],
        "range": range_words(first, ROWS_PER_PAGE, len(rows), evidence, sort),
        "out_of": "" if unfiltered else _out_of(evidence, chosen),
        "everything": None if unfiltered else here(**dict.fromkeys(FILTERS)),
        "previous": here(page=page - 1 if page > 2 else None) if page > 1 else None,
        "next": here(page=page + 1) if page < pages else None,
        "tables_csv": _csv(evidence, chosen, len(rows), {**kept, "sort": _told(sort)}),
    }


def _told(sort: str) -> str | None:
    """An order as the API is asked for it: the greatest value first is its own."""
    return None if sort == "-value" else sort


def _out_of(evidence: Evidence, chosen: Selection) -> str:
    """How the rows that are shown stand to those that count."""
    if not chosen.counted:
        return "not counted"
    return f"filtered from {len(evidence.rows):,}"


def _csv(
    evidence: Evidence, chosen: Selection, shown: int, kept: Mapping[str, str | None]
) -> list[tuple[str, str]]:
    """Tables to take along: what counts, and where it is filtered what is shown as well."""
    path = f"/indicators/{evidence.indicator.key}/evidence"
    point = {name: kept[name] for name in OF_POINT}
    counted = _rows(len(evidence.rows))
    if not chosen.filters:
        return [(f"CSV, {counted}", addresses.api(path, **point, sort=kept["sort"], format="csv"))]
    return [
        (f"CSV, {_rows(shown)} shown", addresses.api(path, **kept, format="csv")),
        (f"CSV, all {counted}", addresses.api(path, **point, format="csv")),
    ]


def _rows(count: int) -> str:
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def columns(evidence: Evidence, zone: ZoneInfo) -> list[Column]:
    """The columns of the table after merge request and title."""
    indicator = evidence.indicator
    found = [
        Column(
            words="Author", text=lambda row: row.author_name or row.author_username or "unknown"
        ),
    ]
    if judges_answers(indicator):
        found += _answer_columns(zone)
    if indicator.unit is Unit.DAYS:
        found.append(
            Column(
                words=f"{indicator.short_title}, days",
                text=lambda row: evidence_words.days(row.value),
                sort="value",
                numeric=True,
            )
        )
    monthly = indicator.cadence is Cadence.MONTHLY
    if monthly and not judges_answers(indicator):
        found.append(
            Column(
                words="Merged",
                text=lambda row: evidence_words.day(row.merged_at, zone),
                sort="merged",
            )
        )
    found.append(
        Column(
            words="Created",
            text=lambda row: evidence_words.day(row.created_at, zone),
            sort="created",
        )
    )
    if not judges_answers(indicator):
        found.append(
            Column(
                words="Review started",
                text=lambda row: evidence_words.day(row.review_started_at, zone),
                sort="review",
            )
        )
    if _tells_wait(evidence):
        found.append(
            Column(
                words="In review, days",
                text=lambda row: evidence_words.days(waited(row, evidence.instant)),
                sort="waited",
                numeric=True,
            )
        )
    state = Column(
        words="State", text=lambda row: evidence_words.state_of(row, evidence), sort="state"
    )
    return [*found, state]


def _tells_wait(evidence: Evidence) -> bool:
    """An age beside it says more, unless the age is counted from the review itself."""
    return evidence.indicator.cadence is Cadence.DAILY and any(
        not isclose(row.value or 0.0, waited(row, evidence.instant) or 0.0, abs_tol=1e-6)
        for row in evidence.rows
    )


def _answer_columns(zone: ZoneInfo) -> list[Column]:
    def outcome(row: EvidenceRow) -> tuple[str, str, str]:
        return evidence_words.ANSWERS[row.answering.outcome] if row.answering else ("", "", "")

    return [
        Column(
            words="Answer",
            text=lambda row: outcome(row)[2],
            sort="answer",
            status=lambda row: outcome(row)[:2],
        ),
        Column(
            words="Due",
            text=lambda row: evidence_words.moment(
                row.answering.due_at if row.answering else None, zone
            ),
            sort="due",
        ),
        Column(
            words="Answered",
            text=lambda row: evidence_words.moment(
                row.answering.answered_at if row.answering else None, zone
            ),
            sort="answered",
        ),
    ]


def _heads(table: Sequence[Column], sort: str, default: str, here: Here) -> list[Head]:
    """The heads in order; a second choice of the same one turns it round."""

    def head(words: str, name: str | None, numeric: bool = False) -> Head:
        if name is None:
            return Head(words=words, address=None, direction="", numeric=numeric)
        descending, ascending = sort == f"-{name}", sort == name
        turned = name if descending else f"-{name}"
        return Head(
            words=words,
            address=here(sort=turned if turned != default else None),
            direction="descending" if descending else "ascending" if ascending else "none",
            numeric=numeric,
        )

    return [
        head("Merge request", "reference"),
        head("Title", "title"),
        *(head(column.words, column.sort, column.numeric) for column in table),
    ]


def _line(
    row: EvidenceRow,
    evidence: Evidence,
    table: Sequence[Column],
    zone: ZoneInfo,
    mark: str | None,
) -> Line:
    return Line(
        reference=f"{row.project}!{row.iid}",
        address=addresses.outside(row.web_url),
        title=row.title,
        cells=[_cell(column, row) for column in table],
        flags=evidence_words.flags_of(row, evidence, zone),
        above_median=mark,
    )


def _cell(column: Column, row: EvidenceRow) -> Cell:
    mark, colour = column.status(row) if column.status else ("", "")
    return Cell(text=column.text(row), numeric=column.numeric, mark=mark, colour=colour)


def _median_marks(evidence: Evidence, rows: Sequence[EvidenceRow], sort: str) -> dict[int, str]:
    """By the index of the row before which it stands: where the median lies in the order of values."""
    value, total = evidence.point.value, len(rows)
    if value is None or total < 3 or sort.removeprefix("-") != "value":
        return {}
    words = f"Median: {formatting.full(evidence.indicator, value)}."
    if total % 2:
        return {total // 2: f"{words} The next row is the middle one of {total:,}."}
    return {total // 2: f"{words} It lies between the row above and the row below."}


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
