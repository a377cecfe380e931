"""Reports of a small organisation: the values that the API gives, and what has to be said beside them."""

import csv
import io
import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from typing import Any

import pytest
from markupsafe import escape
from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session

from app.api.shapes.indicators import ScorecardAnswer
from app.errors import ConfigurationError, InvalidValueError, NotFoundError
from app.metrics import queries
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.tables import Opening
from dashboards.report import Report, report
from dashboards.report_html import html, policy, style
from dashboards.report_text import csv as as_csv
from dashboards.report_text import markdown

from ..app.metrics.conftest import Store

SETTINGS = Settings.model_validate(
    {
        "reporting": {"history_start": "2024-01-01"},
        "gitlab": {"groups": ["acme"]},
        "files": {"teams": "/nowhere/teams.yaml"},
    }
)
HOSTILE = '=cmd|"@all" <b>*#1*</b>'


@pytest.fixture(scope="module")
def session(shared_engine: Engine) -> Iterator[Session]:
    """product ─ checkout (ann manages it, ben left on 1 March, dan came on 11 March), search (cid),
    and nobody in empty; collected on 20 March 2024 at noon, late data of February on 10 March."""
    with shared_engine.connect() as connection:
        transaction = connection.begin()
        with Session(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ) as made:
            _fill(Store(made))
            yield made
        transaction.rollback()


def _fill(store: Store) -> None:
    store.team("product")
    store.team("checkout", "product", owns=["acme/checkout/**"])
    store.team("search", "product")
    store.team("empty", "product")
    for number, person in enumerate(("ann", "ben", "cid", "dan"), 1):
        store.person(person, number)
    store.member("ann", "checkout", date(2024, 1, 1), role="manager")
    store.member("ben", "checkout", date(2024, 1, 1), date(2024, 3, 1))
    store.member("cid", "search", date(2024, 1, 1))
    store.member("dan", "checkout", date(2024, 3, 11))
    store.account(8, "eve")
    store.project(1, "acme/checkout/api")
    left = store.merge_request(2, "2024-02-01 12:00")
    store.request_review(left, "2024-02-10 12:00", "cid")
    store.change(left, title=HOSTILE)
    over = store.merge_request(1, "2024-02-20 12:00", merged="2024-03-05 12:00")
    store.request_review(over, "2024-02-21 06:00", "cid")
    for _ in range(6):
        store.request_review(store.merge_request(1, "2024-03-02 12:00"), "2024-03-03 12:00", "cid")
    labels = ["community contribution"]
    store.merge_request(8, "2024-03-01 12:00", merged="2024-03-05 12:00", labels=labels)
    store.merge_request(8, "2024-03-19 12:00", labels=labels)
    store.session.execute(
        insert(Opening).values(
            opening_id="OP-1",
            team="checkout",
            opened_on=date(2024, 1, 20),
            target_start_on=date(2024, 3, 1),
        )
    )
    refresh(store.session, SETTINGS, store.collected("2024-03-10 12:00"))
    store.merge_request(1, "2024-02-05 12:00", merged="2024-02-12 12:00")
    refresh(store.session, SETTINGS, store.collected("2024-03-20 12:00"))


def rows_of(made: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(made, SETTINGS))))


def numbers(values: dict[str, Any]) -> dict[str, Any]:
    """The fields that report and API have under the same name, as text."""
    limits = values["limits"] or {}
    flat = values | {f"limits.{name}": limits.get(name) for name in ("centre", "lower", "upper")}
    return {
        name: "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in flat.items()
        if not isinstance(value, dict | list) and name not in ("limits", "suppressed")
    }


@pytest.mark.parametrize("month", ["2024-01", "2024-02", "2024-03"])
@pytest.mark.parametrize("team", ["organisation", "product", "checkout", "empty"])
def test_every_value_is_the_apis(session: Session, team: str, month: str) -> None:
    made = report(session, SETTINGS, team, month)
    found = queries.scorecard(session, SETTINGS, team, period=month)
    expected = [ScorecardAnswer.of(row).model_dump(mode="json") for row in found.items]
    rows = [row for row in rows_of(made) if not row["category"]]
    assert len(rows) == len(expected) == 11
    for row, answer in zip(rows, expected, strict=True):
        wanted = numbers(answer)
        assert {name: row[name] for name in wanted} == wanted
        assert (row["team"], row["month"]) == (team, month)
    text = markdown(made, SETTINGS)
    for entry in [*made.eight, *made.beside]:
        assert f"| {entry.row.indicator.title} | {entry.value} | {entry.status} |" in text


def test_a_month_that_is_over(session: Session) -> None:
    made = report(session, SETTINGS, "checkout", "2024-02")
    assert (made.title, made.running) == ("Checkout, February 2024", False)
    assert (made.who, made.as_of) == ("2 people, managed by Ann.", "As of 29 Feb 2024.")
    assert made.waits_title == "Open at the end of February 2024"
    # Both were in review when February ended: one has been merged since, the other is Ben's, who
    # was still there.
    assert [line.days for line in made.waits.in_review] == ["20 days", "9 days"]
    assert (made.waits.orphaned, made.waits.due, made.waits.overdue) == ([], [], [])
    assert made.changes == []
    restated = [line for line in made.care if "restated" in line]
    when = "last on 20 Mar 2024, 12:00: late data."
    assert restated == [
        f"Merge request rate was restated from 0.0 per person to 0.5 per person, {when}",
        f"Time to Merge was restated from no value to 7.0 days, {when}",
    ]


