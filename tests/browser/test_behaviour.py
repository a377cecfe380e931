"""What a reader does: sort, filter, follow a number to its merge requests, keyboard, no script, print."""

import csv
import io
import re

import pytest
from playwright.sync_api import Page, expect

from .company import HOSTILE_TITLE
from .conftest import Watched, printed, query

pytestmark = pytest.mark.browser
ROWS = "table.mx tbody tr"


def names(page: Page) -> list[str]:
    """The teams that are visible in the matrix, from the top."""
    return [row.locator("th a").inner_text() for row in page.locator(f"{ROWS}:not([hidden])").all()]


def values(page: Page, column: int) -> list[float]:
    """The numbers of a column of the matrix, from the top; teams without one are left out."""
    cells = page.locator(f"{ROWS}:not([hidden]) td:nth-child({column + 2})").all()
    return [float(value) for cell in cells if (value := cell.get_attribute("data-v"))]


def test_flat_rows_are_sorted_by_the_exact_value_and_back(visit: Watched) -> None:
    page = visit.open("/")
    before = names(page)
    page.get_by_role("link", name="Flat").click()
    leaves = names(page)
    assert set(leaves) < set(before)
    head = page.locator("th", has=page.get_by_role("button", name="Open MR age"))
    head.get_by_role("button").click()
    assert values(page, 1) == sorted(values(page, 1))
    assert head.get_attribute("aria-sort") == "ascending"
    head.get_by_role("button").click()
    assert values(page, 1) == sorted(values(page, 1), reverse=True)
    head.get_by_role("button").click()
    assert names(page) == leaves
    page.get_by_role("link", name="Tree").click()
    assert names(page) == before


def test_a_team_without_value_is_last_both_ways(visit: Watched) -> None:
    page = visit.open("/?view=flat")
    button = page.get_by_role("button", name="Review time")
    button.click()
    assert names(page)[-1] == "Internationalisation"
    button.click()
    assert names(page)[-1] == "Internationalisation"


def test_filter_keeps_the_way_to_a_team_and_says_how_many(visit: Watched) -> None:
    page = visit.open("/")
    page.get_by_label("Filter teams by name").fill("stor")
    assert names(page) == ["Organisation", "Platform", "Storage"]
    expect(page.locator("[data-count]")).to_have_text("3 of 8 rows")
    page.get_by_label("Filter teams by name").fill("nowhere")
    expect(page.locator("[data-none]")).to_be_visible()


def test_a_branch_folds(visit: Watched) -> None:
    page = visit.open("/")
    page.get_by_role("button", name="Teams in Product").click()
    assert "Checkout" not in names(page)
    assert "Storage" in names(page)


def test_keyboard_reaches_content_cells_and_tips(visit: Watched) -> None:
    page = visit.open("/")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    first = page.locator(f"{ROWS}:first-child td a").first
    first.focus()
    page.keyboard.press("ArrowDown")
    second = page.locator(f"{ROWS}:nth-child(2) td a").first
    expect(second).to_be_focused()
    expect(page.locator("#tip")).to_be_visible()
    assert second.get_attribute("aria-describedby") == "tip"
    page.keyboard.press("Escape")
    expect(page.locator("#tip")).to_be_hidden()


def test_escape_closes_a_menu_and_gives_the_focus_back(visit: Watched) -> None:
    page = visit.open("/")
    summary = page.locator("summary", has_text="Export")
    summary.click()
    page.locator("details[open] .pop a").first.focus()
    page.keyboard.press("Escape")
    expect(page.locator("details.menu[open]")).to_have_count(0)
    expect(summary).to_be_focused()


def test_a_number_leads_to_the_merge_requests_that_make_it(visit: Watched) -> None:
    page = visit.open("/")
    shown = page.locator("tr[data-slug=checkout] td a").nth(1)
    number = shown.locator("b").inner_text()
    visit.follow(shown)
    card = page.locator("#open_mr_age")
    assert card.locator(".big b").inner_text() == number
    link = card.locator(".ev a")
    count = int(link.inner_text().split()[0].replace(",", ""))
    visit.follow(link)
    expect(page.locator("h1")).to_have_text(f"{count} merge requests behind {number} days")
    rows = page.locator("tbody tr:not(.mid)").count()
    assert f"1 to {rows} of {count}" in page.locator(".pager").inner_text()
    address = page.locator("a[download]").get_attribute("href")
    assert address is not None
    answer = page.request.get(visit.origin + address)
    assert answer.headers["content-type"].startswith("text/csv")
    assert len(list(csv.DictReader(io.StringIO(answer.text())))) == count


