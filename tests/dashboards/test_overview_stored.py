"""The overview of stored values behind the real application: every state of a cell, and how it grows."""

import csv
import io
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event, text

from tests.databases import engine_on

from .large import HOSTILE_NAME, NOW, SETTINGS, fill
from .served import asking

MOST_STATEMENTS = 15
"""Three of them, in a new process, ask what state the data are in."""
MOST_COMPRESSED = 60_000
"""Bytes of the page with 60 teams."""
MOST = 170_000
"""Bytes of the page with 28 teams."""


@pytest.fixture(scope="module")
def small(server_url: str, template: str) -> Iterator[Engine]:
    """A root and three teams: one above the other two, one of which has every state."""
    with engine_on(server_url, "pages", template) as engine:
        fill(engine, 3)
        with engine.begin() as connection:
            for change in STATES:
                assert connection.execute(text(change), {"now": NOW}).rowcount == 1, change
        yield engine


@pytest.fixture(scope="module")
def client(small: Engine) -> Iterator[TestClient]:
    with asking(small, SETTINGS) as client:
        yield client


_CELL = (
    "WHERE team_id = (SELECT id FROM teams WHERE slug = 'team-1') AND superseded_at IS NULL AND "
)
_OCTOBER = "period = '2026-10-01'"
STATES = (
    f"UPDATE indicator_values SET value = NULL, n = 0, reason = 'no_data' {_CELL}"
    "indicator = 'open_mr_review_time' AND period = '2026-11-22'",
    f"UPDATE indicator_values SET value = 12, n = 3 {_CELL}"
    "indicator = 'open_mr_age' AND period = '2026-11-22'",
    f"UPDATE indicator_values SET value = 300 {_CELL}indicator = 'open_mr_age'"
    " AND period = '2026-10-31'",
    f"UPDATE indicator_values SET value = NULL, reason = 'not_meaningful' {_CELL}"
    f"indicator = 'hiring_vs_plan' AND {_OCTOBER}",
    f"DELETE FROM indicator_values {_CELL}indicator = 'handbook_update_rate' AND {_OCTOBER}",
    f"UPDATE indicator_values SET value = NULL, reason = 'suppressed', beside = "
    f"""'{{"categories": [], "suppressed": true}}' {_CELL}indicator = 'diversity' AND {_OCTOBER}""",
    f"UPDATE indicator_values SET value = 9.96 {_CELL}indicator = 'mr_rate' AND {_OCTOBER}",
    f"UPDATE indicator_values SET value = 40 {_CELL}indicator = 'retention' AND {_OCTOBER}",
    # Until the day before the community was answered less often.
    "INSERT INTO indicator_values (indicator, variant, team_id, period, value, n, partial,"
    " recorded_at, superseded_at, superseded_reason)"
    " SELECT indicator, variant, team_id, period, 1.5, 2, false, cast(:now AS timestamptz)"
    " - interval '9 days', cast(:now AS timestamptz) - interval '1 day', 'late_data'"
    f" FROM indicator_values {_CELL}indicator = 'community_response' AND {_OCTOBER}",
)


class Drawn:
    """The overview as it was answered."""

    def __init__(self, html: str) -> None:
        self.html = html
        self.rows = {
            slug: row
            for row, slug in re.findall(r'(<tr[^>]* data-slug="([^"]+)".*?</tr>)', html, re.DOTALL)
        }

    @property
    def shown(self) -> list[str]:
        """The teams that are not hidden, from the top."""
        return [slug for slug, row in self.rows.items() if " hidden>" not in row.split("\n")[0]]

    def cell(self, team: str, column: int) -> str:
        """What a cell shows: its mark, its words, its tip, from a column counted from 0."""
        found: str = re.findall(r"<td[^>]*>(.*?)</td>", self.rows[team], re.DOTALL)[column]
        return unescape(found)


def drawn(client: TestClient, **query: str) -> Drawn:
    answer = client.get("/", params=query)
    assert answer.status_code == 200, answer.text
    return Drawn(answer.text)


REVIEW, AGE, COMMUNITY, HIRING, RATE, DIVERSITY, HANDBOOK, RETENTION = range(8)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        pytest.param(
            REVIEW, ["#g-no_data", ">none in review<", "No data|There were no"], id="none"
        ),
        pytest.param(AGE, ["<b>12.0</b>", "3 open merge requests", "|Few cases"], id="few"),
        pytest.param(AGE, ['<circle class="r ok"'], id="partial-day"),
        pytest.param(HIRING, ["#g-no_data", ">not meaningful<"], id="not-meaningful"),
        pytest.param(HANDBOOK, ["#g-no_data", ">not recorded<", "was recorded"], id="not-recorded"),
        pytest.param(DIVERSITY, ["#g-suppressed", ">hidden<", "Hidden|"], id="suppressed"),
        pytest.param(RATE, ["#g-attention", "<b>9.96</b>", ", attention<"], id="attention"),
        pytest.param(RATE, ['<circle class="o"', '<path class="p"'], id="running-month"),
        pytest.param(RATE, ["|November 2026 so far: "], id="running-month-in-words"),
        pytest.param(RETENTION, ["#g-problem", "<b>40%</b>", ", problem"], id="problem"),
        pytest.param(RETENTION, ['class="sig">↓', ", signal<", '<circle class="s"'], id="signal"),
    ],
)
def test_every_state_of_a_cell_has_a_mark_and_words(
    client: TestClient, column: int, words: list[str]
) -> None:
    cell = drawn(client).cell("team-1", column)
    assert [each for each in words if each not in cell] == [], cell


