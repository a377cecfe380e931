"""`init` writes what the other commands can read, and never over anything."""

import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

from app.cli import template
from app.settings import load_settings
from app.settings.wording import sections
from collectors.files.organisation import EMPLOYMENT, GENDER, MEMBERSHIPS, PEOPLE, read_organisation
from collectors.files.planning import OPENINGS, PLAN, TARGETS, read_planning

Teamgauge = Callable[..., subprocess.CompletedProcess[str]]


def test_what_is_written_is_a_valid_configuration(program: Teamgauge, tmp_path: Path) -> None:
    done = program("init")
    assert done.returncode == 0
    assert "Next:" in done.stdout
    settings = load_settings(tmp_path / "teamgauge.toml")
    assert settings.configured_sources() == ("files",)
    assert len(read_organisation(settings.files).records) == 1  # the root
    assert set(settings.files.planning) == {"plan", "openings", "targets"}
    for key, path in settings.files.planning.items():
        assert read_planning(key, path, ["organisation"]).records == []
    assert (tmp_path / "teamgauge.toml").stat().st_mode & 0o077 == 0


def test_every_key_stands_in_it_with_its_default() -> None:
    written = tomllib.loads(template.CONFIGURATION)
    for name, section in sections().items():
        for key, field in section.model_fields.items():
            if key.endswith("_file"):
                assert re.search(rf'# .*{key} = "path"|or {key} = "path"', template.CONFIGURATION)
            elif name != "files":
                default = field.get_default()
                plain = getattr(default, "get_secret_value", lambda value=default: value)()
                shown = "" if plain is None else plain
                found = written[name][key]
                assert (list(shown) if isinstance(shown, tuple) else str(shown)) in (
                    found,
                    str(found),
                ), key
            else:
                assert written[name][key] in {"teams.yaml", *template.HEADERS}


def test_headers_are_those_that_are_read() -> None:
    assert template.HEADERS["people.csv"] == ",".join((*PEOPLE, *GENDER))
    assert template.HEADERS["employment.csv"] == ",".join(EMPLOYMENT)
    assert template.HEADERS["memberships.csv"] == ",".join(MEMBERSHIPS)
    assert template.HEADERS["plan.csv"] == ",".join(PLAN)
    assert template.HEADERS["openings.csv"] == ",".join(OPENINGS)
    assert template.HEADERS["targets.csv"] == ",".join(TARGETS)


def test_the_example_of_a_team_can_be_uncommented(tmp_path: Path) -> None:
    text = re.sub(r"(?m)^# (?=- |  )", "", template.TEAMS)
    assert text.count("- slug:") == 2
    (tmp_path / "teams.yaml").write_text(text)
    (tmp_path / "teamgauge.toml").touch()
    batch = read_organisation(load_settings(tmp_path / "teamgauge.toml").files)
    assert [getattr(team, "slug", "") for team in batch.records] == [
        "organisation",
        "development",
        "backend",
    ]


def test_nothing_is_overwritten(teamgauge: Teamgauge, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("mine")
    assert "Left people.csv as it is." in teamgauge("init").stdout
    assert (tmp_path / "people.csv").read_text() == "mine"
    (tmp_path / "teamgauge.toml").write_text("# mine")
    done = teamgauge("init")
    assert done.returncode == 2
    assert "teamgauge.toml exists already" in done.stderr
    assert (tmp_path / "teamgauge.toml").read_text() == "# mine"


def test_another_place(teamgauge: Teamgauge, tmp_path: Path) -> None:
    assert teamgauge("init", "--config", "conf/own.toml").returncode == 0
    assert (tmp_path / "conf" / "own.toml").exists()
    assert (tmp_path / "conf" / "teams.yaml").exists()
    assert not (tmp_path / "teams.yaml").exists()
