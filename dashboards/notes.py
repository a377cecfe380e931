"""Page notes: what is wrong with a source, what that touches, and the command that repairs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.faults import CLOCK_BEHIND, Faults
from app.metrics import INDICATORS
from app.metrics.answers import Freshness
from app.settings import Settings
from dashboards import formatting


@dataclass(frozen=True, slots=True)
class Note:
    """A note in the order in which it is read."""

    strong: str
    text: str
    command: str


OF_FAULTS = (
    (
        "disk_full",
        "The disk of the database has no room left.",
        "What is shown is what was computed before; nothing is collected until there is room.",
    ),
    (
        "read_only",
        "The database takes no changes.",
        "What is shown is what was computed before; nothing is collected until it does.",
    ),
    (
        CLOCK_BEHIND,
        "The clock of the server is behind what was collected.",
        "It was set back, or is wrong: the present day may be an earlier one here.",
    ),
)
"""What is told of a fault of the server, and what it touches."""


def notes_of_faults(faults: Faults) -> list[Note]:
    """A note for each fault of the server that touches what pages show."""
    present = faults.present
    return [
        Note(strong, words, "teamgauge check")
        for name, strong, words in OF_FAULTS
        if name in present
    ]


def notes_of(
    freshness: Sequence[Freshness], settings: Settings, now: datetime, *, every: bool = False
) -> list[Note]:
    """A note for each source whose last success is too long ago, with why if its last run failed.

    every: also for those that were never collected, or failed or were read in part only but are fresh
    enough: on the page of the data.
    """
    notes = []
    for row in freshness:
        if row.state == "stale" and row.data_through is not None:
            notes.append(_stale(row, row.data_through, settings, now))
        elif every and row.state == "never":
            notes.append(Note(f"{row.title} was never collected.", _why(row), row.command))
        elif every and row.last_outcome == "failed":
            notes.append(Note(f"{row.title} could not be collected.", _why(row), row.command))
        elif every and row.last_outcome == "partial":
            strong = f"{row.title} could be collected in part only."
            notes.append(Note(strong, " ".join(row.message.split()), row.command))
    return notes


def _stale(row: Freshness, through: datetime, settings: Settings, now: datetime) -> Note:
    titles = {each.key: each.title for each in INDICATORS}
    days = (now - through).days
    behind = f"{days} {'day' if days == 1 else 'days'}" if days else "hours"
    touched = formatting.listed([titles.get(key, key) for key in row.feeds])
    stop = "stops" if len(row.feeds) == 1 else "stop"
    text = f"{touched} {stop} at {formatting.instant(through, settings.reporting.zone)}."
    return Note(f"{row.title} is {behind} behind.", f"{text} {_why(row)}".rstrip(), row.command)


def _why(row: Freshness) -> str:
    if row.last_outcome != "failed" or not row.message:
        return ""
    return f"The last run failed: {' '.join(row.message.split()).rstrip('.')}."
