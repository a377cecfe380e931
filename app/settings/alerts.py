"""The section [alerts]: who is told when an indicator leaves its target, and how."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from app.settings.values import Fraction, OptionalPath, Secret, Section, Whole, shown

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _webhook(value: SecretStr) -> SecretStr:
    """Whoever knows the address may write there, so that no sentence repeats it."""
    address = value.get_secret_value()
    if address:
        try:
            parts = urlsplit(address)
            found = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            found = False
        if not found:
            raise ValueError('must be a whole address that begins with "https://"')
    return value


def _mailbox(value: str) -> str:
    """An address of e-mail, without a name beside it and nothing that could begin another header."""
    address = value.strip()
    if not re.fullmatch(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+", address):
        raise ValueError(f'must hold addresses such as "team@example.com", not {shown(value)}')
    return address


def _sender(value: str) -> str:
    return _mailbox(value) if value.strip() else ""


def _host(value: str) -> str:
    host = value.strip()
    if not re.fullmatch(r"[\w.:-]*", host):
        raise ValueError(f"must be the name of a mail server, without a port, not {shown(value)}")
    return host


def _slugs(value: tuple[str, ...]) -> tuple[str, ...]:
    if any(not each.strip() for each in value):
        raise ValueError("must not hold an empty text")
    return tuple(each.strip() for each in value)


Mailboxes = tuple[Annotated[str, AfterValidator(_mailbox)], ...]
Slugs = Annotated[tuple[str, ...], AfterValidator(_slugs)]


class AlertSettings(Section):
    """Who is told of what changed; nobody unless webhook_url, or email_to with smtp_host, is set.

    stale_after_hours: after so long without a complete run a source's data count as stale. teams,
    indicators: those that are watched; empty: all. monthly_report: whether each team's report of a month
    is sent when the month's data are complete, to monthly_report_to or, where that is empty, to the
    team's managers.
    """

    webhook_url: Annotated[Secret, AfterValidator(_webhook)] = SecretStr("")
    webhook_url_file: OptionalPath = None
    email_to: Mailboxes = ()
    email_from: Annotated[str, AfterValidator(_sender)] = ""
    smtp_host: Annotated[str, AfterValidator(_host)] = ""
    smtp_port: Annotated[Whole, Field(ge=1, le=65535)] = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_username: str = ""
    smtp_password: Secret = SecretStr("")
    smtp_password_file: OptionalPath = None
    stale_after_hours: Annotated[Fraction, Field(ge=1, le=8_760)] = 26
    teams: Slugs = ()
    indicators: Slugs = ()
    monthly_report: bool = False
    monthly_report_to: Mailboxes = ()

    @property
    def by_webhook(self) -> bool:
        """Whether a webhook is told."""
        return bool(self.webhook_url.get_secret_value() or self.webhook_url_file)

    @property
    def by_email(self) -> bool:
        """Whether somebody is told by e-mail."""
        return bool(self.email_to)

    @property
    def tells_somebody(self) -> bool:
        """Whether anybody is told anything."""
        return self.by_webhook or self.by_email or self.monthly_report


def mistakes(alerts: AlertSettings) -> Iterator[tuple[str, str]]:
    """The key and what is wrong with it, where one value alone does not show it."""
    mailing = "email_to" if alerts.email_to else "monthly_report" if alerts.monthly_report else ""
    if mailing:
        for key in ("smtp_host", "email_from"):
            if not getattr(alerts, key):
                yield mailing, f"is set, so alerts.{key} must be as well"
                return
    password = bool(alerts.smtp_password.get_secret_value() or alerts.smtp_password_file)
    if password and not alerts.smtp_username:
        key = "smtp_password_file" if alerts.smtp_password_file else "smtp_password"
        yield key, "is set, so alerts.smtp_username must be as well"
    elif password and alerts.smtp_security == "none" and alerts.smtp_host not in LOOPBACK:
        yield "smtp_security", 'must be "starttls" or "tls": the password would travel in the open'
    if "diversity" in alerts.indicators:
        yield "indicators", "must not name diversity, which is never told in alerts"
