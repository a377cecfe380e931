"""One run over Greenhouse: what openings are read with, then the openings, then the offers."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, TypeVar

import orjson

from collectors.greenhouse.client import GreenhouseClient
from collectors.greenhouse.errors import ListError, QueryRefusedError, named
from collectors.greenhouse.records import (
    SOURCE,
    VANISHED,
    OfferRecord,
    OpeningRecord,
    Reader,
    identifier,
)
from collectors.greenhouse.teams import teams_of
from collectors.known import KnownOpening
from collectors.record import (
    Batch,
    Complete,
    Reached,
    Record,
    RecordError,
    Refused,
    instant,
    text,
    value_at,
    whole,
)
from collectors.source import Context

OVERLAP = timedelta(minutes=10)
"""Changes are asked for from so long before the last one seen: pages take time, clocks differ."""
READ_WITH = "read with "
"""Scope of the position that says with which teams, close reasons and time zone openings were read."""

R = TypeVar("R", bound=Record)


class Collection:
    """What the steps of a run share."""

    def __init__(self, context: Context, client: GreenhouseClient) -> None:
        self.context = context
        self.client = client
        self.positions = context.known.positions()
        self.quarantined = context.known.quarantined()

    def batches(self) -> Iterator[Batch]:
        """What there is to store. Without departments or jobs nothing can be said of anything."""
        departments = self._list("departments")
        jobs = self._list("jobs")
        reasons = self._list("close_reasons")
        if departments is None or jobs is None:
            return
        teams, refused = teams_of(jobs, departments, self.context.known.teams())
        for reason in refused:
            sentence = f"Greenhouse at {self.client.base_url} tells of {reason}."
            self.context.fail(ListError(sentence), holds_back=False)
        known = self.context.known.openings()
        reader = Reader(
            self.context.settings.reporting.zone,
            teams,
            None if reasons is None else _names(reasons),
            {key: opening.close_reason for key, opening in known.items()},
        )
        try:
            yield self._openings(reader, known)
        except ListError as error:
            self.context.fail(error, holds_back="openings" in self.positions)
        offers = self._list("offers")
        if offers is not None:
            yield self._offers(reader, offers)
        for sentence in teams.remarks():
            self.context.remark(sentence)

    def _read(self, name: str, **parameters: str) -> list[Any]:
        """All of a list. Raises a GreenhouseError."""
        found: list[Any] = []
        for page in self.client.pages(name, **parameters):
            found += page
            self.context.tell(named(name), len(found), None)
        return found

    def _list(self, name: str) -> list[Any] | None:
        """All of a list; None, with a failure noted, where this one cannot be read."""
        try:
            return self._read(name)
        except ListError as error:
            self.context.fail(error, holds_back=bool(self.positions))
            return None

    # Openings -----------------------------------------------------------------------------------

    def _openings(self, reader: Reader, known: dict[str, KnownOpening]) -> Batch:
        """The openings that differ from what is stored, and the position that they bring."""
        digest = reader.teams.digest(reader.reasons, self.context.settings.reporting.timezone)
        scope = f"{READ_WITH}{digest}"
        answers = None
        if scope in self.positions and not self._has_quarantined("openings"):
            answers = self._changed_openings(known)
        whole_list = answers is None
        if answers is None:
            answers = self._read("openings")
        records, refused = self._taken("openings", answers, reader.opening)
        if whole_list and not any(each.address.startswith("/v3/openings#") for each in refused):
            records += self._vanished(known, _ids(answers))
        reached = [Reached(scope="openings", through=_newest(answers), complete=True)]
        if reader.reasons is not None:
            reached.append(Reached(scope=scope, through=None, complete=True))
        return Batch(
            records=records,
            reached=reached,
            forget=[
                each for each in self.positions if each.startswith(READ_WITH) and each != scope
            ],
            refused=refused,
            accepted=self._accepted("openings", refused),
        )

    def _changed_openings(self, known: dict[str, KnownOpening]) -> list[Any] | None:
        """What is open now and what changed since the last run; None: everything has to be read.

        There is no list of what was deleted: an opening that is stored as open, and is neither open
        nor changed, may have vanished, which only the whole list can tell.
        """
        position = self.positions.get("openings")
        if self.context.full or position is None or position.through is None:
            return None
        since, until = position.through - OVERLAP, self.context.started_at + timedelta(days=1)
        try:
            answers = self._read("openings", open="true")
            answers += self._read(
                "openings", updated_at=f"gte|{_written(since)}|lte|{_written(until)}"
            )
        except QueryRefusedError:
            return None
        listed = _ids(answers)
        if any(key not in listed for key, opening in known.items() if opening.closed_on is None):
            return None
        return answers

    def _vanished(self, known: dict[str, KnownOpening], listed: set[str]) -> list[Record]:
        """Stored open openings that the whole list lacks, closed on the day this is noticed."""
        today = self.context.started_at.astimezone(self.context.settings.reporting.zone).date()
        return [
            OpeningRecord(
                opening_id=key,
                team=opening.team,
                opened_on=opening.opened_on,
                target_start_on=opening.target_start_on,
                closed_on=max(today, opening.opened_on),
                close_reason=VANISHED,
            )
            for key, opening in known.items()
            if opening.closed_on is None and key not in listed
        ]

    # Offers -------------------------------------------------------------------------------------

    def _offers(self, reader: Reader, answers: Sequence[Any]) -> Batch:
        """All offers: the list takes no filter on time, and says nothing of those that are gone."""
        records, refused = self._taken("offers", answers, reader.offer)
        # Of an offer that could not be read the stored row stays, so that nothing is taken away.
        complete = (
            [] if refused else [Complete(record=OfferRecord, column="source", values=[SOURCE])]
        )
        return Batch(
            records=records,
            complete=complete,
            reached=[Reached(scope="offers", through=None, complete=True)],
            refused=refused,
            accepted=self._accepted("offers", refused),
        )

    # What cannot be read ------------------------------------------------------------------------

    def _taken(
        self, name: str, answers: Sequence[Any], read: Callable[[Any], R]
    ) -> tuple[list[Record], list[Refused]]:
        """The records of a list, and those that could not be read, each once."""
        records: list[Record] = []
        refused: dict[str, Refused] = {}
        for answer in answers:
            try:
                records.append(read(answer))
            except RecordError as error:
                each = Refused(
                    kind=named(name)[:-1], address=_address(name, answer), reason=str(error)
                )
                refused[each.address] = each
        return records, list(refused.values())

    def _has_quarantined(self, name: str) -> bool:
        return any(address.startswith(f"/v3/{name}") for address in self.quarantined)

    def _accepted(self, name: str, refused: Sequence[Refused]) -> list[str]:
        """Addresses that were quarantined before and are not any more: all of the list was read."""
        still = {each.address for each in refused}
        return sorted(
            address
            for address in self.quarantined
            if address.startswith(f"/v3/{name}") and address not in still
        )


def _address(name: str, answer: Any) -> str:
    """Where a record lies; by its content where it has no id that can be read."""
    try:
        return f"/v3/{name}?ids={identifier(answer)}"
    except RecordError:
        return f"/v3/{name}#{blake2b(orjson.dumps(answer), digest_size=6).hexdigest()}"


def _ids(answers: Sequence[Any]) -> set[str]:
    found = set()
    for answer in answers:
        try:
            found.add(identifier(answer))
        except RecordError:
            continue  # it is in the quarantine, and keeps others from being taken for vanished
    return found


def _newest(answers: Sequence[Any]) -> datetime | None:
    """The last change among some records, in the source's time."""
    changes = []
    for answer in answers:
        try:
            changes.append(value_at(answer, "updated_at", convert=instant))
        except RecordError:
            continue  # what cannot be read brings nothing forward
    return max(changes, default=None)


def _names(reasons: Sequence[Any]) -> dict[int, str]:
    """Close reasons by id; one without a readable name is none."""
    found = {}
    for answer in reasons:
        try:
            number = value_at(answer, "id", convert=whole)
            found[number] = value_at(answer, "name", convert=text)
        except RecordError:
            continue
    return found


def _written(at: datetime) -> str:
    """UTC as `Z`: a plus sign in a query is a blank to some servers."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
