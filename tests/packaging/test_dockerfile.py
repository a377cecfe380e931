"""The Dockerfile without a Docker engine: its steps run in folders of the test instead of an image.

The builder's COPY and RUN steps run as they are written, but for the folders and the name of the
interpreter; then the image's ENTRYPOINT, CMD and HEALTHCHECK run on what they installed.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.packaging.confinement import confined, unavailable

pytestmark = pytest.mark.timeout(900)  # half a gigabyte is unpacked, on a busy machine slowly

ROOT = Path(__file__).parents[2]
FOLDERS = ("/src", "/build", "/wheels", "/opt/teamgauge", "/var/lib/teamgauge", "/etc/teamgauge")


@dataclass(frozen=True)
class Step:
    """One instruction, with the number of its stage and its text on one line."""

    stage: int
    name: str
    text: str


@dataclass(frozen=True)
class Served:
    """A running server of the image."""

    server: subprocess.Popen[bytes]
    environment: dict[str, str]
    log: Path


def steps() -> list[Step]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.M)
    found: list[Step] = []
    stage = -1
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            stage += name == "FROM"
            found.append(Step(stage, name, rest.strip()))
    return found


def only(name: str) -> str:
    (found,) = [step.text for step in steps() if step.name == name]
    return found


def moved(text: str, root: Path) -> str:
    """The text with the image's folders inside the test's own."""
    for folder in FOLDERS:
        text = re.sub(rf"(?<![\w/]){re.escape(folder)}(?![\w])", f"{root}{folder}", text)
    return text


def variables(stage: int, root: Path) -> dict[str, str]:
    """The ENV of a stage over the environment of this process, without this checkout's."""
    found = {key: value for key, value in os.environ.items() if not key.startswith("TEAMGAUGE_")}
    for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE"):
        found.pop(name, None)
    for step in steps():
        if step.name == "ENV" and step.stage == stage:
            for pair in step.text.split():
                key, _, value = pair.partition("=")
                found[key] = moved(value, root).replace("$PATH", found["PATH"])
    return found


def context(target: Path) -> None:
    """What `COPY . .` copies: the tree as .dockerignore leaves it."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    kept = [line[1:] for line in lines if line.startswith("!")]
    dropped = [line.removeprefix("**/") for line in lines if line.startswith("**/")]
    assert "*" in lines, "everything that is not named stays out"
    for name in kept:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns(*dropped))
        else:
            assert not any(fnmatch.fnmatch(name, pattern) for pattern in dropped)
            shutil.copy(source, target / name)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root of an image: the builder's steps, run in order."""
    root = tmp_path_factory.mktemp("image")
    for folder in FOLDERS:
        (root / folder[1:]).parent.mkdir(parents=True, exist_ok=True)
    for folder in ("src", "etc/teamgauge", "var/lib/teamgauge"):
        (root / folder).mkdir(parents=True)
    tools = root / "tools"  # `python` of the base image
    tools.mkdir()
    (tools / "python").symlink_to(Path(sys.executable).resolve())
    environment = variables(0, root)
    environment["PATH"] = f"{tools}:{environment['PATH']}"
    environment.pop("PIP_NO_CACHE_DIR")  # the downloads of earlier runs serve as well
    # Modules are compiled by who loads them first: half of the time, and no difference to what is
    # tested. A no is what switches on an option of pip that begins with no.
    environment["PIP_NO_COMPILE"] = "no"
    for step in steps():
        if step.stage != 0:
            break
        if step.name == "COPY" and step.text == ". .":
            context(root / "src")
        elif step.name == "COPY":
            *names, target = step.text.split()
            assert target == "./"
            for name in names:
                shutil.copy(ROOT / name, root / "src")
        elif step.name == "RUN":
            done = subprocess.run(
                ["sh", "-ec", moved(step.text, root)],
                cwd=root / "src",
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=800,
            )
            if "No matching distribution found for setuptools==" in done.stderr:
                pytest.skip("LOUD: no package registry answers; the image's steps were not run")
            assert done.returncode == 0, f"RUN {step.text}\n{done.stdout}{done.stderr}"
    yield root
    shutil.rmtree(root)


@pytest.fixture
def inside(image: Path) -> dict[str, str]:
    """The environment of a container: the ENV of the last stage."""
    return variables(1, image)


