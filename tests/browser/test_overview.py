"""The overview in a browser: choices and the address, back and forward, keyboard, phone, no script."""

import csv
import io
import re

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import LOOKS, Watched, query, watching

pytestmark = pytest.mark.browser
SHOWN = "table.mx tbody tr:not([hidden])"


def names(page: Page) -> list[str]:
    """The teams that are visible, from the top."""
    return page.locator(f"{SHOWN} th a").all_inner_texts()


def sort(page: Page, column: str) -> None:
    page.get_by_role("button", name=column, exact=True).press("Enter")


STATE = """() => {
  const all = (selector, of) => [...document.querySelectorAll(selector)].map(of);
  const form = document.querySelector("#arrange");
  return {
    names: all("table.mx tbody tr:not([hidden]) th a", a => a.textContent),
    count: document.querySelector("[data-count]").textContent,
    filter: form.filter.value,
    status: form.status.value,
    view: all("[data-view][aria-current=true]", a => a.textContent),
    order: all("th[aria-sort]", th => th.ariaSort),
    next: all(".mx .sort", button => button.value),
    links: all("main a[href^='/?'], main a[href='/']", a => {
      const query = new URL(a.href).searchParams;
      query.sort();
      return query.toString();
    }),
  };
}"""


def state(page: Page) -> dict[str, object]:
    """All that a choice changes on the page."""
    found: dict[str, object] = page.evaluate(STATE)
    return found


def test_a_copied_link_shows_a_colleague_the_same(visit: Watched) -> None:
    page = visit.open("/?variant=overall")
    page.get_by_role("link", name="Flat").click()
    sort(page, "Open MR age")
    sort(page, "Open MR age")
    page.get_by_label("Filter teams by name").fill("CH")
    page.get_by_label("Show teams with").select_option("signal")
    assert query(page) == {
        "variant": "overall",
        "view": "flat",
        "sort": "-open_mr_age",
        "filter": "CH",
        "status": "signal",
    }
    mine = state(page)
    assert 0 < len(names(page)) < 5
    # The server draws from the address what script made of the page.
    with visit.leaving():
        page.reload()
    assert state(page) == mine
    page.get_by_label("Show teams with").select_option("")
    sort(page, "Team")
    page.get_by_role("link", name="Tree").click()
    page.get_by_label("Filter teams by name").fill("SEARCH")
    other = state(page)
    assert query(page) == {"variant": "overall", "sort": "team", "filter": "SEARCH"}
    with visit.leaving():
        page.reload()
    assert state(page) == other


def test_back_and_forward_go_through_every_choice(visit: Watched) -> None:
    page = visit.open("/")
    seen: list[tuple[str, dict[str, object]]] = []

    def note() -> None:
        seen.append((page.evaluate("location.href"), state(page)))

    def assert_at(url: str, then: dict[str, object]) -> None:
        expect(page).to_have_url(url)
        assert state(page) == then

    note()
    sort(page, "Retention")
    note()
    page.get_by_role("link", name="Flat").click()
    note()
    # What is typed at a stretch is one step.
    page.get_by_label("Filter teams by name").press_sequentially("sto")
    note()
    page.get_by_label("Filter teams by name").press("Enter")
    page.get_by_label("Show teams with").select_option("problem")
    note()
    visit.follow(page.get_by_role("link", name="Earlier"))
    note()
    assert len({url for url, _ in seen}) == len(seen)
    # The first step back and the last one forward are to another document.
    *choices, earlier = seen
    with visit.leaving():
        page.go_back()
    assert_at(*choices[-1])
    for before in choices[-2::-1]:
        page.go_back()
        assert_at(*before)
    for after in choices[1:]:
        page.go_forward()
        assert_at(*after)
    with visit.leaving():
        page.go_forward()
    assert_at(*earlier)


def test_other_choices_keep_the_filter_and_the_order(visit: Watched) -> None:
    page = visit.open("/")
    sort(page, "Open MR age")
    page.get_by_label("Filter teams by name").fill("sto")
    kept = {"sort": "open_mr_age", "filter": "sto"}
    page.locator("summary", has_text="Latest").click()
    last_year = page.locator("details[open] input[type=month]").get_attribute("max")
    assert last_year is not None
    month = f"{int(last_year[:4]) - 1}{last_year[4:]}"
    page.locator("details[open] input[type=month]").fill(month)
    visit.follow(page.get_by_role("button", name="Show month"))
    expect(page.locator(".seg summary")).not_to_have_text("Latest")
    assert query(page) == {**kept, "period": month}
    assert names(page) == ["Organisation", "Platform", "Storage"]
    page.locator("summary", has_text="View").click()
    page.get_by_label("Merge request rate").select_option("wider")
    visit.follow(page.get_by_role("button", name="Apply"))
    assert query(page) == {**kept, "period": month, "variant": "wider"}  # and nothing that is empty
    visit.follow(page.locator(f"{SHOWN} th a").last)
    assert query(page) == {"period": month, "variant": "wider"}
    assert page.evaluate("location.pathname") == "/teams/storage"


def test_a_day_can_be_chosen_and_left_again(visit: Watched, yesterday: str) -> None:
    page = visit.open("/?view=flat")
    page.locator("summary", has_text="Latest").click()
    page.locator("details[open] input[type=date]").fill(yesterday)
    visit.follow(page.get_by_role("button", name="Show day"))
    assert query(page) == {"view": "flat", "period": yesterday}
    page.locator(".seg summary").click()
    visit.follow(page.locator("details[open]").get_by_role("link", name="Latest"))
    assert query(page) == {"view": "flat"}