def test_cell_without_a_value_is_neither_0_nor_blank(client: TestClient) -> None:
    page = drawn(client)
    for column in (REVIEW, HIRING, HANDBOOK, DIVERSITY):
        cell = page.cell("team-1", column)
        assert "<b>" not in cell
        assert re.search(r'class="v">[a-z ]+<', cell)
        assert '<svg class="sp"' not in cell


def test_shares_are_shown_where_they_may_be(client: TestClient) -> None:
    cell = drawn(client).cell("team-2", DIVERSITY)
    assert "56\u2009/\u200944" in cell
    assert "Shares|man 56%, woman 44%" in cell


def test_month_that_is_not_over_has_no_status(client: TestClient) -> None:
    page = drawn(client, period="2026-11")
    assert "November 2026, not over: no status yet" in page.html
    cell = page.cell("team-2", RATE)
    assert "#g-half" in cell
    assert ", not over, no status<" in cell
    assert '<circle class="r none"' in cell


def test_stale_source_is_told_with_what_stops_and_the_command(client: TestClient) -> None:
    page = unescape(drawn(client).html)
    assert re.search(r"<strong>Files is \d+ days behind\.</strong>", page)
    assert "stop at 22 Nov 2026, 06:10." in page
    assert "<code>teamgauge collect files</code>" in page


def test_past_shows_the_value_of_that_time_and_leads_back(client: TestClient) -> None:
    page = drawn(client, period="2026-10", as_known_at="2026-11-20")
    assert "<b>2%</b>" in page.cell("team-1", COMMUNITY)
    assert "As known at 20 Nov 2026." in page.html
    assert "1 value on this page has been restated since: late data." in page.html
    assert 'href="/?period=2026-10">Show the present values' in page.html
    assert "<b>2%</b>" not in drawn(client, period="2026-10").cell("team-1", COMMUNITY)


def test_sparklines_of_a_column_have_one_scale(client: TestClient) -> None:
    page = drawn(client)
    for column in (AGE, RATE, RETENTION):
        # The target is the same for all of them: so is its height, and no other column's.
        lines = {
            re.findall(r'class="t" d="M0 ([\d.]+)H64"', page.cell(team, column))[0]
            for team in page.rows
        }
        assert len(lines) == 1, (column, lines)


def test_tally_and_signals_say_what_the_cells_show(client: TestClient) -> None:
    page = drawn(client)
    leaves = [page.rows["team-1"], page.rows["team-2"]]
    told = re.findall(r"</svg>(Problem|Attention|On target)</dt><dd>(\d+)<", page.html)
    counted = {
        words: sum(row.count(f'href="#g-{mark}"') for row in leaves)
        for words, mark in (
            ("Problem", "problem"),
            ("Attention", "attention"),
            ("On target", "on_target"),
        )
    }
    assert {words: int(number) for words, number in told} == counted
    signals = re.findall(r'<li><span class="sig">([^<]+)</span><span><a href="([^"]+)">', page.html)
    assert ("/teams/team-1#retention") in [address for _, address in signals]
    assert len(signals) == sum(row.count(", signal<") for row in leaves)


def test_every_choice_of_the_address_is_applied_by_the_server(client: TestClient) -> None:
    page = drawn(client, view="flat", sort="-open_mr_age", period="2026-10")
    ages = [float(re.findall(r'data-v="([^"]*)"', page.rows[slug])[AGE + 1]) for slug in page.shown]
    assert set(page.shown) == {"team-1", "team-2"}
    assert ages == sorted(ages, reverse=True)
    assert page.shown[0] == "team-1"  # 300 days at the end of October
    assert 'aria-sort="descending"><button' in page.html
    assert '<a class="btn" href="/?period=2026-10&amp;view=flat&amp;sort=-open_mr_age"' in page.html
    filtered = drawn(client, filter=" LOCALISATION 1 ", status="problem")
    assert filtered.shown == ["organisation", "team-0", "team-1"]
    assert "3 of 4 rows" in filtered.html
    assert 'name="filter" value=" LOCALISATION 1 "' in filtered.html
    assert '<option value="problem" selected>' in filtered.html
    nothing = drawn(client, filter="nowhere")
    assert nothing.shown == []
    assert re.search(r"data-none>No team matches", nothing.html)


