"""Incremental refresh after any sequence of changes equals a full one, value for value."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, or_, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.metrics.refresh import refresh
from app.metrics.shares import Bounds, Here
from app.settings import Settings
from app.store.tables import (
    Account,
    ChangedPath,
    Employment,
    Identity,
    Membership,
    Opening,
    Person,
    PlannedHeadcount,
    Project,
    Team,
)

from .conftest import Store

FIRST = date(2024, 1, 1)
TABLES = (
    "indicator_values",
    "daily_values",
    "coverages",
    "refresh_state",
    "merge_request_facts",
    "attribution_spans",
    "team_member_spans",
    "project_owners",
    "considered",
)

TEAM_BY_TEAM = Here(Bounds(merge_requests=1, values=1))
"""Computes each team for itself, as if nothing more fitted into memory."""

hour = st.integers(min_value=0, max_value=40 * 24)
which = st.integers(0, 3)
change = st.one_of(
    st.tuples(st.just("open"), st.sampled_from([1, 2, 8, 9]), hour),
    st.tuples(st.just("merge"), which, hour),
    st.tuples(st.just("close"), which, hour),
    st.tuples(st.just("reopen"), which, st.just(0)),
    st.tuples(st.just("review"), which, hour),
    st.tuples(st.just("label"), which, st.just(0)),
    st.tuples(st.just("comment"), which, hour),
    st.tuples(st.just("approve"), which, hour),
    st.tuples(st.just("ready"), which, hour),
    st.tuples(st.just("draft"), which, st.just(0)),
    st.tuples(st.just("merged by"), which, st.sampled_from([1, 2, 8])),
    st.tuples(st.just("employ"), st.sampled_from(["ann", "ben"]), st.integers(1, 40)),
    st.tuples(st.just("paths"), which, st.just(0)),
    st.tuples(st.just("plan"), st.sampled_from(["red", "blue"]), st.integers(0, 9)),
    st.tuples(st.just("delete"), which, st.just(0)),
    st.tuples(st.just("move"), st.sampled_from(["ann", "ben"]), st.integers(0, 40)),
    st.tuples(st.just("own"), st.sampled_from(["red", "blue"]), st.just(0)),
    st.tuples(st.just("rename project"), st.sampled_from(["a/x", "b/x"]), st.just(0)),
    st.tuples(st.just("hang"), st.sampled_from(["red", "blue"]), st.integers(0, 1)),
    st.tuples(st.just("team"), st.sampled_from(["green", "blue"]), st.integers(0, 1)),
    st.tuples(st.just("author"), which, st.sampled_from([1, 2, 8, 9])),
    st.tuples(st.just("bot"), st.sampled_from([1, 8]), st.integers(0, 1)),
    st.tuples(st.just("identity"), st.sampled_from(["ann", "ben"]), st.sampled_from([1, 2, 8])),
    st.tuples(st.just("attribute"), st.sampled_from(["ann", "ben"]), st.integers(0, 1)),
    st.tuples(st.just("opening"), st.sampled_from(["red", "blue"]), st.integers(0, 40)),
    st.tuples(st.just("revise"), which, hour),
)


def instant(hours: int) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hours)


def written(hours: int) -> str:
    return instant(hours).strftime("%Y-%m-%d %H:%M")


def apply(store: Store, session: Session, step: tuple[str, object, int], known: list[int]) -> None:
    """One change as collectors would leave it; steps that do not fit change nothing."""
    kind, subject, number = step
    if kind == "open":
        assert isinstance(subject, int)
        known.append(store.merge_request(subject, written(number)))
    elif kind == "move":
        day = FIRST + timedelta(days=number)
        session.execute(delete(Membership).where(Membership.person_id == subject))
        if day > FIRST:
            store.member(str(subject), "red", FIRST, day)
        store.member(str(subject), "blue", day, day + timedelta(days=20))
    elif kind == "employ":
        session.execute(delete(Employment).where(Employment.person_id == subject))
        store.employed(str(subject), FIRST, FIRST + timedelta(days=number), "voluntary")
    elif kind == "plan":
        session.execute(delete(PlannedHeadcount).where(PlannedHeadcount.team == subject))
        session.execute(
            insert(PlannedHeadcount).values(team=subject, month=FIRST, planned_headcount=number)
        )
    elif kind == "own":
        session.execute(update(Team).values(owns=[]).where(Team.slug != "organisation"))
        session.execute(update(Team).where(Team.slug == subject).values(owns=["a/*"]))
    elif kind == "hang":
        parent = ["organisation", "top"][number]
        session.execute(update(Team).where(Team.slug == subject).values(parent=parent))
    elif kind == "team":
        gone = None if number else instant(0)
        session.execute(update(Team).where(Team.slug == subject).values(removed_at=gone))
    elif kind == "bot":
        values = {"bot": bool(number), "dirty": True}
        session.execute(update(Account).where(Account.id == subject).values(values))
    elif kind == "identity":
        username = {1: "ann", 2: "ben", 8: "eve"}[number]
        session.execute(
            delete(Identity).where(
                or_(Identity.person_id == subject, Identity.username == username)
            )
        )
        session.execute(insert(Identity).values(username=username, person_id=subject))
    elif kind == "attribute":
        declared = {"gender": ["woman", "man"][number]}
        session.execute(
            update(Person).where(Person.person_id == subject).values(attributes=declared)
        )
    elif kind == "opening":
        session.execute(delete(Opening).where(Opening.team == subject))
        day = FIRST + timedelta(days=number)
        session.execute(insert(Opening).values(opening_id=subject, team=subject, opened_on=day))
    elif kind == "rename project":
        session.execute(update(Project).where(Project.id == 1).values(path=subject, dirty=True))
    elif known:
        assert isinstance(subject, int)
        key = known[subject % len(known)]
        changes: dict[str, dict[str, object]] = {
            "merge": {"state": "merged", "merged_at": instant(number), "closed_at": None},
            "close": {"state": "closed", "closed_at": instant(number), "merged_at": None},
            "reopen": {"state": "opened", "closed_at": None, "merged_at": None},
            "label": {"labels": ["Community contribution"]},
            "delete": {"deleted_at": instant(0)},
            "draft": {"draft": True},
            "merged by": {"merge_user_id": number},
            "author": {"author_id": number},
            "revise": {"created_at": instant(number)},
        }
        if kind == "review":
            store.request_review(key, written(number), "ben")
        elif kind == "comment":
            store.note(key, [1, 2, 8, 9][number % 4], written(number), "comment")
        elif kind == "approve":
            store.note(key, [1, 2, 8, 9][number % 4], written(number), "approved")
        elif kind == "ready":
            store.note(key, 8, written(number), "ready")
        elif kind == "paths":
            session.execute(
                insert(ChangedPath)
                .values(merge_request_id=key, path="a.md")
                .on_conflict_do_nothing()
            )
        if kind in changes:
            store.change(key, **changes[kind])


def current_values(session: Session) -> set[tuple[object, ...]]:
    """Everything that is shown now, without the times of recording: of removed teams nothing is."""
    values = session.execute(
        text(
            "SELECT indicator, variant, team_id, period, value, n, numerator, denominator, p25, p75,"
            " p95, reason, partial, beside::text FROM period_values WHERE superseded_at IS NULL"
            " AND team_id IN (SELECT id FROM teams WHERE removed_at IS NULL)"
        )
    )
    coverage = session.execute(
        text(
            "SELECT indicator, period, attributed, total, partial FROM coverages"
            " WHERE superseded_at IS NULL"
        )
    )
    return {tuple(row) for row in values} | {tuple(row) for row in coverage}


@pytest.fixture
def settings() -> Settings:
    """GitLab, with a handbook in a part of one project, and files."""
    return Settings.model_validate(
        {
            "reporting": {"history_start": "2024-01-01"},
            "gitlab": {
                "groups": ["acme"],
                "handbook": [{"project": "a/x", "paths": ["**.md"]}],
            },
            "files": {"teams": "/nowhere/teams.yaml"},
        }
    )


@given(
    rounds=st.lists(st.lists(change, min_size=1, max_size=3), min_size=1, max_size=3),
    pauses=st.lists(st.integers(1, 10 * 24), min_size=3, max_size=3),
    computing=st.sampled_from([Here(), TEAM_BY_TEAM]),
)
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_incremental_equals_full(
    session: Session,
    settings: Settings,
    rounds: list[list[tuple[str, object, int]]],
    pauses: list[int],
    computing: Here,
) -> None:
    with session.begin_nested() as savepoint:
        store = Store(session)
        store.team("red", owns=["a/*"])
        store.team("top")
        store.team("blue")
        store.team("green", "top")
        store.person("ann", 1)
        store.person("ben", 2)
        store.member("ben", "green", FIRST + timedelta(days=5), FIRST + timedelta(days=15))
        store.account(8, "eve")
        store.account(9, "robo", bot=True)
        store.member("ann", "red", FIRST)
        store.project(1, "a/x")
        # Three merge requests that are there from the first round on: one open, one merged early.
        known = [
            store.merge_request(1, written(24)),
            store.merge_request(1, written(30), merged=written(200)),
            store.merge_request(
                8, written(48), merged=written(300), labels=["Community contribution"]
            ),
        ]
        clock = 20 * 24
        refresh(session, settings, store.collected(written(clock)))
        for changes, pause in zip(rounds, pauses, strict=False):
            for step in changes:
                apply(store, session, step, known)
            clock += pause
            now = store.collected(written(clock))
            refresh(session, settings, now, computing=computing)
            assert refresh(session, settings, now).written.total == 0
        incremental = current_values(session)
        for table in TABLES:
            session.execute(text(f"DELETE FROM {table}"))
        session.expire_all()
        refresh(session, settings, now)
        full = current_values(session)
        assert incremental == full
        savepoint.rollback()
