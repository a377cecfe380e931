"""Addresses, COPY and advisory locks on real Postgres."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from app.errors import ConfigurationError, LockedError
from app.store.engine import advisory_lock, copy_rows, lock_key, make_engine, sessions


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("geheim", "database.url is not a database address."),
        ("postgresql://me:ge@heim@host/x", "database.url is not a database address."),
        ("postgresql://me:geheim@host:port/x", "database.url is not a database address."),
        ("mysql://me:geheim@host/x", "database.url names mysql, but teamgauge stores in Postgres"),
        ("sqlite:///geheim", "database.url names sqlite, but teamgauge stores in Postgres only."),
    ],
)
def test_what_is_no_address_of_postgres(url: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        make_engine(url)
    assert str(raised.value).startswith(sentence)
    assert "Write it as postgresql://user:password@host:5432/database." in str(raised.value)
    assert "heim" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_every_spelling_of_postgres_serves(database_url: str, scheme: str) -> None:
    address = make_url(database_url)
    if scheme != "postgres":  # SQLAlchemy refuses to make this one, people write it
        address = address.set(drivername=scheme)
    url = address.render_as_string(hide_password=False)
    engine = make_engine(url.replace("postgresql:", "postgres:", scheme == "postgres"))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    engine.dispose()


def test_every_instant_is_seen_in_utc(database_url: str) -> None:
    """Options of the address are kept beside ours."""
    address = make_url(database_url).update_query_dict(
        {"options": "-c work_mem=5MB -c timezone=Asia/Tokyo"}
    )
    engine = make_engine(address.render_as_string(hide_password=False))
    with engine.connect() as connection:
        seen = connection.scalar(text("SELECT timestamptz '2026-01-01 01:00+02'"))
        assert seen is not None
        assert (seen, seen.tzinfo) == (datetime(2025, 12, 31, 23, tzinfo=UTC), UTC)
        assert connection.scalar(text("SHOW timezone")) == "UTC"
        assert connection.scalar(text("SHOW work_mem")) == "5MB"
    engine.dispose()


AWKWARD = [
    "",
    "\\N",
    "\\.",
    "tab\there",
    "line\nend\r\n",
    "back\\slash",
    '"quoted"',
    "größe, 数据",
    "{}",
]


def test_copy_brings_every_value_in_as_it_is(session: Session) -> None:
    session.execute(
        text(
            "CREATE TEMPORARY TABLE copied (n bigint, word text, words text[], day date,"
            " instant timestamptz, share double precision, yes boolean)"
        )
    )
    columns = ["n", "word", "words", "day", "instant", "share", "yes"]
    instant = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)
    given: list[tuple[Any, ...]] = [
        (2**62, word, [word, "x"], date(2026, 2, 28), instant, 1 / 3, True) for word in AWKWARD
    ]
    given.append((1, None, [], None, None, None, None))
    assert copy_rows(session, "copied", columns, iter(given)) == len(given)
    stored = session.execute(text("SELECT * FROM copied")).all()
    assert [tuple(row) for row in stored] == given
    assert copy_rows(session, "copied", columns, []) == 0


def test_copy_is_part_of_the_transaction(engine: Engine) -> None:
    columns = ["person_id", "name"]
    make = sessions(engine)
    with make() as session:
        assert copy_rows(session, "people", columns, [("p1", "Ada")]) == 1
        session.rollback()
    with pytest.raises(ZeroDivisionError), make.begin() as session:
        copy_rows(session, "people", columns, (("p1", str(1 // n)) for n in (1, 0)))
    with make.begin() as session:
        assert session.scalar(text("SELECT count(*) FROM people")) == 0
        copy_rows(session, "people", columns, [("p1", "Ada")])
    with make() as session:
        assert session.scalar(text("SELECT name FROM people")) == "Ada"


def test_a_value_that_cannot_be_stored_is_an_error_of_the_database(session: Session) -> None:
    with pytest.raises(DataError), session.begin_nested():
        session.execute(text("SELECT 'x'::date"))
    assert session.scalar(text("SELECT 1")) == 1


def test_a_lock_has_the_same_number_in_every_process() -> None:
    assert lock_key("collect:gitlab") == 2795337568591792903
    assert 0 <= lock_key("") < 2**63


def test_one_holder_at_a_time(engine: Engine) -> None:
    with advisory_lock(engine, "collect:gitlab", "the source gitlab"):
        with (
            pytest.raises(LockedError, match="Another run of the source gitlab is under way") as no,
            advisory_lock(engine, "collect:gitlab", "the source gitlab"),
        ):
            pass
        assert no.value.status == 75
        with advisory_lock(engine, "collect:files", "the source files"):
            pass
    with pytest.raises(RuntimeError), advisory_lock(engine, "collect:gitlab", "it"):
        raise RuntimeError
    with advisory_lock(engine, "collect:gitlab", "it"):
        pass


def test_the_server_frees_the_lock_of_who_is_gone(engine: Engine) -> None:
    """Losing the connection inside is told by whoever uses it; leaving does not hide that."""
    holders = (
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    )
    with advisory_lock(engine, "collect:gitlab", "it"):
        with engine.connect() as other:
            assert other.execute(
                text(
                    f"{holders} AND database = (SELECT oid FROM pg_database "
                    "WHERE datname = current_database())"
                )
            ).all() == [(True,)]
            while other.execute(
                text(
                    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid "
                    "FROM pg_database WHERE datname = current_database())"
                )
            ).all():
                other.rollback()
        with advisory_lock(engine, "collect:gitlab", "it"):
            pass
