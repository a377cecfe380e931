"""What a failure of the database is taken for."""

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from app.store.trouble import Trouble, trouble_of


def raised(error: psycopg.Error) -> DBAPIError:
    found = DBAPIError.instance("SELECT 1", None, error, psycopg.Error)
    assert isinstance(found, DBAPIError)
    return found


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("consuming input failed: server closed the connection"),
        psycopg.InterfaceError("the connection is closed"),
        # As psycopg raises it for a result without a code: libpq's own, when the server is killed.
        psycopg.DatabaseError("server closed the connection unexpectedly"),
        psycopg.errors.CrashShutdown("terminating connection because of crash of another process"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_connection_that_is_gone(error: psycopg.Error) -> None:
    assert trouble_of(raised(error)) is Trouble.DATABASE_AWAY


@pytest.mark.parametrize(
    "statement", ["SELECT 1 / 0", "SELECT 'one'::integer", "SELEC", "SELECT no_such_function()"]
)
def test_a_mistake_of_ours_is_none(engine: Engine, statement: str) -> None:
    with engine.connect() as connection, pytest.raises(DBAPIError) as found:
        connection.execute(text(statement))
    assert trouble_of(found.value) is None
