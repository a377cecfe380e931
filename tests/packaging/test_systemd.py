"""deploy/systemd: units that systemd accepts, none of which may do what it need not."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.deployments import SYSTEMD, unit

SERVICES = sorted(SYSTEMD.glob("*.service"))
TIMERS = sorted(SYSTEMD.glob("*.timer"))
EXPOSURE = 20
"""Tenths of 10; what is left is the network and the root folder, read-only."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="LOUD: systemd-analyze is not installed; no unit was given to it",
)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units with a program that exists on this machine."""
    folder = tmp_path_factory.mktemp("units")
    for path in (*SERVICES, *TIMERS):
        text = path.read_text(encoding="utf-8")
        (folder / path.name).write_text(
            text.replace("/opt/teamgauge/bin/teamgauge", sys.executable), encoding="utf-8"
        )
    return folder


def analysed(verb: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", verb, "--no-pager", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@needs_systemd
def test_systemd_accepts_the_units(units: Path, tmp_path: Path) -> None:
    done = analysed("verify", "--man=no", *sorted(units.iterdir()))
    assert (done.returncode, done.stderr) == (0, "")
    wrong = tmp_path / "wrong.service"
    text = (units / "teamgauge.service").read_text(encoding="utf-8")
    wrong.write_text(text.replace("ProtectSystem", "ProtectSistem"), encoding="utf-8")
    assert "ProtectSistem" in analysed("verify", "--man=no", wrong).stderr


@needs_systemd
@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_systemd_finds_little_that_a_unit_could_misuse(path: Path, units: Path) -> None:
    done = analysed("security", "--offline=true", f"--threshold={EXPOSURE}", units / path.name)
    assert done.returncode == 0, done.stdout[-400:]


def test_each_timer_has_its_service_and_is_wanted() -> None:
    assert {path.stem for path in TIMERS} == {"teamgauge-collect", "teamgauge-backup"}
    for path in TIMERS:
        assert path.with_suffix(".service") in SERVICES
        timer = unit(path)
        assert timer["Timer"]["OnCalendar"]
        assert timer["Install"] == {"WantedBy": ["timers.target"]}


def settings_of(path: Path, wanted: Callable[[str], bool]) -> dict[str, list[str]]:
    return {key: value for key, value in unit(path)["Service"].items() if wanted(key)}


def test_all_services_are_hardened_alike() -> None:
    def hardening(key: str) -> bool:
        return key.startswith(("Protect", "Private", "Restrict", "SystemCall", "Capability"))

    first, *others = [settings_of(path, hardening) for path in SERVICES]
    assert len(first) > 15
    assert all(other == first for other in others)
    for path in SERVICES:
        service = unit(path)["Service"]
        assert service["User"] == ["teamgauge"]
        assert service["UMask"] == ["0077"]
        assert service["StateDirectoryMode"] == ["0700"]
        assert service["StateDirectory"][0].split()[0] == "teamgauge"


def test_a_collector_that_has_to_wait_has_not_failed() -> None:
    service = unit(SYSTEMD / "teamgauge-collect.service")["Service"]
    assert service["SuccessExitStatus"] == ["75"]
    assert service["Type"] == ["oneshot"]


def test_secrets_are_credentials_that_may_be_missing() -> None:
    for path in SERVICES:
        for each in unit(path)["Service"]["LoadCredential"]:
            key, _, source = each.partition(":")
            # A path that is not absolute is looked for below /etc/credstore, and may be missing.
            assert source == f"teamgauge.{key}"


def test_each_unit_has_the_secrets_that_it_uses_and_no_others() -> None:
    """Who serves pages or saves the store can lose no key of an HR system or of a mail server."""
    held = {
        path.name: {each.partition(":")[0] for each in unit(path)["Service"]["LoadCredential"]}
        for path in SERVICES
    }
    assert held == {
        "teamgauge.service": {
            "database.web_url",
            "auth.client_secret",
            "gitlab.webhook_secret",
        },
        "teamgauge-collect.service": {
            "database.collect_url",
            "gitlab.token",
            "bamboohr.api_key",
            "greenhouse.client_secret",
            "alerts.webhook_url",
            "alerts.smtp_password",
        },
        "teamgauge-backup.service": {"database.url"},
        "teamgauge-migrate.service": {"database.url"},
    }


def test_the_account_is_that_of_the_units() -> None:
    kind, name, *_ = (SYSTEMD / "teamgauge.sysusers").read_text().splitlines()[-1].split()
    assert (kind, name) == ("u", "teamgauge")
