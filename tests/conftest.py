"""Real Postgres for every test that touches data: migrated by Alembic once, then rolled back or copied."""

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Engine, make_url
from sqlalchemy.orm import Session

from app.cli.garbage import look_for_garbage_seldom
from app.store import migrate
from app.store.engine import make_engine
from tests.clusters import PutCluster, made_cluster, put_cluster
from tests.databases import database, engine_on
from tests.quick import quick_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# A shell that runs the tests in the background has SIGINT ignored, nohup has SIGHUP, and every program
# inherits that: what they do when they are told to end by it could not be tested. A handler, even an
# empty one, is not inherited; with it the tests themselves still outlive the terminal under nohup.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)

# Modules and three thousand tests stay until the end: as in the commands, they are not looked at for
# garbage again and again.
look_for_garbage_seldom()

# Machines are noisy: how long an example takes says nothing about the code.
hypothesis_settings.register_profile("house", deadline=None)
hypothesis_settings.load_profile("house")

# Files that take longest. A file is run by one process: one of these at the end would leave the others
# without work.
LONGEST = (
    "packaging/test_dockerfile.py",
    "app/cli/test_demo.py",
    "app/cli/test_faults.py",
    "app/cli/test_serve.py",
    "app/cli/test_processes.py",
    "app/store/test_embedded.py",
    "collectors/gitlab/test_histories.py",
    "benchmarks/test_refresh.py",
    "realdata/test_history.py",
    "app/cli/test_secrets.py",
    "app/cli/test_killed.py",
    "benchmarks/test_collect.py",
    "benchmarks/test_load.py",
    "browser/test_smoke.py",
    "browser/test_served.py",
    "app/cli/test_endurance.py",
    "browser/test_report.py",
    "app/cli/test_serve_workers.py",
    "app/cli/test_worker.py",
    "browser/test_account.py",
    "browser/test_links.py",
    "benchmarks/test_serve.py",
    "app/metrics/test_incremental_property.py",
    "collectors/bamboohr/test_faults.py",
    "realdata/test_backlog.py",
)

SHARED = Path(__file__).parent.parent.parent / "shared"


RUN_FOLDER = "TEAMGAUGE_TEST_FOLDER"


def pytest_configure(config: pytest.Config) -> None:
    """Makes the folder of the run, which the workers of pytest-xdist are told of and share."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        stack = ExitStack()
        os.environ[RUN_FOLDER] = str(stack.enter_context(quick_folder()))
        config.add_cleanup(stack.close)


def run_folder() -> Path:
    """The folder of this run of the tests; gone when it ends."""
    return Path(os.environ[RUN_FOLDER])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, everything else as it was collected."""
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


def pytest_collection_finish() -> None:
    """What is there by now is not garbage, and is not looked at any more."""
    gc.collect()
    gc.freeze()


def require_shared(*parts: str) -> Path:
    """A file of the shared specifications or recorded data; skips loudly where it is not there."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"LOUD: {'/'.join(parts)} is not beside this checkout; nothing was checked")
    return path


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A Postgres to make databases on: TEAMGAUGE_TEST_DATABASE_URL, or an embedded one for the session.

    The workers of pytest-xdist share one: whoever comes first starts it, the last one out stops it.
    """
    given = os.environ.get("TEAMGAUGE_TEST_DATABASE_URL")
    if given:
        yield given
        return
    from app.store.embedded import EmbeddedServer

    # What the tests write need not outlive a power cut, and their journal may be short.
    settings = {"fsync": "off", "max_connections": "200", "max_wal_size": "256MB"}
    with EmbeddedServer(run_folder() / "postgres", settings).running() as url:
        yield url


@pytest.fixture(scope="session")
def cluster() -> PutCluster:
    """Makes data folders that hold a migrated database already; see `tests.clusters`."""
    return partial(put_cluster, made_cluster(run_folder()))


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """Name of a migrated, empty database that others are copied from."""
    with database(server_url, "template") as url:
        engine = make_engine(url)
        migrate.upgrade(engine)
        engine.dispose()
        name = make_url(url).database
        assert name is not None
        yield name


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """Address of a database of this test alone, without tables."""
    with database(server_url, "test") as url:
        yield url


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """Address of a migrated database of this test alone, for tests that commit or start processes."""
    with database(server_url, "test", template) as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on the test's own migrated database."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def shared_engine(server_url: str, template: str) -> Iterator[Engine]:
    """An engine on one migrated database that all rolled-back tests of this process share."""
    with engine_on(server_url, "shared", template) as engine:
        yield engine


@pytest.fixture
def session(shared_engine: Engine) -> Iterator[Session]:
    """A session whose commits are savepoints; everything is rolled back after the test."""
    with shared_engine.connect() as connection:
        transaction = connection.begin()
        with Session(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ) as session:
            yield session
        transaction.rollback()


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """The machine's own Chromium, one for all tests of a process; skips loudly where there is none."""
    from docs.screenshots import CHROMIUM, chromium  # late: most processes need none

    if CHROMIUM is None:
        pytest.skip("LOUD: there is no Chromium: no page was looked at in a browser")
    with chromium() as browser:
        yield browser
