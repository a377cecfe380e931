"""How long a statement of the web server may take: no answer keeps a connection and a thread for ever."""

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

STATEMENT_SECONDS = 30.0
"""The slowest answers there are take a tenth of it."""


def limit_statements(engine: Engine, seconds: float = STATEMENT_SECONDS) -> None:
    """From now on every statement of the engine is given up by the database after so long (SQLSTATE
    57014), waiting for locks included; its transaction has failed then.

    For the connections of an engine that does nothing else: a migration takes as long as it takes.
    """

    @event.listens_for(engine, "connect")
    def limit(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, false)", [str(round(seconds * 1000))]
        )
        cursor.close()
        connection.commit()

    engine.dispose()
