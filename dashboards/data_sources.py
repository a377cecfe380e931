"""How fresh each source is, as the page of the data says it."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from app.metrics import INDICATORS
from app.metrics.answers import Freshness
from app.metrics.calendar import local_day
from app.settings import Settings
from dashboards import formatting

OUTCOMES = {
    "done": ("on_target", "ok", "All done"),
    "partial": ("attention", "warn", "Part failed"),
    "failed": ("problem", "bad", "Failed"),
    "running": ("half", "none", "Running"),
}
STATES = {
    "fresh": ("on_target", "ok", "Fresh"),
    "stale": ("attention", "warn", "Stale"),
    "never": ("no_data", "none", "Never collected"),
}
REFUSED = "does not accept"
"""So every source's sentence for a token, key or client that it refuses has it."""

SHORT = {
    "open_mr_review_time": "review time",
    "open_mr_age": "age",
    "community_response": "community",
    "hiring_vs_plan": "hiring",
    "mr_rate": "rate",
    "diversity": "diversity",
    "handbook_update_rate": "handbook",
    "retention": "retention",
}
"""An indicator in as few words as a cell has room for; those that only support others are in TIMES."""
TIMES = "times"
OWN = {"greenhouse": ["openings", "offers"], "bamboohr": ["membership"]}
"""What only this source tells, in front of the indicators that it feeds."""
OF_FILES = {
    "teams": ("teams", None),
    "people": ("people", "bamboohr"),
    "memberships": ("membership", "bamboohr"),
    "plan": ("plan", None),
    "openings": ("openings", "greenhouse"),
    "targets": ("targets", None),
}
"""What each file tells, and the source that tells it where there is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceRow:
    """A source with its state as mark, colour and word. detail: which one it is."""

    freshness: Freshness
    detail: str
    mark: str
    colour: str
    state: str
    through: str
    last_run: str
    feeds: str


def source_row(row: Freshness, settings: Settings, now: datetime) -> SourceRow:
    """A source as a row of the table. now: what its days of standing still are counted to."""
    zone = settings.reporting.zone
    mark, colour, word = STATES[row.state]
    if row.state == "stale" and row.data_through is not None:
        days = (now - row.data_through).days
        word = f"{word}, {days} {'day' if days == 1 else 'days'}" if days else word
    return SourceRow(
        freshness=row,
        detail=detail_of(row, settings),
        mark=mark,
        colour=colour,
        state=word,
        through=formatting.instant(row.data_through, zone) if row.data_through else "–",
        last_run=last_run_of(row, zone),
        feeds=", ".join(feeds_of(row, settings)),
    )


def detail_of(row: Freshness, settings: Settings) -> str:
    """Which GitLab with how many projects, which files; empty for the others."""
    if row.source == "gitlab":
        host = urlsplit(settings.gitlab.url).netloc
        count = row.projects or 0
        return f"{host}, {count:,} {'project' if count == 1 else 'projects'}"
    if row.source == "files":
        files = settings.files
        paths = (*files.organisation.values(), *files.planning.values())
        return formatting.listed([path.name for path in paths], most=3)
    return ""


def last_run_of(row: Freshness, zone: ZoneInfo) -> str:
    """`3 min 58 s, ended 06:14`; what went wrong in front; the day where it is another one."""
    if row.last_started_at is None:
        return "none yet"
    if row.last_finished_at is None:
        return f"running since {formatting.instant(row.last_started_at, zone)}"
    ended = formatting.instant(row.last_finished_at, zone)
    through = row.data_through
    if through and local_day(through, zone) == local_day(row.last_finished_at, zone):
        ended = ended.rpartition(", ")[2]
    outcome = outcome_of(row.last_outcome or "", row.message)[2].lower()
    if row.last_outcome == "failed":
        return f"{outcome}, {ended}"
    took = formatting.duration((row.last_finished_at - row.last_started_at).total_seconds())
    wrong = "" if row.last_outcome == "done" else f"{outcome}, "
    return f"{wrong}{took}, ended {ended}"


def outcome_of(outcome: str, message: str) -> tuple[str, str, str]:
    """Mark, colour and words of a run's outcome."""
    mark, colour, words = OUTCOMES.get(outcome, ("no_data", "none", outcome))
    refused = outcome == "failed" and REFUSED in message
    return mark, colour, "Refused" if refused else words


def feeds_of(row: Freshness, settings: Settings) -> list[str]:
    """What a source tells and which indicators live on it, in few words."""
    if row.source == "files":
        files, configured = settings.files, settings.configured_sources()
        return [
            words
            for key, (words, instead) in OF_FILES.items()
            if (key in files.organisation or key in files.planning) and instead not in configured
        ]
    fed = [each for each in INDICATORS if each.key in row.feeds]
    if row.source != "gitlab":
        # That it also says whose a merge request is, its membership tells.
        fed = [each for each in fed if "gitlab" not in each.sources]
    words = [SHORT[each.key] for each in fed if not each.supporting]
    if any(each.supporting for each in fed):
        words.append(TIMES)
    return [*OWN.get(row.source, []), *words]
