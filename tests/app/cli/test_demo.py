"""`demo`: from nothing to a filled page, twice in the same folder, and nothing is left behind."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

Finished = subprocess.CompletedProcess[str]
Running = subprocess.Popen[str]


def served(process: Running) -> str:
    """The address, once the demo serves."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line.startswith("teamgauge serves "):
            return line.split()[2]
    raise AssertionError("".join(seen) + str(process.stderr and process.stderr.read()))


def processes(folder: Path) -> list[str]:
    """Every process that has to do with a folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            command = (each / "cmdline").read_bytes().decode(errors="replace")
            place = os.readlink(each / "cwd")
        except OSError:
            continue
        if str(folder) in command or place.startswith(str(folder)):
            found.append(f"{each.name} {command}")
    return found


@pytest.mark.timeout(900)
def test_the_demo(start: Callable[..., Running], tmp_path: Path) -> None:
    folder = tmp_path / "the data"
    first = start("demo", "--port", "0", "--data-dir", str(folder))
    base = served(first)
    teams = httpx.get(f"{base}api/v1/teams", timeout=120).json()["items"]
    assert len(teams) > 10
    rate = httpx.get(f"{base}api/v1/indicators/mr_rate/series", timeout=120).json()["points"]
    assert sum(point["value"] is not None for point in rate) >= 12
    assert httpx.get(base, timeout=120).status_code == 200
    first.kill()
    first.communicate(timeout=120)

    second = start("demo", PORT="0", DATA_DIR=str(folder))
    base = served(second)
    assert len(httpx.get(f"{base}api/v1/teams", timeout=120).json()["items"]) == len(teams)
    evidence = httpx.get(f"{base}api/v1/indicators/open_mr_age/evidence", timeout=120).json()[
        "items"
    ]
    assert httpx.get(evidence[0]["web_url"], timeout=120).status_code == 200
    second.send_signal(signal.SIGINT)
    _, stderr = second.communicate(timeout=120)
    assert second.returncode == 0
    assert "Traceback" not in stderr
    with pytest.raises(httpx.ConnectError):
        httpx.get(base, timeout=120)
    assert processes(folder) == []


def test_a_folder_of_something_else_is_left_alone(
    teamgauge: Callable[..., Finished], tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    done = teamgauge("demo", "--port", "0", "--data-dir", "mine")
    assert done.returncode == 2
    assert "holds something else than an earlier demo" in done.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["file"]


def test_a_busy_port_is_told_before_anything_is_made(
    teamgauge: Callable[..., Finished], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = teamgauge("demo", PORT=str(other.getsockname()[1]), DATA_DIR=str(tmp_path / "d"))
    assert done.returncode == 2
    assert "cannot be used: address already in use" in done.stderr
    assert not (tmp_path / "d").exists()
