"""By what somebody who was forgotten is recognised when a source tells of them again."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.tables.base import Base


class ForgottenKey(Base):
    """One row, made with the first trace: what the traces are hashed with."""

    __tablename__ = "forgotten_key"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[bytes] = mapped_column(LargeBinary)
    """32 random bytes."""


class ForgottenTrace(Base):
    """A word by which sources call somebody who was forgotten, as a keyed hash; never the word itself."""

    __tablename__ = "forgotten_traces"
    __table_args__ = (
        CheckConstraint(
            "kind in ('person', 'account', 'username', 'email', 'name', 'team')", name="kind"
        ),
        Index("ix_forgotten_traces_pseudonym", "pseudonym"),
    )

    kind: Mapped[str] = mapped_column(primary_key=True)
    """person (a person_id), account (GitLab's number), username, email, name, or team (the slug of a
    team that was named after its manager)."""
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """Keyed BLAKE2b of the kind and the word."""
    pseudonym: Mapped[str]
    alias: Mapped[str]
    """What is stored in its place: the pseudonym, with a number where one person needs several."""
    claims: Mapped[bool] = mapped_column(server_default=text("false"))
    """An account that is seen for the first time under this username or e-mail address is theirs."""
    learned_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
