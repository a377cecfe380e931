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
    row, left = waiting.row, waiting.author_left_on
    detail = [_reference(row)]
    if left is not None:
        detail.append(f"{'' if heading_says_left else 'author '}left {formatting.day(left)}")
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


def opening_of(opening: OverdueOpening, names: Mapping[str, str], here: str | None = None) -> Wait:
    """An opening past its target start. names: of the teams, by slug; here: the team whose page it
    is on, which needs no name."""
    team = names.get(opening.team, opening.team) if opening.team else "no team"
    open_for = (opening.target_start_on - opening.opened_on).days + opening.days
    target = formatting.day(opening.target_start_on)
    detail = [] if here is not None and opening.team == here else [team]
    detail += [f"open for {_days(open_for)}", f"target start {target}"]
    return Wait(
        title=f"Opening {opening.opening_id}",
        address=None,
        days=f"{_days(opening.days)} over",
        detail=", ".join(detail),
    )


def _reference(row: EvidenceRow) -> str:
    """`payments!12, Ines Carvalho`: the title beside it leads to the whole path."""
    who = row.author_name or row.author_username
    return f"{row.project.rpartition('/')[2]}!{row.iid}" + (f", {who}" if who else "")


def _days(count: int) -> str:
    return f"{count:,} {'day' if count == 1 else 'days'}"
