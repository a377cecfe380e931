"""No link that a reader can follow from the first page is dead; needs no browser."""

import re
from collections import Counter, deque
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import parse_qsl, unquote, urldefrag, urljoin, urlsplit

import httpx

from app.metrics import INDICATORS
from dashboards.exports import EXPORTS, FORMATS
from dashboards.pages import PAGES

from .company import TEAMS

CLOSED = {
    "format",
    "grain",
    "variant",
    "state",
    "sort",
    "view",
    "status",
    "signals",
    "kind",
    "answer",
}
"""Parameters with a closed list of values: each value is another page."""


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
        for name in ("href", "src", "action", "data-plotly"):
            value = given.get(name)
            if value is not None and not value.startswith("data:"):
                self.found.add(value)


class Walk:
    """Everything that can be reached from some pages of a site.

    Of addresses that have nothing new (see `_parts`) one is as good as the other: the choices of a
    page can be combined in more ways than anybody can walk.
    """

    def __init__(self, client: httpx.Client, *starts: str) -> None:
        self._client = client
        self._known: set[object] = set()
        self._referred: dict[str, set[str]] = {}
        self._ids: dict[str, set[str]] = {}
        self._ahead = deque(starts)
        self.dead: list[tuple[str, str, int]] = []
        self.routes: Counter[str] = Counter()
        self.outside: set[str] = set()

    def go(self) -> "Walk":
        """Follows every link until there is none left."""
        while self._ahead:
            address = self._ahead.popleft()
            for link in self._visit(address):
                target, anchor = urldefrag(urljoin(address, link))
                parts = urlsplit(target)
                if parts.netloc and not target.startswith(str(self._client.base_url)):
                    self.outside.add(target)
                    continue
                target = target.removeprefix(str(self._client.base_url).rstrip("/"))
                if anchor:
                    self._referred.setdefault(target, set()).add(anchor)
                new = _parts(target) - self._known
                if new:
                    self._known |= new
                    self._ahead.append(target)
        return self

    def _visit(self, address: str) -> Iterator[str]:
        answer = self._client.get(address)
        self.routes[_route(address)] += 1
        if answer.status_code != 200:
            self.dead.append((address, answer.text[:200], answer.status_code))
        elif answer.headers["content-type"].startswith("text/html"):
            links = Links(answer.text)
            self._ids[address] = links.ids
            yield from sorted(links.found)

    @property
    def missing(self) -> list[tuple[str, str]]:
        """Anchors that nothing on the page has, of the pages that were visited."""
        return [
            (address, anchor)
            for address, anchors in self._referred.items()
            for anchor in sorted(anchors)
            if address in self._ids and unquote(anchor) not in self._ids[address]
        ]


def _route(address: str) -> str:
    path = urlsplit(address).path
    path = re.sub(r"/teams/[^/]+", "/teams/{slug}", path)
    return re.sub(r"/indicators/[^/]+", "/indicators/{key}", path)


def _parts(address: str) -> set[object]:
    """What an address is made of: its path, and each parameter with its value if that is one of a
    list. Whose CSV it is, and in which order, makes no difference."""
    parts = urlsplit(address)
    path = re.sub(r"^(/api/v1)?/teams/[^/]+(?=/)", r"\1/teams/{slug}", parts.path)
    values = set() if path.startswith("/api/") else CLOSED
    query = parse_qsl(parts.query)
    return {
        path,
        *((_route(address), name, value if name in values else "") for name, value in query),
    }


def test_no_link_is_dead_and_every_anchor_exists(client: httpx.Client) -> None:
    walk = Walk(client, "/").go()
    assert walk.dead == []
    assert walk.missing == []
    for route in (*(page.route for page in PAGES), *(export.route for export in EXPORTS)):
        assert walk.routes[route] >= 1, route
    assert walk.routes["/teams/{slug}/report"] == len(FORMATS)
    assert walk.routes["/indicators/{key}"] >= len(INDICATORS)
    assert walk.routes["/teams/{slug}"] > len(TEAMS)
    assert walk.routes["/api/v1/indicators/{key}/series"] >= len(INDICATORS)
    # What is not ours is GitLab's.
    assert {urlsplit(address).netloc for address in walk.outside} == {"gitlab.example"}


def test_no_link_is_dead_before_anything_is_collected(empty_site: str) -> None:
    with httpx.Client(base_url=empty_site, timeout=60) as client:
        walk = Walk(client, "/", "/data").go()
    assert (walk.dead, walk.missing, walk.outside) == ([], [], set())


def test_a_page_of_an_error_leads_on(client: httpx.Client) -> None:
    page = client.get("/teams/nobody")
    assert page.status_code == 404
    links = Links(page.text).found - {"#main", "/teams/nobody"}
    assert {"/", "/data"} <= links
    assert [link for link in sorted(links) if client.get(link).status_code != 200] == []


def test_links_to_gitlab_leave_no_trace_and_cannot_run(client: httpx.Client) -> None:
    page = client.get("/indicators/open_mr_age/evidence?team=checkout").text
    assert 'href="https://gitlab.example/acme/' in page
    assert "javascript:" not in page
    assert page.count('href="https://gitlab.example') == page.count('rel="noreferrer"')
