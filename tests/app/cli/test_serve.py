"""`serve`: a busy port, several processes on one database, and a graceful end."""

import json
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

Finished = subprocess.CompletedProcess[str]
Running = subprocess.Popen[str]
Teamgauge = Callable[..., Finished]
Start = Callable[..., Running]


def address(process: Running) -> str:
    """The address that a server prints once it answers."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("teamgauge serves http://"), line + str(process.communicate())
    return line.split()[2]


def test_a_busy_port(teamgauge: Teamgauge, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = teamgauge("serve", "--port", str(port))
        by_configuration = teamgauge("serve", TEAMGAUGE_SERVER__PORT=str(port))
    assert done.returncode == by_configuration.returncode == 2
    assert (
        done.stderr
        == by_configuration.stderr
        == (
            f"Port {port} on 127.0.0.1 cannot be used: address already in use. "
            "Choose another one with --port or server.port.\n"
        )
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_answers_and_ends_in_peace(
    start: Start, database_url: str, number: signal.Signals
) -> None:
    process = start("serve", "--port", "0", TEAMGAUGE_DATABASE__URL=database_url)
    base = address(process)
    assert httpx.get(f"{base}healthz", timeout=120).status_code == 200
    assert httpx.get(f"{base}readyz", timeout=120).status_code == 200
    assert httpx.get(base, timeout=120).status_code == 200
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0
    assert stdout == ""
    assert "Traceback" not in stderr
    for line in stderr.splitlines():
        assert "event" in json.loads(line)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{base}healthz", timeout=120)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_may_be_ended_as_soon_as_it_is_there(
    start: Start, database_url: str, number: signal.Signals
) -> None:
    """The event loop that listens to signals by itself does not run yet."""
    process = start("serve", "--port", "0", TEAMGAUGE_DATABASE__URL=database_url)
    address(process)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stdout) == (0, "")
    assert "Traceback" not in stderr


@pytest.mark.parametrize("host", ["localhost", "::1", "[::1]", "127.0.0.2"])
def test_every_loopback_address_may_be_served(start: Start, database_url: str, host: str) -> None:
    if ":" in host and not _has_ipv6():
        pytest.skip("LOUD: this machine has no IPv6 loopback address")
    process = start("serve", "--host", host, "--port=0", TEAMGAUGE_DATABASE__URL=database_url)
    assert httpx.get(f"{address(process)}healthz", timeout=120).status_code == 200


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_collect_runs_beside_it_on_the_embedded_database(
    start: Start, teamgauge: Teamgauge, tmp_path: Path
) -> None:
    """The web server goes on while cron collects, and the last one out stops the database."""
    process = start("serve", "--port", "0")
    base = address(process)
    (tmp_path / "teams.yaml").write_text("- {slug: backend, name: Backend}\n")
    done = teamgauge("collect")
    assert done.returncode == 0, done.stderr
    slugs = [team["slug"] for team in httpx.get(f"{base}api/v1/teams", timeout=120).json()["items"]]
    assert slugs == ["organisation", "backend"]
    process.terminate()
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert not list((tmp_path / "data").rglob(".s.PGSQL.*[0-9]"))
