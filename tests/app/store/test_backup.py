"""A store is saved while others write, and becomes the same store again, or nothing does."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import Engine, NullPool, create_engine, make_url, text

from app.errors import AppError, ConfigurationError, LockedError
from app.store import backup_file, clients, migrate, queue
from app.store.backup import LEFT_OUT, MIGRATING, backup
from app.store.changes import state_of
from app.store.clients import Server
from app.store.engine import advisory_lock, make_engine, sessions
from app.store.restore import Restored, restore
from tests.app.store.stores import Rows, definitions, everything, fill
from tests.databases import engines


def bring_back(engine: Engine, file: Path) -> Restored:
    with backup_file.opened(file) as found:
        return restore(engine, found)


def without(rows: Rows, *tables: str) -> Rows:
    return {name: rows[name] for name in rows if name not in tables}


@pytest.fixture(scope="module")
def empty(server_url: str) -> Iterator[Callable[[], Engine]]:
    """Makes databases without tables."""
    with engines(server_url, "empty", "") as make:
        yield make


@pytest.fixture(scope="module")
def filled(server_url: str, template: str) -> Iterator[Engine]:
    """A store that no test changes."""
    with engines(server_url, "filled", template) as make:
        engine = make()
        fill(engine)
        yield engine


@pytest.fixture(scope="module")
def saved(filled: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its backup."""
    file = tmp_path_factory.mktemp("backup") / "store.tar"
    backup(filled, file)
    return file


def number(engine: Engine, query: str) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text(query)) or 0)


def test_it_comes_back_as_it_was(filled: Engine, saved: Path, empty: Callable[[], Engine]) -> None:
    engine = empty()
    restored = bring_back(engine, saved)
    assert restored.revision == restored.manifest.revision == migrate.newest_revision()
    assert definitions(engine) == definitions(filled)
    # All but who was signed in, what tells states of one database apart, and who worked.
    own = {*(f"public.{table}" for table in LEFT_OUT), "queue.procrastinate_workers"}
    jobs = "queue.procrastinate_jobs"
    before, after = everything(filled), everything(engine)
    assert without(after, *own, jobs) == without(before, *own, jobs)
    assert all(after["public.positions"])
    assert {name: len(after[name]) for name in own} == {
        "public.changes": 1,
        "public.sessions": 0,
        "queue.procrastinate_workers": 0,
    }
    assert len(after[jobs]) == len(before[jobs]) == 2


def test_it_goes_on_where_it_stood(saved: Path, empty: Callable[[], Engine]) -> None:
    engine = empty()
    bring_back(engine, saved)
    with engine.connect() as connection:
        first = state_of(connection)
    assert first
    with sessions(engine).begin() as session:
        # What was under way when the backup was made is done by the next who comes, once.
        assert queue.give_back(session, silent=3600) == 1
        assert queue.give_back(session, silent=3600) == 0
        assert (
            session.scalar(
                text("INSERT INTO teams (slug, name) VALUES ('new', 'New') RETURNING id")
            )
            == 4
        )
        assert queue.enqueue(session, queue.COLLECT) == [3]
    with engine.connect() as connection:
        assert state_of(connection) != first


def test_it_is_of_one_moment(empty: Callable[[], Engine], engine: Engine, tmp_path: Path) -> None:
    """Whoever writes goes on; of what belongs together all is there or nothing."""
    stop, some = Event(), Event()

    def write() -> None:
        while not stop.is_set():
            with engine.begin() as connection:
                name = f"'{number(engine, 'SELECT count(*) FROM people')}'"
                connection.execute(
                    text(f"INSERT INTO people (person_id, name) VALUES ({name}, '')")
                )
                connection.execute(
                    text(f"INSERT INTO identities (username, person_id) VALUES ({name}, {name})")
                )
            some.set()

    writer = Thread(target=write)
    writer.start()
    try:
        assert some.wait(60)
        backup(engine, tmp_path / "store.tar")
    finally:
        stop.set()
        writer.join()
    restored = empty()
    bring_back(restored, tmp_path / "store.tar")
    both = [number(restored, f"SELECT count(*) FROM {name}") for name in ("people", "identities")]
    assert both[0] == both[1]
    assert 0 < both[0] < number(engine, "SELECT count(*) FROM people")


def test_an_older_store_is_upgraded(empty: Callable[[], Engine], tmp_path: Path) -> None:
    old, new = empty(), empty()
    migrate.upgrade(old, "0005")
    with old.begin() as connection:
        connection.execute(
            text("INSERT INTO people (person_id, name, source) VALUES ('p', 'Ada', '')")
        )
    saved = backup(old, tmp_path / "store.tar")
    assert saved.manifest.revision == "0005"
    assert bring_back(new, tmp_path / "store.tar").revision == migrate.newest_revision()
    migrate.require_newest(new)
    assert number(new, "SELECT count(*) FROM people WHERE name = 'Ada'") == 1
    assert number(new, "SELECT count(*) FROM changes") == 1


