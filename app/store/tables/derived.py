"""What the metrics layer derives from the raw tables before it computes: only `refresh` writes here.

A change of the sources is found by deriving again and comparing with these rows, so that the
first day on which any value can differ is known.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.tables.base import TIDIED_SOON, Base


class MergeRequestFacts(Base):
    """A merge request as the indicators see it."""

    __tablename__ = "merge_request_facts"
    __table_args__ = (
        Index("ix_merge_request_facts_merged_at", "merged_at"),
        # What was open at an instant ended after it, or has not: mostly that is little.
        Index("ix_merge_request_facts_ended_at", "ended_at", "created_at"),
        Index("ix_merge_request_facts_review_started_at", "review_started_at"),
        Index("ix_merge_request_facts_first_engaged_at", "first_engaged_at"),
        Index(
            "ix_merge_request_facts_community",
            text("coalesce(ready_at, created_at)"),
            postgresql_where=text("community"),
        ),
        *(
            Index(f"ix_merge_request_facts_{flag}", "ended_at", postgresql_where=text(flag))
            for flag in ("end_estimated", "review_start_inferred")
        ),
        Index(
            "ix_merge_request_facts_left_out",
            "left_out",
            "ended_at",
            postgresql_where=text("left_out is not null"),
        ),
        Index(
            "ix_merge_request_facts_open", "author_id", postgresql_where=text("ended_at is null")
        ),
        {"postgresql_with": TIDIED_SOON},
    )

    merge_request_id: Mapped[int] = mapped_column(
        ForeignKey("merge_requests.id", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[int]
    author_id: Mapped[int | None]
    created_at: Mapped[datetime]
    review_started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    """End of the open interval; null while open."""
    merged_at: Mapped[datetime | None]
    """ended_at if it was merged."""
    draft: Mapped[bool]
    """The draft flag of now."""
    ready_at: Mapped[datetime | None]
    """When it was first marked as ready; null without such a note."""
    first_engaged_at: Mapped[datetime | None]
    """First note or approval, at or after review_started_at, by a human who is not the author."""
    responses: Mapped[list[Any]]
    """Of a community merge request, in order: [microseconds since 1970, account id] of each note,
    approval and the merge by somebody who is neither the author nor a bot."""
    handbook: Mapped[bool]
    """Merged into handbook scope."""
    counted: Mapped[bool]
    """In product scope, not by a bot, not deleted, not quarantined, not an excluded draft."""
    community: Mapped[bool]
    """Carries the community label."""
    end_estimated: Mapped[bool]
    review_start_inferred: Mapped[bool]
    left_out: Mapped[str | None]
    """Why it is not counted: bot, quarantined, deleted, out_of_scope or draft; null if counted."""


class TeamMemberSpan(Base):
    """A person among the members of a team or any team below it, from a day up to another."""

    __tablename__ = "team_member_spans"

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    person_id: Mapped[str] = mapped_column(primary_key=True)
    first_day: Mapped[date] = mapped_column(primary_key=True)
    end_day: Mapped[date]
    """Exclusive; 9999-12-31 while open."""


class AttributionSpan(Base):
    """The team to which an account's merge requests belong from a day up to another, ancestors included."""

    __tablename__ = "attribution_spans"

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id"), primary_key=True, index=True)
    first_day: Mapped[date] = mapped_column(primary_key=True)
    end_day: Mapped[date]
    """Exclusive; 9999-12-31 while open."""
    orphaned: Mapped[bool]
    """No membership contains these days: the last team keeps the open work."""


class ProjectOwner(Base):
    """A team that owns a project, itself or through a team below it."""

    __tablename__ = "project_owners"

    project_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id"), primary_key=True, index=True)


class Considered(Base):
    """A small fact as the last refresh saw it: what differs now tells which values are stale."""

    __tablename__ = "considered"

    kind: Mapped[str] = mapped_column(primary_key=True)
    """employment, plan, opening, offer, attribute or employed (days on which an account's person was)."""
    key: Mapped[str] = mapped_column(primary_key=True)
    first_day: Mapped[date]
    """The first day on which it can matter."""
    content: Mapped[list[Any]]


class RefreshState(Base):
    """One row: what the stored values were computed with."""

    __tablename__ = "refresh_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    configuration: Mapped[dict[str, Any]]
    """The settings that decide values, as they were."""
    organisation: Mapped[str] = mapped_column(server_default="")
    """Fingerprint of the people, teams, accounts, plan and hiring that were seen."""
    definitions: Mapped[dict[str, Any]]
    """Version of each indicator's definition, by key."""
    data_through: Mapped[dict[str, Any]]
    """By indicator key, ISO instant: up to when all of its sources were collected."""
    refreshed_at: Mapped[datetime]
    seconds: Mapped[float | None]
    """How long the last refresh took; null before one was measured."""
