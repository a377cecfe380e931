"""`check` names the likeliest mistakes in what is stored and around it."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.cli.check_data import check_alerts, check_data, check_disk, check_watched
from app.settings import Settings
from app.store.engine import sessions
from tests.app.metrics.conftest import Store
from tests.databases import engine_on

GITLAB: dict[str, Any] = {"groups": ["acme"], "product_scope": ["acme/**"], "bots": ["robo"]}


@pytest.fixture(scope="module")
def filled(server_url: str, template: str) -> Iterator[Engine]:
    """Two teams of five people, four of whom have an account; collected an hour ago."""
    with engine_on(server_url, "check", template) as engine:
        with sessions(engine).begin() as session:
            store = Store(session)
            store.team("checkout", owns=["acme/checkout/**"])
            for number, person in enumerate(("ann", "ben", "cid", "dan"), 1):
                store.person(person, number)
                store.member(person, "checkout", date(2024, 1, 1))
            store.person("eve")
            store.member("eve", "checkout", date(2024, 1, 1))
            store.account(9, "robo", bot=True)
            store.project(1, "acme/checkout/api")
            hour = datetime.now(UTC) - timedelta(hours=1)
            store.collected(f"{hour:%Y-%m-%d %H:%M}", ["gitlab"])
        yield engine


def found(engine: Engine, **sections: dict[str, Any]) -> dict[str, tuple[bool | None, str]]:
    given = {"reporting": {"timezone": "Europe/Berlin"}, "gitlab": GITLAB} | sections
    settings = Settings.model_validate(given)
    return {what: (works, sentence) for works, what, sentence in check_data(settings, engine)}


def test_nothing_is_wrong(filled: Engine) -> None:
    told = found(filled)
    assert [what for what, (works, _) in told.items() if works is not True] == []
    assert set(told) == {
        "clock",
        "reporting.timezone",
        "data of gitlab",
        "gitlab.product_scope",
        "gitlab.bots",
        "owns of the teams",
        "people",
    }
    assert told["people"][1] == "1 of 5 people in teams have no account that was seen in GitLab"


def test_nothing_is_stored_yet(engine: Engine) -> None:
    told = found(engine)
    assert told["data of gitlab"] == (True, "none yet: `teamgauge collect gitlab` brings them")
    assert set(told) == {"clock", "reporting.timezone", "data of gitlab"}


def test_a_time_zone_that_nobody_set(filled: Engine) -> None:
    works, sentence = found(filled, reporting={})["reporting.timezone"]
    assert works is None
    assert sentence.startswith("not set, so days and months end at midnight UTC")


def test_a_time_zone_that_the_database_does_not_have(filled: Engine) -> None:
    zone = Settings().reporting.model_copy(update={"timezone": "Mars/Olympus"})
    settings = Settings().model_copy(update={"reporting": zone})
    _, (works, what, sentence) = islice(check_data(settings, filled), 2)
    assert (works, what) == (False, "reporting.timezone")
    assert sentence.startswith("Mars/Olympus is not known to the database: install the time zones")


def test_data_that_are_stale(filled: Engine) -> None:
    stale: dict[str, Any] = {"stale_after_hours": 1}
    with filled.begin() as connection:
        before = connection.scalar(text("SELECT data_through FROM runs"))
        connection.execute(
            text(
                "UPDATE runs SET data_through = now() - interval '30 hours', outcome = 'failed',"
                " message = 'No way.'"
            )
        )
    works, sentence = found(filled)["data of gitlab"]
    with filled.begin() as connection:
        connection.execute(
            text("UPDATE runs SET data_through = :at, message = '', outcome = 'done'"),
            {"at": before},
        )
    assert works is None
    assert sentence == (
        "complete up to 30 hours ago, its last run is failed: No way. See whether cron runs "
        "`teamgauge collect gitlab`"
    )
    assert found(filled, alerts=stale)["data of gitlab"][0] is None
    assert found(filled)["data of gitlab"][0] is True


def test_globs_that_match_nothing(filled: Engine) -> None:
    wrong = GITLAB | {"product_scope": ["acme/**", "acne/**"], "bots": ["rob-*", "robot-*"]}
    told = found(filled, gitlab=wrong)
    assert told["gitlab.product_scope"] == (
        None,
        "acne/** matches none of the 1 projects that are collected: check the spelling",
    )
    assert told["gitlab.bots"] == (
        None,
        "rob-*, robot-* match none of the 5 accounts: check the spelling",
    )
    many = GITLAB | {"product_scope": [f"none-{number}/**" for number in range(7)]}
    assert " and 2 more match none" in found(filled, gitlab=many)["gitlab.product_scope"][1]
    with filled.begin() as connection:
        connection.execute(
            text("UPDATE teams SET owns = '{acme/chekout/**}' WHERE slug = 'checkout'")
        )
    works, sentence = found(filled)["owns of the teams"]
    with filled.begin() as connection:
        connection.execute(
            text("UPDATE teams SET owns = '{acme/checkout/**}' WHERE slug = 'checkout'")
        )
    assert works is None
    assert sentence.startswith("acme/chekout/** matches none of the 1 projects")


def test_many_people_without_an_account(filled: Engine) -> None:
    with filled.begin() as connection:
        connection.execute(text("DELETE FROM identities WHERE username = 'dan'"))
    works, sentence = found(filled)["people"]
    with filled.begin() as connection:
        connection.execute(
            text("INSERT INTO identities (username, person_id) VALUES ('dan', 'dan')")
        )
    assert works is None
    assert sentence.startswith("2 of 5 people in teams have no account")


def test_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    settings = Settings.model_validate({"database": {"data_dir": str(tmp_path)}})
    disk = shutil.disk_usage(tmp_path)
    share = disk.free / disk.total
    [(enough, _, _)] = check_disk(settings, nearly_full=share / 2)
    [(scarce, what, sentence)] = check_disk(settings, nearly_full=1.1)
    assert (enough, scarce, what) == (True, None, "disk")
    assert sentence.endswith(f"GB are left for {tmp_path}: make room soon")
    external = Settings.model_validate({"database": {"url": "postgresql://nobody@localhost/x"}})
    assert list(check_disk(external)) == []


def test_who_is_to_be_told_cannot_be(filled: Engine) -> None:
    alerts = {
        "webhook_url": "http://127.0.0.1:9/geheim",
        "email_to": ["a@example.com"],
        "email_from": "b@example.com",
        "smtp_host": "127.0.0.1",
        "smtp_port": 9,
        "teams": ["chekout"],
    }
    settings = Settings.model_validate({"alerts": alerts})
    webhook, mail = check_alerts(settings)
    assert webhook[:2] == (False, "alerts.webhook_url")
    assert webhook[2].startswith("127.0.0.1 cannot be reached: ")
    assert mail[:2] == (False, "alerts.smtp_host")
    assert list(check_watched(settings, filled)) == [
        (
            False,
            "alerts",
            "alerts.teams names 'chekout', and there is no such team, perhaps checkout is meant.",
        )
    ]
