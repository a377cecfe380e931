"""The choice of a period: what is earlier, what is later, and where history begins."""

from datetime import date

from dashboards import addresses
from dashboards.periods import Picker, Step, picker

TODAY = date(2026, 11, 22)


def picked(asked: str | None, *, daily: bool = False, begin: date = date(2024, 1, 15)) -> Picker:
    return picker(
        asked=asked,
        today=TODAY,
        history_start=begin,
        daily=daily,
        address=lambda period: addresses.overview(period=period),
        action="/",
        hidden={"variant": "wider", "team": None, "grain": ""},
    )


def test_before_the_latest_is_the_last_whole_month_or_yesterday() -> None:
    latest = picked(None)
    assert latest.label == "Latest"
    assert latest.earlier == Step(address="/?period=2026-10", label="Earlier: October 2026")
    assert latest.later == Step(address=None, label="Later: there is none yet")
    daily = picked(None, daily=True)
    assert daily.earlier == Step(address="/?period=2026-11-21", label="Earlier: 21 Nov 2026")


def test_after_the_last_whole_period_is_the_latest() -> None:
    assert picked("2026-10").later == Step(address="/", label="Later: latest")
    assert picked("2026-11-21", daily=True).later == Step(address="/", label="Later: latest")
    assert picked("2026-09").later == Step(address="/?period=2026-10", label="Later: October 2026")
    assert picked("2026-02-28").later.address == "/?period=2026-03-01"


def test_nothing_is_after_the_running_period() -> None:
    assert picked("2026-11").later.address is None
    assert picked("2026-11-22").later.address is None


def test_months_step_over_the_year_and_stop_where_history_begins() -> None:
    assert picked("2026-01").earlier.address == "/?period=2025-12"
    assert picked("2025-12").later.address == "/?period=2026-01"
    first = Step(address=None, label="Earlier: history begins here")
    assert picked("2024-01").earlier == first
    assert picked("2024-02").earlier.address == "/?period=2024-01"
    assert picked("2024-01-15").earlier == first
    assert picked("2024-01-16").earlier.address == "/?period=2024-01-15"


def test_menu_offers_the_latest_and_the_months_before_it() -> None:
    choices = picked("2026-09").choices
    assert [(c.name, c.note, c.current) for c in choices] == [
        ("Latest", "22 Nov, Oct 2026", False),
        (None, "", False),
        ("November 2026", "not over", False),
        ("October 2026", "", False),
        ("September 2026", "", True),
        ("August 2026", "", False),
        ("July 2026", "", False),
        ("June 2026", "", False),
        ("May 2026", "", False),
    ]
    young = picked(None, daily=True, begin=date(2026, 9, 20)).choices
    assert [c.name for c in young] == ["Latest", None, "October 2026", "September 2026"]


def test_form_keeps_what_else_is_in_the_address() -> None:
    assert picked("2026-09").hidden == {"variant": "wider"}


def test_forms_for_any_month_and_any_day_know_where_history_begins_and_ends() -> None:
    month, day, latest = picked("2026-09"), picked("2026-09-08"), picked(None)
    assert (month.month, month.day) == ("2026-09", "")
    assert (day.month, day.day) == ("", "2026-09-08")
    assert (latest.month, latest.day) == ("", "")
    assert (latest.first, latest.last) == ("2024-01-15", "2026-11-22")
