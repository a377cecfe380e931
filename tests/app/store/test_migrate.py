"""The revisions against the tables, up from empty and down again, and what every table keeps to."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from procrastinate.schema import SchemaManager
from sqlalchemy import Engine, text

from app.errors import ConfigurationError
from app.store import migrate, queue
from app.store.engine import make_engine
from app.store.tables import Base
from app.store.tables.effective import View

COLUMNS = """
    SELECT table_name, column_name, data_type, udt_name, is_nullable, column_default
    FROM information_schema.columns JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE table_schema = 'public' AND t.table_type = 'BASE TABLE'
"""
VIEWS = "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'"
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
"""
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
SEQUENCES = "SELECT sequencename, data_type::text FROM pg_sequences WHERE schemaname = 'public'"
OTHER_OBJECTS = """
    SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype <> 'c'
        AND typcategory <> 'A'
    UNION SELECT tgname FROM pg_trigger WHERE NOT tgisinternal
"""

OWN = "alembic_version"
"""Alembic's table of the revision; it is named by Alembic."""

Rows = set[tuple[Any, ...]]


def rows(engine: Engine, query: str) -> Rows:
    """The rows of a query, without those of Alembic's own table."""
    with engine.connect() as connection:
        return {tuple(row) for row in connection.execute(text(query)) if row[0] != OWN}


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Engine]:
    """An engine on a database without tables."""
    engine = make_engine(empty_database_url)
    yield engine
    engine.dispose()


def test_the_revisions_make_the_tables(engine: Engine) -> None:
    """What `alembic check` finds: tables, columns, types, indexes and keys that differ."""
    configuration = migrate.configuration()
    with engine.begin() as connection:
        configuration.attributes["connection"] = connection
        command.check(configuration)


def test_the_revisions_make_the_very_same_database(engine: Engine, empty: Engine) -> None:
    """What `alembic check` does not compare: defaults, checks, partial indexes, deferred keys."""
    with empty.begin() as connection:
        Base.metadata.create_all(connection)
    for query in (COLUMNS, CONSTRAINTS, INDEXES, SEQUENCES):
        assert rows(engine, query) == rows(empty, query)


def test_from_empty_to_the_newest_and_back(empty: Engine) -> None:
    assert migrate.present_revision(empty) is None
    migrate.upgrade(empty)
    assert migrate.present_revision(empty) == migrate.newest_revision()
    migrate.require_newest(empty)
    everything = (COLUMNS, CONSTRAINTS, INDEXES, SEQUENCES, VIEWS)
    made = [rows(empty, query) for query in everything]
    assert rows(empty, "SELECT slug, name, parent FROM teams") == {
        ("organisation", "Organisation", None)
    }
    migrate.downgrade(empty, "base")
    assert migrate.present_revision(empty) is None
    for query in (*everything, OTHER_OBJECTS):
        assert rows(empty, query) == set()
    migrate.upgrade(empty)
    assert [rows(empty, query) for query in everything] == made


def test_the_views_have_the_columns_of_their_classes(engine: Engine) -> None:
    declared = {
        (table.name, column.name)
        for table in View.metadata.tables.values()
        for column in table.columns
    }
    made = rows(
        engine,
        "SELECT table_name, column_name FROM information_schema.columns"
        " JOIN information_schema.views USING (table_schema, table_name)"
        " WHERE table_schema = 'public'",
    )
    assert made == declared
    assert {name for name, _ in rows(engine, VIEWS)} == {name for name, _ in declared}


def test_what_the_files_said_before_there_were_other_sources_stays(empty: Engine) -> None:
    migrate.upgrade(empty, "0001")
    with empty.begin() as connection:
        connection.execute(text("INSERT INTO people (person_id, name) VALUES ('p1', 'Ann')"))
        connection.execute(text("INSERT INTO identities VALUES ('ann', 'p1')"))
    migrate.upgrade(empty)
    assert rows(empty, "SELECT username, person_id, source FROM effective_identities") == {
        ("ann", "p1", "files")
    }
    migrate.downgrade(empty, "0001")
    assert rows(empty, "SELECT username, person_id FROM identities") == {("ann", "p1")}


