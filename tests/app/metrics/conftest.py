"""A small organisation with work, written into the raw tables as the collectors would."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from app.settings import Settings
from app.store.tables import (
    Account,
    Employment,
    FormerUsername,
    Identity,
    Membership,
    MergeRequest,
    Note,
    PeriodValue,
    Person,
    Project,
    Reviewer,
    Run,
    Team,
)


def at(written: str) -> datetime:
    """`2024-03-01 12:00` in UTC."""
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


@dataclass
class Store:
    """Writes few rows, with the marks that the collectors leave."""

    session: Session
    first_id: int = 1_000

    def __post_init__(self) -> None:
        self._ids = count(self.first_id)

    def team(self, slug: str, parent: str = "organisation", owns: Sequence[str] = ()) -> int:
        """A team; returns its id."""
        return self.session.execute(
            insert(Team)
            .values(slug=slug, name=slug.title(), parent=parent, owns=list(owns))
            .returning(Team.id)
        ).scalar_one()

    def person(self, person_id: str, account: int | None = None, *, bot: bool = False) -> None:
        """A person, and the GitLab account of the same name."""
        self.session.execute(
            insert(Person).values(
                person_id=person_id,
                name=person_id.title(),
                email=f"{person_id.title()}@example.com",
            )
        )
        if account is not None:
            self.session.execute(insert(Identity).values(username=person_id, person_id=person_id))
            self.account(account, person_id, bot=bot)

    def account(self, account: int, username: str, *, bot: bool = False) -> None:
        """A GitLab account; not declared by anybody unless `person` did."""
        self.session.execute(
            insert(Account).values(id=account, username=username, name=username.title(), bot=bot)
        )
        self.session.execute(insert(FormerUsername).values(account_id=account, username=username))

    def member(
        self, person: str, team: str, first: date, end: date | None = None, role: str = "member"
    ) -> None:
        """A membership; end is exclusive."""
        self.session.execute(
            insert(Membership).values(
                person_id=person, team=team, valid_from=first, valid_to=end, role=role
            )
        )

    def project(self, project: int, path: str) -> None:
        """A project."""
        self.session.execute(
            insert(Project).values(
                id=project, path=path, name=path, web_url=f"https://git.test/{path}", archived=False
            )
        )

    def merge_request(
        self,
        author: int | None,
        created: str,
        *,
        project: int = 1,
        merged: str | None = None,
        closed: str | None = None,
        labels: Sequence[str] = (),
        draft: bool = False,
        reviewers: Sequence[int] = (),
        rows_read: bool = True,
    ) -> int:
        """A merge request; open unless merged or closed. Returns its id."""
        key = next(self._ids)
        self.session.execute(
            insert(MergeRequest).values(
                id=key,
                project_id=project,
                iid=key,
                author_id=author,
                title=f"Change {key}",
                web_url=f"https://git.test/{project}/{key}",
                state="merged" if merged else "closed" if closed else "opened",
                draft=draft,
                labels=list(labels),
                created_at=at(created),
                updated_at=at(merged or closed or created),
                merged_at=at(merged) if merged else None,
                closed_at=at(closed) if closed else None,
                reviewer_rows_read=rows_read,
            )
        )
        for reviewer in reviewers:
            self.session.execute(insert(Reviewer).values(merge_request_id=key, account_id=reviewer))
        return key

    def request_review(self, merge_request: int, written: str, *names: str) -> None:
        """A system note that requests reviews."""
        self.session.execute(
            insert(Note).values(
                id=next(self._ids),
                merge_request_id=merge_request,
                author_id=None,
                kind="review_request",
                created_at=at(written),
                requested=list(names),
                names=list(names),
            )
        )

    def note(self, merge_request: int, author: int | None, written: str, kind: str) -> None:
        """A note of a kind: comment, approved, ready."""
        self.session.execute(
            insert(Note).values(
                id=next(self._ids),
                merge_request_id=merge_request,
                author_id=author,
                kind=kind,
                created_at=at(written),
            )
        )

    def employed(
        self, person: str, first: date, last: date | None = None, ending: str | None = None
    ) -> None:
        """A stretch of employment; last is the last day employed."""
        self.session.execute(
            insert(Employment).values(
                person_id=person, start_date=first, end_date=last, termination_type=ending
            )
        )

    def shown(self, indicator: str, team: str, period: date) -> PeriodValue:
        """The whole row of a value as it is stored now."""
        return self.session.scalars(
            select(PeriodValue)
            .join(Team, Team.id == PeriodValue.team_id)
            .where(
                PeriodValue.indicator == indicator,
                Team.slug == team,
                PeriodValue.period == period,
                PeriodValue.superseded_at.is_(None),
            )
            .execution_options(populate_existing=True)
        ).one()

    def change(self, merge_request: int, **values: object) -> None:
        """Changes a merge request."""
        self.session.execute(
            update(MergeRequest).where(MergeRequest.id == merge_request).values(**values)
        )

    def collected(self, written: str, sources: Sequence[str] = ("files", "gitlab")) -> datetime:
        """Successful runs of the sources at an instant."""
        instant = at(written)
        for source in sources:
            self.session.execute(
                insert(Run).values(
                    source=source,
                    kind="incremental",
                    started_at=instant,
                    finished_at=instant,
                    outcome="done",
                    data_through=instant,
                )
            )
        return instant

    def value(
        self, indicator: str, team: str, period: date, variant: str = ""
    ) -> tuple[float | None, int]:
        """(value, n) as it is stored now."""
        row = self.session.execute(
            text(
                "SELECT v.value, v.n FROM period_values v JOIN teams t ON t.id = v.team_id"
                " WHERE v.indicator = :indicator AND t.slug = :team AND v.period = :period"
                " AND v.variant = :variant AND v.superseded_at IS NULL"
            ),
            {"indicator": indicator, "team": team, "period": period, "variant": variant},
        ).one()
        return row.value, row.n


@pytest.fixture
def store(session: Session) -> Store:
    """Writes into the rolled-back session."""
    return Store(session)


@pytest.fixture
def settings() -> Settings:
    """GitLab and files configured; history begins in 2024."""
    return Settings.model_validate(
        {
            "reporting": {"history_start": "2024-01-01"},
            "gitlab": {"groups": ["acme"]},
            "files": {"teams": "/nowhere/teams.yaml"},
        }
    )
