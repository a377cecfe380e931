"""Each team's report of a month goes to its managers once, when the month is complete."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.alerts.telling import rehearse, tell
from app.settings import Settings
from app.store.engine import sessions
from tests.databases import engine_on

from ..metrics.conftest import Store
from ..metrics.stored_values import SETTINGS, prepared
from .conftest import Mailbox

NOW = datetime(2024, 5, 15, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine(server_url: str, template: str) -> Iterator[Engine]:
    """A team with a manager, one whose manager has no address, and a month that is over."""
    with engine_on(server_url, "reports", template) as engine:
        with sessions(engine).begin() as session:
            store = Store(session)
            values = prepared(store)
            values.put("open_mr_age", "checkout", "2024-04-30", 21.0)
            values.put("community_response", "checkout", "2024-04-01", 50.0, beside={"pending": 1})
            for person, team, role in (
                ("ann", "checkout", "manager"),
                ("ben", "checkout", "member"),
                ("cid", "search", "manager"),
            ):
                store.person(person)
                store.member(person, team, date(2024, 1, 1), role=role)
            session.execute(text("UPDATE people SET email = person_id || '@example.com'"))
            session.execute(text("UPDATE people SET email = NULL WHERE person_id = 'cid'"))
            store.collected("2024-05-15 09:30")
        yield engine


def with_reports(mailbox: Mailbox | None, **own: Any) -> Settings:
    given: dict[str, Any] = mailbox.settings if mailbox else {}
    if not mailbox:
        given = {"email_from": "a@example.com", "smtp_host": "localhost"}
    alerts = given | {"email_to": [], "monthly_report": True} | own
    return Settings.model_validate(SETTINGS.model_dump() | {"alerts": alerts})


def test_it_goes_out_once_when_the_month_is_complete(engine: Engine, mailbox: Mailbox) -> None:
    settings = with_reports(mailbox)
    told = tell(engine, settings, NOW)
    assert (told.reports, told.failures, mailbox.mails) == ([], [], []), "an answer is pending"
    with engine.begin() as connection:
        connection.execute(text("UPDATE indicator_values SET beside = NULL"))
    rehearsed = {each.team.slug: list(each.to) for each in rehearse(engine, settings, NOW).reports}
    assert rehearsed == {
        "organisation": [],
        "product": [],
        "checkout": ["ann@example.com"],
        "search": [],
    }
    mailbox.refuse = "451 later"
    told = tell(engine, settings, NOW)
    assert told.reports == []
    assert told.failures[0].startswith("The report of checkout did not go out. The mail server")
    mailbox.refuse = ""
    assert [each.team.slug for each in tell(engine, settings, NOW).reports] == ["checkout"]
    assert tell(engine, settings, NOW).reports == []
    [(recipients, mail)] = mailbox.mails
    assert recipients == ["ann@example.com"]
    assert mail["Subject"] == "teamgauge: Checkout, April 2024"
    words, page = list(mail.iter_parts())
    assert "Open MR Age" in words.get_content()
    assert page.get_filename() == "checkout-2024-04.html"
    assert page.get_content().startswith("<!doctype html>")


def test_it_goes_to_who_is_named_instead(engine: Engine, mailbox: Mailbox) -> None:
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM alert_states"))
        connection.execute(text("UPDATE indicator_values SET beside = NULL"))
    settings = with_reports(mailbox, monthly_report_to=["head@example.com"], teams=["search"])
    assert [each.team.slug for each in tell(engine, settings, NOW).reports] == ["search"]
    assert [recipients for recipients, _ in mailbox.mails] == [["head@example.com"]]


def test_nothing_is_due_unless_it_is_wanted(engine: Engine) -> None:
    assert rehearse(engine, with_reports(None, monthly_report=False), NOW).reports == []
