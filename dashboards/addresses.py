"""Where pages and API answers are: everything that a page shows is in its address."""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

API = "/api/v1"
READABLE = ",/"
"""What need not be escaped in a query: lists and paths are read in addresses."""
MERGE_REQUEST = re.compile(r"https?://[^/]+/(?P<project>.+)/-/merge_requests/(?P<iid>\d+)")


def address(path: str, query: Mapping[str, object | None] | None = None) -> str:
    """A path of this site with those parameters that have a value."""
    kept = {name: value for name, value in (query or {}).items() if value not in (None, "")}
    return f"{path}?{urlencode(kept, safe=READABLE)}" if kept else path


def overview(**query: object | None) -> str:
    """All teams against all indicators."""
    return address("/", query)


def team(slug: str, **query: object | None) -> str:
    """One team."""
    return address(f"/teams/{quote(slug, safe='')}", query)


def report(slug: str, **query: object | None) -> str:
    """One team in one month as a file; `format` is html, md or csv."""
    return address(f"/teams/{quote(slug, safe='')}/report", query)


def indicator(key: str, **query: object | None) -> str:
    """One indicator of all teams."""
    return address(f"/indicators/{quote(key, safe='')}", query)


def evidence(key: str, **query: object | None) -> str:
    """The merge requests behind one point."""
    return address(f"/indicators/{quote(key, safe='')}/evidence", query)


def data(**query: object | None) -> str:
    """Freshness, quality and runs."""
    return address("/data", query)


def sign_in() -> str:
    """Where signing in begins."""
    return address("/sign-in")


def sign_out() -> str:
    """Where signing out begins, which takes a form."""
    return address("/sign-out")


def account() -> str:
    """Who signed in, and their tokens."""
    return address("/account")


def tokens() -> str:
    """Where a token is made."""
    return address("/account/tokens")


def revoke(token_id: int) -> str:
    """Where a token is revoked."""
    return address(f"/account/tokens/{token_id}/revoke")


def end_session() -> str:
    """Where somebody ends sessions of their own."""
    return address("/account/sessions/end")


def sign_out_others() -> str:
    """Where an admin ends the sessions of others."""
    return address("/audit/sessions/end")


def audit(**query: object | None) -> str:
    """Who did what."""
    return address("/audit", query)


def api(path: str, **query: object | None) -> str:
    """An answer of the JSON API, such as `/teams/checkout/scorecard`."""
    return address(API + path, query)


def outside(web_url: str) -> str | None:
    """An address that the source gave, if a browser may follow it: http and https only."""
    return web_url if urlsplit(web_url).scheme in ("http", "https") else None


def reference(web_url: str) -> str:
    """`group/project!12` for the address of a merge request; anything else stays as it is."""
    found = MERGE_REQUEST.match(web_url)
    return f"{found['project']}!{found['iid']}" if found else web_url
