"""The choice of a period: earlier, later, and a menu in which each choice is an address."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.metrics.calendar import first_of_month, month_label, months_back, next_month
from dashboards import formatting

MENU_MONTHS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One line of the menu; note: what stands at its right; None as name: a rule between groups."""

    name: str | None
    note: str = ""
    address: str = ""
    current: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Where an arrow leads; address None: there is none in that direction."""

    address: str | None
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Picker:
    """The period as it is shown, and every other that can be chosen.

    action, hidden: address and kept parameters of the forms for any month and any day; month, day:
    what they hold now; first, last: the days between which there are values.
    """

    label: str
    earlier: Step
    later: Step
    choices: Sequence[Choice]
    action: str
    hidden: Mapping[str, str]
    month: str
    day: str
    first: str
    last: str


def picker(
    *,
    asked: str | None,
    today: date,
    history_start: date,
    daily: bool,
    address: Callable[[str | None], str],
    action: str,
    hidden: Mapping[str, object | None],
) -> Picker:
    """The picker of a page.

    asked: the period in the address, which is a valid one, or None for the latest. daily: the page
    shows days alone, so that its arrows go day by day. address: the page's address for a period.
    """
    earlier, later = _neighbours(asked, today, daily)
    begin = month_label(history_start) if len(earlier) == 7 else str(history_start)
    if earlier < begin:
        before = Step(address=None, label="Earlier: history begins here")
    else:
        before = Step(address=address(earlier), label=f"Earlier: {formatting.period(earlier)}")
    if _is_running(asked, today):
        after = Step(address=None, label="Later: there is none yet")
    else:
        name = formatting.period(later) if later else "latest"
        after = Step(address=address(later), label=f"Later: {name}")
    return Picker(
        label="Latest" if asked is None else formatting.period(asked),
        earlier=before,
        later=after,
        choices=_menu(asked, today, history_start, daily, address),
        action=action,
        hidden={name: str(value) for name, value in hidden.items() if value not in (None, "")},
        month=asked if asked and not formatting.is_day(asked) else "",
        day=asked if asked and formatting.is_day(asked) else "",
        first=history_start.isoformat(),
        last=today.isoformat(),
    )


def _is_running(asked: str | None, today: date) -> bool:
    if asked is None:
        return True
    running = today if formatting.is_day(asked) else first_of_month(today)
    return formatting.first_day(asked) >= running


def _neighbours(asked: str | None, today: date, daily: bool) -> tuple[str, str | None]:
    """The periods before and after; None after: the latest, which has no name of its own."""
    last_whole = months_back(today, 1)
    if asked is None:
        return (str(today - timedelta(days=1)) if daily else month_label(last_whole)), None
    day = formatting.first_day(asked)
    if formatting.is_day(asked):
        after = day + timedelta(days=1)
        return str(day - timedelta(days=1)), str(after) if after < today else None
    after = next_month(day)
    return month_label(months_back(day, 1)), month_label(after) if after <= last_whole else None


def _menu(
    asked: str | None,
    today: date,
    history_start: date,
    daily: bool,
    address: Callable[[str | None], str],
) -> list[Choice]:
    running = first_of_month(today)
    months = [months_back(running, back) for back in range(0 if not daily else 1, MENU_MONTHS + 1)]
    note = f"{today.day} {formatting.MONTHS[today.month - 1][:3]}"
    if not daily:
        before = months_back(running, 1)
        note += f", {formatting.MONTHS[before.month - 1][:3]} {before.year}"
    choices = [
        Choice(name="Latest", note=note, address=address(None), current=asked is None),
        Choice(name=None),
    ]
    for month in months:
        if month < first_of_month(history_start):
            break
        label = month_label(month)
        choices.append(
            Choice(
                name=formatting.month(month),
                note="not over" if month == running else "",
                address=address(label),
                current=asked == label,
            )
        )
    return choices
