"""Everything Postgres: the embedded server, connections, tables, backup."""
