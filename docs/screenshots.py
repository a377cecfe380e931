"""Takes the pictures of the README, and with `--all` also those of every page in every look.

`make screenshots` takes them all. They show the demo, which is started for them unless `--address`
names a teamgauge that already serves it. Needs Chromium (on Debian: `apt-get install chromium`).
"""

import shutil
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from playwright.sync_api import (
    Browser,
    FloatRect,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

DOCS = Path(__file__).parent
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--disable-lcd-text",
)
SERVES = "teamgauge serves "
PATIENCE = 60_000
"""Milliseconds to wait for a chart: many, for a busy machine is no fault of a page."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as a file of docs/: as wide as it is readable at the width of a README.

    before: selector of the element at which the picture ends; None: the whole page.
    """

    name: str
    path: str
    width: int
    before: str | None = None


PICTURES = (
    Picture("overview", "/", 1280),
    Picture("team", "/teams/checkout", 1200, before="#mr_rate"),
)
PAGES: Mapping[str, str] = {
    "overview": "/",
    "overview-month": "/?period={month}",
    "overview-day": "/?period={day}",
    "overview-known": "/?as_known_at={day}",
    "team-leaf": "/teams/checkout",
    "team-parent": "/teams/product",
    "team-root": "/teams/organisation?grain=month",
    "indicator-review-time": "/indicators/open_mr_review_time",
    "indicator-age": "/indicators/open_mr_age?team=product",
    "indicator-community": "/indicators/community_response",
    "indicator-hiring": "/indicators/hiring_vs_plan",
    "indicator-diversity": "/indicators/diversity",
    "indicator-handbook": "/indicators/handbook_update_rate",
    "indicator-retention": "/indicators/retention",
    "indicator-time-to-merge": "/indicators/time_to_merge",
    "indicator-rate": "/indicators/mr_rate",
    "indicator-rate-wider": "/indicators/mr_rate?variant=wider",
    "indicator-rate-overall": "/indicators/mr_rate?variant=overall",
    "evidence-age": "/indicators/open_mr_age/evidence?team=checkout",
    "evidence-narrowed": "/indicators/open_mr_age/evidence?state=orphaned&sort=title",
    "evidence-rate": "/indicators/mr_rate/evidence?team=checkout",
    "evidence-community": "/indicators/community_response/evidence?team=product",
    "evidence-hiring": "/indicators/hiring_vs_plan/evidence?team=product",
    "evidence-diversity": "/indicators/diversity/evidence",
    "evidence-retention": "/indicators/retention/evidence",
    "data": "/data",
    "report": "/teams/checkout/report?month={month}",
    "report-running": "/teams/product/report?month={running}",
    "data-finding": "/data?finding=unmatched_identity",
    "error-not-found": "/teams/nobody",
    "error-not-understood": "/?period=yesterday",
}
WIDE = {"width": 1440, "height": 900}
LOOKS: Mapping[str, Mapping[str, Any]] = {
    "light": {"viewport": WIDE, "color_scheme": "light"},
    "dark": {"viewport": WIDE, "color_scheme": "dark"},
    "phone": {
        "viewport": {"width": 380, "height": 800},
        "color_scheme": "light",
        "device_scale_factor": 1.5,
        "has_touch": True,
    },
}
# The printable part of A4, in pixels: what print styles lay out. The overview is printed across.
UPRIGHT = ViewportSize(width=703, height=1047)
ACROSS = ViewportSize(width=1032, height=718)


@contextmanager
def demo() -> Iterator[str]:
    """A demo on a free port until the pictures are taken; yields its address."""
    command = [str(Path(sys.executable).with_name("teamgauge")), "demo", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith(SERVES):
                    yield line.removeprefix(SERVES).split()[0]
                    return
            raise SystemExit("The demo ended before it served anything, see above.")
        finally:
            process.terminate()
            process.stdout.read()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium. Raises SystemExit where there is none."""
    if CHROMIUM is None:
        raise SystemExit("There is no Chromium here (on Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


def draw_charts(page: Page) -> None:
    """Brings each chart near the viewport and waits until Plotly, which comes with the first sign of
    use, has drawn it."""
    page.mouse.move(1, 1)
    for figure in page.locator("[data-chart]").all():
        figure.scroll_into_view_if_needed()
        # One by one: what is scrolled past before Plotly is there is not drawn.
        expect(figure.locator(".js .main-svg").first).to_be_attached(timeout=PATIENCE)
    page.evaluate("scrollTo(0, 0)")


def take(browser: Browser, address: str, picture: Picture) -> Path:
    """One picture of the README, in the light look and as fine as a plain screen shows it."""
    size = ViewportSize(width=picture.width, height=700)
    with browser.new_context(viewport=size) as context:
        page = context.new_page()
        page.goto(urljoin(address, picture.path))
        draw_charts(page)
        file = DOCS / f"{picture.name}.png"
        if picture.before is None:
            return _save(page, file)
        box = page.locator(picture.before).bounding_box()
        assert box is not None, f"{picture.path} has no {picture.before}"
        clip = FloatRect(x=0, y=0, width=picture.width, height=box["y"])
        page.screenshot(path=file, full_page=True, clip=clip)
        return file


def take_all(browser: Browser, address: str, folder: Path) -> Iterator[Path]:
    """Every page in every look and as it is printed, each at its whole length."""
    folder.mkdir(parents=True, exist_ok=True)
    today = datetime.now(UTC).date()
    month = today.replace(day=1) - timedelta(days=100)
    periods = {"month": f"{month:%Y-%m}", "day": str(month), "running": f"{today:%Y-%m}"}
    for look, settings in LOOKS.items():
        with browser.new_context(**settings) as context:
            page = context.new_page()
            for name, path in PAGES.items():
                page.goto(urljoin(address, path.format(**periods)))
                draw_charts(page)
                yield _save(page, folder / f"{name}-{look}.png")
    with browser.new_context(color_scheme="dark") as context:
        page = context.new_page()
        page.emulate_media(media="print")
        for name, path in PAGES.items():
            page.set_viewport_size(ACROSS if name.startswith("overview") else UPRIGHT)
            page.goto(urljoin(address, path.format(**periods)))
            yield _save(page, folder / f"{name}-print.png")


def _save(page: Page, file: Path) -> Path:
    page.screenshot(path=file, full_page=True)
    return file


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the pictures and names each with its size."""
    parser = ArgumentParser(prog="python -m docs.screenshots", description=__doc__)
    parser.add_argument("--address", help="a teamgauge that serves the demo already")
    parser.add_argument(
        "--all", type=Path, metavar="DIR", help="also every page in every look, into this folder"
    )
    asked = parser.parse_args(arguments)
    serving = nullcontext(asked.address) if asked.address else demo()
    with serving as address, chromium() as browser:
        files: Iterable[Path] = (take(browser, address, picture) for picture in PICTURES)
        if asked.all is not None:
            files = chain(files, take_all(browser, address, asked.all))
        for file in files:
            print(f"{file}: {file.stat().st_size // 1000} KB")  # noqa: T201 - what it is asked for


if __name__ == "__main__":
    main()
