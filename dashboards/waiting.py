"""What waits in a team, as lines of a list: merge requests, answers to the community, openings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.metrics.answers import Due, EvidenceRow, OverdueOpening, Waiting
from dashboards import addresses, formatting

SOON = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """A merge request or an opening that waits, as a line of the list."""

    title: str
    address: str | None
    days: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An answer to the community that is due, as a line of the list. mark: empty where it is not
    pressing."""

    title: str
    address: str | None
    when: str
    mark: str
    colour: str
    detail: str


def wait_of(waiting: Waiting, *, heading_says_left: bool = False) -> Wait:
    """A line of what waits: title, how long, which merge request and whose."""
    row = waiting.row
    detail = [_reference(row)]
    detail += ["author has left"] if "orphaned" in row.flags and not heading_says_left else []
    return Wait(
        title=row.title,
        address=addresses.outside(row.web_url),
        days=_days(round(waiting.days)),
        detail=", ".join(detail),
    )


def answer_of(due: Due, now: datetime, zone: ZoneInfo) -> Answer:
    """A community merge request by its deadline. now: up to when the data reach."""
    missed, pressing = due.due_at < now, due.due_at - now < SOON
    at = due.due_at.astimezone(zone)
    # A weekday tells of which day only within a week.
    near = abs(due.due_at - now) < timedelta(days=6)
    day = f"{at:%a} {at:%H:%M}" if near else formatting.day(at.date())
    return Answer(
        title=due.row.title,
        address=addresses.outside(due.row.web_url),
        when=f"{'missed' if missed else 'due'} {day}",
        mark="problem" if missed else "attention" if pressing else "",
        colour="bad" if missed else "warn",
        detail=f"{_reference(due.row)}, no answer yet",
    )


def opening_of(opening: OverdueOpening, names: Mapping[str, str]) -> Wait:
    """An opening past its target start. names: of the teams, by slug."""
    team = names.get(opening.team, opening.team) if opening.team else "no team"
    target = formatting.day(opening.target_start_on)
    return Wait(
        title=opening.opening_id,
        address=None,
        days=f"{_days(opening.days)} over",
        detail=f"{team}, open since {formatting.day(opening.opened_on)}, target start {target}",
    )


def _reference(row: EvidenceRow) -> str:
    """`group/project!12, Ines Carvalho`."""
    who = row.author_name or row.author_username
    return f"{row.project}!{row.iid}" + (f", {who}" if who else "")


def _days(count: int) -> str:
    return f"{count:,} {'day' if count == 1 else 'days'}"
