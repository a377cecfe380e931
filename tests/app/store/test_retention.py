"""What is kept for a time goes when the time is over, by itself, and nothing else does."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from procrastinate import JobContext, SyncPsycopgConnector
from procrastinate.jobs import Job
from sqlalchemy import Engine, delete, select, text
from sqlalchemy.exc import ProgrammingError

from app.cli.refresh import refresh_indicators
from app.settings import Settings
from app.store import grants, migrate
from app.store.engine import sessions
from app.store.retention import delete_outdated
from app.store.roles import DatabaseRole
from app.store.tables import AuditEvent, SignedIn
from app.store.tables.privileges import ROUTINES
from collectors.queued.stop import Stop
from collectors.queued.tasks import Tasks
from tests.databases import engine_on, working_as

SETTINGS = Settings.model_validate({"auth": {"audit_days": 30}})
CALL = text("SELECT delete_outdated(now(), :days)")


@pytest.fixture(scope="module")
def store(server_url: str, template: str) -> Iterator[Engine]:
    with engine_on(server_url, "retained", template) as engine:
        yield engine


@pytest.fixture
def now(store: Engine) -> Iterator[datetime]:
    """The moment before and after which there are events and sessions; afterwards there are none."""
    now = datetime.now(UTC)
    with sessions(store).begin() as session:
        session.add_all(
            AuditEvent(
                actor="user:1", action="signed_in", object=str(days), at=now - timedelta(days)
            )
            for days in (29, 31, 400)
        )
        session.add_all(
            SignedIn(
                id_hash=bytes([hours]),
                subject=f"{hours}",
                name="Ann",
                created_at=now - timedelta(hours=12),
                last_seen_at=now - timedelta(hours=12),
                expires_at=now + timedelta(hours=hours - 12),
            )
            for hours in (11, 13)
        )
    yield now
    with store.begin() as connection:
        connection.execute(text("ALTER TABLE audit_events DISABLE TRIGGER only_added_to"))
        connection.execute(delete(AuditEvent))
        connection.execute(text("ALTER TABLE audit_events ENABLE TRIGGER only_added_to"))
        connection.execute(delete(SignedIn))


def kept(store: Engine) -> tuple[list[str], list[str]]:
    """What there is of events, by their age in days, and whose sessions."""
    with sessions(store)() as session:
        return (
            list(session.scalars(select(AuditEvent.object).order_by(AuditEvent.at.desc()))),
            list(session.scalars(select(SignedIn.subject).order_by(SignedIn.subject))),
        )


def test_who_collects_deletes_what_it_may_not_even_read(store: Engine, now: datetime) -> None:
    with working_as(DatabaseRole.COLLECT, store) as limited:
        with pytest.raises(ProgrammingError, match="permission denied"), limited.begin() as within:
            within.execute(select(AuditEvent.id))
        with pytest.raises(ProgrammingError, match="permission denied"), limited.begin() as within:
            within.execute(delete(SignedIn))
        delete_outdated(limited, SETTINGS, now)
    assert kept(store) == (["29"], ["13"])


def test_a_clock_that_is_ahead_ends_nothing_early(store: Engine, now: datetime) -> None:
    delete_outdated(store, SETTINGS, now + timedelta(days=5))
    assert kept(store) == (["29"], ["13"])


def test_a_clock_that_is_behind_ends_less(store: Engine, now: datetime) -> None:
    delete_outdated(store, SETTINGS, now - timedelta(days=5))
    assert kept(store) == (["29", "31"], ["11", "13"])


def test_nobody_makes_the_time_shorter(store: Engine, now: datetime) -> None:
    with store.begin() as connection:
        connection.execute(CALL, {"days": -400})
    assert kept(store)[0] == ["29"]


def test_each_refresh_does_it_as_a_command_and_in_the_queue(store: Engine, now: datetime) -> None:
    with working_as(DatabaseRole.COLLECT, store) as limited:
        refresh_indicators(limited, SETTINGS)
        assert kept(store) == (["29"], ["13"])
        with sessions(store).begin() as session:
            session.add(AuditEvent(actor="user:1", action="x", at=now - timedelta(days=40)))
        tasks = Tasks(limited, SETTINGS, [], Stop(), lambda: None)
        job = Job(id=1, lock=None, queueing_lock=None, task_name="refresh", queue="runs")
        app = tasks.register(SyncPsycopgConnector())
        tasks.refresh(JobContext(start_timestamp=0.0, app=app, job=job, abort_reason=lambda: None))
    assert kept(store) == (["29"], ["13"])


def test_nobody_else_may_call_it(store: Engine) -> None:
    with (
        working_as(DatabaseRole.WEB, store) as limited,
        pytest.raises(ProgrammingError, match="permission denied for function"),
        limited.begin() as within,
    ):
        within.execute(CALL, {"days": 400})


def test_what_runs_as_its_owner_has_a_line_and_a_pinned_path(store: Engine) -> None:
    """A function that does what its caller may not: whose it is, what it finds, and who may call it."""
    found = text(
        """
        SELECT pg_proc.oid::regprocedure::text, proowner = relowner, proconfig
        FROM pg_proc JOIN pg_class ON pg_class.oid = 'audit_events'::regclass
        WHERE prosecdef AND pronamespace IN ('public'::regnamespace, 'queue'::regnamespace)
        """
    )
    with store.begin() as connection:
        rows = connection.execute(found).all()
        expected = [(each.signature, True, ["search_path=public, pg_temp"]) for each in ROUTINES]
        assert rows == expected
        # Also where it was restored from a backup, which holds no privileges.
        for each in ROUTINES:
            connection.execute(text(f"GRANT EXECUTE ON FUNCTION {each.signature} TO PUBLIC"))
    migrate.grant(store)
    may = text("SELECT has_function_privilege(:role, :signature, 'EXECUTE')")
    with store.connect() as connection:
        for each in ROUTINES:
            for role in (DatabaseRole.WEB, DatabaseRole.COLLECT):
                asked = {"role": role.value, "signature": each.signature}
                assert connection.scalar(may, asked) == grants.may_call(role, each)
