"""What counts people on the evidence page: one table for each kind of thing behind the number."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.metrics.answers import Evidence, OccurrenceRow
from dashboards import addresses, formatting
from dashboards.asked import Asked


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """How rows of a kind are shown. many: title of the table. heads: of first day, last day and value;
    empty: no such column."""

    many: str
    subject: str
    first: str = ""
    last: str = ""
    value: str = ""


KINDS = {
    "member": Kind(many="Members", subject="Person", first="Member since", last="Until"),
    "hire": Kind(many="Hires of the fiscal year", subject="Person", first="Started"),
    "transfer_in": Kind(
        many="Transfers in, of the fiscal year", subject="Person", first="Came from another team"
    ),
    "leaver": Kind(many="Leavers", subject="Person", last="Last day employed"),
    "opening": Kind(many="Open openings", subject="Opening", first="Opened", value="Open, days"),
    "offer": Kind(
        many="Offers accepted, not started",
        subject="Offer",
        first="Accepted",
        last="Last day before",
    ),
    "plan": Kind(many="Rows of the plan", subject="Team", first="From", value="Planned people"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One kind of thing. rows: cells in the order of the heads; numeric: the last one is a number.
    count: of all rows. whole: the address of all of them, where only the first are shown."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: bool
    csv: str
    count: int
    whole: str | None


NO_NAMES: Mapping[str, str] = {}
SHOWN = 10
"""Rows of each kind on the page of all kinds."""
ROWS_PER_PAGE = 50
"""On the page of one kind."""


def context(
    evidence: Evidence,
    kept: Mapping[str, str | None],
    asked: Asked,
    at: Sequence[float] = (),
    names: Mapping[str, str] = NO_NAMES,
) -> dict[str, object]:
    """What the page says and lists. kept: the parameters of its address; at: the borders that the
    digits of the value must not cross; names: of the teams, by slug."""
    kind = kept["kind"]
    found = _Listing(evidence, kept, names)
    frame: dict[str, object] = {
        "headline": headline(evidence, at),
        "lede": lede(evidence),
        "note": evidence.indicator.evidence_note,
    }
    if kind is None:
        return frame | {"tables": list(found.of_all_kinds()), "range": ""}
    count = len(evidence.of_kind)
    pages = max(1, -(-count // ROWS_PER_PAGE))
    page = asked.page_number(pages)
    first = (page - 1) * ROWS_PER_PAGE
    until = min(first + ROWS_PER_PAGE, count)
    return frame | {
        "tables": [found.table(kind, first, until)],
        "everything": found.here(kind=None),
        "range": f"{first + 1:,} to {until:,} of {count:,}" if count else "None",
        "previous": found.here(page=page - 1 if page > 2 else None) if page > 1 else None,
        "next": found.here(page=page + 1) if page < pages else None,
    }


def headline(evidence: Evidence, at: Sequence[float] = ()) -> str:
    """`11 people behind 92%`; of shares, that there is no list."""
    indicator, point = evidence.indicator, evidence.point
    if not indicator.evidence_kinds:
        return "No list behind these shares"
    first = indicator.evidence_kinds[0]
    of_n = sum(row.kind == first for row in evidence.occurrences)
    counted = formatting.counted(of_n, indicator.noun)
    if point.value is None:
        return f"{counted}, no value"
    return f"{counted} behind {formatting.full(indicator, point.value, at)}"


def lede(evidence: Evidence) -> str:
    """Of what and when, and what the number is made of."""
    indicator, point = evidence.indicator, evidence.point
    when = formatting.period(evidence.period) + (" so far" if point.partial else "")
    text = f"{indicator.title} of {evidence.team_name}, {when}."
    if point.numerator is None or point.denominator is None:
        return text
    counted = formatting.counted(round(point.numerator), indicator.noun)
    if "leaver" in indicator.evidence_kinds[:1]:
        return f"{text} {counted}, {formatting.people(point.denominator)} on average."
    return f"{text} {counted} of {formatting.plain(point.denominator)} planned."


@dataclass(frozen=True, slots=True)
class _Listing:
    """The tables of an evidence. kept: the parameters of the page; names: of the teams, by slug."""

    evidence: Evidence
    kept: Mapping[str, str | None]
    names: Mapping[str, str]

    def here(self, **other: object | None) -> str:
        """The address of the page with some of its parameters changed."""
        return addresses.evidence(self.evidence.indicator.key, **{**self.kept, **other})

    def of_all_kinds(self) -> Iterator[Table]:
        """The first rows of each kind that there is something of; that which n counts is always
        there."""
        for name in self.evidence.indicator.evidence_kinds:
            found = self.table(name, 0, SHOWN)
            if found.count or name == self.evidence.indicator.evidence_kinds[0]:
                yield found

    def table(self, name: str, first: int, until: int) -> Table:
        """A kind's rows from one up to another."""
        rows = [row for row in self.evidence.occurrences if row.kind == name]
        kind = KINDS[name]
        return Table(
            title=kind.many,
            heads=(kind.subject, *_shown(kind, kind.first, kind.last, kind.value)),
            rows=[[_subject(row, self.names), *_cells(kind, row)] for row in rows[first:until]],
            numeric=bool(kind.value),
            csv=addresses.api(
                f"/indicators/{self.evidence.indicator.key}/evidence",
                **{**self.kept, "kind": name},
                format="csv",
            ),
            count=len(rows),
            whole=self.here(kind=name) if len(rows) > until and not self.kept["kind"] else None,
        )


def _shown(kind: Kind, first: str, last: str, value: str) -> Iterator[str]:
    """What stands in the columns that the kind has."""
    for head, cell in ((kind.first, first), (kind.last, last), (kind.value, value)):
        if head:
            yield cell


def _subject(row: OccurrenceRow, names: Mapping[str, str]) -> str:
    if row.person_id is not None:
        return row.name or row.person_id
    team = row.team and names.get(row.team, row.team)
    return ", ".join(part for part in (row.reference, team) if part)


def _cells(kind: Kind, row: OccurrenceRow) -> Iterator[str]:
    value = formatting.NO_VALUE if row.value is None else formatting.plain(row.value)
    return _shown(kind, _day(row.first_day), _day(row.last_day), value)


def _day(day: date | None) -> str:
    return formatting.NO_VALUE if day is None else formatting.day(day)
