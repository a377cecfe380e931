"""What `check` finds in what is stored and around it: clocks, time zones, stale data, globs that match
nothing, people without an account, a disk that fills up."""

import shutil
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from app.cli.check_gitlab import CLOCKS_APART, Finding
from app.errors import AppError

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from app.settings import Settings

MANY_WITHOUT_ACCOUNT = 0.2
"""Share of the people in teams from which on merge requests are probably missing."""

NEARLY_FULL = 0.1
"""Share of a disk that is left."""

NAMED = 5
"""Globs that are named; the others are counted."""

LACKING = """
    SELECT count(DISTINCT m.person_id) AS people,
        count(DISTINCT m.person_id) FILTER (WHERE NOT EXISTS (
            SELECT 1 FROM effective_identities i LEFT JOIN former_usernames f ON f.username = i.username
            LEFT JOIN accounts a ON lower(a.username) = i.username
            WHERE i.person_id = m.person_id AND (f.username IS NOT NULL OR a.id IS NOT NULL))) AS lacking
    FROM effective_memberships m
    WHERE m.valid_from <= :today AND coalesce(m.valid_to > :today, true)
"""


def check_data(settings: "Settings", engine: "Engine") -> Iterator[Finding]:
    """One finding for each thing; where nothing is stored yet there is less to find."""
    from app.store.engine import reading_sessions

    with reading_sessions(engine)() as session:
        yield _clock(session)
        yield _timezone(settings, session)
        yield from _freshness(settings, session)
        yield from _globs(settings, session)
        yield from _people(settings, session)


def _clock(session: "Session") -> Finding:
    from sqlalchemy import text

    before = datetime.now(UTC)
    told: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    apart = max(told - datetime.now(UTC), before - told, timedelta())
    if apart > CLOCKS_APART:
        seconds = f"{apart.total_seconds():,.0f}"
        return (
            None,
            "clock",
            f"{seconds} seconds from that of the database: let both follow one time server (NTP)",
        )
    return True, "clock", "the same as that of the database"


def _timezone(settings: "Settings", session: "Session") -> Finding:
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    own = settings.reporting
    try:
        with session.begin_nested():
            session.execute(text("SELECT now() AT TIME ZONE :zone"), {"zone": own.timezone})
    except DBAPIError:
        return (
            False,
            "reporting.timezone",
            f"{own.timezone} is not known to the database: install the time zones (tzdata) beside it",
        )
    now = f"there it is {datetime.now(own.zone):%H:%M} now"
    if "timezone" not in own.model_fields_set:
        return (
            None,
            "reporting.timezone",
            f'not set, so days and months end at midnight UTC ({now}): write yours, or "UTC"',
        )
    return True, "reporting.timezone", f"{own.timezone}, {now}"


def _freshness(settings: "Settings", session: "Session") -> Iterator[Finding]:
    from app.metrics.freshness import freshness

    longest = timedelta(hours=settings.alerts.stale_after_hours)
    now = datetime.now(UTC)
    for source in freshness(session, settings, now=now):
        what = f"data of {source.source}"
        if source.data_through is None:
            yield True, what, f"none yet: `{source.command}` brings them"
            continue
        hours = (now - source.data_through) / timedelta(hours=1)
        if now - source.data_through > longest:
            why = (
                f", its last run is {source.last_outcome}: {source.message.rstrip('.')}"
                if source.message
                else ""
            )
            yield (
                None,
                what,
                f"complete up to {hours:,.0f} hours ago{why}. See whether cron runs `{source.command}`",
            )
        else:
            yield True, what, f"complete up to {hours:,.1f} hours ago"


def _globs(settings: "Settings", session: "Session") -> Iterator[Finding]:
    from sqlalchemy import text

    def column(statement: str) -> list[str]:
        return list(session.scalars(text(statement)))

    paths = column("SELECT path FROM projects")
    if not paths:
        return
    projects = f"none of the {len(paths):,} projects that are collected"
    gitlab = settings.gitlab
    yield from _unmatched("gitlab.product_scope", gitlab.product_scope, paths, projects)
    usernames = column("SELECT username FROM accounts") if gitlab.bots else []
    yield from _unmatched(
        "gitlab.bots", gitlab.bots, usernames, f"none of the {len(usernames):,} accounts"
    )
    owned = column(
        "SELECT DISTINCT glob FROM teams, unnest(owns) AS glob WHERE removed_at IS NULL ORDER BY glob"
    )
    yield from _unmatched("owns of the teams", owned, paths, projects)


