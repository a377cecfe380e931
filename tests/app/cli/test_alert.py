"""`alert`, and the alerts of `collect`: what is said, and that a run is not less done for them."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, text

Finished = subprocess.CompletedProcess[str]
Teamgauge = Callable[..., Finished]


def test_nobody_is_to_be_told(teamgauge: Teamgauge) -> None:
    done = teamgauge("alert")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "Nobody is to be told: set alerts.webhook_url, or alerts.email_to"
    )


def test_a_run_is_done_although_nobody_could_be_told(
    teamgauge: Teamgauge, program: Teamgauge, engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "teams.yaml").write_text("- {slug: backend, name: Backend}\n")
    variables = {
        "TEAMGAUGE_DATABASE__URL": engine.url.render_as_string(hide_password=False).replace(
            "+psycopg", ""
        ),
        "TEAMGAUGE_ALERTS__WEBHOOK_URL": "http://127.0.0.1:9/geheim",
    }
    wrong = teamgauge("collect", **variables, TEAMGAUGE_ALERTS__TEAMS="bakend")
    assert wrong.returncode == 0, wrong.stdout
    assert "alerts.teams names 'bakend', and there is no such team" in wrong.stdout
    assert "perhaps backend is meant" in wrong.stdout
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT seconds FROM refresh_state")) > 0
        connection.execute(text("UPDATE runs SET data_through = now() - interval '30 hours'"))
    (tmp_path / "teams.yaml").write_text("- {slug: backend, nam: Backend}\n")

    failed = teamgauge("collect", **variables)

    assert failed.returncode == 1
    assert "alerts: The webhook at 127.0.0.1 cannot be reached" in failed.stdout
    assert "The next run tells it again." in failed.stdout
    shown = program("alert", "--dry-run", **variables)
    assert shown.returncode == 0
    assert shown.stdout.startswith(
        "alerts: would be told by webhook:\n1 source is stale.\n\n- Files"
    )
    assert teamgauge("alert", **variables).returncode == 1
    for done in (wrong, failed, shown):
        assert "geheim" not in done.stdout + done.stderr
        for line in done.stderr.splitlines():
            assert "event" in json.loads(line)
