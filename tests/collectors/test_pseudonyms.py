"""Who is forgotten while somebody collects: nobody stores a name that the other is about to take away."""

import time
from threading import Thread

from sqlalchemy import Engine, text

from app.metrics.forget import forget
from app.settings import Settings
from app.store.engine import sessions
from collectors.pseudonyms import Pseudonyms
from collectors.record import Batch
from tests.collectors.made import LATER, account, collect, first_batch, rows

WAITING = text(
    "SELECT count(*) FROM pg_sleep(0.02), pg_stat_activity WHERE datname = current_database()"
    " AND wait_event = 'advisory' AND query LIKE '%shared%'"
)


def test_a_batch_waits_until_somebody_is_forgotten(engine: Engine) -> None:
    collect(engine, first_batch())
    batch = Batch(records=[account(1, "ada", name="Ada Again"), account(2, "ben", name="Benny")])
    storing = Thread(target=collect, args=(engine, batch), kwargs={"now": LATER})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as looking:
        with sessions(engine).begin() as session:
            pseudonym = forget(session, Settings(), "ada").pseudonym
            storing.start()
            deadline = time.monotonic() + 60
            while not looking.scalar(WAITING):
                assert time.monotonic() < deadline, "it stores without waiting"
        storing.join(60)
    assert not storing.is_alive()
    assert rows(engine, "SELECT username, name FROM accounts ORDER BY id") == [
        (pseudonym, pseudonym),
        ("ben", "Benny"),
    ]


def test_where_nobody_was_forgotten_a_batch_stays_as_it_is(engine: Engine) -> None:
    """Nothing is looked at record by record."""
    with sessions(engine).begin() as session:
        batch = first_batch()
        assert Pseudonyms(session, batch, "gender").batch is batch