def _unmatched(
    what: str, globs: Collection[str], names: Iterable[str], none: str
) -> Iterator[Finding]:
    """The globs that match nothing; none of them are set: nothing is told."""
    from app.settings import glob_pattern

    if not globs:
        return
    known = list(names)
    idle = [glob for glob in globs if not any(map(glob_pattern(glob).fullmatch, known))]
    if not idle:
        yield (
            True,
            what,
            f"{len(globs):,} glob{'' if len(globs) == 1 else 's'}, each matches something",
        )
        return
    more = f" and {len(idle) - NAMED:,} more" if len(idle) > NAMED else ""
    verb = "matches" if len(idle) == 1 else "match"
    yield None, what, f"{', '.join(idle[:NAMED])}{more} {verb} {none}: check the spelling"


def _people(settings: "Settings", session: "Session") -> Iterator[Finding]:
    from sqlalchemy import text

    if session.scalar(text("SELECT NOT EXISTS (SELECT 1 FROM accounts)")):
        return
    today = datetime.now(settings.reporting.zone).date()
    people, lacking = session.execute(text(LACKING), {"today": today}).one()
    if not people:
        return
    told = f"{lacking:,} of {people:,} people in teams have no account that was seen in GitLab"
    if lacking > MANY_WITHOUT_ACCOUNT * people:
        yield (
            None,
            "people",
            f"{told}: their merge requests belong to no team. The page /data lists them; write their "
            "gitlab_username into people.csv",
        )
    else:
        yield True, "people", told


def check_disk(settings: "Settings", nearly_full: float = NEARLY_FULL) -> Iterator[Finding]:
    """Whether the embedded database has room. nearly_full: the share of a disk that is too little."""
    from app.store.database import embedded_folder
    from app.store.disk import trouble_with
    from app.store.trouble import Trouble

    folder = embedded_folder(settings)
    if folder is None or not folder.exists():
        return
    disk = shutil.disk_usage(folder)
    told = f"{disk.free / 1024**3:,.1f} of {disk.total / 1024**3:,.1f} GB are left for {folder}"
    trouble = trouble_with(folder)
    if trouble is not None and trouble.trouble is Trouble.READ_ONLY:
        yield False, "disk", f"{trouble.sentence} {trouble.remedy}"
    elif trouble is not None:
        yield False, "disk", f"{told}: make room, or move database.data_dir"
    elif disk.free < nearly_full * disk.total:
        yield None, "disk", f"{told}: make room soon"
    else:
        yield True, "disk", told


def check_alerts(settings: "Settings") -> Iterator[Finding]:
    """Whether who is to be told can be: the webhook answers, the mail server lets us in."""
    import httpx

    from app.alerts.channels import DeliveryError, connection
    from app.settings import alert_webhook

    own = settings.alerts
    if own.by_webhook:
        address = httpx.URL(alert_webhook(settings))
        try:
            # It says nothing, so that nobody is told anything; who answers at all is there.
            httpx.head(address, timeout=10)
        except httpx.HTTPError as error:
            yield False, "alerts.webhook_url", f"{address.host} cannot be reached: {error}"
        else:
            yield True, "alerts.webhook_url", f"{address.host} answers"
    if own.by_email or own.monthly_report:
        try:
            with connection(settings) as server:
                server.noop()
        except DeliveryError as error:
            yield False, "alerts.smtp_host", str(error)
        else:
            yield True, "alerts.smtp_host", f"{own.smtp_host}, port {own.smtp_port}, lets us in"


def check_watched(settings: "Settings", engine: "Engine") -> Iterator[Finding]:
    """Whether the teams and indicators that are watched exist."""
    from app.alerts.judging import watched_indicators, watched_teams
    from app.metrics.points import load_basis
    from app.store.engine import reading_sessions

    if not (settings.alerts.teams or settings.alerts.indicators):
        return
    try:
        watched_indicators(settings)
        with reading_sessions(engine)() as session:
            watched_teams(settings, load_basis(session, settings))
    except AppError as error:
        yield False, "alerts", str(error)
