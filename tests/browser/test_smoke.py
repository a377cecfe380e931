"""Every page and state, light, dark and narrow: nothing is wrong, nothing leaves, axe finds nothing."""

from dataclasses import dataclass

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, Page

from docs.screenshots import draw_charts

from .conftest import LOOKS, watching

pytestmark = pytest.mark.browser
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_COLOUR = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}


@dataclass(frozen=True)
class State:
    """A page in one state: its path, its headline, and whether charts are drawn on it."""

    path: str
    headline: str
    charts: bool = False
    where: str = "site"


STATES = {
    "overview": State("/", "Teams"),
    "overview-signals": State("/?signals=all&variant=overall", "Teams"),
    "overview-day": State("/?period={day}", "Teams"),
    "overview-chosen": State("/?view=flat&sort=-open_mr_age&filter=s&period={day}", "Teams"),
    "overview-none": State("/?filter=nowhere&status=problem", "Teams"),
    "overview-known": State("/?as_known_at={day}", "Teams"),
    "team": State("/teams/checkout", "Checkout", charts=True),
    "team-root": State("/teams/organisation?grain=month&variant=wider", "Organisation", True),
    "team-without-value": State("/teams/i18n", "Internationalisation", charts=True),
    "indicator": State("/indicators/open_mr_age", "Open MR Age", charts=True),
    "indicator-rate": State(
        "/indicators/mr_rate?team=product&variant=overall",
        "Merge request rate in Product",
        charts=True,
    ),
    "indicator-shares": State("/indicators/diversity", "Diversity"),
    "indicator-people": State("/indicators/retention", "Team Member Retention", charts=True),
    "indicator-beside": State("/indicators/time_to_merge", "Time to Merge", charts=True),
    "evidence": State("/indicators/open_mr_age/evidence?team=checkout", "merge requests behind"),
    "evidence-rate": State("/indicators/mr_rate/evidence?team=checkout", "merge requests behind"),
    "evidence-people": State("/indicators/hiring_vs_plan/evidence?team=checkout", "people behind"),
    "evidence-answers": State(
        "/indicators/community_response/evidence?team=product", "merge requests behind"
    ),
    "evidence-narrowed": State(
        "/indicators/open_mr_age/evidence?team=checkout&state=in_review,orphaned&sort=title",
        "merge requests behind",
    ),
    "evidence-none": State("/indicators/diversity/evidence", "No list behind these shares"),
    "evidence-empty": State("/indicators/open_mr_review_time/evidence?team=i18n", "no value"),
    "data": State("/data", "Data"),
    "data-finding": State("/data?finding=unmatched_identity", "Unmatched identities"),
    "not-found": State("/teams/nobody", "This page does not exist"),
    "not-understood": State("/?period=yesterday", "This address cannot be understood"),
    "empty": State("/", "Nothing is collected yet", where="empty_site"),
    "empty-data": State("/data", "Data", where="empty_site"),
    "unreachable": State("/", "This page cannot be shown right now", where="broken_site"),
}


# Script hears of a new width or scheme with the next frame, and Plotly follows some frames later.
FITS = """([width, dark]) => new Promise(resolve => {
  const until = performance.now() + 20000, root = document.documentElement;
  const there = () => innerWidth === width && matchMedia("(prefers-color-scheme: dark)").matches === dark;
  (function look() {
    requestAnimationFrame(() => {
      const fits = there() && root.scrollWidth <= root.clientWidth;
      fits || performance.now() > until ? resolve(fits) : look();
    });
  })();
})"""


@pytest.mark.parametrize("name", STATES)
def test_page_is_right_in_every_look(
    name: str, context: BrowserContext, request: pytest.FixtureRequest, yesterday: str
) -> None:
    state = STATES[name]
    origin: str = request.getfixturevalue(state.where)
    with watching(context, origin) as watched:
        page = watched.open(state.path.format(day=yesterday))
        assert state.headline in page.locator("h1").inner_text()
        page.evaluate("document.querySelectorAll('details.dt').forEach(one => { one.open = true })")
        if state.charts:
            draw_charts(page)
        for look in LOOKS:
            put_into(page, look)
            assert_accessible(page, look)
        assert watched.violations() == []


def put_into(page: Page, look: str) -> None:
    """Another colour scheme or width, without loading the page again; the page fits into it."""
    scheme, size = LOOKS[look]["color_scheme"], LOOKS[look]["viewport"]
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    # The policy refuses wait_for_function, which evaluates a string inside the page.
    fits = page.evaluate(FITS, [size["width"], scheme == "dark"])
    assert fits, f"{look}: the page is wider than its window"


def assert_accessible(page: Page, look: str) -> None:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    # Dark is as wide as light: nothing but the colours is another.
    run = OF_COLOUR if look == "dark" else {"type": "tag", "values": RULES}
    options = {"runOnly": run, "resultTypes": ["violations"]}
    found = page.evaluate("async options => (await axe.run(options)).violations", options)
    told = [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found]
    assert told == [], look
