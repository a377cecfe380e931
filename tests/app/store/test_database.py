"""The database that the configuration names: an external one is checked, the embedded one kept alive."""

import os
import signal
import socket
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from app.errors import ConfigurationError
from app.settings import Settings
from app.store import database, migrate
from app.store.database import open_database
from tests.app.store.conftest import postgres_below, postmaster, wait_until_gone


def named(url: str) -> Settings:
    """A configuration with an external database."""
    return Settings.model_validate({"database": {"url": url}})


def below(data_dir: Path) -> Settings:
    """A configuration with the embedded one."""
    return Settings.model_validate({"database": {"data_dir": data_dir}})


def refusal(settings: Settings) -> str:
    """The sentence with which the database cannot be had."""
    with pytest.raises(ConfigurationError) as raised, open_database(settings):
        pass
    sentence = str(raised.value)
    assert raised.value.status == 2
    assert "\n" not in sentence
    assert "geheim" not in sentence
    return sentence


def test_an_external_database_serves_as_it_is(empty_database_url: str) -> None:
    """Nothing is written into it before `teamgauge migrate`."""
    with open_database(named(empty_database_url)) as engine:
        assert migrate.present_revision(engine) is None
        with engine.connect() as connection:
            tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
            assert connection.scalar(text(tables)) == 0
        migrate.upgrade(engine)
    with open_database(named(empty_database_url)) as engine:
        migrate.require_newest(engine)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for password in ("me:geheim@", "me@"):
        for query in ("", "?password=geheim"):
            sentence = refusal(named(f"postgresql://{password}127.0.0.1:{port}/x{query}"))
            assert sentence.startswith(
                f"The database postgresql://me@127.0.0.1:{port}/x cannot be reached: "
            )
            assert sentence.endswith(". Check database.url and whether the server runs.")


def test_somebody_else_listens() -> None:
    """Who accepts and says nothing is given up after the time-out of the address."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        url = f"postgresql://me:geheim@127.0.0.1:{port}/x?connect_timeout=2"
        assert "cannot be reached: " in refusal(named(url))


def test_a_name_that_leads_nowhere() -> None:
    assert "cannot be reached: " in refusal(named("postgresql://me:geheim@nowhere.invalid/x"))


def test_a_database_that_is_not_there(server_url: str) -> None:
    url = make_url(server_url).set(database="absent", password="geheim")
    sentence = refusal(named(url.render_as_string(hide_password=False)))
    assert 'database "absent" does not exist' in sentence


def test_an_old_server_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen from a program that needs a Postgres which is not out yet."""
    monkeypatch.setattr(database, "OLDEST", 99)
    sentence = refusal(named(database_url))
    assert " is Postgres 1" in sentence
    assert sentence.endswith(
        ", teamgauge needs 99 or newer. "
        "Upgrade it, or leave database.url empty for the embedded one."
    )


def test_what_serves_begins_with_fifteen() -> None:
    assert database.OLDEST == 15


def test_another_encoding_is_refused(empty_database_url: str, server_url: str) -> None:
    name = f"{make_url(empty_database_url).database}_latin"
    administrator = create_engine(
        make_url(server_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with administrator.connect() as connection:
        connection.execute(
            text(
                f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0"
                " LOCALE_PROVIDER libc LOCALE 'C'"
            )
        )
        try:
            url = make_url(server_url).set(database=name)
            sentence = refusal(named(url.render_as_string(hide_password=False)))
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    administrator.dispose()
    assert "stores text as LATIN1, teamgauge needs UTF8" in sentence


def value(engine: Engine, query: str) -> str:
    with engine.connect() as connection:
        return str(connection.scalar(text(query)))


def test_the_embedded_one_is_migrated_and_stopped(our_folder: Path) -> None:
    data_dir = our_folder / "größe und mehr"
    with open_database(below(data_dir), migrated=False) as engine:
        assert migrate.present_revision(engine) is None
    assert not postgres_below(our_folder)
    with open_database(below(data_dir)) as engine:
        migrate.require_newest(engine)
        with open_database(below(data_dir)) as second:
            assert value(second, "SHOW server_encoding") == "UTF8"
            started = "SELECT pg_postmaster_start_time()"
            assert value(second, started) == value(engine, started)
        assert value(engine, "SELECT slug FROM teams") == "organisation"
    assert not postgres_below(our_folder)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_who_is_attached_starts_the_embedded_one_again(
    our_folder: Path, number: signal.Signals
) -> None:
    """A web server of many days whose Postgres was killed, or stopped by somebody, goes on."""
    with open_database(below(our_folder / "data")) as engine:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO people (person_id, name) VALUES ('p1', 'Ada')"))
        os.kill(postmaster(our_folder), number)
        wait_until_gone(our_folder)
        assert value(engine, "SELECT name FROM people") == "Ada"
    assert not postgres_below(our_folder)
