"""Each team's report of a month by e-mail: once, when nothing in it changes any more by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.message import EmailMessage

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from app.alerts.channels import DeliveryError, Email, mail
from app.errors import NotFoundError
from app.metrics import INDICATORS
from app.metrics.calendar import Clock, month_label, months_back, next_month
from app.metrics.points import load_basis
from app.metrics.teams import Node
from app.settings import Settings
from app.store.engine import reading_sessions, sessions
from app.store.tables import AlertState
from dashboards.exports import BY_KEY, file_name
from dashboards.report import report

REPORT, DUE = "report", "due"

PENDING = text(
    """
    SELECT EXISTS (
        SELECT 1 FROM indicator_values
        WHERE indicator = :indicator AND superseded_at IS NULL AND period = :month
          AND (beside ->> :unsettled)::bigint > 0)
    """
)

MANAGERS = text(
    """
    SELECT DISTINCT p.email
    FROM effective_memberships m JOIN effective_people p ON p.person_id = m.person_id
    WHERE m.team = :team AND m.role = 'manager' AND p.email LIKE '%_@_%'
      AND m.valid_from <= :today AND coalesce(m.valid_to > :today, true)
    ORDER BY p.email
    """
)


@dataclass(frozen=True, slots=True)
class Due:
    """A report that is to be sent. to: nobody where the team has no manager with an address."""

    team: Node
    month: str
    to: Sequence[str]


def due(engine: Engine, settings: Settings, now: datetime) -> list[Due]:
    """The reports of the last month that were not sent yet; none before its data are complete."""
    if not settings.alerts.monthly_report:
        return []
    with reading_sessions(engine)() as session:
        month = complete_month(session, settings)
        if month is None:
            return []
        label = month_label(month)
        today = now.astimezone(settings.reporting.zone).date()
        sent = _sent(session, label)
        watched = settings.alerts.teams
        return [
            Due(node, label, _recipients(session, settings, node, today))
            for node in load_basis(session, settings).tree
            if node.slug not in sent and (not watched or node.slug in watched)
        ]


def complete_month(session: Session, settings: Settings) -> date | None:
    """The last month that is over for every indicator that is measured, in which nobody can answer in
    time any more; None: it is not complete yet."""
    through = load_basis(session, settings).through
    if not through:
        return None
    reached = min(through.values())
    month = months_back(Clock(settings.reporting.zone, reached).today, 1)
    if next_month(month) <= settings.reporting.history_start:
        return None
    for each in INDICATORS:
        asked = {"indicator": each.key, "month": month, "unsettled": each.unsettled}
        if each.unsettled is not None and session.execute(PENDING, asked).scalar_one():
            return None
    return month


def _sent(session: Session, month: str) -> set[str]:
    """The teams whose report of the month has gone out."""
    rows = session.scalars(
        select(AlertState).where(AlertState.kind == REPORT, AlertState.key == month)
    )
    return {each.team for each in rows if each.told.get(Email.name) == DUE}


def _recipients(session: Session, settings: Settings, node: Node, today: date) -> Sequence[str]:
    if settings.alerts.monthly_report_to:
        return settings.alerts.monthly_report_to
    return list(session.scalars(MANAGERS, {"team": node.slug, "today": today}))


def send(engine: Engine, settings: Settings, now: datetime) -> tuple[list[Due], list[str]]:
    """Sends what is due; what was sent, and a sentence for each that did not go out."""
    sent: list[Due] = []
    failures: list[str] = []
    for each in due(engine, settings, now):
        if not each.to:
            continue
        try:
            Email(settings).send_all([_mail(engine, settings, each)])
        except (DeliveryError, NotFoundError) as error:
            failures.append(f"The report of {each.team.slug} did not go out. {error}")
            continue
        with sessions(engine).begin() as session:
            session.merge(
                AlertState(
                    team=each.team.slug,
                    kind=REPORT,
                    key=each.month,
                    state=DUE,
                    since=now,
                    told={Email.name: DUE},
                )
            )
        sent.append(each)
    return sent, failures


def _mail(engine: Engine, settings: Settings, each: Due) -> EmailMessage:
    """One to all, with the report as text in it and as a page beside it."""
    with reading_sessions(engine)() as session:
        made = report(session, settings, each.team.slug, each.month, site=settings.auth.base_url)
    words, page = BY_KEY["md"], BY_KEY["html"]
    found = mail(
        settings.alerts,
        each.to,
        f"teamgauge: {made.title}",
        words.written(made, settings).decode(),
    )
    found.add_attachment(
        page.written(made, settings).decode(), subtype="html", filename=file_name(made, page)
    )
    return found
