"""What does not fit, as the page of the data says it: all kinds at a glance, and the list of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from app.metrics.answers import Finding
from dashboards import addresses, formatting


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A cell of a list."""

    text: str
    numeric: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One case of a finding; cells: after its name. line: what to add to a file, if the finding says
    so."""

    name: str
    address: str | None
    cells: Sequence[Cell]
    line: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingRow:
    """A finding with the cases that are shown. address: of the whole list. numeric: for each head,
    whether its column holds numbers."""

    finding: Finding
    address: str
    effect: str
    remedy: str
    items: Sequence[Item]
    numeric: Sequence[bool]
    csv: str


def finding_row(finding: Finding, zone: ZoneInfo) -> FindingRow:
    """A finding with its cases."""
    items = [
        Item(
            name=addresses.reference(str(item["address"])),
            address=addresses.outside(str(item["address"])),
            cells=[_cell(content, zone) for content in _cells(item.get("cells"))],
            line=str(item["line"]) if item.get("line") else None,
        )
        for item in finding.items
    ]
    first = items[0].cells if items else ()
    return FindingRow(
        finding=finding,
        address=addresses.data(finding=finding.kind),
        effect=formatting.in_words(finding.effect, zone),
        remedy=formatting.in_words(finding.remedy, zone),
        items=items,
        numeric=[False, *(cell.numeric for cell in first)],
        csv=addresses.api("/data-quality", kind=finding.kind, format="csv"),
    )


def _cells(content: object) -> Sequence[object]:
    return content if isinstance(content, list) else ()


def _cell(content: object, zone: ZoneInfo) -> Cell:
    """A value of a case as it is read: numbers with commas, days and local instants in words."""
    if content is None:
        return Cell(text=formatting.NO_VALUE)
    if isinstance(content, int):
        return Cell(text=formatting.count(content), numeric=True)
    if isinstance(content, datetime):
        return Cell(text=formatting.instant(content, zone))
    if isinstance(content, date):
        return Cell(text=formatting.day(content))
    return Cell(text=str(content))