def test_tables_without_anything_in_them_are_no_obstacle(saved: Path, engine: Engine) -> None:
    """A web server may have been started on the new database already."""
    bring_back(engine, saved)
    assert number(engine, "SELECT count(*) FROM people") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO teams (slug, name) VALUES ('one', 'One')",
        "INSERT INTO queue.procrastinate_jobs (queue_name, task_name) VALUES ('a', 'b')",
    ],
)
def test_nothing_is_overwritten(saved: Path, engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL search_path TO public, queue; {statement}")
    before = everything(engine)
    with pytest.raises(
        ConfigurationError, match=r"holds a store already, at revision .* left as it"
    ):
        bring_back(engine, saved)
    assert everything(engine) == before


def test_what_is_not_ours_is_left_alone(saved: Path, empty: Callable[[], Engine]) -> None:
    engine = empty()
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE runs (distance int)"))
    with pytest.raises(ConfigurationError, match="has a table runs that is not of teamgauge"):
        bring_back(engine, saved)
    assert list(everything(engine)) == ["public.runs", "sequences"]


def test_a_failure_in_the_middle_leaves_the_database_empty(
    saved: Path, empty: Callable[[], Engine], tmp_path: Path
) -> None:
    """Its last statements do not succeed: something has the name of an index."""
    engine = empty()
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE ix_runs_source_id ()"))
    with pytest.raises(AppError) as raised:
        bring_back(engine, saved)
    assert str(raised.value) == (
        'The restore failed: relation "ix_runs_source_id" already exists. '
        "The database was left empty."
    )
    assert raised.value.status == 1
    assert list(everything(engine)) == ["public.ix_runs_source_id", "sequences"]


def test_an_archive_that_cannot_be_read_is_told(
    saved: Path, empty: Callable[[], Engine], tmp_path: Path
) -> None:
    """Whole by its checksums, and still not what pg_dump writes: nothing is committed."""
    with backup_file.opened(saved) as found:
        manifest = found.manifest
        with found.from_its_begin() as descriptor, open(descriptor, "rb", closefd=False) as stream:
            dump = stream.read()
    for length in (0, len(dump) // 2):
        with backup_file.taking_place(tmp_path / "half.tar", overwrite=True) as half:
            backup_file.write(half, manifest, lambda sink, n=length: sink.write(dump[:n]))  # type: ignore[misc]
        engine = empty()
        with pytest.raises(
            AppError, match=r"The restore failed: .*\. The database was left empty\."
        ):
            bring_back(engine, tmp_path / "half.tar")
        assert everything(engine) == {"sequences": []}


def test_what_cannot_be_saved(engine: Engine, empty: Callable[[], Engine], tmp_path: Path) -> None:
    file = tmp_path / "store.tar"
    with pytest.raises(ConfigurationError, match="holds no store yet: there is nothing to save"):
        backup(empty(), file)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match="at revision 9999, which this program does not"):
        backup(engine, file)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_of_pg_dump_is_told(engine: Engine, tmp_path: Path) -> None:
    """A login that may not read everything gets no half of it."""
    role = "reader_" + str(make_url(str(engine.url)).database)
    with engine.begin() as connection:
        for statement in (
            f"CREATE ROLE {role}",
            f"GRANT SELECT ON alembic_version TO {role}",
        ):
            connection.execute(text(statement))
    url = engine.url.update_query_dict({"options": f"-crole={role}"})
    reader = make_engine(url.render_as_string(hide_password=False))
    try:
        with pytest.raises(AppError, match="The backup failed: permission denied for "):
            backup(reader, tmp_path / "store.tar")
    finally:
        reader.dispose()
        with engine.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))
    assert list(tmp_path.iterdir()) == []


def test_neither_runs_beside_a_migration(
    engine: Engine, empty: Callable[[], Engine], saved: Path, tmp_path: Path
) -> None:
    for database, step in (
        (engine, lambda: backup(engine, tmp_path / "store.tar")),
        (engine, lambda: bring_back(engine, saved)),
    ):
        with (
            advisory_lock(database, *MIGRATING),
            pytest.raises(LockedError, match="a migration or a restore is under way"),
        ):
            step()
    with advisory_lock(engine, *MIGRATING, shared=True):  # two backups do not disturb each other
        backup(engine, tmp_path / "store.tar")


def test_tables_in_a_schema_of_their_own(empty: Callable[[], Engine], tmp_path: Path) -> None:
    """The search path of the login may lead elsewhere than to `public`."""
    there, other = empty(), empty()
    for engine in (there, other):
        with engine.begin() as connection:
            connection.execute(text('CREATE SCHEMA "Own one"'))
    pathed = [
        create_engine(
            engine.url.update_query_dict({"options": '-csearch_path="Own\\ one"'}),
            poolclass=NullPool,
        )
        for engine in (there, other)
    ]
    migrate.upgrade(pathed[0])
    saved = backup(pathed[0], tmp_path / "store.tar")
    assert saved.manifest.schema == "Own one"
    with pytest.raises(
        ConfigurationError, match=r"holds tables of the schema Own one, but .* public"
    ):
        bring_back(other, tmp_path / "store.tar")
    bring_back(pathed[1], tmp_path / "store.tar")
    migrate.require_newest(pathed[1])
    assert migrate.present_revision(other) is None


def test_a_server_that_no_program_here_reads() -> None:
    with pytest.raises(ConfigurationError) as raised:
        clients.for_dump(Server(99, "99.1", encrypted=False))
    assert "The database is Postgres 99.1, and there is only pg_dump " in str(raised.value)
    assert "Install the client programs of Postgres 99 or newer" in str(raised.value)
    with pytest.raises(ConfigurationError, match="The backup was made by pg_dump 99, and there is"):
        clients.for_restore(99, Server(18, "18.4", encrypted=False))


def test_a_secret_of_the_address_is_no_argument() -> None:
    engine = make_engine(
        "postgresql://me:g%27e%20heim@db:5433/x?sslmode=verify-full&sslrootcert=/ca"
    )
    argument, environment = clients.connection_of(engine)
    assert "heim" not in argument
    assert environment["PGPASSWORD"] == "g'e heim"
    for part in ("host=db", "port=5433", "user=me", "sslmode=verify-full", "sslrootcert=/ca"):
        assert part in argument.split()
    engine = make_engine("postgresql://me@db/x?sslpassword=geheim")
    with pytest.raises(ConfigurationError, match=r"The parameter sslpassword .* in secret"):
        clients.connection_of(engine)
