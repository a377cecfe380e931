"""Sentences, tips and signals: the number, the range, the target, and no word more than is known."""

import re
from dataclasses import replace
from typing import Any

from app.metrics import INDICATORS
from app.metrics.indicator import Indicator, Limits, Point, Reason
from dashboards import formatting, sentences
from dashboards.sentences import Judged

from .made import (
    AGE,
    AGE_LIMITS,
    COMMUNITY,
    DIVERSITY,
    HIRING,
    RATE,
    RATE_LIMITS,
    RETENTION,
    months,
    point,
    shares,
    target_of,
    weeks,
)


def judged(
    point: Point,
    indicator: Indicator = AGE,
    limits: Limits | None = None,
    running: Point | None = None,
) -> Judged:
    target = target_of(indicator)
    return Judged(
        indicator=indicator,
        point=point,
        limits=limits,
        target=target,
        at=formatting.borders(indicator, target, 0.2),
        running=running,
    )


def signal(made: Point) -> Point:
    return replace(made, signal=True)


def test_quiet_value_is_inside_its_range() -> None:
    points = weeks(24.0, 23.0, 25.26)
    assert sentences.card(judged(points[-1], limits=AGE_LIMITS), points) == (
        "The median open merge request is <strong>25.3 days</strong> old, "
        "inside its normal range of 17 to 31."
    )


def test_signal_says_since_when_and_what_was_a_month_before() -> None:
    points = weeks(32.0, 20.0, 33.0, 35.0, 38.0, 40.0, 42.0, 41.3)
    # Week by week to 22 November: 33 on 18 October is the first of the row above 31.1.
    assert sentences.card(judged(signal(points[-1]), limits=AGE_LIMITS), points) == (
        "The median open merge request is <strong>41.3 days</strong> old, above its normal "
        "range of 17 to 31 since 18 Oct 2026. A month before it was 35.0."
    )


def test_a_month_before_the_end_of_a_month_is_the_end_of_the_one_before() -> None:
    at_end = replace(weeks(53.1)[0], period="2026-10-31")
    months = [replace(at_end, period="2026-09", value=45.0), replace(at_end, period="2026-10")]
    text = sentences.card(judged(signal(at_end), limits=AGE_LIMITS), months)
    assert text.endswith("A month before it was 45.0.")


def test_a_signal_inside_the_range_does_not_lengthen_the_time_outside() -> None:
    points = weeks(20.0, 20.0, 20.0, 20.0, 28.0, 41.3)
    points[-2] = signal(points[-2])  # the eighth of a run on one side
    text = sentences.card(judged(signal(points[-1]), limits=AGE_LIMITS), points)
    assert "above its normal range of 17 to 31. A month before" in text


def test_long_run_inside_the_range_is_told_as_one() -> None:
    points = weeks(20.0, 20.0, 20.0, 20.0, 20.0, 20.0)
    one = judged(signal(points[-1]), limits=AGE_LIMITS)
    assert sentences.card(one, points) == (
        "The median open merge request is <strong>20.0 days</strong> old, below its centre "
        "line of 23.9 for eight months or more. A month before it was 20.0."
    )
    assert sentences.signal_line(one) == (
        "Open MR Age improved: 20.0 days, eight months or more below 23.9 days"
    )


def test_rate_of_the_last_month_tells_the_running_one_without_judging_it() -> None:
    points = months(9.0, 8.06, 5.5)
    one = judged(points[1], RATE, RATE_LIMITS, running=points[2])
    assert sentences.card(one, points) == (
        "Each person merged <strong>8.1 merge requests</strong> in October 2026 on average, inside its "
        "normal range of 7.0 to 11.2. November so far: 5.5."
    )
    running = judged(points[2], RATE, RATE_LIMITS)
    assert sentences.card(running, points) == (
        "Each person merged <strong>5.5 merge requests</strong> in November 2026 so far on average."
    )
    assert sentences.status_words(points[2]) == "not over, no status"
    # What others merged into the team's projects is not what each person of it merged.
    assert sentences.card(replace(running, variant="wider"), points) == (
        "<strong>5.5 per person</strong> in November 2026 so far."
    )


