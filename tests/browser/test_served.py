"""What the pages are without a browser: the API's numbers, strict, cheap, and clear about errors."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event

from app.metrics import INDICATORS
from app.settings import Settings

from .company import restated_month

TODAY = datetime.now(UTC).date()
PAST_DAY = str(TODAY - timedelta(days=70))
PAST_MONTH = PAST_DAY[:7]
SHOWN = [indicator for indicator in INDICATORS if not indicator.supporting]
"""The columns of the overview."""
PAGES = (
    "/",
    f"/?period={PAST_MONTH}",
    f"/?as_known_at={PAST_DAY}",
    "/teams/checkout",
    f"/teams/organisation?period={PAST_MONTH}&grain=month&variant=overall",
    "/indicators/open_mr_age",
    "/indicators/mr_rate?team=product&variant=wider",
    "/indicators/diversity",
    "/indicators/time_to_merge?team=product",
    "/indicators/open_mr_age/evidence?team=checkout",
    "/indicators/mr_rate/evidence",
    "/indicators/hiring_vs_plan/evidence?team=checkout",
    "/indicators/community_response/evidence?answer=missed",
    "/indicators/open_mr_age/evidence?state=orphaned&project=acme/payments",
    "/data",
    "/data?finding=unmatched_identity",
)
WORDS = {"on_target": "on target", "attention": "attention", "problem": "problem"}


def answer(client: httpx.Client, path: str, **query: str | None) -> Any:
    asked = {name: value for name, value in query.items() if value is not None}
    found = client.get(f"/api/v1{path}", params=asked)
    assert found.status_code == 200, found.text
    return found.json()


def as_shown(text: str, value: float) -> bool:
    """Whether a number on a page is the value, rounded to the digits that it has."""
    digits = text.replace(",", "").removesuffix("%")
    decimals = len(digits.partition(".")[2])
    return digits == f"{value:.{decimals}f}"


def as_shares(text: str, point: dict[str, Any]) -> bool:
    """Whether a text tells the shares of a point, and none where they are hidden."""
    told = re.findall(r"(\d+)%", text)
    return told == [f"{each['share']:.0f}" for each in point["categories"]]


@pytest.mark.parametrize(
    ("period", "variant"),
    [(None, None), (PAST_MONTH, None), (PAST_DAY, None), (None, "overall")],
)
def test_every_number_of_the_overview_is_the_apis(
    client: httpx.Client, period: str | None, variant: str | None
) -> None:
    query = {"period": period, "variant": variant}
    page = client.get("/", params={k: v for k, v in query.items() if v is not None}).text
    rows = re.findall(r'<tr[^>]* data-slug="([^"]+)".*?</tr>', page, re.DOTALL)
    teams = [team["slug"] for team in answer(client, "/teams")["items"]]
    assert rows == teams
    with_value = 0
    for column, indicator in enumerate(SHOWN):
        points = compared(client, indicator.key, period, variant if indicator.variants else None)
        for slug in teams:
            row = re.search(rf'<tr[^>]* data-slug="{slug}".*?</tr>', page, re.DOTALL)
            assert row is not None
            cell = re.findall(r'<td[^>]* data-v="([^"]*)">(.*?)</td>', row[0], re.DOTALL)[column]
            value = points[slug]["value"]
            if indicator.categorical:
                assert cell[0] == ""
                assert as_shares(cell[1].partition('class="vh"')[2], points[slug])
                assert ("nil" in cell[1]) == points[slug]["suppressed"]
                continue
            if value is None:
                assert cell[0] == ""
                assert "<b>" not in cell[1]
                continue
            with_value += 1
            assert float(cell[0]) == value
            shown = re.search(r"<b>([^<]+)</b>", cell[1])
            assert shown is not None
            assert as_shown(shown[1], value), (shown[1], value)
            if points[slug]["status"] in WORDS:
                assert f">, {WORDS[points[slug]['status']]}" in cell[1]
            assert (", signal</span>" in cell[1]) == points[slug]["signal"]
    assert with_value > 40


def compared(
    client: httpx.Client, key: str, period: str | None, variant: str | None
) -> dict[str, Any]:
    """The points of every team, by slug: each parent compared with the teams below it."""
    points: dict[str, Any] = {}
    teams = answer(client, "/teams")["items"]
    for parent in {team["parent"] or team["slug"] for team in teams}:
        found = answer(
            client, f"/indicators/{key}/compare", parent=parent, period=period, variant=variant
        )
        points |= {row["team"]: row for row in found["items"]}
    return points


@pytest.mark.parametrize(
    ("team", "query"),
    [
        ("checkout", {}),
        ("storage", {"grain": "day", "from": PAST_DAY}),
        ("organisation", {"grain": "month", "period": PAST_MONTH}),
        ("product", {"variant": "overall"}),
        ("i18n", {"grain": "month"}),
    ],
)
def test_every_number_of_a_team_is_the_apis(
    client: httpx.Client, team: str, query: dict[str, str]
) -> None:
    page = client.get(f"/teams/{team}", params=query).text
    period = query.get("period")
    for indicator in INDICATORS:
        variant = query.get("variant") if indicator.variants else None
        judged = answer(
            client,
            f"/indicators/{indicator.key}/compare",
            parent=team,
            period=period,
            variant=variant,
        )["items"][0]
        series = answer(
            client,
            f"/indicators/{indicator.key}/series",
            team=team,
            to=period,
            variant=variant,
            grain=query.get("grain", "week") if indicator.cadence == "daily" else None,
            **{"from": query.get("from")},
        )
        card = re.search(rf'<article[^>]* id="{indicator.key}">.*?</article>', page, re.DOTALL)
        assert card is not None
        number = re.search(r'<p class="big"><b[^>]*>([^<]+)</b>', card[0])
        assert number is not None
        if indicator.categorical:
            hidden = judged["suppressed"]
            assert number[1] == ("Not shown" if hidden else str(judged["n"]))
            assert ("as a whole" in card[0]) == hidden
        elif judged["value"] is None:
            assert number[1] == "No value"
        else:
            assert as_shown(number[1], judged["value"])
        assert ('class="sig">signal' in card[0]) == judged["signal"]
        values = [p["value"] for p in series["points"]]
        # Without any value there is a sentence in place of the chart.
        assert drawn(card[0]) == (values if any(v is not None for v in values) else [])
        table = [unescape(n) for n in re.findall(r'<td class="num">([^<]+)</td>', card[0])]
        newest = series["points"][::-1][:60]
        assert len(table) == len(newest)
        for text, point in zip(table, newest, strict=True):
            if indicator.categorical:
                assert as_shares(text, point)
            elif point["value"] is None:
                assert text == "–"
            else:
                assert as_shown(text.split()[0], point["value"])


def drawn(card: str) -> list[float | None]:
    """The values of a card's line; that of the running month lies on its dotted end."""
    found = re.search(r'<script type="application/json">(.*?)</script>', card)
    if found is None:
        return []
    line, *others = json.loads(found[1])["data"]
    dotted = [each for each in others if each.get("line", {}).get("dash")]
    values: list[float | None] = line["y"] + [each["y"][-1] for each in dotted]
    return values


