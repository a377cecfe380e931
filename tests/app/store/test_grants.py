"""What each role of the database may do: what its line says, and the database refuses everything else."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import ProgrammingError

from app.store import grants, migrate
from app.store.engine import sessions
from app.store.grants import privileges_of
from app.store.queue import COLLECT, SCHEMA, enqueue, give_back
from app.store.roles import LIMITED, DatabaseRole
from app.store.tables.effective import View
from app.store.tables.privileges import CHANGE, PRIVILEGES, READ
from tests.databases import engines

ALL = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


@pytest.fixture(scope="module")
def store(server_url: str, template: str) -> Iterator[Engine]:
    """A store in which whatever is tried is rolled back."""
    with engines(server_url, "granted", template) as make:
        yield make()


@pytest.fixture(params=LIMITED)
def role(request: pytest.FixtureRequest) -> DatabaseRole:
    """Each of the roles that are limited."""
    assert isinstance(request.param, DatabaseRole)
    return request.param


@pytest.fixture
def limited(store: Engine, role: DatabaseRole) -> Iterator[Connection]:
    """A connection that may do what the role may."""
    with store.connect() as connection, connection.begin() as transaction:
        connection.execute(text(f"SET LOCAL ROLE {role}"))
        yield connection
        transaction.rollback()


def named(table: str) -> str:
    return table if "." in table else f"public.{table}"


def test_every_table_and_view_has_a_line(store: Engine) -> None:
    there = {
        f"{schema}.{name}"
        for schema in ("public", SCHEMA)
        for name in (
            *inspect(store).get_table_names(schema),
            *inspect(store).get_view_names(schema),
        )
    }
    lines = [named(each.table) for each in PRIVILEGES]
    assert sorted(lines) == sorted(there)


def test_the_web_server_writes_what_it_has_to_alone() -> None:
    writes = {
        each.table: set(each.web) - {"SELECT"} for each in PRIVILEGES if set(each.web) - {"SELECT"}
    }
    assert writes == {
        "sessions": {"INSERT", "UPDATE", "DELETE"},
        "api_tokens": {"INSERT", "UPDATE"},
        "audit_events": {"INSERT", "DELETE"},
        "marks": {"INSERT", "UPDATE"},
        "queue.procrastinate_jobs": {"INSERT"},
        "queue.procrastinate_events": {"INSERT"},
    }


def test_who_collects_sees_no_session_and_no_token() -> None:
    collect = {each.table: each.collect for each in PRIVILEGES}
    assert collect["sessions"] == collect["api_tokens"] == ()
    assert collect["audit_events"] == ("INSERT",)


def test_the_database_grants_what_the_lines_say(store: Engine, role: DatabaseRole) -> None:
    with store.connect() as connection:
        for each in PRIVILEGES:
            for privilege in ALL:
                granted = connection.scalar(
                    text("SELECT has_table_privilege(:role, :table, :privilege)"),
                    {"role": role.value, "table": named(each.table), "privilege": privilege},
                )
                assert granted == (privilege in privileges_of(role, each)), (each, privilege)


def refused(connection: Connection, statement: str) -> str:
    """The state that a statement failed with; empty: it did not fail for want of a privilege."""
    with connection.begin_nested() as part:
        try:
            connection.execute(text(statement))
        except ProgrammingError as error:
            part.rollback()
            state = getattr(error.orig, "sqlstate", None)
            return "refused" if state == "42501" else f"{state}"
        except Exception as error:  # noqa: BLE001 - anything else came after the look at privileges
            part.rollback()
            return type(error).__name__
        part.rollback()
    return ""


def test_the_database_refuses_everything_else(
    store: Engine, limited: Connection, role: DatabaseRole
) -> None:
    for each in PRIVILEGES:
        table = named(each.table)
        tried = {"SELECT": f"SELECT * FROM {table} LIMIT 1"}
        if each.table not in View.metadata.tables:  # most views take no rows from anybody
            schema, _, name = table.partition(".")
            column = inspect(store).get_columns(name, schema)[0]["name"]
            tried |= {
                "INSERT": f"INSERT INTO {table} DEFAULT VALUES",
                "UPDATE": f'UPDATE {table} SET "{column}" = DEFAULT WHERE false',
                "DELETE": f"DELETE FROM {table} WHERE false",
                "TRUNCATE": f"TRUNCATE {table}",
            }
        for privilege, statement in tried.items():
            allowed = privilege in privileges_of(role, each)
            assert (refused(limited, statement) == "refused") != allowed, (statement, allowed)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE public.mine ()",
        "CREATE SCHEMA mine",
        "ALTER TABLE runs ADD COLUMN mine int",
        "DROP TABLE runs",
        "CREATE OR REPLACE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "ALTER TABLE audit_events DISABLE TRIGGER ALL",
        "CREATE ROLE other",
        "COPY runs TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT setval('runs_id_seq', 1)",
    ],
)
def test_nobody_but_the_owner_does_more(limited: Connection, statement: str) -> None:
    assert refused(limited, statement) == "refused"


def test_webhooks_put_work_into_the_queue(store: Engine) -> None:
    with sessions(store)() as session:
        session.execute(text(f"SET LOCAL ROLE {DatabaseRole.WEB}"))
        assert enqueue(session, COLLECT, alone="a", waiting_once="a")
        assert enqueue(session, COLLECT, alone="a", waiting_once="a") == []
        session.rollback()


def test_workers_take_it_out(store: Engine) -> None:
    with sessions(store)() as session:
        session.execute(text(f"SET LOCAL ROLE {DatabaseRole.COLLECT}"))
        session.execute(text(f"SET LOCAL search_path TO public, {SCHEMA}"))
        (job,) = enqueue(session, COLLECT)
        session.execute(text(f"SET LOCAL search_path TO public, {SCHEMA}"))
        worker = session.scalar(text("SELECT worker_id FROM procrastinate_register_worker_v1()"))
        for statement in (
            f"SELECT id FROM procrastinate_fetch_job_v2(ARRAY['runs']::varchar[], {worker})",
            f"SELECT procrastinate_update_heartbeat_v1({worker})",
            f"SELECT procrastinate_finish_job_v1({job}, 'succeeded', true)",
            f"SELECT procrastinate_unregister_worker_v1({worker})",
            "SELECT worker_id FROM procrastinate_prune_stalled_workers_v1(1)",
        ):
            session.execute(text(statement)).all()
        assert give_back(session, silent=30) == 0
        session.rollback()


def test_granting_again_takes_back_what_was_granted_besides(engine: Engine) -> None:
    more = "SELECT has_table_privilege('teamgauge_web', 'runs', 'DELETE')"
    with engine.begin() as connection:
        connection.execute(text("GRANT DELETE ON runs TO teamgauge_web"))
        assert connection.scalar(text(more))
    assert migrate.grant(engine) == []
    with engine.connect() as connection:
        assert not connection.scalar(text(more))
        assert grants.is_granted(connection)


def test_a_login_that_may_not_make_roles_names_those_that_are_not_there(engine: Engine) -> None:
    """As on a server that somebody else administers: the tables are made, without the roles."""
    login = f"plain_{uuid4().hex[:8]}"
    absent = "teamgauge_absent"
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text(f"CREATE ROLE {login}"))
        connection.execute(text(f"SET LOCAL ROLE {login}"))
        assert not grants.made(connection, absent, login=False)
        transaction.rollback()


def test_rows_are_changed_by_the_collectors_alone() -> None:
    """Whatever is added later: a table is read by the web server, and changed by who collects, unless a
    line says otherwise on purpose."""
    usual = [
        each for each in PRIVILEGES if (each.web, each.collect) in ((READ, CHANGE), (READ, READ))
    ]
    assert len(usual) > len(PRIVILEGES) / 2