def test_worsened_and_improved_follow_the_indicator() -> None:
    high, low = signal(point("2026-11-22", 41.3)), signal(point("2026-11-22", 12.0))
    assert sentences.signal_line(judged(high, limits=AGE_LIMITS)) == (
        "Open MR Age worsened to 41.3 days, normal\u00a017\u00a0to\u00a031"
    )
    assert judged(low, limits=AGE_LIMITS).improved
    fewer, more = (signal(point("2026-10", value, RATE)) for value in (5.0, 15.8))
    assert not judged(fewer, RATE, RATE_LIMITS).improved
    assert sentences.signal_line(judged(more, RATE, RATE_LIMITS)) == (
        "Merge request rate improved to 15.8 per person, normal\u00a07.0\u00a0to\u00a011.2"
    )


def test_what_is_missing_is_said() -> None:
    none = point("2026-11-22", None)
    assert sentences.missing(AGE, none) == "none open"
    assert sentences.card(judged(none), []) == "There were no open merge requests on 22 Nov 2026."
    nobody = replace(point("2026-10", None, RATE), denominator=0.0)
    assert sentences.missing(RATE, nobody) == "no people"
    assert sentences.missing_sentence(RATE, nobody) == (
        "Nobody was a member of this team in October 2026."
    )
    never = replace(none, recorded_at=None)
    assert sentences.missing(AGE, never) == "not recorded"
    assert sentences.missing_sentence(AGE, never) == "No value of 22 Nov 2026 was recorded."
    hidden = replace(none, reason=Reason.SUPPRESSED)
    assert sentences.missing(AGE, hidden) == "hidden"
    odd = replace(none, reason=Reason.NOT_MEANINGFUL)
    assert sentences.missing(AGE, odd) == "not meaningful"


def test_tip_of_a_quiet_median() -> None:
    assert sentences.tip(judged(point("2026-11-22", 25.26), limits=AGE_LIMITS)) == [
        "25.3 days · on target",
        "Target ≤ 30 days",
        "31 open merge requests",
        "Middle half 24.3 to 26.3 days",
        "Coverage 96%",
        "Normal range 17 to 31",
    ]


def test_tip_of_a_signal_of_few_cases() -> None:
    few = replace(signal(point("2026-11-22", 41.3)), n=3, p25=None, p75=None, coverage=None)
    assert sentences.tip(judged(few, limits=AGE_LIMITS)) == [
        "41.3 days · problem",
        "Target ≤ 30 days",
        "3 open merge requests",
        "17.4 above its centre line 23.9",
        "Signal: outside its normal range 17 to 31",
        "Few cases: read with care",
    ]


def test_tip_of_a_rate_tells_what_it_is_made_of() -> None:
    points = months(8.06, 5.5)
    assert sentences.tip(judged(points[0], RATE, running=points[1])) == [
        "8.1 per person · attention",
        "Target ≥ 10",
        "89 merged merge requests, 11.0 people on average",
        "Coverage 96%",
        "November 2026 so far: 5.5",
    ]


def test_tip_without_a_value_says_why() -> None:
    assert sentences.tip(judged(point("2026-11-22", None))) == [
        "No data",
        "There were no open merge requests on 22 Nov 2026.",
    ]


def of(
    indicator: Indicator, value: float, numerator: float, denominator: float, **other: Any
) -> Point:
    """A point in percent of October 2026."""
    made = point("2026-10", value, indicator, round(numerator))
    return replace(made, numerator=numerator, denominator=denominator, **other)


def test_answers_to_the_community_are_told_as_how_many_of_how_many() -> None:
    one = judged(of(COMMUNITY, 95.0, 19.0, 20.0), COMMUNITY, Limits(centre=94, lower=88, upper=100))
    assert sentences.card(one, []) == (
        "In October 2026 <strong>19 of 20</strong> community merge requests had an answer in time, "
        "inside its normal range of 88 to 100%."
    )
    assert "19 of 20 community merge requests" in sentences.tip(one)
    running = judged(of(COMMUNITY, 50.0, 1.0, 2.0, partial=True, status=None), COMMUNITY)
    assert sentences.card(running, []) == (
        "In October 2026 so far <strong>1 of 2</strong> community merge requests had an answer in time."
    )