def test_filters_and_pages_of_the_evidence_are_addresses(visit: Watched) -> None:
    page = visit.open("/indicators/open_mr_age/evidence?team=checkout")
    total = int(page.locator(".chip[aria-current]").inner_text().split()[-1])
    visit.follow(page.get_by_role("link", name=re.compile("^Orphaned")))
    assert query(page)["state"] == "orphaned"
    orphaned = page.locator("tbody tr").count()
    assert 0 < orphaned < total
    with visit.leaving():
        page.go_back()
    visit.follow(page.get_by_role("link", name="Next"))
    assert query(page)["page"] == "2"
    assert f"26 to {min(50, total)} of {total}" in page.locator(".pager").inner_text()
    visit.follow(page.get_by_role("link", name="Title"))
    titles = [cell.inner_text() for cell in page.locator("tbody td:nth-child(2)").all()]
    assert titles == sorted(titles, key=str.casefold, reverse=True)


def test_a_title_that_is_html_stays_text(visit: Watched) -> None:
    page = visit.open("/indicators/open_mr_age/evidence?team=checkout&state=orphaned")
    assert HOSTILE_TITLE in [cell.inner_text() for cell in page.locator("tbody td").all()]
    visit.open("/teams/checkout")
    assert HOSTILE_TITLE in [one.inner_text() for one in page.locator(".list .t").all()]
    assert page.evaluate("window.hit") is None
    assert visit.violations() == []


def test_period_goes_back_and_forth_and_keeps_the_variant(visit: Watched) -> None:
    page = visit.open("/?variant=overall")
    latest = values(page, 2)
    visit.follow(page.get_by_role("link", name=re.compile("^Earlier")))
    assert {*query(page)} == {"variant", "period"}
    assert query(page)["variant"] == "overall"
    visit.follow(page.get_by_role("link", name=re.compile("^Earlier")))
    assert values(page, 2) != latest
    visit.follow(page.get_by_role("link", name=re.compile("^Later")))
    visit.follow(page.get_by_role("link", name="Later: latest"))
    assert values(page, 2) == latest


def test_plotly_comes_with_the_first_sign_of_use(visit: Watched) -> None:
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    # It also comes after nine seconds of the page, which a slow machine may take to load it.
    visit.page.clock.install(time=0)
    visit.page.clock.pause_at(1)
    page = visit.open("/teams/checkout")
    expect(page.locator("#open_mr_age svg.fig").first).to_be_visible()
    page.clock.run_for(8_000)
    assert page.locator("script[src*='/plotly']").count() == 0
    assert not [url for url in asked if "/plotly" in url]
    page.clock.resume()
    page.mouse.move(1, 1)
    expect(page.locator("#open_mr_age .main-svg").first).to_be_attached()
    page.mouse.move(9, 9)
    page.keyboard.press("Tab")
    assert len([url for url in asked if "/plotly" in url]) == 1


def test_theme_is_kept_and_charts_follow_it(visit: Watched) -> None:
    page = visit.open("/teams/checkout")
    figure = page.locator("#open_mr_age [data-chart]")
    page.mouse.move(1, 1)
    figure.scroll_into_view_if_needed()
    line = figure.locator(".scatterlayer .js-line").first
    expect(line).to_be_attached()
    light = line.evaluate("one => getComputedStyle(one).stroke")
    toggle = page.locator("[data-theme-toggle]")
    toggle.click()
    toggle.click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    expect(line).not_to_have_css("stroke", light)
    with visit.leaving():
        page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.evaluate("localStorage.clear()")


def test_print_shows_the_servers_chart_on_one_page(visit: Watched) -> None:
    page = visit.open("/teams/checkout")
    figure = page.locator("#open_mr_age [data-chart]")
    page.mouse.move(1, 1)
    figure.scroll_into_view_if_needed()
    expect(figure.locator(".main-svg").first).to_be_attached()
    page.emulate_media(media="print")
    expect(figure.locator("svg.fig").last).to_be_visible()
    expect(figure.locator(".js")).to_be_hidden()
    expect(page.locator("#time_to_merge")).to_be_hidden()
    expect(page.locator("#retention")).to_be_visible()
    assert printed(page) == [(595, 842)]


def test_overview_is_printed_across_one_page(visit: Watched) -> None:
    assert printed(visit.open("/")) == [(842, 595)]


def test_without_script_every_number_chart_and_choice_is_there(plain: Watched) -> None:
    page = plain.open("/")
    assert page.locator(f"{ROWS} svg.sp").count() > 15
    page.locator("summary", has_text="Latest").click()
    month = page.locator("details[open] input[type=month]")
    last = str(month.get_attribute("max"))
    month.fill(last)
    plain.follow(page.locator("details[open]").get_by_role("button", name="Show month"))
    assert query(page)["period"] == last
    plain.open("/teams/checkout")
    expect(page.locator("#mr_rate svg.fig").first).to_be_visible()
    page.locator("#mr_rate summary").click()
    expect(page.locator("#mr_rate table")).to_be_visible()
    plain.open("/indicators/open_mr_age")
    expect(page.locator("svg.dots")).to_be_visible()
    assert page.locator("svg.dots .k").count() == 2 * 5
