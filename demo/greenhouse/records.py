"""What Greenhouse keeps about hiring, in its own field names, and how each record is shown."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any


def shown_time(at: datetime | None) -> str | None:
    """A timestamp as Greenhouse writes it: UTC, with milliseconds."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown_day(day: date | None) -> str | None:
    """A day in ISO form."""
    return None if day is None else day.isoformat()


@dataclass(slots=True, eq=False)
class Entity:
    """What every record has."""

    id: int
    created_at: datetime
    updated_at: datetime

    def shown(self) -> dict[str, Any]:
        """The record as the API answers it."""
        return {
            "id": self.id,
            "created_at": shown_time(self.created_at),
            "updated_at": shown_time(self.updated_at),
        }


@dataclass(slots=True, eq=False)
class Department(Entity):
    """A department; external_id is what the company calls it in its other systems."""

    name: str
    external_id: str | None = None
    parent_id: int | None = None

    def shown(self) -> dict[str, Any]:
        """The record as the API answers it."""
        return {
            **Entity.shown(self),
            "name": self.name,
            "external_id": self.external_id,
            "parent_id": self.parent_id,
        }


@dataclass(slots=True, eq=False)
class CloseReason(Entity):
    """Why openings are closed."""

    name: str

    def shown(self) -> dict[str, Any]:
        """The record as the API answers it."""
        return {**Entity.shown(self), "name": self.name}


@dataclass(slots=True, eq=False)
class Job(Entity):
    """A kind of work that people are wanted for."""

    name: str
    department_id: int | None
    status: str = "open"
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    requisition_id: str | None = None
    confidential: bool = False

    def shown(self) -> dict[str, Any]:
        """The record as the API answers it."""
        return {
            **Entity.shown(self),
            "name": self.name,
            "department_id": self.department_id,
            "status": self.status,
            "opened_at": shown_time(self.opened_at),
            "closed_at": shown_time(self.closed_at),
            "requisition_id": self.requisition_id,
            "confidential": self.confidential,
            "copied_from_id": None,
            "custom_fields": {},
            "is_template": False,
            "notes": None,
            "office_ids": [],
        }


@dataclass(slots=True, eq=False)
class Opening(Entity):
    """A place of a job. opening_id: the text by which people call it, which may be missing."""

    job_id: int
    opened_at: datetime | None
    target_start_on: date | None = None
    closed_at: datetime | None = None
    close_reason_id: int | None = None
    opening_id: str | None = None
    application_id: int | None = None

    @property
    def open(self) -> bool:
        """Whether somebody is still wanted."""
        return self.closed_at is None

    def shown(self) -> dict[str, Any]:
        """The record as the API answers it."""
        return {
            **Entity.shown(self),
            "job_id": self.job_id,
            "open": self.open,
            "opened_at": shown_time(self.opened_at),
            "target_start_on": shown_day(self.target_start_on),
            "closed_at": shown_time(self.closed_at),
            "close_reason_id": self.close_reason_id,
            "opening_id": self.opening_id,
            "application_id": self.application_id,
            "custom_fields": {},
            "sort_order": 1,
        }


@dataclass(slots=True, eq=False)
class Offer(Entity):
    """An offer to a candidate. status: Created, Accepted, Rejected or Deprecated."""

    job_id: int
    opening_id: int | None
    application_id: int
    candidate_id: int
    status: str = "Created"
    version: int = 1
    sent_on: date | None = None
    resolved_at: datetime | None = None
    starts_on: date | None = None
    custom_fields: dict[str, Any] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """The record as the API answers it."""
        return {
            **Entity.shown(self),
            "job_id": self.job_id,
            "opening_id": self.opening_id,
            "application_id": self.application_id,
            "candidate_id": self.candidate_id,
            "status": self.status,
            "version": self.version,
            "sent_on": shown_day(self.sent_on),
            "resolved_at": shown_time(self.resolved_at),
            "starts_on": shown_day(self.starts_on),
            "custom_fields": self.custom_fields,
        }