def container(
    image: Path, environment: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """`docker run IMAGE ARGUMENTS`: the ENTRYPOINT with them, in the WORKDIR."""
    return subprocess.run(
        [*entrypoint(image), *arguments],
        cwd=image / "etc/teamgauge",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def entrypoint(image: Path) -> list[str]:
    command: list[str] = json.loads(only("ENTRYPOINT"))
    program = shutil.which(command[0], path=str(image / "opt/teamgauge/bin"))
    assert program, f"{command[0]} is not in the image's PATH"
    return [program, *command[1:]]


def test_the_folders_are_those_of_the_test() -> None:
    workdirs = {step.text for step in steps() if step.name == "WORKDIR"}
    assert workdirs | {only("VOLUME")} <= set(FOLDERS)


def test_the_image_runs_as_a_user_without_rights() -> None:
    last = max(step.stage for step in steps())
    ours = [step.name for step in steps() if step.stage == last]
    user = only("USER").partition(":")[0]
    assert user.isdecimal(), "a number, so that the orchestrator sees that it is not root"
    assert int(user) > 0
    assert ours.index("USER") < ours.index("ENTRYPOINT")
    assert f"--uid {user} " in next(s.text for s in steps() if s.stage == last and s.name == "RUN")


def test_the_lock_is_what_is_installed() -> None:
    installs = [step.text for step in steps() if step.name == "RUN" and "pip" in step.text]
    for command in re.findall(r"pip (?:--python \S+ )?(install[^&]*)", " && ".join(installs)):
        assert "--no-deps" in command
        assert "--require-hashes" in command or "--no-index" in command


def test_every_command_of_the_image_works(image: Path, inside: dict[str, str]) -> None:
    version = container(image, inside, "--version")
    assert version.returncode == 0, version.stderr
    for arguments in (["migrate"], ["check"]):
        done = container(image, inside, *arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    collect = container(image, inside, "collect")
    assert collect.returncode == 2, "nothing is configured yet"
    assert "Traceback" not in collect.stderr


@pytest.fixture
def served(image: Path, inside: dict[str, str]) -> Iterator[Served]:
    """The image's default command, as PID 1 would run it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**inside, "TEAMGAUGE_SERVER__PORT": str(port)}
    log = image / "served.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*entrypoint(image), *json.loads(only("CMD"))],
            cwd=image / "etc/teamgauge",
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    yield Served(server, environment, log)
    server.terminate()
    assert server.wait(timeout=120) in (0, 143, -15), log.read_text()


def test_the_health_check_follows_the_server(image: Path, served: Served) -> None:
    options, _, text = only("HEALTHCHECK").partition("CMD ")
    assert "--start-period" in options

    def healthy(port: str) -> bool:
        environment = {**served.environment, "TEAMGAUGE_SERVER__PORT": port}
        return (
            subprocess.run(
                json.loads(text), cwd=image, env=environment, capture_output=True, check=False
            ).returncode
            == 0
        )

    port = served.environment["TEAMGAUGE_SERVER__PORT"]
    deadline = time.monotonic() + 120
    while not healthy(port):
        assert time.monotonic() < deadline, served.log.read_text()
        with suppress(subprocess.TimeoutExpired):
            served.server.wait(timeout=0.5)
            pytest.fail(f"the server ended: {served.log.read_text()}")
    assert not healthy("1"), "where nothing listens"


def test_the_image_needs_no_root_that_can_be_written_and_no_rights(
    image: Path, inside: dict[str, str], tmp_path: Path
) -> None:
    """What compose.yaml and deploy/kubernetes take from it: see `tests.packaging.confinement`."""
    if reason := unavailable():
        pytest.skip(
            f"LOUD: nothing can be confined here ({reason}); the image ran with every right"
        )
    user = int(only("USER").partition(":")[0])
    home, folder = image / "var/lib/teamgauge", image / "etc/teamgauge"
    volume, root, accounts = tmp_path / "volume", tmp_path / "root", tmp_path / "passwd"
    for made in (volume, root):
        made.mkdir()
    os.chown(volume, user, user)
    accounts.write_text(f"teamgauge:x:{user}:{user}::{home}:/bin/sh\n")
    healthy = shlex.join(json.loads(only("HEALTHCHECK").partition("CMD ")[2]))
    program = shlex.join(entrypoint(image))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ours = {
        key for step in steps() if step.name == "ENV" for key in re.findall(r"(\w+)=", step.text)
    }
    environment = {key: value for key, value in inside.items() if key in ours}
    script = f"""
        ! touch /usr/written {image}/opt/teamgauge/written && touch /tmp/written {home}/written
        {program} serve & server=$!
        until {healthy} 2> /dev/null; do kill -0 $server; sleep 0.5; done
        kill -TERM $server; wait $server
    """
    done = subprocess.run(
        confined(
            ["sh", "-exc", script],
            root=root,
            shown=[image / "opt/teamgauge", image / "tools", folder],
            volumes={home: volume},
            environment={**environment, "HOME": str(home), "TEAMGAUGE_SERVER__PORT": str(port)},
            folder=folder,
            user=user,
            accounts=accounts,
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode in (0, 143), f"{done.stdout}{done.stderr}"
    assert "teamgauge serves" in done.stdout
    assert {"written", "postgres"} <= set(os.listdir(volume))