def test_notes_older_than_their_merge_request_are_marked(empty: Engine) -> None:
    """Those that are there when the mark is introduced, and whatever is written later."""
    note = (
        "INSERT INTO notes (id, merge_request_id, kind, created_at) VALUES (:id, 1, 'comment', :at)"
    )
    marked = "SELECT id, id FROM notes WHERE early"
    migrate.upgrade(empty, "0007")
    with empty.begin() as connection:
        connection.execute(text("INSERT INTO projects VALUES (1, 'a', 'a', 'a', false)"))
        connection.execute(
            text(
                "INSERT INTO merge_requests (id, project_id, iid, title, web_url, state, draft, labels,"
                " created_at, updated_at)"
                " VALUES (1, 1, 1, '', '', 'opened', false, '{}', '2024-02-01', '2024-02-01')"
            )
        )
        for number, at in ((1, "2024-01-31"), (2, "2024-02-01")):
            connection.execute(text(note), {"id": number, "at": at})
    migrate.upgrade(empty)
    assert rows(empty, marked) == {(1, 1)}
    with empty.begin() as connection:
        connection.execute(
            text(note), [{"id": 3, "at": "2024-01-01"}, {"id": 4, "at": "2024-03-01"}]
        )
    assert rows(empty, marked) == {(1, 1), (3, 3)}
    with empty.begin() as connection:
        connection.execute(text("UPDATE notes SET created_at = '2024-01-01' WHERE id = 4"))
        connection.execute(text("UPDATE notes SET created_at = '2024-02-02' WHERE id = 1"))
    assert rows(empty, marked) == {(3, 3), (4, 4)}
    migrate.downgrade(empty, "0007")


def test_upgrading_again_writes_nothing(engine: Engine) -> None:
    written = "SELECT 'revision', xmin::text, ctid::text FROM alembic_version"
    before = rows(engine, written)
    migrate.upgrade(engine)
    assert rows(engine, written) == before


def test_programs_that_start_together_upgrade_once(empty: Engine) -> None:
    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(migrate.upgrade, empty) for _ in range(4)]:
            done.result()
    assert migrate.present_revision(empty) == migrate.newest_revision()
    assert rows(empty, "SELECT count(*) FROM teams") == {(1,)}


def test_a_database_without_tables_names_the_command(empty: Engine) -> None:
    with pytest.raises(ConfigurationError, match=r"at revision none.* Run `teamgauge migrate`\."):
        migrate.require_newest(empty)


def newer(engine: Engine, oldest: str) -> None:
    """Makes it look as if a newer program had upgraded the database. oldest: revision of the programs
    that may still use it."""
    note = f"Usable by every program that needs revision {oldest} or newer."
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{note}'"))


@pytest.mark.parametrize("step", [migrate.upgrade, migrate.require_newest])
def test_a_program_goes_on_beside_a_newer_one_that_took_nothing_away(
    step: Any, engine: Engine
) -> None:
    newer(engine, migrate.newest_revision())
    step(engine)
    assert migrate.present_revision(engine) == "9999"


def test_what_programs_may_use_it_stands_in_the_database(empty: Engine) -> None:
    migrate.upgrade(empty, "0009")
    note = "SELECT 'note', obj_description('alembic_version'::regclass, 'pg_class')"
    # Of the first revisions none says that it took nothing away.
    assert rows(empty, note) == {
        ("note", "Usable by every program that needs revision 0009 or newer.")
    }
    migrate.upgrade(empty)
    assert rows(empty, note) == {
        (
            "note",
            f"Usable by every program that needs revision {migrate.oldest_program()} or newer.",
        )
    }


@pytest.mark.parametrize("step", [migrate.upgrade, migrate.require_newest])
def test_a_database_of_a_newer_program_is_left_alone(step: Any, engine: Engine) -> None:
    newer(engine, "9998")
    before = rows(engine, COLUMNS)
    with pytest.raises(ConfigurationError, match="at revision 9999, which this program does not"):
        step(engine)
    assert migrate.present_revision(engine) == "9999"
    assert rows(engine, COLUMNS) == before