@pytest.mark.parametrize("path", PAGES)
def test_page_is_whole_and_has_nothing_inline(client: httpx.Client, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    policy = dict(
        part.split(maxsplit=1) for part in page.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    # Plotly writes style elements; where it does not draw there are none.
    charts = " data-chart" in page.text
    assert policy["style-src"] == ("'self' 'unsafe-inline'" if charts else "'self'")
    assert page.text.count("<h1>") == 1
    assert "<table" in page.text
    assert re.findall(r"<style|<[^>]*\s(?:style|on\w+)=", page.text) == []
    for script in re.findall(r"<script([^>]*)>", page.text):
        assert ' src="/static/' in script or 'type="application/json"' in script
    # Every chart stands as SVG until Plotly has drawn, and for who runs no script.
    assert page.text.count(" data-chart") == len(
        re.findall(r'data-chart[^>]*><svg class="fig', page.text)
    )


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The statements that are sent inside."""
    sent: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_past_says_how_many_values_were_restated_since_and_why(client: httpx.Client) -> None:
    month = f"{restated_month(TODAY):%Y-%m}"
    asked = {"period": month, "as_known_at": str(TODAY - timedelta(days=1))}
    page = client.get("/", params=asked).text
    assert "1 value on this page has been restated since: late data." in page
    assert "restated since" not in client.get("/").text


MOST_STATEMENTS = 12
"""However many teams, indicators, merge requests and kinds of finding there are."""


@pytest.mark.parametrize("path", PAGES)
def test_page_asks_the_database_a_few_times_only(
    asking: httpx.Client, filled: tuple[Engine, Settings], path: str
) -> None:
    with statements(filled[0]) as sent:
        assert asking.get(path).status_code == 200
    assert 0 < len(sent) <= MOST_STATEMENTS, [each[:90] for each in sent]


def test_a_team_asks_as_often_however_many_people_teams_and_days_it_shows(
    asking: httpx.Client, filled: tuple[Engine, Settings]
) -> None:
    counts = set()
    for path in (
        "/teams/i18n",
        "/teams/checkout",
        "/teams/organisation",
        f"/teams/organisation?grain=day&from={PAST_DAY}",
    ):
        with statements(filled[0]) as sent:
            assert asking.get(path).status_code == 200
        counts.add(len(sent))
    assert len(counts) == 1
    assert max(counts) <= 12


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/nowhere", 404, "There is nothing at this address."),
        ("/teams/nobody", 404, "There is no team 'nobody'."),
        ("/teams/checkout?variant=other", 404, "No indicator has a variant 'other'."),
        ("/teams/checkout?grain=hour", 422, "grain 'hour' is none of week, day, month."),
        ("/teams/checkout?from=2026-10&to=2026-01", 422, "from '2026-10' lies after to '2026-01'."),
        ("/indicators/open_mr_age?team=nobody", 404, "There is no team 'nobody'."),
        ("/indicators/open_mr_age?grain=hour", 422, "grain 'hour' is none of day, week and month."),
        ("/indicators/mr_rate?grain=week", 422, "mr_rate is measured by the month"),
        (f"/?period={TODAY.year + 3}-01", 422, f"period {TODAY.year + 3}-01 has not begun"),
        ("/?period=1999-01", 422, "period 1999-01 lies before the start of history"),
        ("/?period=2026-13", 422, "period '2026-13' is not a date."),
        ("/?as_known_at=never", 422, "as_known_at 'never' is not an instant."),
        ("/indicators/fame", 404, "There is no indicator 'fame'."),
        ("/indicators/open_mr_age?variant=wider", 404, "open_mr_age has no variant 'wider'."),
        ("/indicators/mr_rate/evidence?page=999", 422, "page '999' does not exist"),
        ("/indicators/mr_rate/evidence?state=odd", 422, "state 'odd' is none of open, merged"),
        ("/indicators/mr_rate/evidence?sort=author", 422, "sort 'author' is none of merged"),
        ("/indicators/mr_rate/evidence?project=acme/none", 404, "no project 'acme/none'."),
        ("/indicators/open_mr_age/evidence?answer=met", 422, "answer is for answers to the"),
        ("/indicators/retention/evidence?kind=odd", 404, "no evidence of kind 'odd'."),
        ("/data?before=x", 422, "before 'x' is not the number of a run."),
        ("/data?before=9&after=1", 422, "before and after cannot be asked for at once."),
        ("/data?finding=odd", 404, "There is no kind of finding 'odd'."),
        ("/data?finding=bot&page=2", 422, "page '2' does not exist: there are 1."),
        ("/data?finding=bot&page=x", 422, "page 'x' does not exist: there are 1."),
    ],
)
def test_wrong_address_says_what_is_wrong(
    client: httpx.Client, path: str, status: int, words: str
) -> None:
    found = client.get(path, headers={"Accept": "text/html"})
    assert found.status_code == status
    page = unescape(found.text)
    assert words in page
    assert "Traceback" not in page
    assert "style-src 'self';" in found.headers["content-security-policy"]
