"""No link on any page is dead; needs no browser."""

from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx

START = (
    "/",
    "/teams/checkout",
    "/teams/organisation?grain=month",
    "/indicators/open_mr_age",
    "/indicators/mr_rate?team=product&variant=overall",
    "/indicators/open_mr_age/evidence?team=checkout",
    "/indicators/mr_rate/evidence",
    "/data",
)


class Links(HTMLParser):
    """Addresses that a page refers to, and the ids on it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.ids: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids |= {value for name, value in attrs if name == "id" and value}
        for name in ("href", "src", "action"):
            value = given.get(name)
            if value is not None and tag != "use":
                self.found.add(value)


def test_no_link_is_dead_and_every_anchor_exists(client: httpx.Client) -> None:
    wanted: dict[str, set[str]] = {}
    for start in START:
        answer = client.get(start)
        assert answer.status_code == 200, start
        for link in Links(answer.text).found:
            address, anchor = urldefrag(urljoin(start, link))
            parts = urlsplit(address)
            assert parts.scheme in ("", "https"), link
            if not parts.netloc:
                wanted.setdefault(address, set()).add(anchor)
    assert len(wanted) > 80
    dead = []
    for address, anchors in sorted(wanted.items()):
        answer = client.get(address)
        ids = Links(answer.text).ids if "text/html" in answer.headers["content-type"] else set()
        missing = {anchor for anchor in anchors if anchor} - ids
        if answer.status_code != 200 or missing:
            dead.append((address, answer.status_code, missing))
    assert dead == []


def test_links_to_gitlab_leave_no_trace_and_cannot_run(client: httpx.Client) -> None:
    page = client.get("/indicators/open_mr_age/evidence?team=checkout").text
    assert 'href="https://gitlab.example/acme/' in page
    assert "javascript:" not in page
    assert page.count('href="https://gitlab.example') == page.count('rel="noreferrer"')
