"""The ways by which a message goes out: a webhook, and e-mail."""

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Protocol
from urllib.parse import urlsplit

import httpx
import structlog

from app import __version__
from app.alerts.wording import Message
from app.errors import AppError
from app.settings import AlertSettings, Settings, alert_webhook, smtp_password

log = structlog.get_logger()

SECONDS = 20.0
"""How long the other side may take for each of its answers."""


class DeliveryError(AppError):
    """A message that did not go out; the next run tries again."""


class Channel(Protocol):
    """A way to tell. name: as it stands in `AlertState.told`."""

    name: str

    def send(self, message: Message) -> None:
        """Tells it. Raises DeliveryError."""


def channels(settings: Settings) -> list[Channel]:
    """Those of the configuration."""
    found: list[Channel] = []
    if settings.alerts.by_webhook:
        found.append(Webhook(alert_webhook(settings)))
    if settings.alerts.by_email:
        found.append(Email(settings))
    return found


class Webhook:
    """Posts `{"text": …}`, as Slack, Mattermost and others take it. The address is a secret."""

    name = "webhook"

    def __init__(self, address: str) -> None:
        self._address = address
        self._host = urlsplit(address).hostname or ""

    def send(self, message: Message) -> None:
        """Posts it. Raises DeliveryError."""
        headers = {"User-Agent": f"teamgauge/{__version__}"}
        try:
            answer = httpx.post(
                self._address, json={"text": message.slack}, headers=headers, timeout=SECONDS
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise DeliveryError(
                f"The webhook at {self._host} cannot be reached: {reason}."
            ) from error
        if not answer.is_success:
            raise DeliveryError(f"The webhook at {self._host} answers {answer.status_code}.")


class Email:
    """Sends e-mail through the mail server of the configuration."""

    name = "email"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def send(self, message: Message) -> None:
        """Sends it to alerts.email_to. Raises DeliveryError."""
        own = self._settings.alerts
        self.send_all([mail(own, own.email_to, f"teamgauge: {message.subject}", message.text)])

    def send_all(self, mails: Sequence[EmailMessage]) -> None:
        """Sends each of them. Raises DeliveryError at the first that does not go out."""
        with connection(self._settings) as server:
            for each in mails:
                refused = server.send_message(each)
                if refused:
                    log.warning("alerts.refused", recipients=len(refused))


@contextmanager
def connection(settings: Settings) -> Iterator[smtplib.SMTP]:
    """The mail server, signed in to. Raises DeliveryError, also for what fails inside."""
    own = settings.alerts
    where = f"The mail server {own.smtp_host}, port {own.smtp_port},"
    password = smtp_password(settings)
    if own.smtp_username and not password:
        raise DeliveryError("alerts.smtp_username is set, so alerts.smtp_password must be as well.")
    trusted = ssl.create_default_context()
    try:
        server = (
            smtplib.SMTP_SSL(own.smtp_host, own.smtp_port, timeout=SECONDS, context=trusted)
            if own.smtp_security == "tls"
            else smtplib.SMTP(own.smtp_host, own.smtp_port, timeout=SECONDS)
        )
        with server:
            if own.smtp_security == "starttls":
                server.starttls(context=trusted)
            if own.smtp_username:
                server.login(own.smtp_username, password)
            yield server
    except smtplib.SMTPRecipientsRefused as error:
        raise DeliveryError(f"{where} takes mail for none of the recipients.") from error
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error
        words = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise DeliveryError(f"{where} refuses: {error.smtp_code} {words}.") from error
    except (smtplib.SMTPException, OSError) as error:
        raise DeliveryError(f"{where} cannot be used: {error}.") from error


def mail(own: AlertSettings, to: Sequence[str], subject: str, text: str) -> EmailMessage:
    """A message in plain text, to which attachments may be added."""
    made = EmailMessage()
    made["From"] = own.email_from
    made["To"] = ", ".join(to)
    made["Subject"] = " ".join(subject.split())
    made["Date"] = formatdate()
    made["Message-ID"] = make_msgid(domain=own.email_from.rpartition("@")[2])
    made["Auto-Submitted"] = "auto-generated"  # nobody is to answer that they are on holiday
    made.set_content(text)
    return made
