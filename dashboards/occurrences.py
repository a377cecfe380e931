"""What counts people on the evidence page: one table for each kind of thing behind the number."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.metrics.answers import Evidence, OccurrenceRow
from dashboards import addresses, formatting


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
    """One kind of thing. rows: cells in the order of the heads; numeric: the last one is a number."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: bool
    csv: str


NO_NAMES: Mapping[str, str] = {}


def context(
    evidence: Evidence,
    kept: Mapping[str, str | None],
    at: Sequence[float] = (),
    names: Mapping[str, str] = NO_NAMES,
) -> dict[str, object]:
    """What the page says and lists. kept: team, period and variant of its address; at: the borders
    that the digits of the value must not cross; names: of the teams, by slug."""
    return {
        "headline": headline(evidence, at),
        "lede": lede(evidence),
        "note": evidence.indicator.evidence_note,
        "tables": list(tables(evidence, kept, names)),
    }


def headline(evidence: Evidence, at: Sequence[float] = ()) -> str:
    """`11 people behind 92%`; of shares, that there is no list."""
    indicator, point = evidence.indicator, evidence.point
    if not indicator.evidence_kinds:
        return "No list behind these shares"
    counted = formatting.counted(len(evidence.of_kind), indicator.noun)
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
    if evidence.kind == "leaver":
        return f"{text} {counted}, {formatting.people(point.denominator)} on average."
    return f"{text} {counted} of {formatting.plain(point.denominator)} planned."


def tables(
    evidence: Evidence, kept: Mapping[str, str | None], names: Mapping[str, str] = NO_NAMES
) -> Iterator[Table]:
    """A table of each kind that there is something of; that which n counts is always there."""
    for name in evidence.indicator.evidence_kinds:
        rows = [row for row in evidence.occurrences if row.kind == name]
        if not rows and name != evidence.kind:
            continue
        kind = KINDS[name]
        heads = (kind.subject, *_shown(kind, kind.first, kind.last, kind.value))
        yield Table(
            title=kind.many,
            heads=heads,
            rows=[[_subject(row, names), *_cells(kind, row)] for row in rows],
            numeric=bool(kind.value),
            csv=addresses.api(
                f"/indicators/{evidence.indicator.key}/evidence", **kept, kind=name, format="csv"
            ),
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
