"""Numbers, ranges, dates and periods as pages write them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.metrics.indicator import Indicator, Limits
from dashboards import formatting

from .made import AGE, AGE_LIMITS, RATE, RATE_LIMITS, SHARE

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("indicator", "value", "shown"),
    [
        (AGE, 41.26, "41.3"),
        (AGE, 0.44, "0.4"),
        (AGE, 99.94, "99.9"),
        (AGE, 99.96, "100"),
        (AGE, 1234.5, "1,234"),
        (AGE, None, "–"),
        (RATE, 8.06, "8.1"),
        (SHARE, 93.6, "94"),
    ],
)
def test_decimals_follow_the_unit(indicator: Indicator, value: float | None, shown: str) -> None:
    assert formatting.number(indicator, value) == shown


@pytest.mark.parametrize(
    ("indicator", "target", "value", "shown"),
    [
        (AGE, 30.0, 30.0, "30.0"),
        (AGE, 30.0, 29.98, "30.0"),  # on target, and so is what is shown
        (AGE, 30.0, 30.04, "30.04"),  # "30.0" would be on target
        (AGE, 30.0, 36.001, "36.001"),  # 20 % past the target a problem begins
        (AGE, 30.0, 35.96, "36.0"),
        (AGE, 100.0, 100.3, "100.3"),
        (RATE, 10.0, 9.97, "9.97"),  # "10.0" would be on target
        (RATE, 10.0, 9.94, "9.9"),
        (RATE, 10.0, 7.96, "7.96"),  # "8.0" would be attention
        (RATE, None, 9.97, "10.0"),
        (SHARE, 90.0, 89.9, "89.9"),
    ],
)
def test_no_number_is_rounded_across_its_target(
    indicator: Indicator, target: float | None, value: float, shown: str
) -> None:
    at = formatting.borders(indicator, target, 0.2)
    assert formatting.number(indicator, value, at) == shown


def test_units_stand_in_sentences_and_not_in_cells() -> None:
    assert formatting.short(AGE, 41.3) == "41.3"
    assert formatting.full(AGE, 41.3) == "41.3 days"
    assert formatting.full(RATE, 8.1) == "8.1 per person"
    assert formatting.short(SHARE, 94.2) == formatting.full(SHARE, 94.2) == "94%"
    assert formatting.full(AGE, None) == "–"


def test_targets_say_which_way_is_better() -> None:
    assert formatting.target(AGE, 21.0) == "≤ 21 days"
    assert formatting.target(RATE, 0.55) == "≥ 0.55"
    assert formatting.target(SHARE, 90.0) == "≥ 90%"
    assert formatting.target(AGE, None) == ""


@pytest.mark.parametrize(
    ("indicator", "limits", "beside", "shown"),
    [
        (AGE, AGE_LIMITS, None, "17 to 31"),
        (AGE, AGE_LIMITS, 41.3, "17 to 31"),
        (AGE, AGE_LIMITS, 31.05, "16.6 to 31.1"),  # 31.05 lies inside, but is more than 31
        (AGE, Limits(centre=5.0, lower=0.0, upper=9.44), None, "0 to 9.4"),
        (AGE, Limits(centre=9.0, lower=0.0, upper=15.7), 16.0, "0 to 15.7"),
        (AGE, Limits(centre=9.0, lower=0.0, upper=15.7), 16.04, "0 to 15.7"),  # shown as 16.0
        (RATE, RATE_LIMITS, None, "7.0 to 11.2"),
        (SHARE, Limits(centre=94.0, lower=88.4, upper=99.6), None, "88 to 100%"),
    ],
)
def test_normal_range_has_no_more_decimals_than_the_value(
    indicator: Indicator, limits: Limits, beside: float | None, shown: str
) -> None:
    assert formatting.normal_range(indicator, limits, beside=beside) == shown


def test_change_is_told_against_the_centre_line_in_points() -> None:
    assert formatting.change(AGE, 17.42) == "↑\u00a017.4"
    assert formatting.change(AGE, -120.4) == "↓\u00a0120"
    assert formatting.change(RATE, -0.04) == "↓\u00a00.04"  # never a change of 0
    assert formatting.change(SHARE, -9.2) == "↓\u00a09\u00a0pt"


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (None, "–"),
        (0.0, "0%"),
        (0.003, "under 1%"),
        (0.964, "96%"),
        (0.996, "99.6%"),
        (0.99999, "99.9%"),
        (1.0, "100%"),
    ],
)
def test_a_share_is_whole_only_if_nothing_is_missing(share: float | None, shown: str) -> None:
    assert formatting.percent(share) == shown


def test_counts_and_people() -> None:
    assert formatting.count(1902) == "1,902"
    assert formatting.count(None) == "–"
    assert formatting.people(1) == "1 person"
    assert formatting.people(12) == "12 people"
    assert formatting.people(11.04) == "11.0 people"
    assert (
        formatting.counted(1, "open merge requests in review") == "1 open merge request in review"
    )
    assert formatting.counted(1031, "merge requests") == "1,031 merge requests"
    assert formatting.listed(["a"]) == "a"
    assert formatting.listed(["a", "b", "c"]) == "a, b and c"
    assert formatting.listed(list("abcdefgh")) == "a, b, c, d, e, f and 2 more"


def test_periods_and_instants_are_read_not_decoded() -> None:
    instant = datetime(2026, 11, 22, 23, 10, tzinfo=UTC)
    assert formatting.period("2026-11-22") == "22 Nov 2026"
    assert formatting.period("2026-10") == "October 2026"
    assert formatting.instant(instant, BERLIN) == "23 Nov 2026, 00:10"
    assert formatting.instant_with_zone(instant, BERLIN) == "23 Nov 2026, 00:10 CET"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (238, "3 min 58 s"), (7500, "2 h 5 min")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert formatting.duration(seconds) == shown


def test_iso_dates_of_a_finding_become_words() -> None:
    text = "Ends 2026-04-10T23:30:00+00:00, before 2026-05-10; E2026-04-10x and 2026-13-77 stay."
    assert formatting.in_words(text, BERLIN) == (
        "Ends 11 Apr 2026, 01:30, before 10 May 2026; E2026-04-10x and 2026-13-77 stay."
    )
