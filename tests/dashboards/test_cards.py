"""The card of one indicator: number, table, links, and what stands behind the number."""

from dataclasses import replace
from datetime import timedelta

from dashboards import shares as drawn
from dashboards.cards import NUMBERS_SHOWN, card_of

from .made import (
    AGE,
    AGE_LIMITS,
    DIVERSITY,
    HIRING,
    NOW,
    RATE,
    RATE_LIMITS,
    RETENTION,
    SETTINGS,
    months,
    point,
    scorecard_row,
    series,
    shares,
    weeks,
)

NOTHING: dict[str, str | None] = {}


def test_card_of_a_median() -> None:
    points = weeks(24.0, 23.0, 30.04)
    row = scorecard_row(points[-1], AGE, AGE_LIMITS)
    card = card_of(row, series(points, AGE, AGE_LIMITS), SETTINGS, NOTHING)
    assert (card.number, card.unit, card.target) == ("30.04", "days", "≤ 30 days")
    assert (card.mark, card.colour, card.status) == ("attention", "warn", "Attention")
    assert card.made_of == "Middle half 29.0–31.0, coverage 96%"
    assert card.when == "22 Nov, day not over"
    assert card.evidence_words == "31 merge requests"
    assert card.evidence == "/indicators/open_mr_age/evidence?team=checkout"
    assert card.variant is None
    assert card.chart_label == (
        "Open MR Age by week, now 30.04 days, normal range 17 to 31, target ≤ 30 days. "
        "The table below has the numbers."
    )


def test_table_below_the_chart_is_newest_first_and_marks_signals() -> None:
    points = weeks(24.0, 41.0, 25.0)
    points[1] = replace(points[1], signal=True)
    card = card_of(scorecard_row(points[-1]), series(points), SETTINGS, NOTHING)
    assert [(n.period, n.shown, n.mark) for n in card.numbers] == [
        ("week to 22 Nov 2026", "25.0 days", "not over"),
        ("week to 15 Nov 2026", "41.0 days", "signal"),
        ("week to 8 Nov 2026", "24.0 days", ""),
    ]
    assert card.more == 0


def test_numbers_are_not_rounded_across_the_target_of_their_own_time() -> None:
    points = weeks(25.04, 25.04)
    steps = [("2020-01-01", 25.0), ("2026-11-20", 30.0)]
    card = card_of(scorecard_row(points[-1]), series(points, targets=steps), SETTINGS, NOTHING)
    assert [n.shown for n in card.numbers] == ["25.0 days", "25.04 days"]


def test_long_table_ends_and_says_how_many_more_the_file_has() -> None:
    points = weeks(*[20.0] * (NUMBERS_SHOWN + 7))
    card = card_of(scorecard_row(points[-1]), series(points), SETTINGS, {"from": "2025-06-01"})
    assert len(card.numbers) == NUMBERS_SHOWN
    assert card.more == 7
    assert card.csv == (
        "/api/v1/indicators/open_mr_age/series?team=checkout&from=2025-06-01&grain=week&format=csv"
    )


def test_card_of_a_rate_tells_the_running_month() -> None:
    points = months(9.0, 8.06, 5.5)
    row = scorecard_row(points[1], RATE, RATE_LIMITS)
    card = card_of(row, series(points, RATE, RATE_LIMITS), SETTINGS, {"period": "2026-10"})
    assert card.number == "8.1"
    assert card.sentence.endswith("November so far: 5.5.")
    assert card.made_of == "11.0 people on average, coverage 96%"
    assert card.evidence_words == "89 merge requests"
    assert card.evidence == "/indicators/mr_rate/evidence?team=checkout&period=2026-10"
    assert card.when == ""
    running = card_of(scorecard_row(points[2], RATE), series(points, RATE), SETTINGS, NOTHING)
    assert running.when == "November 2026, not over"


def test_few_cases_and_none_are_said() -> None:
    few = point("2026-11-22", 20.0, n=9)
    card = card_of(scorecard_row(few), series([few]), SETTINGS, NOTHING)
    assert card.made_of == "Few cases, middle half 19.0–21.0, coverage 96%"
    none = point("2026-10", 0.0, RATE, n=0)
    card = card_of(scorecard_row(none, RATE), series([none], RATE), SETTINGS, NOTHING)
    assert card.made_of.startswith("Few cases, 0 merged merge requests, 11.0 people on average")
    assert card.evidence_words == ""


def test_without_a_value_a_sentence_replaces_number_and_chart() -> None:
    points = weeks(None, None)
    card = card_of(scorecard_row(points[-1]), series(points), SETTINGS, NOTHING)
    assert card.number is None
    assert card.figure is None
    assert card.chart == ""
    assert (card.mark, card.status) == ("no_data", "No data")
    assert card.sentence == "There were no open merge requests on 22 Nov 2026."