def test_the_running_month(session: Session) -> None:
    made = report(session, SETTINGS, "checkout", "2024-03")
    assert (made.running, made.as_of) == (
        True,
        "As of 20 Mar 2024, 12:00 UTC: March is not over.",
    )
    assert made.waits_title == "Needs attention now"
    assert made.waits.in_review[0].title == HOSTILE
    assert len(made.waits.in_review) == 3
    assert made.waits.more == {"in_review": 4}
    assert [line.title for line in made.waits.orphaned] == [HOSTILE]
    assert [line.when for line in made.waits.due] == ["due 21 Mar 2024"]
    assert [line.days for line in made.waits.overdue] == ["19 days over"]
    assert [line.words for line in made.changes] == ["Dan joined", "Ben left"]
    assert "March 2024 is not over: what is measured by the month is so far" in made.care[0]
    by_key = {entry.row.indicator.key: entry for entry in made.eight}
    assert (by_key["mr_rate"].row.point.status, by_key["mr_rate"].row.point.partial) == (None, True)
    [without] = [line for line in made.care if line.startswith("Without a value")]
    assert "Diversity (hidden)" in without


def test_a_team_of_nobody_has_a_report_without_values(session: Session) -> None:
    made = report(session, SETTINGS, "empty", "2024-02")
    assert made.who == "0 people."
    assert made.waits.nothing
    assert all(row["value"] == "" for row in rows_of(made))
    assert {entry.value for entry in made.eight} == {"no value"}


def test_without_a_month_it_is_the_last_one_that_is_over(session: Session) -> None:
    assert report(session, SETTINGS, "checkout").month == date(2024, 2, 1)


def test_the_same_data_give_the_same_bytes(session: Session) -> None:
    for write in (as_csv, markdown, html):
        one, other = (report(session, SETTINGS, "product", "2024-03") for _ in range(2))
        assert write(one, SETTINGS) == write(other, SETTINGS)


def test_what_has_no_report(session: Session) -> None:
    for month, words in (
        ("2024-04", "month 2024-04 has not begun: the data reach to 2024-03-20"),
        ("2023-12", "month 2023-12 lies before the start of history, 2024-01-01"),
        ("2024-03-09", "month '2024-03-09' is a day"),
        ("March", "month 'March' is not a date"),
        ("", "month '' is not a date"),
    ):
        with pytest.raises(InvalidValueError, match=words) as refused:
            report(session, SETTINGS, "checkout", month)
        assert refused.value.field == "month"
    with pytest.raises(NotFoundError, match="There is no team 'nobody'"):
        report(session, SETTINGS, "nobody", "2024-02")


def test_nothing_is_collected_yet(empty_session: Session) -> None:
    with pytest.raises(ConfigurationError, match="Nothing is collected yet"):
        report(empty_session, SETTINGS, "organisation", "2024-02")


@pytest.fixture
def empty_session(engine: Engine) -> Iterator[Session]:
    """A session on a migrated database without data."""
    with Session(engine) as made:
        yield made


def test_titles_stay_text_in_markdown_and_names_no_formula(session: Session) -> None:
    text = markdown(report(session, SETTINGS, "checkout", "2024-03"), SETTINGS)
    escaped = r'=cmd\|"\@all" \<b\>\*\#1\*\</b\>'
    assert f"[{escaped}](<https://git.test/1/" in text
    assert HOSTILE not in text
    session.connection().exec_driver_sql("UPDATE teams SET name = '=1+1' WHERE slug = 'search'")
    [name] = {row["name"] for row in rows_of(report(session, SETTINGS, "search", "2024-03"))}
    assert name == "'=1+1"


def test_html_is_whole_and_asks_for_nothing(session: Session) -> None:
    made = report(session, SETTINGS, "checkout", "2024-03", site="http://127.0.0.1:8000/")
    text = html(made, SETTINGS)
    assert "<script" not in text
    assert not re.search(r"\ssrc=|url\(|@import|\sstyle=|\son\w+=", text)
    assert re.findall(r"<link[^>]*>", text) == ['<link rel="icon" href="data:,">']
    [inlined] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert inlined == style()
    digest = b64encode(sha256(inlined.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy()
    assert f'content="{escape(policy())}"' in text
    assert str(escape(HOSTILE)) in text
    assert HOSTILE not in text
    assert 'href="http://127.0.0.1:8000/teams/checkout?period=2024-03"' in text
    assert "The same on its page" not in html(
        report(session, SETTINGS, "checkout", "2024-03"), SETTINGS
    )


def test_html_shows_every_number_chart_and_sentence(session: Session) -> None:
    made = report(session, SETTINGS, "product", "2024-02")
    text = html(made, SETTINGS)
    cards = re.findall(r'<article class="ind" id="(\w+)">(.*?)</article>', text, re.DOTALL)
    assert [key for key, _ in cards] == [entry.row.indicator.key for entry in made.eight]
    for entry, (_, card) in zip(made.eight, cards, strict=True):
        number = entry.card.number or entry.card.no_value
        assert re.search(rf'<p class="big"><b[^>]*>{re.escape(number)}</b>', card)
        assert str(entry.card.sentence) in card
        assert ('<svg class="fig' in card) == bool(entry.chart)
    assert any(entry.chart for entry in made.eight)
    for sentence in made.care:
        assert str(escape(sentence)) in text
