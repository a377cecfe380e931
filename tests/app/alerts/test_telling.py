"""What has left its target or returned to it is told once, by what goes out on real sockets."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.alerts import telling
from app.alerts.judging import state_of, watched_indicators
from app.alerts.telling import rehearse, tell
from app.errors import ConfigurationError, LockedError
from app.metrics import get_indicator
from app.metrics.calendar import last_of_month
from app.metrics.indicator import Limits, Point, Status
from app.settings import Settings
from app.store.engine import advisory_lock, sessions
from tests.databases import engine_on

from ..metrics.conftest import Store
from ..metrics.stored_values import SETTINGS, prepared, rates
from .conftest import Hook, Mailbox, mail_server

NOW = datetime(2024, 5, 15, 10, tzinfo=UTC)
YESTERDAY = "2024-05-14"
USUAL = (20.0, 22.0, 19.0, 21.0, 20.0, 22.0, 18.0, 21.0, 20.0, 22.0)


@pytest.fixture(scope="module")
def filled(server_url: str, template: str) -> Iterator[Engine]:
    """A database in which the age of a team's open merge requests is usually about 20 days."""
    with engine_on(server_url, "alerts", template) as engine:
        with sessions(engine).begin() as session:
            store = Store(session)
            values = prepared(store)
            for back, value in enumerate(USUAL):
                month = 2024 * 12 + 3 - back
                end = last_of_month(date(month // 12, month % 12 + 1, 1))
                values.put("open_mr_age", "checkout", end.isoformat(), value)
            values.put("open_mr_age", "checkout", YESTERDAY, 21.0)
            rates(values, *[12.0] * 10)
            store.collected("2024-05-15 09:30")
        yield engine


@pytest.fixture
def engine(filled: Engine) -> Iterator[Engine]:
    """The same, as it was before the test and as if nothing had been told."""
    yield filled
    with filled.begin() as connection:
        connection.execute(text("DELETE FROM alert_states"))
        connection.execute(text("UPDATE runs SET outcome = 'done'"))
    yesterday(filled, 21.0)


def yesterday(engine: Engine, value: float | None) -> None:
    """Sets the age of the last day that is over."""
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE indicator_values SET value = :value WHERE period = :day"),
            {"value": value, "day": YESTERDAY},
        )


def told_by(hook: Hook | None = None, mailbox: Mailbox | None = None, **own: Any) -> Settings:
    alerts: dict[str, Any] = {"webhook_url": hook.address} if hook else {}
    alerts |= mailbox.settings if mailbox else {}
    given = SETTINGS.model_dump() | {"alerts": alerts | own}
    given["auth"] |= {"base_url": "https://teamgauge.example.com"}
    return Settings.model_validate(given)


def test_each_change_is_told_once_by_each_way(engine: Engine, hook: Hook, mailbox: Mailbox) -> None:
    settings = told_by(hook, mailbox)
    assert tell(engine, settings, NOW).messages == {}
    yesterday(engine, 60.0)
    told = tell(engine, settings, NOW)
    assert (set(told.messages), told.failures) == ({"webhook", "email"}, [])
    address = "https://teamgauge.example.com/indicators/open_mr_age?team=checkout&period=2024-05-14"
    news = "left its target: 60.0 days on 14 May 2024 (target ≤ 30 days; usually 15 to 27)."
    assert hook.posted == [
        {
            "text": "*teamgauge*: 1 indicator left its target\n"
            f"• <{address}|Checkout: Open MR Age> {news}"
        }
    ]
    [(recipients, mail)] = mailbox.mails
    assert recipients == ["head@example.com", "ops@example.com"]
    assert mail["Subject"] == "teamgauge: 1 indicator left its target"
    assert mail["From"] == "teamgauge@example.com"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@example.com>")
    assert f"- Checkout: Open MR Age {news}\n  {address}" in mail.get_content().replace("\r", "")
    for value in (60.0, 58.0, 31.0, None):  # it is still off, by chance less so, or not known
        yesterday(engine, value)
        assert tell(engine, settings, NOW).messages == {}
    yesterday(engine, 20.0)
    assert (
        tell(engine, settings, NOW).messages["email"].subject == "1 indicator is back on its target"
    )
    assert tell(engine, settings, NOW).messages == {}
    assert (len(hook.posted), len(mailbox.mails)) == (2, 2)
    assert "is back on its target: 20.0 days on 14 May 2024" in hook.posted[1]["text"]


def test_what_did_not_go_out_is_tried_again_and_nothing_else_is(
    engine: Engine, hook: Hook, mailbox: Mailbox
) -> None:
    settings = told_by(hook, mailbox)
    yesterday(engine, 60.0)
    hook.status = 503
    told = tell(engine, settings, NOW)
    assert set(told.messages) == {"email"}
    assert told.failures == ["The webhook at 127.0.0.1 answers 503."]
    hook.status = 200
    mailbox.refuse = "451 later"
    told = tell(engine, settings, NOW)
    assert (set(told.messages), told.failures) == ({"webhook"}, [])
    yesterday(engine, 20.0)
    told = tell(engine, settings, NOW)
    [failure] = told.failures
    assert failure.startswith("The mail server localhost, port ")
    assert failure.endswith("refuses: 451 later.")
    # Who was not told yet that it is back is not told that it has left again.
    yesterday(engine, 60.0)
    mailbox.refuse = ""
    assert set(tell(engine, settings, NOW).messages) == {"webhook"}
    assert (len(hook.posted), len(mailbox.mails)) == (4, 1)


def test_nobody_at_the_other_end(engine: Engine, hook: Hook, mailbox: Mailbox) -> None:
    yesterday(engine, 60.0)
    own = {"webhook_url": "http://127.0.0.1:9/geheim", "smtp_port": 9}
    told = tell(engine, told_by(None, mailbox, **own), NOW)
    webhook, email = told.failures
    assert webhook.startswith("The webhook at 127.0.0.1 cannot be reached: ")
    assert email.startswith("The mail server localhost, port 9, cannot be used: ")
    assert "geheim" not in webhook
    assert set(tell(engine, told_by(hook, mailbox), NOW).messages) == {"webhook", "email"}


def test_data_that_become_stale_and_fresh_again(engine: Engine, hook: Hook) -> None:
    settings = told_by(hook, stale_after_hours=3)
    assert tell(engine, settings, NOW).messages == {}
    later = NOW + timedelta(hours=3)
    with engine.begin() as connection:
        connection.execute(text("UPDATE runs SET outcome = 'failed'"))
    assert tell(engine, settings, later).messages["webhook"].subject == "1 source is stale"
    assert tell(engine, settings, later).messages == {}
    assert hook.posted[0]["text"].endswith(
        "|GitLab> is stale: complete up to 15 May 2024, 09:30 UTC; its last run: failed."
    )
    assert tell(engine, settings, NOW).messages["webhook"].subject == "1 source is up to date again"


def test_a_rehearsal_tells_nobody_and_remembers_nothing(engine: Engine, hook: Hook) -> None:
    yesterday(engine, 60.0)
    settings = told_by(hook)
    for _ in range(2):
        assert rehearse(engine, settings, NOW).messages["webhook"].subject == (
            "1 indicator left its target"
        )
    assert set(rehearse(engine, told_by(), NOW).messages) == {"nobody"}
    assert hook.posted == []
    assert set(tell(engine, settings, NOW).messages) == {"webhook"}


def test_one_run_at_a_time(engine: Engine, hook: Hook) -> None:
    yesterday(engine, 60.0)
    with advisory_lock(engine, telling.LOCK, "alert"), pytest.raises(LockedError):
        tell(engine, told_by(hook), NOW)
    assert hook.posted == []


def test_only_what_is_watched_is_told(engine: Engine, hook: Hook) -> None:
    yesterday(engine, 60.0)
    others: list[dict[str, Any]] = [{"teams": ["search"]}, {"indicators": ["mr_rate"]}]
    for own in others:
        assert tell(engine, told_by(hook, **own), NOW).messages == {}
    assert set(tell(engine, told_by(hook, teams=["checkout"]), NOW).messages) == {"webhook"}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"teams": ["chekout"]}, "alerts.teams names 'chekout'.*perhaps checkout is meant"),
        ({"indicators": ["mr_rat"]}, "alerts.indicators names 'mr_rat'.*perhaps mr_rate is meant"),
    ]
    for own, sentence in wrong:
        with pytest.raises(ConfigurationError, match=sentence):
            tell(engine, told_by(hook, **own), NOW)


