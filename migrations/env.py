"""Alembic's environment: runs on the connection that app.store.migrate hands over, or on an address."""

import os

from alembic import context
from sqlalchemy import Connection

from app.store.engine import make_engine
from app.store.tables import Base


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=Base.metadata, compare_server_default=False
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:  # the alembic command of a developer
    engine = make_engine(os.environ["TEAMGAUGE_DATABASE__URL"])
    with engine.connect() as own:
        migrate(own)
        own.commit()
    engine.dispose()
