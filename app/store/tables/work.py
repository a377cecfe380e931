"""Merge requests and what happened on them, as GitLab last told; nothing here is derived."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.tables.base import TIDIED_SOON, Base


class Account(Base):
    """A GitLab user; the id is GitLab's and outlives every renaming."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    username: Mapped[str]
    name: Mapped[str]
    email: Mapped[str | None]
    """The public e-mail address in lower case; null where there is none."""
    bot: Mapped[bool]
    """GitLab flags it as a bot, or it is the ghost user."""
    vanished_at: Mapped[datetime | None]
    """When GitLab was first asked for it and did not tell it any more; null while it is told."""
    dirty: Mapped[bool] = mapped_column(server_default=text("true"))
    """Changed since the last refresh."""


class FormerUsername(Base):
    """Every username that was ever seen of an account, the present one included, in lower case."""

    __tablename__ = "former_usernames"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
    )
    username: Mapped[str] = mapped_column(primary_key=True, index=True)


class Project(Base):
    """A GitLab project that was collected."""

    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    path: Mapped[str] = mapped_column(index=True)
    """Full path with namespace, that of now."""
    name: Mapped[str]
    web_url: Mapped[str]
    archived: Mapped[bool]
    unreachable_since: Mapped[datetime | None]
    """When it was noticed that GitLab no longer shows its merge requests to us, though nothing says
    that they were deleted: what is stored of them holds. Null while they are shown."""
    dirty: Mapped[bool] = mapped_column(server_default=text("true"))
    """Changed since the last refresh."""


class MergeRequest(Base):
    """A merge request as GitLab last told."""

    __tablename__ = "merge_requests"
    __table_args__ = (
        CheckConstraint("state in ('opened', 'closed', 'locked', 'merged')", name="state"),
        # Not unique: while a project is being replaced, two ids may claim one number.
        Index("ix_merge_requests_project_id_iid", "project_id", "iid"),
        Index("ix_merge_requests_project_id_created_at", "project_id", "created_at"),
        Index("ix_merge_requests_author_id", "author_id"),
        Index("ix_merge_requests_merge_user_id", "merge_user_id"),
        Index(
            "ix_merge_requests_open",
            "project_id",
            postgresql_where=text("state in ('opened', 'locked') and deleted_at is null"),
        ),
        # Most changes are of what no index holds: they stay on their page.
        {"postgresql_with": {"fillfactor": "90", **TIDIED_SOON}},
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """GitLab's global id."""
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    """The target project."""
    iid: Mapped[int]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    title: Mapped[str]
    web_url: Mapped[str]
    state: Mapped[str]
    draft: Mapped[bool]
    labels: Mapped[list[str]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    merged_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    merge_user_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    """Who merged it; null while it is not merged, or where GitLab does not tell."""
    changed_paths_read: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether its changed paths were read since it was merged."""
    notes_count: Mapped[int] = mapped_column(server_default=text("0"))
    """How many notes GitLab counts, system notes of every kind included."""
    reviewer_rows_read: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether REST's reviewer rows were read for the reviewers as they are now."""
    deleted_at: Mapped[datetime | None]
    """When it was noticed that GitLab no longer has it."""
    dirty: Mapped[bool] = mapped_column(server_default=text("true"))
    """For programs older than revision 0013, that may run beside: what they have to look at, see
    ChangedMergeRequest. Nothing else reads or writes it."""


class Reviewer(Base):
    """A user who is a reviewer of a merge request now."""

    __tablename__ = "reviewers"

    merge_request_id: Mapped[int] = mapped_column(
        ForeignKey("merge_requests.id", ondelete="CASCADE"), primary_key=True
    )
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True, index=True)
    created_at: Mapped[datetime | None]
    """When the reviewer row was made (REST); null where the row was not read."""


class Note(Base):
    """A note of a merge request that an indicator reads; its text is not kept."""

    __tablename__ = "notes"
    __table_args__ = (
        CheckConstraint(
            "kind in ('comment', 'approved', 'unapproved', 'review_request', 'ready', 'draft')",
            name="kind",
        ),
        Index("ix_notes_names", "names", postgresql_using="gin"),
        Index("ix_notes_early", "created_at", "id", postgresql_where=text("early")),
        UniqueConstraint("merge_request_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    merge_request_id: Mapped[int] = mapped_column(
        ForeignKey("merge_requests.id", ondelete="CASCADE")
    )
    author_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    kind: Mapped[str]
    created_at: Mapped[datetime]
    requested: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    """kind review_request: usernames of that day, lower case, from whom a review is requested."""
    removed: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    """kind review_request: usernames of that day, lower case, whose request is withdrawn."""
    names: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    """requested and removed together, for the index."""
    early: Mapped[bool] = mapped_column(server_default=text("false"))
    """Older than its merge request, as imports from elsewhere are; a trigger sees to it."""


class ChangedPath(Base):
    """A path that a merged merge request of a handbook project changed."""

    __tablename__ = "changed_paths"

    merge_request_id: Mapped[int] = mapped_column(
        ForeignKey("merge_requests.id", ondelete="CASCADE"), primary_key=True
    )
    path: Mapped[str] = mapped_column(primary_key=True)
