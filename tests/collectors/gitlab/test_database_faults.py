"""The database fills up, or goes away, at every step of a small collection: the next run mends it."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import which
from tempfile import mkdtemp

import pytest
from sqlalchemy import Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from app.errors import AppError
from app.store.engine import make_engine
from demo.gitlab import Request
from tests.collectors.gitlab.course import (
    ALL,
    Course,
    courses,
    places,
    wrong_after,
    wrong_with,
)
from tests.databases import engines

FILLED = (
    *("projects", "accounts", "former_usernames", "merge_requests", "notes", "reviewers"),
    *("changed_paths", "positions", "runs"),
)
"""The tables that a run writes into."""

SENTENCE = "The database did not store what gitlab sent"


@pytest.fixture(scope="module")
def pair(server_url: str, template: str) -> Iterator[tuple[Course, Course]]:
    with engines(server_url, "test", template) as make, courses(make) as made:
        yield made


@pytest.fixture(params=["first", "following"])
def course(request: pytest.FixtureRequest, pair: tuple[Course, Course]) -> Course:
    return pair[request.param == "following"]


@pytest.fixture
def outside(course: Course) -> Iterator[Engine]:
    """Connections to the same database that have nothing to do with the collector's."""
    other = create_engine(course.engine.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    yield other
    other.dispose()


def fails_in_order(course: Course) -> list[str]:
    """One run while the database fails: it says so, unless nothing was left to be stored."""
    wrong = []
    try:
        report = course.collect()
    except AppError as error:
        told = [str(error)]
    else:
        if report.outcome == "done":
            return wrong_with(course, report)
        told = [str(each) for each in report.failures]
        if report.data_through is not None or report.status != 1:
            wrong.append(f"it ends {report.outcome} as if it had been whole")
    if not any(sentence.startswith(SENTENCE) for sentence in told):
        wrong.append(f"it tells {told}")
    return wrong


def at(place: int, act: Callable[[], None]) -> Callable[[Request], bool]:
    """A condition for a fault that never comes: acts when so many requests went before."""
    left = place

    def count(_: Request) -> bool:
        nonlocal left
        left -= 1
        if left == -1:
            act()
        return False

    return count


def test_the_database_goes_away_at_each_request(course: Course, outside: Engine) -> None:
    def ends_all_connections() -> None:
        with outside.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )

    found = []
    for place in places(course, [0.6]):
        course.restore()
        course.fake.fail_next(times=None, match=at(place, ends_all_connections))
        wrong = fails_in_order(course)
        course.mend()
        course.engine.dispose()  # the next run is another process
        wrong += wrong_after(course)
        if wrong:
            found.append(f"at request {place}: " + "; ".join(wrong[:4]))
    assert not found, "\n".join(found)


@contextmanager
def counted_writes(outside: Engine) -> Iterator[Callable[[int | None], int]]:
    """Lets every write after so many fail as on a full disk (None: none); gives how many there were."""
    with outside.connect() as connection:
        connection.execute(text("CREATE SEQUENCE writes"))
        connection.execute(text("CREATE TABLE room (writes bigint)"))
        connection.execute(
            text(
                "CREATE FUNCTION write_or_fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " IF nextval('writes') > (SELECT writes FROM room) THEN RAISE EXCEPTION"
                " 'could not extend file \"base/1/2\": No space left on device'"
                " USING ERRCODE = 'disk_full'; END IF; RETURN NULL; END $$"
            )
        )
        for table in FILLED:
            connection.execute(
                text(
                    f"CREATE TRIGGER full_disk AFTER INSERT OR UPDATE OR DELETE ON {table}"
                    " EXECUTE FUNCTION write_or_fail()"
                )
            )

    def leave(room: int | None) -> int:
        with outside.connect() as connection:
            so_far = connection.scalar(text("SELECT last_value FROM writes"))
            connection.execute(text("ALTER SEQUENCE writes RESTART WITH 1"))
            connection.execute(text("DELETE FROM room"))
            connection.execute(text("INSERT INTO room VALUES (:room)"), {"room": room})
        return int(so_far or 0)

    try:
        yield leave
    finally:
        with outside.connect() as connection:
            connection.execute(text("DROP FUNCTION write_or_fail CASCADE"))
            connection.execute(text("DROP SEQUENCE writes"))
            connection.execute(text("DROP TABLE room"))


def test_the_disk_is_full_at_each_write(course: Course, outside: Engine) -> None:
    found = []
    with counted_writes(outside) as leave:
        leave(None)
        course.restore()
        leave(None)
        course.collect()
        writes = leave(None)
        for room in range(writes) if ALL else (writes // 2, writes - 1):
            leave(None)
            course.restore()
            leave(room)
            wrong = fails_in_order(course)
            leave(None)
            wrong += wrong_after(course)
            if wrong:
                found.append(f"at write {room}: " + "; ".join(wrong[:4]))
    assert writes > 20
    assert not found, "\n".join(found)


@pytest.fixture
def small_disk(server_url: str, template: str) -> Iterator[Engine]:
    """A database on a disk of its own, with room for a little more than its tables."""
    administrator = create_engine(
        make_url(server_url).set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
    )
    # Not below the tests' own folder, which is closed to the account that the server runs as.
    folder = Path(mkdtemp())
    folder.chmod(0o711)
    try:
        with administrator.connect() as connection:  # its process is there as long as it is
            number = connection.scalar(text("SELECT pg_backend_pid()"))
            owner = Path(f"/proc/{number}").stat()
    except OSError:
        folder.rmdir()
        pytest.skip("LOUD: the database's server is not seen; no real disk was filled")
    options = f"size=32m,mode=700,uid={owner.st_uid},gid={owner.st_gid}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        folder.rmdir()
        pytest.skip("LOUD: no file system can be mounted here; no real disk was filled")
    try:
        with administrator.connect() as connection:
            connection.execute(text(f"CREATE TABLESPACE small_disk LOCATION '{folder}'"))
            connection.execute(
                text(f"CREATE DATABASE small_disk TEMPLATE {template} TABLESPACE small_disk")
            )
        engine = make_engine(
            make_url(server_url).set(database="small_disk").render_as_string(hide_password=False)
        )
        yield engine
        engine.dispose()
    finally:
        with administrator.connect() as connection:
            connection.execute(text("DROP DATABASE IF EXISTS small_disk WITH (FORCE)"))
            connection.execute(text("DROP TABLESPACE IF EXISTS small_disk"))
        administrator.dispose()
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


def test_a_real_disk_fills_up(pair: tuple[Course, Course], small_disk: Engine) -> None:
    course = replace(pair[0], engine=small_disk)
    course.mend()
    with create_engine(small_disk.url, poolclass=NullPool).connect() as connection:
        connection.execute(
            text("CREATE TABLE spare AS SELECT repeat('x', 1000) FROM generate_series(1, 60)")
        )
        connection.execute(text("CREATE TABLE ballast (filling text)"))
        connection.commit()
        more = text("INSERT INTO ballast SELECT repeat('x', 1000) FROM generate_series(1, 100000)")
        with pytest.raises(OperationalError, match="No space left on device"):
            connection.execute(more)
        connection.rollback()
        connection.execute(text("DROP TABLE spare"))
        connection.commit()

        assert fails_in_order(course) == []

        connection.execute(text("DROP TABLE ballast"))
        connection.commit()
    assert wrong_after(course) == []
