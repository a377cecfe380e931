"""Every way of deploying at once: what its files start is there, and means what it says."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.cli.commands import make_command
from app.cli.serve import permitted
from app.settings import Settings, load_settings
from tests.packaging.deployments import ROOT, Deployed, deployed

EVERYTHING = deployed()
FILES = [
    ROOT / "Dockerfile",
    ROOT / "compose.yaml",
    *sorted(path for path in (ROOT / "deploy").rglob("*") if path.is_file()),
]
NOT_OF_A_SECTION = {"TEAMGAUGE_CONFIG", "TEAMGAUGE_IMAGE"}
"""The file's name, and compose.yaml's own question."""

ADDRESSES = {"database.url", "database.web_url", "database.collect_url"}
ADDRESS_OF = {
    "serve": "database.web_url",
    "collect": "database.collect_url",
    "worker": "database.collect_url",
}


def secret_keys() -> set[str]:
    return {
        f"{section}.{key}"
        for section, field in Settings.model_fields.items()
        for key, each in getattr(field.annotation, "model_fields", {}).items()
        if each.annotation is SecretStr
    }


def loaded(each: Deployed, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The configuration that the command finds, with every secret in place."""
    whole = ""
    if "greenhouse.client_secret" in each.secrets:
        whole += "[greenhouse]\nclient_id = 'harvest'\n"
    if "alerts.smtp_password" in each.secrets:
        whole += "[alerts]\nsmtp_username = 'teamgauge'\n"
    (folder / "teamgauge.toml").write_text(whole)
    for key in each.secrets:
        value = "s3cret"
        if key in ADDRESSES:
            value = "postgresql://login@database/teamgauge"
        elif key.endswith("_url"):
            value = "https://hooks.example.com/T0"
        (folder / key).write_text(value + "\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    for key, value in each.environment.items():
        monkeypatch.setenv(key, value)
    return load_settings()


def test_everything_is_deployed_in_every_way() -> None:
    for where, commands in {
        "compose.yaml": {"migrate", "serve", "worker", "backup"},
        "teamgauge": {"migrate", "serve", "collect", "backup"},
        "0-": {"migrate", "serve", "collect", "backup"},
    }.items():
        found = {each.arguments[0] for each in EVERYTHING if where in each.where}
        assert found == commands, where


@pytest.mark.parametrize("each", EVERYTHING, ids=lambda each: each.where)
def test_each_command_is_one_with_options_that_it_has(each: Deployed) -> None:
    name, *arguments = each.arguments
    command = make_command().commands[name]
    with command.make_context(name, list(arguments)) as context:  # refuses what it does not know
        assert context.params


@pytest.mark.parametrize("each", EVERYTHING, ids=lambda each: each.where)
def test_each_is_configured_as_it_can_be(
    each: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert each.secrets <= secret_keys()
    assert not {key for key in each.environment if not key.startswith("TEAMGAUGE_")}
    settings = loaded(each, tmp_path, monkeypatch)
    # Each is given the address for what it does, and only that one.
    address = ADDRESS_OF.get(each.arguments[0], "database.url")
    assert {address} == each.secrets & ADDRESSES
    assert getattr(settings.database, address.removeprefix("database.")).get_secret_value()
    if each.arguments[0] == "serve":
        assert "gitlab.token" not in each.secrets, "the web server asks GitLab for nothing"
        permitted(settings)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_variable_is_a_setting(file: Path) -> None:
    for name in set(re.findall(r"TEAMGAUGE_[A-Z_]+", file.read_text(encoding="utf-8"))):
        section, _, key = name.removeprefix("TEAMGAUGE_").lower().partition("__")
        field = Settings.model_fields.get(section)
        known = getattr(field.annotation, "model_fields") if field else {}  # noqa: B009 - typed as Any
        assert name in NOT_OF_A_SECTION or key in known, f"{file.name}: {name}"


def test_no_secret_lies_in_a_file_of_ours() -> None:
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        for key in secret_keys():
            variable = f"TEAMGAUGE_{key.replace('.', '__').upper()}"
            assert variable not in text, f"{file.name} hands {key} over in the open"
            assert not re.search(rf"^\s*{re.escape(key)}: *[^\s\"{{]", text, re.M), file.name
