"""The lists behind a number in a browser: filtered, sorted, paged, taken along, by keyboard, on paper."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from .company import HOSTILE_LABEL
from .conftest import LOOKS, Watched, query, watching

pytestmark = pytest.mark.browser
AGES = "/indicators/open_mr_age/evidence?team=checkout"
ROWS = "tbody tr:not(.mid)"


def references(page: Page) -> list[str]:
    """The merge requests of the table, from the top."""
    return page.locator(f"{ROWS} th").all_inner_texts()


def column(page: Page, head: str) -> list[str]:
    """The cells below a head, from the top."""
    place = page.locator("thead th").all_inner_texts().index(head) + 1
    return page.locator(f"{ROWS} :nth-child({place})").locator("visible=true").all_inner_texts()


def chip(page: Page, words: str) -> Locator:
    return page.locator(".chip", has_text=re.compile(f"^{words} "))


def rows_of(visit: Watched, words: str) -> list[dict[str, str]]:
    """The rows of a CSV that the page offers."""
    link = visit.page.locator("a[download]", has_text=re.compile(f"^{words}$"))
    text = visit.download(link).path().read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def told(rows: list[dict[str, str]]) -> list[str]:
    return [f"{row['project']}!{row['iid']}" for row in rows]


def items(client: httpx.Client, page: Page) -> list[dict[str, Any]]:
    """What the API answers to the address of the page."""
    asked = {name: value for name, value in query(page).items() if name != "page"}
    path = page.evaluate("location.pathname")
    answer = client.get(f"/api/v1{path}", params={**asked, "limit": "500"})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_filters_go_together_and_what_is_shown_can_be_taken_along(
    visit: Watched, client: httpx.Client
) -> None:
    page = visit.open(AGES)
    everything = len(items(client, page))
    assert len(rows_of(visit, f"CSV, {everything} rows")) == everything
    visit.follow(chip(page, "In review"))
    visit.follow(chip(page, "Orphaned"))
    page.locator("summary", has_text="Project: all").click()
    visit.follow(page.locator(".pop a", has_text="acme/payments"))
    assert query(page) == {
        "team": "checkout",
        "state": "in_review,orphaned",
        "project": "acme/payments",
    }
    shown = references(page)
    assert 0 < len(shown) < everything
    assert shown == [f"{row['project']}!{row['iid']}" for row in items(client, page)]
    assert all(row["flags"] == ["orphaned"] for row in items(client, page))
    assert f"filtered from {everything}" in page.locator(".pager").inner_text()
    words = f"{len(shown)} row{'s' * (len(shown) != 1)}"
    assert told(rows_of(visit, f"CSV, {words} shown")) == shown
    assert len(rows_of(visit, f"CSV, all {everything} rows")) == everything
    # Back and forward, and each filter comes off by itself.
    with visit.leaving():
        page.go_back()
    assert "project" not in query(page)
    with visit.leaving():
        page.go_forward()
    assert references(page) == shown
    visit.follow(chip(page, "Orphaned"))
    assert query(page)["state"] == "in_review"
    visit.follow(chip(page, "All"))
    assert query(page) == {"team": "checkout"}


def test_every_column_but_the_person_can_be_sorted_both_ways_by_keyboard(visit: Watched) -> None:
    page = visit.open(AGES)
    assert page.locator("thead th:not([aria-sort])").all_inner_texts() == ["Author"]
    for link in page.locator("thead .sort").all():
        answer = page.request.get(visit.origin + str(link.get_attribute("href"))).text()
        [head] = re.findall(r'aria-sort="(?:as|des)cending"><a[^>]*>([^<]*)', answer)
        assert head == link.inner_text()
    for words in ("In review, days", "Created"):
        orders = {}
        for _ in range(2):
            with visit.leaving():
                page.get_by_role("columnheader", name=words).locator("a").press("Enter")
            head = page.get_by_role("columnheader", name=words)
            orders[head.get_attribute("aria-sort")] = column(page, words)
        assert set(orders) == {"ascending", "descending"}
        assert orders["ascending"] != orders["descending"]
    visit.follow(page.get_by_role("columnheader", name="In review, days").locator("a"))
    waits = [cell for cell in column(page, "In review, days") if cell != "–"]
    assert [float(cell) for cell in waits] == sorted(map(float, waits), reverse=True)


def test_pages_show_every_row_once_and_keep_the_order(visit: Watched, client: httpx.Client) -> None:
    page = visit.open(f"{AGES}&sort=-title")
    shown = references(page)
    while page.get_by_role("link", name="Next").get_attribute("href"):
        visit.follow(page.get_by_role("link", name="Next"))
        shown += references(page)
    assert shown == [f"{row['project']}!{row['iid']}" for row in items(client, page)]
    last = query(page)["page"]
    visit.follow(page.get_by_role("link", name="Previous"))
    assert query(page).get("page") != last
    with visit.leaving():
        page.go_back()
    assert query(page)["page"] == last


def test_answers_say_how_they_stand_and_what_waits_is_not_counted(
    visit: Watched, client: httpx.Client
) -> None:
    month = "/indicators/community_response/evidence?period="
    found = client.get("/api/v1/indicators/community_response/series").json()["points"]
    # The community's last merge request is hours old: it is due in the running month or the next.
    missed = next(each for each in reversed(found) if each["n"] > each["numerator"])
    page = visit.open(month + missed["period"])
    visit.follow(chip(page, "Missed"))
    assert set(column(page, "Answer")) == {"missed"}
    count = missed["n"] - round(missed["numerator"])
    assert page.locator(ROWS).count() == count
    assert f"CSV, all {missed['n']} rows" in page.locator(".head").inner_text()
    pending = next(each for each in reversed(found) if each["beside"]["pending"])
    visit.open(month + pending["period"])
    visit.follow(chip(page, "Pending"))
    assert query(page)["answer"] == "pending"
    assert column(page, "Answer") == ["pending"] * pending["beside"]["pending"]
    assert column(page, "Answered") == ["–"] * pending["beside"]["pending"]
    assert "not counted" in page.locator(".pager").inner_text()


def test_a_label_that_is_html_stays_text(visit: Watched) -> None:
    page = visit.open(AGES)
    page.locator("summary", has_text="Label: all").click()
    choice = page.locator(".pop a", has_text="urgent")
    assert choice.inner_text() == f"{HOSTILE_LABEL} 1"
    choice.hover()
    visit.follow(choice)
    assert query(page)["label"] == HOSTILE_LABEL
    assert page.locator(ROWS).count() == 1
    page.locator("summary", has_text="Label: <b").hover()
    assert page.evaluate("window.hit") is None
    assert visit.violations() == []


def test_a_menu_is_opened_and_chosen_from_by_keyboard(visit: Watched) -> None:
    page = visit.open(AGES)
    summary = page.locator("summary", has_text="Project: all")
    summary.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(".menu[open] .pop a").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(summary).to_be_focused()
    summary.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    with visit.leaving():
        page.keyboard.press("Enter")
    assert {each.partition("!")[0] for each in references(page)} == {query(page)["project"]}


def test_it_is_printed_on_one_page_without_its_controls(visit: Watched) -> None:
    page = visit.open(AGES)
    page.emulate_media(media="print")
    for control in (".tools", ".strip", "[data-print]", "a[download]"):
        expect(page.locator(control).first).to_be_hidden()
    expect(page.locator("tr.mid, .pager .mut").first).to_be_visible()
    document = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", document)) == 1


@pytest.fixture
def phone(browser: Browser, site: str) -> Iterator[Watched]:
    """A phone that runs no script."""
    with (
        browser.new_context(**LOOKS["narrow"], java_script_enabled=False) as context,
        watching(context, site) as watched,
    ):
        yield watched


def test_a_phone_without_script_filters_sorts_and_reads_the_first_column(phone: Watched) -> None:
    page = phone.open(AGES)
    phone.follow(chip(page, "Orphaned"))
    page.locator("summary", has_text="Label: all").click()
    box = page.locator("details[open] .pop").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 380
    phone.follow(page.locator(".pop a", has_text="urgent"))
    assert page.locator(ROWS).count() == 1
    phone.follow(page.get_by_role("columnheader", name="Title").locator("a"))
    assert query(page)["sort"] == "-title"
    # Whatever is scrolled to, the row says which merge request it is.
    assert page.locator(".tw").evaluate("one => { one.scrollLeft = 400; return one.scrollLeft }")
    first = page.locator(f"{ROWS} th").bounding_box()
    assert first is not None
    assert 0 <= first["x"] < 20


def test_people_and_openings_are_listed_whole_at_addresses_of_their_own(visit: Watched) -> None:
    page = visit.open("/indicators/hiring_vs_plan/evidence")
    number = page.locator("h1").inner_text()
    link = page.get_by_role("link", name=re.compile(r"^All \d+")).first
    count = int(link.inner_text().split()[1])
    assert page.locator("section").first.locator("tbody tr").count() < count
    visit.follow(link)
    assert query(page)["kind"] == "member"
    assert page.locator("h1").inner_text() == number
    assert page.locator("tbody tr").count() == count
    assert len(rows_of(visit, f"CSV, {count} rows")) == count
    visit.follow(page.get_by_role("link", name="Everything behind this number"))
    assert "kind" not in query(page)


def test_findings_and_runs_are_paged_and_taken_along(visit: Watched, client: httpx.Client) -> None:
    page = visit.open("/data")
    shown = page.locator("section[aria-labelledby=runs] tbody th")
    newest = shown.all_inner_texts()
    visit.follow(page.get_by_role("link", name="Older"))
    assert "21 to 40 of 62" in page.locator(".pager").inner_text()
    assert shown.all_inner_texts() != newest
    visit.follow(page.get_by_role("link", name="Newer"))
    assert shown.all_inner_texts() == newest
    visit.follow(page.get_by_role("link", name="Bots left out"))
    assert query(page) == {"finding": "bot"}
    [case] = client.get("/api/v1/data-quality?kind=bot").json()["items"]
    assert page.locator("tbody th").all_inner_texts() == [case["address"]]
    assert case["effect"] in page.locator(".lede").inner_text()
    assert [row["address"] for row in rows_of(visit, "CSV, 1 row")] == [case["address"]]
    visit.follow(page.get_by_role("link", name="Data", exact=True).last)
    expect(page.locator("h1")).to_have_text("Data")
    # What is stale or went wrong comes first, and each finding has its effect in figures.
    [stranger] = page.locator("section[aria-labelledby=q] tbody tr", has_text="Unmatched").all()
    assert re.search(r"\d of \d+ open merge requests .* \(coverage \d+%\)", stranger.inner_text())