def test_choices_stay_when_another_one_is_made(client: TestClient) -> None:
    asked = {
        "filter": "a&b",
        "status": "signal",
        "view": "flat",
        "sort": "-team",
        "period": "2026-10",
        "variant": "overall",
    }
    html = unescape(drawn(client, **asked).html)
    main = html[html.index("<main") : html.index("</main>")]
    kept = "filter=a%26b&status=signal&view=flat&sort=-team"
    own = [each for each in re.findall(r'href="(/\?[^"]*)"', main) if "period=2026-1" in each]
    assert own
    assert [each for each in own if kept not in each and "sort=-team" not in each] == []
    for form in re.findall(r"<form.*?</form>", main, re.DOTALL):
        names = re.findall(r'name="(\w+)"', form)
        assert len(names) == len(set(names))  # nothing is said twice
        assert {"filter", "status", "sort"} <= set(names)
    assert "/teams/team-1?period=2026-10&variant=overall#mr_rate" in main


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("sort=diversity", "sort", "Diversity cannot be sorted: shares have no order."),
        ("sort=-diversity", "sort", "Diversity cannot be sorted"),
        ("sort=fame", "sort", "sort 'fame' is none of team, open_mr_review_time"),
        ("sort=-", "sort", "sort '-' is none of"),
        ("sort=--team", "sort", "sort '--team' is none of"),
        ("status=good", "status", "status 'good' is none of all, problem, attention, signal."),
        ("view=round", "view", "view 'round' is none of tree, flat."),
        ("signals=some", "signals", "signals 'some' is none of first, all."),
        ("format=xml", "format", "format 'xml' is none of html, csv."),
    ],
)
def test_wrong_choice_is_answered_with_the_field(
    client: TestClient, query: str, field: str, words: str
) -> None:
    answer = client.get(f"/?{query}", headers={"Accept": "text/html"})
    assert answer.status_code == 422
    assert words in unescape(answer.text)
    assert f"<code>{field}</code>" in answer.text


def rows_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_csv_has_the_rows_and_the_exact_values_of_the_page(client: TestClient) -> None:
    asked = {"view": "flat", "sort": "-open_mr_age", "period": "2026-10", "variant": "narrow"}
    answer = client.get("/", params={**asked, "format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"] == 'attachment; filename="overview.csv"'
    rows, page = rows_of(answer), drawn(client, **asked)
    assert [row["team"] for row in rows] == page.shown
    for row in rows:
        exact = re.findall(r'data-v="([^"]*)"', page.rows[row["team"]])[1:]
        keys = [key for key in row if f"{key}.status" in row]
        assert len(keys) == 7  # the eighth has shares
        assert [row[key] for key in keys] == exact[:DIVERSITY] + exact[DIVERSITY + 1 :]
        assert row["people"] == "11"
        assert (row["open_mr_age.period"], row["mr_rate.period"]) == ("2026-10-31", "2026-10")


def test_csv_says_what_is_missing_and_hides_what_is_hidden(client: TestClient) -> None:
    rows = {row["team"]: row for row in rows_of(client.get("/?format=csv"))}
    assert list(rows) == ["organisation", "team-0", "team-1", "team-2"]
    one, two = rows["team-1"], rows["team-2"]
    assert (one["open_mr_review_time"], one["open_mr_review_time.status"]) == ("", "no_data")
    assert (one["diversity.man"], one["diversity.woman"]) == ("", "")
    assert (one["diversity.status"], two["diversity.status"]) == ("suppressed", "no_target")
    assert (two["diversity.man"], two["diversity.woman"]) == ("55.5", "44.5")
    assert (one["retention.status"], one["retention.signal"]) == ("problem", "true")
    # A spreadsheet would take this name for a formula.
    assert rows["team-0"]["name"] == f"'{HOSTILE_NAME}"


def test_names_stay_text(client: TestClient) -> None:
    html = drawn(client).html
    assert "<script>window" not in html
    assert unescape(html).count(HOSTILE_NAME) == 2  # the row, and what folds it


def test_page_costs_the_same_statements_however_many_teams(
    server_url: str, template: str, small: Engine
) -> None:
    addresses = ("/", "/?period=2026-10&view=flat&sort=mr_rate", "/?as_known_at=2026-11-20")
    with engine_on(server_url, "pages", template) as engine:
        fill(engine, 60)
        few = [statements(small, address) for address in addresses]
        many = [statements(engine, address) for address in addresses]
        with asking(engine, SETTINGS) as client:
            plain = client.get("/", headers={"Accept-Encoding": "identity"})
            with client.stream("GET", "/", headers={"Accept-Encoding": "gzip"}) as answer:
                assert answer.headers["content-encoding"] == "gzip"
                compressed = sum(map(len, answer.iter_raw()))
    assert few == many
    assert max(many) <= MOST_STATEMENTS
    assert len(re.findall(r"<tr[^>]* data-slug=", plain.text)) == 61
    assert compressed < MOST_COMPRESSED, compressed


def test_page_of_28_teams_stays_small(server_url: str, template: str) -> None:
    with engine_on(server_url, "pages", template) as engine:
        fill(engine, 27)
        with asking(engine, SETTINGS) as client:
            answer = client.get("/", headers={"Accept-Encoding": "identity"})
    assert len(re.findall(r"<tr[^>]* data-slug=", answer.text)) == 28
    assert len(answer.content) < MOST, len(answer.content)


def statements(engine: Engine, address: str) -> int:
    """How many statements an address sends."""
    sent: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        with asking(engine, SETTINGS) as client:
            assert client.get(address).status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(sent)
