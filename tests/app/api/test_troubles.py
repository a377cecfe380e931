"""A database that answers and takes no changes: who is signed in may look all the same."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from structlog.testing import capture_logs

from app.auth import sessions
from app.store.trouble import trouble_of
from tests.app.cli.test_killed import database_url_of

from .conftest import SETTINGS
from .signed_in import HERE, VIEWER, asked_by, with_sign_in

LONG_AGO = timedelta(hours=1) - sessions.TOUCHED_EVERY


def refused(driver: type[psycopg.Error], words: str, kind: type[DBAPIError]) -> DBAPIError:
    """An error as SQLAlchemy raises it for one of the driver."""
    return kind("SELECT 1", None, driver(words))


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (refused(psycopg.errors.DiskFull, "could not extend", OperationalError), "disk_full"),
        (
            refused(psycopg.OperationalError, "No space left on device", OperationalError),
            "disk_full",
        ),
        (refused(psycopg.errors.ReadOnlySqlTransaction, "cannot", DBAPIError), "read_only"),
        (
            refused(
                psycopg.errors.InsufficientPrivilege,
                'could not open file "base/1": Read-only file system',
                ProgrammingError,
            ),
            "read_only",
        ),
        (refused(psycopg.errors.InsufficientPrivilege, "denied", ProgrammingError), None),
        (refused(psycopg.errors.QueryCanceled, "timeout", OperationalError), "too_long"),
        (refused(psycopg.errors.UndefinedTable, "no relation", ProgrammingError), "not_migrated"),
        (refused(psycopg.errors.AdminShutdown, "terminating", OperationalError), "database_away"),
        (
            refused(psycopg.OperationalError, "connection refused", OperationalError),
            "database_away",
        ),
        (refused(psycopg.errors.UniqueViolation, "twice", IntegrityError), None),
        (PoolTimeoutError("QueuePool limit"), "busy"),
        (OSError(28, "No space left on device"), None),
    ],
)
def test_what_an_error_means(error: Exception, trouble: str | None) -> None:
    assert trouble_of(error) == trouble


@pytest.fixture
def full(engine: Engine) -> Engine:
    """A database whose disk is full: what signing in, looking and leaving write is refused."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " RAISE EXCEPTION 'could not extend file \"base/1\": No space left on device'"
                " USING ERRCODE = 'disk_full'; END $$"
            )
        )
    return engine


FULL = text(
    "CREATE TRIGGER no_room BEFORE UPDATE OR DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION no_room()"
)


def not_seen_for_long(engine: Engine) -> None:
    """Makes it time to note that who is signed in is still there."""
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE sessions SET last_seen_at = :at"), {"at": datetime.now(UTC) - LONG_AGO}
        )


def test_who_is_signed_in_may_look_while_nothing_can_be_written(full: Engine) -> None:
    # Of the embedded one the disk itself is looked at.
    external = SETTINGS.database.model_copy(update={"url": SecretStr(database_url_of(full))})
    settings = with_sign_in(SETTINGS).model_copy(update={"database": external})
    with capture_logs() as logged, asked_by(full, settings, VIEWER) as vera:
        not_seen_for_long(full)
        with full.begin() as connection:
            connection.execute(FULL)
        for _ in range(3):
            assert vera.get("/api/v1/teams").status_code == 200
        ready = vera.get("/readyz")
        assert ready.status_code == 200
        assert [each["reason"] for each in ready.json()["warnings"]] == ["disk_full"]
        left = vera.post("/sign-out", headers=HERE)
        assert left.status_code == 503
        assert "The disk of the database is full" in left.text
        assert vera.get("/api/v1/teams").status_code == 200

        with full.begin() as connection:
            connection.execute(text("DROP TRIGGER no_room ON sessions"))
        not_seen_for_long(full)
        assert vera.get("/api/v1/teams").status_code == 200
        assert vera.get("/readyz").json() == {"status": "ok"}
    found: list[Any] = [(e["event"], e["fault"]) for e in logged if e["event"].startswith("fault.")]
    assert found == [("fault.began", "disk_full"), ("fault.ended", "disk_full")]
