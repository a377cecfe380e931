"""A small store with something in the tables that matter to a backup, and everything that is in one."""

from typing import Any

from sqlalchemy import Engine, inspect, text

from app.store.queue import SCHEMA

FILLING = (
    "INSERT INTO people (person_id, name, source) VALUES ('p1', 'Ada \\ Löve\tlace', 'files')",
    "INSERT INTO identities (username, person_id, source) VALUES ('ada', 'p1', 'files')",
    "INSERT INTO teams (slug, name, parent) VALUES ('dev', 'Development', 'organisation')",
    "INSERT INTO teams (slug, name, parent) VALUES ('web', 'Web', 'dev')",
    "INSERT INTO positions VALUES ('gitlab', 'project:1', '2026-11-26 03:00:00.123456+00', true)",
    "INSERT INTO runs (source, kind, started_at, outcome) VALUES ('gitlab', 'full', now(), 'running')",
    "INSERT INTO work_items (run_id, kind, fields, holder) VALUES (1, 'page', '{\"a\": 1}', 'gone')",
    "INSERT INTO daily_values VALUES ('open_mr_age', '', 2, '2026-11-01', '{1}', '{NaN}', '{0.1}',"
    " '{1e300}', '{2}', '{-infinity}')",
    f"INSERT INTO {SCHEMA}.procrastinate_workers DEFAULT VALUES",
    f"INSERT INTO {SCHEMA}.procrastinate_jobs (queue_name, task_name, status, attempts, worker_id)"
    " VALUES ('runs', 'collect', 'doing', 0, 1), ('items', 'work', 'todo', 0, NULL)",
    "INSERT INTO sessions (id_hash, subject, name, created_at, last_seen_at, expires_at)"
    " VALUES ('x', 's', 'Ada', now(), now(), now() + interval '1 day')",
)

Rows = dict[str, list[tuple[Any, ...]]]


def fill(engine: Engine) -> None:
    """Writes a few rows, in a transaction each."""
    for statement in FILLING:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL search_path TO public, {SCHEMA}")
            connection.exec_driver_sql(statement)


def everything(engine: Engine) -> Rows:
    """All rows of all tables as text, and where each sequence stands."""
    found: Rows = {}
    with engine.connect() as connection:
        for schema in ("public", SCHEMA):
            for table in inspect(connection).get_table_names(schema):
                name = f"{schema}.{table}"
                rows = connection.execute(text(f"SELECT each::text FROM {name} each ORDER BY 1"))
                found[name] = [tuple(row) for row in rows]
        sequences = connection.execute(
            text(
                "SELECT schemaname || '.' || sequencename, last_value FROM pg_sequences ORDER BY 1"
            )
        )
        found["sequences"] = [tuple(row) for row in sequences]
    return found


def definitions(engine: Engine) -> set[str]:
    """How everything is made: columns, keys, indexes, triggers, functions, views."""
    with engine.connect() as connection:
        return set(connection.scalars(text(DEFINITIONS)))


DEFINITIONS = f"""
    WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname IN ('public', '{SCHEMA}'))
    SELECT concat_ws(' ', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
            a.attidentity, pg_get_expr(d.adbin, d.adrelid))
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (c.oid, a.attnum)
        WHERE c.relnamespace IN (SELECT oid FROM ours) AND c.relkind IN ('r', 'v') AND a.attnum > 0
            AND NOT a.attisdropped
    UNION SELECT conrelid::regclass || conname || pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace IN (SELECT oid FROM ours) AND contype <> 'n'
    UNION SELECT indexdef FROM pg_indexes WHERE schemaname IN ('public', '{SCHEMA}')
    UNION SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION SELECT pg_get_functiondef(oid) FROM pg_proc
        WHERE pronamespace IN (SELECT oid FROM ours) AND prokind IN ('f', 'p')
    UNION SELECT viewname || definition FROM pg_views WHERE schemaname = 'public'
    UNION SELECT obj_description('alembic_version'::regclass, 'pg_class')
"""
