"""How it runs: runs, findings about the data, health."""

from collections.abc import Iterator
from datetime import datetime

from app.api.shapes.answer import Answer, OfKind
from app.metrics import answers
from app.store.tables import Run


class RunAnswer(Answer):
    """A run of a collector."""

    id: int
    """Rises with every run."""
    source: str
    """What was collected: `files`, `gitlab`."""
    kind: str
    """`incremental` or `full`."""
    started_at: datetime
    """When the command began; the same for all sources that it collects."""
    finished_at: datetime | None
    """null while it runs, and of one that was killed."""
    outcome: str
    """`running`, `done`, `partial` (part of it could not be read) or `failed`."""
    message: str
    """What went wrong; empty where nothing did."""
    data_through: datetime | None
    """Up to when the source is complete since then; null unless all was done."""
    requests: int
    """Sent to the source, those that were sent again included."""
    requests_by_kind: dict[str, int]
    """The same by what was asked for: the name of the query, or of the list."""
    rows_read: int
    """Records that the source answered with."""
    rows_new: int
    """Rows that were not there before."""
    rows_changed: int
    """Rows that differed."""
    rows_deleted: int
    """Rows that the source no longer has."""
    quarantined: int
    """Records that could not be read."""
    retries: int
    """Requests that were sent again."""
    waited_seconds: float
    """Spent waiting before requests that were sent again, summed over all that were under way."""
    seconds: float | None
    """How long it took; null while it runs, and of one that was interrupted."""

    @classmethod
    def of(cls, run: Run) -> "RunAnswer":
        """The answer for a run."""
        return cls.model_validate(run)


class FindingAnswer(OfKind):
    """One case of something in the data that does not fit."""

    title: str
    """The kind's name for a reader."""
    address: str
    """What it is about: an address in GitLab, a username, a person_id, or file and line."""
    text: str
    """What is the matter, in a sentence."""
    line: str | None
    """What to add to people.csv, where that is the remedy; else null."""
    effect: str
    """What it does to the numbers."""
    remedy: str
    """What to do about it."""

    @classmethod
    def each_of(cls, finding: answers.Finding) -> "Iterator[FindingAnswer]":
        """The answers for the cases of a kind."""
        for item in finding.items:
            yield cls.model_validate(
                {
                    "kind": finding.kind,
                    "title": finding.title,
                    "address": item["address"],
                    "text": item["text"],
                    "line": item.get("line"),
                    "effect": finding.effect,
                    "remedy": finding.remedy,
                }
            )


class HealthAnswer(Answer):
    """That it is well."""

    status: str
    """`ok`."""


class HealthWarning(Answer):
    """Something that is wrong while requests are answered."""

    reason: str
    """One word, for programs: clock_behind, disk_full, provider_away or read_only."""
    detail: str
    """The same as a sentence."""


class ReadyAnswer(HealthAnswer):
    """That requests are answered, and what is wrong all the same."""

    warnings: list[HealthWarning]
    """One at least."""