def test_every_constraint_and_index_is_named_by_the_convention(engine: Engine) -> None:
    prefixes = {"p": "pk_{}", "f": "fk_{}_", "u": "uq_{}_", "c": "ck_{}_"}
    constraints = rows(engine, CONSTRAINTS)
    assert constraints
    for table, name, kind, _ in constraints:
        assert re.match(prefixes[kind].format(table), name), name
        assert len(name) < 64, "Postgres cuts longer names off"
    behind = {(table, name) for table, name, *_ in constraints}
    for table, name, definition in rows(engine, INDEXES):
        if (table, name) not in behind:
            prefix = "uq" if definition.startswith("CREATE UNIQUE") else "ix"
            assert name.startswith(f"{prefix}_{table}_"), name


def test_every_instant_has_a_zone(engine: Engine) -> None:
    types = {row[2] for row in rows(engine, COLUMNS)}
    assert "timestamp with time zone" in types
    assert types & {"timestamp without time zone", "time without time zone"} == set()


NO_FOREIGN_KEY = {
    # Derived rows outlive what they were derived from: the difference tells the refresh what is stale.
    "attribution_spans.account_id",
    "merge_request_facts.author_id",
    "merge_request_facts.project_id",
    "project_owners.project_id",
    "team_member_spans.person_id",
    # An offer may be told of whose opening is not.
    "offers.opening_id",
    # A project may be told to have changed that is not stored yet; a job is gone when it is done.
    "marks.project_id",
    "work_items.job_id",
}


def test_what_names_a_row_of_another_table_is_a_foreign_key(engine: Engine) -> None:
    naming = {
        f"{table}.{column}"
        for table, column, *_ in rows(engine, COLUMNS)
        if column.endswith("_id") or (column in ("team", "parent") and table != "people")
    }
    found = {
        f"{table}.{column}"
        for table, _, kind, definition in rows(engine, CONSTRAINTS)
        if kind == "f"
        for column in re.findall(r"FOREIGN KEY \((?:source, )?(\w+)\)", definition)
    }
    own = {"people.person_id", "openings.opening_id", "offers.offer_id"}
    assert naming - found == NO_FOREIGN_KEY | own
    assert found <= naming


def test_deleting_a_row_never_searches_a_whole_table(engine: Engine) -> None:
    """Every foreign key has an index that begins with its column, save on a table of a few rows."""
    first = {
        (table, re.findall(r"\((\w+)", definition)[0])
        for table, _, definition in rows(engine, INDEXES)
        if " WHERE " not in definition
    }
    keys = {
        (table, re.findall(r"FOREIGN KEY \((\w+)", definition)[0])
        for table, _, kind, definition in rows(engine, CONSTRAINTS)
        if kind == "f"
    }
    # Teams are retired, never deleted: their stored values are kept.
    assert keys - first == {
        ("indicator_values", "team_id"),
        ("daily_values", "team_id"),
        ("targets", "team"),
        ("offers", "team"),
    }


def test_no_extension_is_needed(engine: Engine) -> None:
    assert rows(engine, "SELECT extname FROM pg_extension") == {("plpgsql",)}


def test_the_queue_is_the_newest_that_the_installed_library_knows() -> None:
    """When this fails, a revision has to bring the library's newer changes to databases that are there."""
    changes = Path(SchemaManager.get_migrations_path())
    assert max(path.name for path in changes.glob("*.sql")) == queue.NEWEST


def test_the_queue_is_made_again_after_it_was_removed(empty: Engine) -> None:
    migrate.upgrade(empty)
    found = "SELECT count(*) FROM pg_tables WHERE schemaname = 'queue'"
    assert rows(empty, found) == {(4,)}
    migrate.downgrade(empty, "0003")
    assert rows(empty, "SELECT nspname FROM pg_namespace WHERE nspname = 'queue'") == set()
    migrate.upgrade(empty)
    assert rows(empty, found) == {(4,)}