def test_another_variant_is_named_and_kept_in_every_link() -> None:
    wider = months(1.0, 2.0, 0.5)
    row = replace(scorecard_row(wider[1], RATE), variant="wider")
    card = card_of(row, replace(series(wider, RATE), variant="wider"), SETTINGS, NOTHING)
    assert card.variant == "Wider: by the community"
    assert card.evidence.endswith("&variant=wider")
    assert card.address.endswith("&variant=wider")
    assert "variant=wider" in card.csv
    assert card.sentence.startswith("<strong>2.0 per person</strong> in October 2026.")


def test_stale_card_says_where_it_stops_unless_a_period_was_asked_for() -> None:
    points = weeks(24.0, 23.0)
    row, one = scorecard_row(points[-1]), series(points)

    def when(hours: int, kept: dict[str, str | None] = NOTHING) -> str:
        return card_of(row, one, SETTINGS, kept, now=NOW + timedelta(hours=hours)).when

    assert when(26) == "22 Nov, day not over"
    assert when(27) == "stops at 22 Nov 2026"
    assert when(27, {"period": "2026-11-22"}) == "22 Nov, day not over"
    monthly = months(9.0, 8.0, 5.5)
    late = card_of(
        scorecard_row(monthly[1], RATE),
        series(monthly, RATE),
        SETTINGS,
        NOTHING,
        now=NOW + timedelta(days=3),
    )
    assert late.when == "stops at 22 Nov 2026"


def test_card_of_shares_has_a_bar_and_no_chart() -> None:
    points = [shares("2026-09", woman=50.0, man=50.0), shares(woman=55.0, man=45.0, n=72)]
    row = scorecard_row(points[-1], DIVERSITY)
    above = drawn.mix_of("Product", "/teams/product", points[0])
    card = card_of(row, series(points, DIVERSITY), SETTINGS, NOTHING, above)
    assert (card.number, card.unit, card.target) == ("72", "people", "")
    assert (card.mark, card.colour, card.status) == ("no_target", "none", "No target")
    assert card.sentence == "At the end of October 2026, by one declared attribute: gender."
    assert [share.words for share in card.shares] == ["woman 55%", "man 45%"]
    assert card.share_bar.count("<rect") == 2
    assert (card.figure, card.chart, card.made_of) == (None, "", "")
    # Nobody stands behind shares: the link leads to their rules.
    assert (card.evidence_words, card.evidence) == ("Rules of this indicator", card.address)
    assert [number.shown for number in card.numbers] == [
        "woman 55%, man 45%",
        "woman 50%, man 50%",
    ]
    assert card.instead is None


def test_hidden_shares_say_the_rule_and_show_the_nearest_team_above() -> None:
    row = scorecard_row(shares(), DIVERSITY)
    above = drawn.mix_of("Product", "/teams/product", shares(woman=55.0, man=45.0, n=72))
    card = card_of(row, series([shares()], DIVERSITY), SETTINGS, NOTHING, above)
    assert (card.number, card.no_value, card.status) == (None, "Not shown", "Hidden")
    assert card.sentence == (
        "Showing this team would show a group of fewer than 5 people. This holds on every page, in "
        "exports and for every role."
    )
    assert card.made_of == "One declared attribute: gender"
    assert card.shares == []
    assert card.instead is above
    assert [number.shown for number in card.numbers] == ["hidden"]
    assert "55" not in "".join([card.sentence, card.made_of, card.chart_label])


def test_people_are_no_cases() -> None:
    one = replace(point("2026-10", 75.0, HIRING, 3), numerator=3.0, denominator=4.0)
    one = replace(one, coverage=None, beside={"open_openings": 1})
    card = card_of(scorecard_row(one, HIRING), series([one], HIRING), SETTINGS, NOTHING)
    assert (card.made_of, card.evidence_words, card.status) == (
        "1 open opening",
        "3 people",
        "Problem",
    )
    gone = replace(point("2026-10", 83.3, RETENTION, 1), numerator=1.0, denominator=6.0)
    gone = replace(gone, coverage=None, beside={"months": 12, "short_history": False})
    card = card_of(scorecard_row(gone, RETENTION), series([gone], RETENTION), SETTINGS, NOTHING)
    assert (card.number, card.made_of, card.evidence_words) == (
        "83%",
        "6.0 people on average",
        "1 leaver",
    )
    none = replace(gone, value=100.0, n=0, numerator=0.0)
    card = card_of(scorecard_row(none, RETENTION), series([none], RETENTION), SETTINGS, NOTHING)
    assert (card.made_of, card.evidence_words) == ("0 leavers, 6.0 people on average", "")
