"""Makes the roles of the database, and grants to each exactly what `PRIVILEGES` says."""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, text

from app.store.engine import quoted
from app.store.queue import SCHEMA
from app.store.roles import LIMITED, DatabaseRole
from app.store.tables.privileges import CHANGE, PRIVILEGES, ROUTINES, Privileges, Routine

KNOWS_MAINTAIN = 170_000
"""Since which version others than the owner may have statistics of a table made."""


def privileges_of(role: DatabaseRole, table: Privileges) -> tuple[str, ...]:
    """What the role may do with the table."""
    return table.web if role is DatabaseRole.WEB else table.collect


def may_call(role: DatabaseRole, routine: Routine) -> bool:
    """Whether the role may call the function."""
    return routine.web if role is DatabaseRole.WEB else routine.collect


def grant(connection: Connection, *, login: bool) -> list[DatabaseRole]:
    """Makes the roles where that is allowed, and grants to each exactly what it is to have.

    To be called by the owner of the tables, which are at the newest revision. login: whether one can
    connect as the role itself; else it is for logins to be made members of. Answers the roles that
    there are not and that we may not make.
    """
    missing = [role for role in LIMITED if not made(connection, role, login=login)]
    own = str(connection.scalar(text("SELECT current_schema()")))
    for each in ROUTINES:  # whoever comes may call a function, unless it is said that they may not
        connection.exec_driver_sql(
            f"REVOKE ALL ON FUNCTION {_full_name(own, each.signature)} FROM PUBLIC"
        )
    for role in LIMITED:
        if role not in missing:
            _grant_to(connection, role, own)
    return missing


def is_granted(connection: Connection) -> bool:
    """Whether `grant` was done for all roles: what it grants comes in one transaction."""
    asked = ", ".join(
        f"coalesce(has_table_privilege(to_regrole('{role}')::oid, 'alembic_version', 'SELECT'), false)"
        for role in LIMITED
    )
    return all(connection.execute(text(f"SELECT {asked}")).one())


def made(connection: Connection, role: str, *, login: bool) -> bool:
    """Makes a role unless it is there; false where we may not."""
    if connection.scalar(text("SELECT to_regrole(:role)"), {"role": str(role)}) is not None:
        return True
    may = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
    if not connection.scalar(text(may)):
        return False
    connection.execute(
        text(
            f"""
            DO $$ BEGIN
                CREATE ROLE {role} {"LOGIN" if login else "NOLOGIN"};
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- of another database of the server, at the same moment
            END $$
            """
        )
    )
    return True


def _grant_to(connection: Connection, role: DatabaseRole, own: str) -> None:
    tables = {_full_name(own, each.table): privileges_of(role, each) for each in PRIVILEGES}
    alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, privileges in tables.items():
        alike[privileges].append(name)
    statements = [
        # What an earlier version granted and this one does not goes.
        f"REVOKE ALL ON TABLE {', '.join(tables)} FROM {role}",
        *(f"GRANT USAGE ON SCHEMA {name} TO {role}" for name in _closed(connection, role, own)),
        *(
            f"GRANT {', '.join(privileges)} ON TABLE {', '.join(names)} TO {role}"
            for privileges, names in alike.items()
            if privileges
        ),
    ]
    for each in ROUTINES:
        verb, word = ("GRANT", "TO") if may_call(role, each) else ("REVOKE", "FROM")
        statements.append(
            f"{verb} EXECUTE ON FUNCTION {_full_name(own, each.signature)} {word} {role}"
        )
    added = [name for name, privileges in tables.items() if "INSERT" in privileges]
    numbered = _sequences(connection, added)
    if numbered:
        statements.append(f"GRANT USAGE ON SEQUENCE {', '.join(numbered)} TO {role}")
    version = int(connection.scalar(text("SHOW server_version_num")) or 0)
    if role is DatabaseRole.COLLECT and version >= KNOWS_MAINTAIN:
        statements.append(f"GRANT MAINTAIN ON TABLE {', '.join(alike[CHANGE])} TO {role}")
    for statement in statements:
        connection.exec_driver_sql(statement)


def _closed(connection: Connection, role: DatabaseRole, own: str) -> list[str]:
    """Of the schemas with our tables those that the role may not enter yet: `public` is open to all,
    and not always ours to grant."""
    may = text("SELECT has_schema_privilege(:role, :schema, 'USAGE')")
    return [
        quoted(schema)
        for schema in (own, SCHEMA)
        if not connection.scalar(may, {"role": role.value, "schema": schema})
    ]


def _full_name(schema: str, table: str) -> str:
    """A table with its schema, which is the queue's where its name says so."""
    return table if "." in table else f"{quoted(schema)}.{table}"


def _sequences(connection: Connection, tables: Iterable[str]) -> list[str]:
    """The sequences that number the rows of tables, but for identities, which need no privilege."""
    found = connection.scalars(
        text(
            "SELECT objid::regclass::text FROM pg_depend JOIN pg_class ON pg_class.oid = objid"
            " WHERE relkind = 'S' AND deptype = 'a' AND refobjid = ANY(CAST(:tables AS regclass[]))"
        ),
        {"tables": list(tables)},
    )
    return sorted(found)