def test_the_csv_has_what_is_shown(visit: Watched) -> None:
    page = visit.open("/")
    page.get_by_role("link", name="Flat").click()
    sort(page, "MR rate")
    page.get_by_label("Filter teams by name").fill("s")
    page.locator("summary", has_text="Export").click()
    download = visit.download(page.get_by_role("link", name="CSV of this table"))
    assert download.suggested_filename == "overview.csv"
    rows = list(csv.DictReader(io.StringIO(download.path().read_text())))
    assert [row["name"] for row in rows] == names(page)
    assert [row["mr_rate"] for row in rows] == [
        cell.get_attribute("data-v") for cell in page.locator(f"{SHOWN} td:nth-child(6)").all()
    ]


def test_siblings_stay_together_and_a_folded_branch_stays_folded(visit: Watched) -> None:
    page = visit.open("/")
    fold = page.get_by_role("button", name="Teams in Product")
    fold.press("Enter")
    assert "Checkout" not in names(page)
    sort(page, "Open MR age")
    page.get_by_role("button", name="Open MR age", exact=True).press("Enter")
    shown = names(page)
    assert "Checkout" not in shown
    assert abs(shown.index("Runtime") - shown.index("Storage")) == 1
    assert shown.index("Platform") < min(shown.index("Runtime"), shown.index("Storage"))
    assert fold.get_attribute("aria-expanded") == "false"
    # A filter looks into what is folded.
    page.get_by_label("Filter teams by name").fill("check")
    assert names(page) == ["Organisation", "Product", "Checkout"]


def test_everything_can_be_done_by_keyboard(visit: Watched) -> None:
    page = visit.open("/")
    page.get_by_label("Filter teams by name").focus()
    page.keyboard.type("sto")
    expect(page.locator("#live")).to_have_text("3 of 8 rows")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Show teams with")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Flat")).to_be_focused()
    page.keyboard.press("Enter")
    assert names(page) == ["Storage"]
    page.keyboard.press("Tab")  # the table, which can be scrolled
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Team", exact=True)).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Team", exact=True)).to_be_focused()
    expect(page.locator("#live")).to_have_text("Team, ascending")
    assert query(page) == {"filter": "sto", "view": "flat", "sort": "team"}
    page.locator(f"{SHOWN} th a").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tip")).to_be_visible()
    with visit.leaving():
        page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Storage")


def test_diversity_has_no_order(visit: Watched) -> None:
    page = visit.open("/")
    head = page.locator("th", has_text="Diversity")
    assert head.get_attribute("aria-sort") is None
    assert head.get_by_role("button").count() == 0
    assert page.locator("th[aria-sort]").count() == 8


def test_choices_work_on_a_phone_in_the_dark(browser: Browser, site: str) -> None:
    look = {**LOOKS["narrow"], "color_scheme": "dark", "has_touch": True}
    with browser.new_context(**look) as context, watching(context, site) as watched:
        page = watched.open("/?view=flat&sort=-open_mr_age&status=problem")
        shown = names(page)
        assert shown
        page.get_by_label("Show teams with").select_option("")
        assert len(names(page)) > len(shown)
        page.get_by_role("button", name="Open MR age", exact=True).tap()
        # A tap ends before the click that the browser makes of it.
        expect(page).not_to_have_url(re.compile("sort="))
        assert query(page) == {"view": "flat"}
        page.locator("summary", has_text="Latest").tap()
        box = page.locator("details[open] .pop").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 380
        for control in page.locator("details[open] .field, details[open] .btn").all():
            size = control.bounding_box()
            assert size is not None
            assert size["height"] >= 36
        # The names stay while the columns go by.
        page.locator(".tw.full").evaluate("one => one.scrollLeft = 400")
        first = page.locator(f"{SHOWN} th").first.bounding_box()
        assert first is not None
        assert first["x"] == 0
        assert watched.violations() == []


def test_without_script_every_choice_is_one_too(plain: Watched) -> None:
    page = plain.open("/?variant=overall")
    page.get_by_label("Filter teams by name").fill("s")
    page.get_by_label("Show teams with").select_option("signal")
    plain.follow(page.get_by_role("button", name="Apply"))
    assert names(page)
    plain.follow(page.get_by_role("link", name="Flat"))
    plain.follow(page.get_by_role("button", name="Open MR age", exact=True))
    assert page.locator("th", has_text="Open MR age").get_attribute("aria-sort") == "ascending"
    plain.follow(page.get_by_role("button", name="Open MR age", exact=True))
    assert query(page) == {
        "variant": "overall",
        "filter": "s",
        "status": "signal",
        "view": "flat",
        "sort": "-open_mr_age",
    }
    shown = names(page)
    # Enter in the field is the same as Apply, and keeps the order.
    with plain.leaving():
        page.get_by_label("Filter teams by name").press("Enter")
    assert query(page)["sort"] == "-open_mr_age"
    assert names(page) == shown
    plain.follow(page.get_by_role("link", name="Earlier"))
    assert {*query(page)} == {"variant", "filter", "status", "view", "sort", "period"}
    # What only script can do is not offered.
    plain.open("/")
    assert not page.get_by_role("button", name="Teams in Product").is_visible()
    assert len(names(page)) == 8


def test_a_printed_page_says_how_many_teams_are_left_out(visit: Watched) -> None:
    page = visit.open("/?filter=sto")
    page.emulate_media(media="print")
    expect(page.locator("[data-count]")).to_be_visible()
    expect(page.locator("[data-count]")).to_have_text("3 of 8 rows")
    expect(page.get_by_label("Filter teams by name")).to_be_hidden()
    expect(page.locator(".mx")).to_be_visible()
