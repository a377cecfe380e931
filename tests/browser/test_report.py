"""A report as somebody gets it: the values of the API, one page of A4, offline, readable in every look."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from app.metrics import INDICATORS

from .company import HOSTILE_TITLE, TEAMS
from .conftest import LOOKS, printed
from .test_served import PAST_MONTH, answer, as_shares, as_shown
from .test_smoke import assert_accessible, put_into

RUNNING = f"{datetime.now(UTC):%Y-%m}"
SLUGS = ("organisation", *(slug for slug, *_ in TEAMS))


def rows(client: httpx.Client, team: str, month: str) -> list[dict[str, str]]:
    found = client.get(f"/teams/{team}/report", params={"month": month, "format": "csv"})
    assert found.status_code == 200, found.text
    return list(csv.DictReader(io.StringIO(found.text)))


@pytest.mark.parametrize(
    ("month", "teams"), [(RUNNING, SLUGS), (PAST_MONTH, ("organisation", "checkout", "i18n"))]
)
def test_every_number_of_a_report_is_the_apis(
    client: httpx.Client, month: str, teams: Sequence[str]
) -> None:
    partial = 0
    for team in teams:
        scorecard = answer(client, f"/teams/{team}/scorecard", period=month)["items"]
        page = client.get(f"/teams/{team}/report", params={"month": month}).text
        text = client.get(f"/teams/{team}/report", params={"month": month, "format": "md"}).text
        exact = rows(client, team, month)
        for point in scorecard:
            key = point["indicator"]
            first, *categories = [row for row in exact if row["indicator"] == key]
            for name in ("value", "n", "numerator", "denominator", "target", "coverage"):
                assert (float(first[name]) if first[name] else None) == point[name], (team, name)
            for name in ("status", "reason", "recorded_at"):
                assert first[name] == (point[name] or "")
            assert first["signal"] == str(point["signal"]).lower()
            assert [(row["category"], float(row["share"])) for row in categories] == [
                (each["category"], each["share"]) for each in point.get("categories") or []
            ]
            partial += point["partial"]
            [line] = re.findall(rf"^\| {point['title']} \| (.*) \|$", text, re.M)
            shown, *_, n, _ = line.split(" | ")
            assert n == ("–" if point["n"] is None else f"{point['n']:,}")
            if "suppressed" in point:
                assert as_shares(shown, point)
            elif point["value"] is None:
                assert shown == "no value"
            else:
                assert as_shown(shown.split()[0], point["value"])
            card = re.search(rf'<article[^>]* id="{key}">.*?</article>', page, re.DOTALL)
            if card is None:
                assert next(each for each in INDICATORS if each.key == key).supporting
                continue
            number = re.search(r'<p class="big"><b[^>]*>([^<]+)</b>', card[0])
            assert number is not None
            if point["value"] is not None:
                assert as_shown(number[1], point["value"])
            assert ('class="sig">signal' in card[0]) == point["signal"]
        people = answer(client, f"/teams/{team}", on=None if month == RUNNING else f"{month}-28")
        assert ("managed by" in page) == bool(people["managers"])
    assert (partial > 0) == (month == RUNNING)


def test_what_waits_is_what_the_api_says(client: httpx.Client) -> None:
    waits = answer(client, "/teams/checkout/attention")["items"]
    page = unescape(client.get("/teams/checkout/report", params={"month": RUNNING}).text)
    assert "Needs attention now" in page
    for kind in ("in_review", "community", "orphaned"):
        oldest = next(each for each in waits if each["kind"] == kind)
        assert f">{oldest['title']}</a>" in page
    assert HOSTILE_TITLE in page
    past = client.get("/teams/checkout/report", params={"month": PAST_MONTH}).text
    assert "Needs attention now" not in past
    longest = answer(
        client, "/indicators/open_mr_review_time/evidence", team="checkout", period=PAST_MONTH
    )["items"][0]
    assert f'>{longest["title"]}</a><span class="n">{longest["value"]:.0f} days' in past


@pytest.fixture(scope="module")
def files(client: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report of each team in the running month, saved."""
    folder = tmp_path_factory.mktemp("reports")
    saved = {slug: folder / f"{slug}.html" for slug in SLUGS}
    for slug, file in saved.items():
        file.write_bytes(client.get(f"/teams/{slug}/report", params={"month": RUNNING}).content)
    return saved


@pytest.mark.browser
def test_file_is_one_page_and_asks_for_nothing(
    context: BrowserContext, files: dict[str, Path]
) -> None:
    page = context.new_page()
    asked, errors = heard(page)
    try:
        for slug, file in files.items():
            page.goto(file.as_uri())
            assert printed(page) == [(595, 842)], slug
            assert page.locator("svg.fig").count() > 0 or slug == "i18n"
        assert asked == [file.as_uri() for file in files.values()]
        assert errors == []
        assert page.evaluate("window.hit") is None
    finally:
        page.close()


@pytest.mark.browser
def test_file_is_accessible_in_every_look(context: BrowserContext, files: dict[str, Path]) -> None:
    page = context.new_page()
    try:
        for slug in ("checkout", "i18n"):
            page.goto(files[slug].as_uri())
            page.evaluate(
                "document.querySelectorAll('details').forEach(one => { one.open = true })"
            )
            for look in LOOKS:
                put_into(page, look)
                assert_accessible(page, look)
    finally:
        page.close()


@pytest.mark.browser
def test_served_report_is_drawn_under_its_policy(browser: Browser, site: str) -> None:
    context = browser.new_context(**LOOKS["light"])
    page = context.new_page()
    asked, errors = heard(page)
    address = f"{site}/teams/checkout/report?month={PAST_MONTH}"
    page.goto(address)
    assert (
        page.locator("main").evaluate("one => getComputedStyle(one.parentNode).maxWidth") == "960px"
    )
    link = page.get_by_role("link", name="The same on its page")
    assert link.get_attribute("href") == f"{site}/teams/checkout?period={PAST_MONTH}"
    assert (asked, errors) == ([address], [])
    context.close()


def heard(page: Page) -> tuple[list[str], list[object]]:
    """What the page asks for, and what it complains about, from now on."""
    asked: list[str] = []
    errors: list[object] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    return asked, errors
