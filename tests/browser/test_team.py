"""The pages of a team and of an indicator, driven as a reader does: keyboard, periods, charts, print."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from .company import TEAMS
from .conftest import Watched, printed, query

TODAY = datetime.now(UTC).date()
MONTH = f"{TODAY.replace(day=1) - timedelta(days=40):%Y-%m}"
"""The month before the last one that is over, so that it is not the latest of any indicator."""
ALL = ["organisation", *(slug for slug, *_ in TEAMS)]


def big(page: Page, key: str) -> str:
    """The number of a card."""
    return page.locator(f"#{key} .big b").inner_text()


def test_number_of_a_past_month_leads_to_the_merge_requests_of_that_month(visit: Watched) -> None:
    page = visit.open(f"/teams/checkout?period={MONTH}&variant=overall")
    number = big(page, "mr_rate")
    link = page.locator("#mr_rate .ev a")
    count = link.inner_text().split()[0]
    visit.follow(link)
    assert query(page) == {"team": "checkout", "period": MONTH, "variant": "overall"}
    expect(page.locator("h1")).to_contain_text(f"{count} merge requests behind {number} per person")
    with visit.leaving():
        page.go_back()
    assert big(page, "mr_rate") == number
    visit.follow(page.locator("#mr_rate h3 a"))
    assert query(page) == {"team": "checkout", "period": MONTH, "variant": "overall"}
    visit.follow(page.get_by_role("link", name="Product", exact=True).last)
    assert query(page) == {"team": "product", "period": MONTH, "variant": "overall"}
    visit.follow(page.locator(".sms a", has_text="Checkout"))
    assert big(page, "mr_rate") == number
    assert page.evaluate("location.href").endswith(
        f"/teams/checkout?period={MONTH}&variant=overall#mr_rate"
    )


def test_period_is_changed_by_keyboard_alone_and_back_and_forward_work(visit: Watched) -> None:
    page = visit.open("/teams/checkout")
    latest = page.locator(".lede").inner_text()
    page.locator("summary", has_text="Latest").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    while "period=" not in (address := str(page.evaluate("document.activeElement.href || ''"))):
        assert page.evaluate("document.activeElement.closest('details[open]') !== null")
        page.keyboard.press("Tab")
    with visit.leaving():
        page.keyboard.press("Enter")
    assert page.evaluate("location.href") == address
    past = page.locator(".lede").inner_text()
    assert past != latest
    with visit.leaving():
        page.go_back()
    assert page.locator(".lede").inner_text() == latest
    with visit.leaving():
        page.go_forward()
    assert page.locator(".lede").inner_text() == past


def test_charts_are_drawn_near_the_viewport_only_and_have_tips(visit: Watched) -> None:
    page = visit.open("/teams/checkout")
    page.mouse.move(1, 1)
    first, last = page.locator("[data-chart]").first, page.locator("[data-chart]").last
    expect(first.locator(".js .nsewdrag")).to_be_attached()
    expect(last.locator("svg.fig").first).to_be_attached()
    assert last.locator(".js").count() == 0
    box = first.locator(".js .nsewdrag").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = first.locator(".hoverlayer")
    expect(tip).to_contain_text(re.compile(r"[\d.]+ days"))
    expect(tip).to_contain_text(re.compile(r"n \d+"))
    expect(tip).to_contain_text(re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4}"))
    last.scroll_into_view_if_needed()
    expect(last.locator(".js .main-svg").first).to_be_attached()


@pytest.mark.parametrize("path", ["/teams/checkout", "/indicators/open_mr_age"])
def test_every_chart_is_a_sentence_and_a_table_for_who_does_not_see_it(
    visit: Watched, path: str
) -> None:
    page = visit.open(path)
    charts = page.locator("[data-chart]").all()
    assert charts
    for chart in charts:
        assert chart.get_attribute("role") == "img"
        label = chart.get_attribute("aria-label")
        assert label is not None
        assert label.endswith("The table below has the numbers.")
        assert re.search(r"\d", label)
        assert chart.locator("a, button, [tabindex]").count() == 0
        # Both drawings say nothing of their own.
        assert chart.locator(":scope > svg:not([aria-hidden=true])").count() == 0
        numbers = chart.locator("xpath=following::details[1]/summary")
        numbers.focus()
        page.keyboard.press("Enter")
        table = chart.locator("xpath=following::table[1]")
        expect(table).to_be_visible()
        assert table.locator("tbody tr").count() > 1
    expect(page.locator("[data-chart] .js:not([aria-hidden=true])")).to_have_count(0)


def test_what_waits_comes_first_for_who_listens_and_on_a_phone(visit: Watched) -> None:
    page = visit.open("/teams/checkout")
    titles = [one.inner_text() for one in page.locator("main h2, main h3").all()]
    assert titles[:2] == ["Needs attention now", "Oldest in review"]
    order = ("Community, answer due", "Openings past their target start", "Author has left")
    assert [title for title in titles if title in order] == list(order)
    page.set_viewport_size({"width": 380, "height": 800})
    heading = page.get_by_role("heading", name="Needs attention now").bounding_box()
    card = page.locator("#open_mr_review_time").bounding_box()
    assert heading is not None
    assert card is not None
    assert heading["y"] < card["y"]
    assert heading["y"] < 800


def test_every_team_is_printed_on_one_page(visit: Watched) -> None:
    for address in (*ALL, f"product?period={MONTH}&variant=wider", "checkout?grain=day"):
        assert printed(visit.open(f"/teams/{address}")) == [(595, 842)], address