def test_shares_of_people_are_never_watched() -> None:
    assert "diversity" not in [each.key for each in watched_indicators(Settings())]
    with pytest.raises(ConfigurationError, match="diversity"):
        watched_indicators(told_by(indicators=["diversity"]))


def test_a_name_makes_no_mark_of_slack(engine: Engine, hook: Hook) -> None:
    with sessions(engine).begin() as session:
        named(session, "<!channel> & <http://evil.test|Checkout>")
    yesterday(engine, 60.0)
    try:
        tell(engine, told_by(hook), NOW)
    finally:
        with sessions(engine).begin() as session:
            named(session, "Checkout")
    said = hook.posted[0]["text"].splitlines()[1]
    assert "|&lt;!channel&gt; &amp; &lt;http://evil.test¦Checkout&gt;: Open MR Age>" in said


def named(session: Session, name: str) -> None:
    session.execute(text("UPDATE teams SET name = :name WHERE slug = 'checkout'"), {"name": name})


def test_tls_from_the_first_byte_on(
    engine: Engine, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yesterday(engine, 60.0)
    with mail_server(certificate, tls=True) as mailbox:
        own = {"smtp_security": "tls", "smtp_username": "", "smtp_password": ""}
        settings = told_by(None, mailbox, **own)
        [failure] = tell(engine, settings, NOW).failures
        assert "CERTIFICATE_VERIFY_FAILED" in failure
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert tell(engine, settings, NOW).failures == []
        assert len(mailbox.mails) == 1


def test_a_password_that_is_not_accepted_is_not_repeated(engine: Engine, mailbox: Mailbox) -> None:
    yesterday(engine, 60.0)
    [failure] = tell(engine, told_by(None, mailbox, smtp_password="geheim-wrong"), NOW).failures
    assert "refuses: 535" in failure
    assert "geheim" not in failure


def test_a_password_that_is_missing_is_told_by_who_would_send(
    engine: Engine, mailbox: Mailbox
) -> None:
    yesterday(engine, 60.0)
    [failure] = tell(engine, told_by(None, mailbox, smtp_password=""), NOW).failures
    assert failure == "alerts.smtp_username is set, so alerts.smtp_password must be as well."
    assert mailbox.mails == []


LIMITS = Limits(centre=20.0, lower=15.0, upper=25.0)
AROUND = Limits(centre=34.0, lower=20.0, upper=48.0)


@pytest.mark.parametrize(
    ("status", "signal", "limits", "state"),
    [
        (Status.PROBLEM, True, LIMITS, "off_target"),
        (Status.ATTENTION, True, LIMITS, "off_target"),
        (Status.PROBLEM, False, AROUND, None),  # chance, around a centre that is off the target
        (Status.PROBLEM, False, None, None),  # too little history to tell
        (Status.ON_TARGET, True, AROUND, "on_target"),
        (Status.ON_TARGET, False, LIMITS, "on_target"),  # where it is at home
        (Status.ON_TARGET, False, AROUND, None),  # chance
        (Status.ON_TARGET, False, None, "on_target"),
        (Status.NO_DATA, False, LIMITS, None),
        (Status.NO_TARGET, False, LIMITS, None),
        (None, False, LIMITS, None),
    ],
)
def test_what_can_be_told_from_chance(
    status: Status | None, signal: bool, limits: Limits | None, state: str | None
) -> None:
    point = Point(
        period=YESTERDAY,
        value=30.0,
        n=1,
        numerator=None,
        denominator=None,
        p25=None,
        p75=None,
        p95=None,
        status=status,
        reason=None,
        partial=False,
        coverage=None,
        recorded_at=None,
        signal=signal,
    )
    assert state_of(get_indicator("open_mr_age"), point, 30.0, limits) == state
