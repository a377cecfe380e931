"""Openings and offers of Greenhouse as the rows that they become."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, ClassVar

from app.store.tables import Base, Offer, Opening
from collectors.greenhouse.teams import Teams
from collectors.record import Record, RecordError, flag, instant, text, value_at, whole

SOURCE = "greenhouse"
VANISHED = "no longer in Greenhouse"
ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningRecord(Record):
    """An opening. opening_id: Greenhouse's `id`; its own field of that name is free text."""

    table: ClassVar[type[Base]] = Opening

    source: str = SOURCE
    opening_id: str
    team: str | None
    opened_on: date
    target_start_on: date | None
    closed_on: date | None
    close_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRecord(Record):
    """An offer; nothing of the candidate is read."""

    table: ClassVar[type[Base]] = Offer

    source: str = SOURCE
    offer_id: str
    opening_id: str | None
    team: str | None
    status: str
    accepted_on: date | None
    starts_on: date | None


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads answers. zone: in which days are local. reasons: names by id, None: not readable.

    stored_reasons: the close reasons that are stored, by opening_id, which hold where none can be read.
    """

    zone: tzinfo
    teams: Teams
    reasons: Mapping[int, str] | None
    stored_reasons: Mapping[str, str | None]

    def opening(self, answer: Any) -> OpeningRecord:
        """Raises RecordError that names the field."""
        opening_id = identifier(answer)
        closed_on = None
        if not value_at(answer, "open", convert=flag):
            closed_on = self._first_day(answer, "closed_at", "updated_at", "created_at")
        return OpeningRecord(
            opening_id=opening_id,
            team=self.teams.of_job(value_at(answer, "job_id", convert=whole, optional=True)),
            opened_on=self._first_day(answer, "opened_at", "created_at"),
            target_start_on=value_at(answer, "target_start_on", convert=day, optional=True),
            closed_on=closed_on,
            close_reason=None if closed_on is None else self._reason(opening_id, answer),
        )

    def offer(self, answer: Any) -> OfferRecord:
        """Raises RecordError that names the field."""
        status = value_at(answer, "status", convert=text)
        opening = value_at(answer, "opening_id", convert=whole, optional=True)
        accepted_on = None
        if status.lower() == ACCEPTED:
            accepted_on = self._first_day(answer, "resolved_at", "updated_at", "created_at")
        return OfferRecord(
            offer_id=identifier(answer),
            opening_id=None if opening is None else str(opening),
            team=self.teams.of_job(value_at(answer, "job_id", convert=whole, optional=True)),
            status=status,
            accepted_on=accepted_on,
            starts_on=value_at(answer, "starts_on", convert=day, optional=True),
        )

    def _first_day(self, answer: Any, *fields: str) -> date:
        """The local day of the first of some timestamps that is there."""
        for field in fields:
            at = value_at(answer, field, convert=instant, optional=True, absent=None)
            if at is not None:
                local: datetime = at.astimezone(self.zone)
                return local.date()
        raise RecordError(f"{fields[0]} is null")

    def _reason(self, opening_id: str, answer: Any) -> str | None:
        if self.reasons is None:
            return self.stored_reasons.get(opening_id)
        reason = value_at(answer, "close_reason_id", convert=whole, optional=True)
        return None if reason is None else self.reasons.get(reason)


def identifier(answer: Any) -> str:
    """The `id` of a record. Raises RecordError."""
    return str(value_at(answer, "id", convert=whole))


def day(value: Any) -> date:
    """A day in ISO form."""
    if isinstance(value, str) and re.match(r"\d{4}-\d{2}-\d{2}(T|$)", value):
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            pass
    raise RecordError(f"is not a day: {value!r}"[:80])
