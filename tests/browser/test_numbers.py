"""What stands beside the values on the overview and on every team's page is the API's word, too."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest

from app.metrics import INDICATORS
from app.metrics.calendar import last_of_month
from app.metrics.indicator import Cadence, Indicator
from dashboards import formatting

from .company import TEAMS
from .test_served import PAST_MONTH, SHOWN, TODAY, answer, as_shown


def cells(page: str, slug: str) -> list[str]:
    """The exact values of a team's row, empty where there is none."""
    row = re.search(rf'<tr[^>]* data-slug="{slug}".*?</tr>', page, re.DOTALL)
    assert row is not None
    return re.findall(r'<td[^>]* data-v="([^"]*)"', row[0])


def test_overview_as_it_was_known_shows_the_values_of_then(client: httpx.Client) -> None:
    day = str(TODAY - timedelta(days=1))
    page = client.get("/", params={"as_known_at": day}).text
    known = 0
    for slug in ("organisation", "checkout", "storage"):
        shown = cells(page, slug)
        for column, indicator in enumerate(SHOWN):
            if indicator.categorical:
                continue
            points = answer(
                client,
                f"/indicators/{indicator.key}/series",
                team=slug,
                as_known_at=day,
            )["points"]
            judged = [
                point
                for point in points
                if indicator.cadence is Cadence.DAILY or not point["partial"]
            ]
            value = judged[-1]["value"] if judged else None
            assert (float(shown[column]) if shown[column] else None) == value
            known += value is not None
    assert known == 1  # everything else was recorded today


def test_overview_in_the_wider_variant(client: httpx.Client) -> None:
    page = client.get("/", params={"variant": "wider"}).text
    column = [indicator.key for indicator in SHOWN].index("mr_rate")
    rows = answer(client, "/indicators/mr_rate/compare", variant="wider")["items"]
    for row in rows:
        assert float(cells(page, row["team"])[column]) == row["value"]


def test_overview_counts_people_and_statuses_as_the_api_does(client: httpx.Client) -> None:
    page = client.get("/").text
    teams = answer(client, "/teams")["items"]
    parents = {team["parent"] for team in teams}
    tally = {"problem": 0, "attention": 0, "on_target": 0}
    for team in teams:
        row = re.search(rf'<tr[^>]* data-slug="{team["slug"]}".*?</tr>', page, re.DOTALL)
        assert row is not None
        assert f'<span class="hc">{team["headcount"]}</span>' in row[0]
        if team["slug"] in parents:
            continue
        for point in answer(client, f"/teams/{team['slug']}/scorecard")["items"][: len(SHOWN)]:
            if point["status"] in tally:
                tally[point["status"]] += 1
    shown = re.search(r'<dl class="tally">(.*?)</dl>', page, re.DOTALL)
    assert shown is not None
    assert list(map(int, re.findall(r"<dd>(\d+)</dd>", shown[1]))) == list(tally.values())


@pytest.mark.parametrize("period", [None, PAST_MONTH])
def test_every_team_shows_what_its_scorecard_says(client: httpx.Client, period: str | None) -> None:
    by_key = {indicator.key: indicator for indicator in INDICATORS}
    for slug in ("organisation", *(slug for slug, *_ in TEAMS)):
        asked = {} if period is None else {"period": period}
        page = unescape(client.get(f"/teams/{slug}", params=asked).text)
        on = None if period is None else str(last_of_month(formatting.first_day(period)))
        team = answer(client, f"/teams/{slug}", on=on)
        assert f'<p class="lede">{formatting.people(team["headcount"])}' in page
        for person in team["managers"]:
            assert person["name"] in page
        for point in answer(client, f"/teams/{slug}/scorecard", **asked)["items"]:
            indicator = by_key[point["indicator"]]
            card = re.search(rf'<article[^>]* id="{indicator.key}">.*?</article>', page, re.DOTALL)
            assert card is not None
            _has_what_is_beside(card[0], indicator, point)


def _has_what_is_beside(card: str, indicator: Indicator, point: dict[str, Any]) -> None:
    target = formatting.target(indicator, point["target"])
    assert (f"target {target}</span>" if target else "no target") in card
    if point["value"] is None:
        return
    number = re.search(r'<p class="big"><b[^>]*>([^<]+)</b>', card)
    assert number is not None
    assert as_shown(number[1], point["value"])
    if point["coverage"] is not None:
        assert f"overage {formatting.percent(point['coverage'])}" in card
    if point["n"]:
        assert f">{point['n']:,} " in card
    if point["limits"] and point["signal"]:
        assert 'class="sig">signal' in card