def test_hiring_is_told_in_people() -> None:
    one = judged(of(HIRING, 100 * 11 / 12, 11.0, 12.0), HIRING)
    assert sentences.card(one, []) == (
        "<strong>11 of 12</strong> planned people at the end of October 2026."
    )
    assert "11 of 12 planned people" in sentences.tip(one)
    running = judged(of(HIRING, 100.0, 12.0, 12.0, partial=True, status=None), HIRING)
    assert sentences.card(running, []) == (
        "<strong>12 of 12</strong> planned people in October 2026 so far."
    )


def test_retention_is_told_as_who_stayed() -> None:
    whole = {"months": 12, "short_history": False, "other_endings": 0}
    one = judged(
        of(RETENTION, 100 * 5 / 6, 1.0, 6.0, beside=whole),
        RETENTION,
        Limits(centre=93.0, lower=89.0, upper=97.0),
    )
    assert sentences.card(replace(one, point=signal(one.point)), []) == (
        "<strong>83%</strong> stayed in the 12 months to the end of October 2026, "
        "below its normal range of 89 to 97%."
    )
    assert "1 leaver, 6.0 people on average" in sentences.tip(one)
    # One leaver is not a case of few: n counts those who left, not those who might have.
    assert "Few cases: read with care" not in sentences.tip(one)
    short = judged(of(RETENTION, 100.0, 0.0, 6.5, beside={**whole, "months": 1}), RETENTION)
    assert sentences.card(short, []) == (
        "<strong>100%</strong> stayed in the month to the end of October 2026."
    )


def test_what_stands_beside_is_told_where_there_is_any() -> None:
    def words(**beside: Any) -> list[str]:
        return sentences.beside(replace(point("2026-10", 90.0, RATE), beside=beside))

    assert words(pending=2, waiting_for_author=1) == ["2 still in time", "1 waiting for the author"]
    assert words(pending=0, waiting_for_author=0) == []
    assert words(open_openings=1, offers_accepted_not_started=0) == ["1 open opening"]
    assert words(open_openings=3, offers_accepted_not_started=1) == [
        "3 open openings",
        "1 accepted, not started",
    ]
    assert words(other_endings=1, short_history=True, months=1) == [
        "1 other ending",
        "short history: 1 month",
    ]
    assert words(short_history=True, months=7) == ["short history: 7 months"]
    assert words(short_history=False, months=12) == []
    assert words(unanswered=1234) == ["1,234 not answered yet"]
    assert words(mean=4.25) == ["mean 4.2 days"]
    assert words(mean=None) == []


def test_every_indicator_says_its_value_in_whole_sentences() -> None:
    said = set()
    for indicator in INDICATORS:
        if indicator.categorical:
            continue
        for partial in (False, True):
            made = point("2026-10", 50.0, indicator, partial=partial)
            made = replace(made, numerator=5.0, denominator=10.0)
            text = sentences.card(judged(made, indicator), [])
            assert re.fullmatch(r"[^{}\[\]]*<strong>[^{}\[\]]+</strong>[^{}\[\]]*\.", text), text
            said.add(text)
    assert len(said) == 2 * (len(INDICATORS) - 1) - 2  # what is open has no month to be over
    unsaid = replace(AGE, says="")
    assert sentences.card(judged(point("2026-11-22", 25.26), unsaid), []) == (
        "The median of the open merge requests is <strong>25.3 days</strong>."
    )


def test_every_indicator_says_what_is_missing() -> None:
    for indicator in INDICATORS:
        none = point("2026-10", None, indicator)
        assert 0 < len(sentences.missing(indicator, none).split()) <= 3
        told = sentences.missing_sentence(indicator, none)
        assert "in October 2026" in told
        assert "{" not in told
    hidden = shares()
    assert sentences.missing(DIVERSITY, hidden) == "hidden"
    assert sentences.missing_sentence(DIVERSITY, hidden) == (
        "Showing it would show a group of fewer people than the rule allows."
    )
