"""`/api/v4`: finds the route of a path and answers it; nothing can be written."""

import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from demo.gitlab.access import Viewer
from demo.gitlab.answer import Answer, Request, json_answer
from demo.gitlab.catalogue import Catalogue
from demo.gitlab.rest_lookup import Asked, Moved, Route
from demo.gitlab.rest_merge_requests import MergeRequests
from demo.gitlab.rest_organisation import Organisation
from demo.gitlab.rest_paging import Query, Refusal
from demo.gitlab.store import Store

READ_ONLY = {
    "error": "insufficient_scope",
    "error_description": "The request requires higher privileges than provided by the access token.",
    "scope": "api",
}


class RestApi:
    """The endpoints over one store. Callers hold the store's lock."""

    def __init__(
        self, store: Store, catalogue: Catalogue, *, url: Callable[[], str], version: str
    ) -> None:
        branches = (
            Organisation(store, catalogue, url=url, version=version),
            MergeRequests(store, catalogue, url=url, version=version),
        )
        self._routes = tuple(
            (re.compile(f"/api/v4/{route.pattern}/?"), route)
            for branch in branches
            for route in branch.routes()
        )

    def route_of(self, path: str) -> str:
        """The name of the route of a path; empty where there is none."""
        found = self._find(path)
        return found[1].name if found else ""

    def _find(self, path: str) -> tuple[re.Match[str], Route] | None:
        for pattern, route in self._routes:
            match = pattern.fullmatch(urlsplit(path).path)
            if match:
                return match, route
        return None

    def answer(self, request: Request, path: str, viewer: Viewer) -> Answer:
        """The answer to a request; path: that of the request without the instance's prefix."""
        if request.method not in {"GET", "HEAD"}:
            return json_answer(READ_ONLY, 403)
        found = self._find(path)
        if found is None:
            return json_answer({"error": "404 Not Found"}, 404)
        match, route = found
        parts = {name: unquote(value) for name, value in match.groupdict().items()}
        try:
            return route.answer(Asked(Query.of(request), viewer, parts))
        except Refusal as refusal:
            return refusal.answer
        except Moved as moved:
            there = re.sub(
                "/projects/[^/?]+", f"/projects/{moved.project.id}", request.path, count=1
            )
            location = f"http://{request.headers.get('host', '')}{there}"
            text = f"This resource has been moved temporarily to {location}"
            return Answer(302, text.encode(), {"Location": location}, "text/plain")
