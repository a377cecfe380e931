"""The fake itself: a world behind GitLab's two APIs, with a log of requests and switches for faults."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Event, Lock
from time import monotonic, time
from typing import Any

import orjson
from graphql import GraphQLSchema, OperationDefinitionNode

from demo.gitlab.access import Viewer
from demo.gitlab.answer import Answer, Request, json_answer
from demo.gitlab.catalogue import Catalogue
from demo.gitlab.faults import Fault, Faults, Kind
from demo.gitlab.graphql_api import GraphQLApi
from demo.gitlab.pages import Pages
from demo.gitlab.records import Project, User
from demo.gitlab.rest_api import RestApi
from demo.gitlab.schema import schema as built_in_schema
from demo.gitlab.server import Dropped, Server, running
from demo.gitlab.store import EPOCH
from demo.gitlab.world import World

DEFAULT_TOKEN = "demo-token"  # noqa: S105 - opens nothing but this fake
READER = User(1_000_000_000, "teamgauge-reader", "Reader", EPOCH)
"""Who the default token belongs to; not one of the world's users."""


@dataclass(slots=True)
class Token:
    """An access token. sees_all: also what is private; requests_left: None without an end.
    expires_at: its last day, as ISO text."""

    user: User
    scopes: tuple[str, ...] = ("read_api",)
    sees_all: bool = False
    requests_left: int | None = None
    expires_at: str | None = None


@dataclass(slots=True)
class RateLimit:
    """So many requests in each minute, counted from the first; off unless it is set.

    seconds: instead of a minute. refused: how many were too many so far.
    """

    per_minute: int
    seconds: float = 60.0
    refused: int = 0
    window_ends: float = 0.0
    observed: int = 0


class GitLabFake:
    """A GitLab instance for tests and the demo.

    token: the default access token, which sees everything; more can be put into `tokens`.
    requests: every request so far. delay: seconds before each answer. ahead: of this machine's
    clock is the one by which answers are dated.
    max_complexity: what GraphQL refuses above, instead of GitLab's limits.
    prefix: the path below which the instance lies (`/gitlab`).
    """

    def __init__(
        self,
        world: World,
        *,
        token: str = DEFAULT_TOKEN,
        version: str = "18.0.2",
        prefix: str = "",
        schema: GraphQLSchema | None = None,
    ) -> None:
        self.world = world
        self.token = token
        self.tokens: dict[str, Token] = {token: Token(READER, sees_all=True)}
        self.version = version
        self.prefix = prefix
        self.catalogue = Catalogue(world)

        def url() -> str:
            return world.external_url

        self.graphql = GraphQLApi(
            world, self.catalogue, schema or built_in_schema(), url=url, version=version
        )
        self.rest = RestApi(world, self.catalogue, url=url, version=version)
        self.pages = Pages(world)
        self.requests: list[Request] = []
        self.faults = Faults()
        self.delay = 0.0
        self.ahead = timedelta(0)
        self.rate_limit: RateLimit | None = None
        self._stopping = Event()
        self._log_lock = Lock()
        self._meanwhile: list[tuple[int, Callable[[], None]]] = []

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[str]:
        """Serves on the loopback address; gives the base address. Raises what the fake failed with."""
        self._stopping.clear()
        with running(Server(port, self.answer)) as server:
            try:
                yield server.base_url + self.prefix
            finally:
                self._stopping.set()

    # What went wrong, on demand ---------------------------------------------------------------

    def fail_next(
        self,
        status: int = 500,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | Mapping[str, Any] = "",
        times: int | None = 1,
        skip: int = 0,
        only: str = "",
        match: Callable[[Request], bool] | None = None,
    ) -> None:
        """Answers the next requests with this status; 429 without a body says `Retry later`."""
        if isinstance(body, Mapping):
            content = orjson.dumps(body)
        else:
            text = body or ("Retry later\n" if status == 429 else "")
            content = text if isinstance(text, bytes) else text.encode()
        self.faults.add(
            Fault(Kind.ANSWER, times, skip, only, match, status, headers or {}, content)
        )

    def drop_next(
        self,
        *,
        times: int | None = 1,
        skip: int = 0,
        only: str = "",
        match: Callable[[Request], bool] | None = None,
    ) -> None:
        """Resets the connection in the middle of the next answers."""
        self.faults.add(Fault(Kind.DROP, times, skip, only, match))

    def truncate_next(
        self,
        *,
        times: int | None = 1,
        skip: int = 0,
        only: str = "",
        match: Callable[[Request], bool] | None = None,
    ) -> None:
        """Sends half of the next bodies as if they were whole."""
        self.faults.add(Fault(Kind.TRUNCATE, times, skip, only, match))

    def time_out_next(
        self,
        *,
        times: int | None = 1,
        skip: int = 0,
        match: Callable[[Request], bool] | None = None,
    ) -> None:
        """Answers the next GraphQL queries as after GitLab's 30 seconds."""
        self.faults.add(Fault(Kind.TIME_OUT, times, skip, "graphql", match))

    def change_next(
        self,
        change: Callable[[Any], Any],
        *,
        times: int | None = 1,
        skip: int = 0,
        only: str = "",
        match: Callable[[Request], bool] | None = None,
    ) -> None:
        """Sends other JSON than the next answers have: as of another version, or of a mistake."""
        self.faults.add(Fault(Kind.CHANGE, times, skip, only, match, change=change))

    def delay_next(self, seconds: float, *, times: int | None = 1, skip: int = 0) -> None:
        """Lets the next answers wait."""
        self.faults.add(Fault(Kind.LATE, times, skip, seconds=seconds))

    def expire_token_after(self, requests: int, token: str | None = None) -> None:
        """Lets the token (the default one) pass so many more requests, then answers 401."""
        self.tokens[token or self.token].requests_left = requests

    def before_answer(self, number: int, change: Callable[[], None]) -> None:
        """Lets something happen just before the answer to the request of this number in the log,
        counted from 1: what people do while somebody pages through a list."""
        with self._log_lock:
            self._meanwhile.append((number, change))

    @property
    def max_complexity(self) -> int | None:
        """The complexity above which GraphQL refuses; None: GitLab's own limits."""
        return self.graphql.max_complexity

    @max_complexity.setter
    def max_complexity(self, limit: int | None) -> None:
        self.graphql.max_complexity = limit

    def hide(self, project: Project) -> None:
        """Makes a project answer 404 or null, as for a token that lost its access."""
        self.world.hide_project(project)

    # What was asked ---------------------------------------------------------------------------

    def count(self, kind: str = "") -> int:
        """How many requests came, of one kind or of all."""
        with self._log_lock:
            return sum(1 for request in self.requests if kind in {"", request.kind})

    def forget_requests(self) -> None:
        """Empties the log of requests."""
        with self._log_lock:
            self.requests.clear()

    # What is answered -------------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:
        """One request through the log, the faults, the token, the rate limit and its API."""
        path = request.path.removeprefix(self.prefix)
        body = self._classify(request, path)
        with self._log_lock:
            self.requests.append(request)
            due = [change for number, change in self._meanwhile if number <= len(self.requests)]
            self._meanwhile = [each for each in self._meanwhile if each[0] > len(self.requests)]
        for change in due:
            change()
        fault = self.faults.next(request)
        if self.delay:
            self._stopping.wait(self.delay)
        if fault is not None and fault.kind is Kind.ANSWER:
            kind = "application/json" if fault.body[:1] in {b"{", b"["} else "text/plain"
            answer = Answer(fault.status, fault.body, fault.headers, kind)
        else:
            answer = self._answer(request, path, body, fault)
        if fault is not None and fault.kind is Kind.DROP:
            raise Dropped(answer)
        if fault is not None and fault.kind is Kind.LATE:
            self._stopping.wait(fault.seconds)
        if fault is not None and fault.change is not None:
            changed = orjson.dumps(fault.change(orjson.loads(answer.body)))
            answer = Answer(answer.status, changed, answer.headers, answer.content_type)
        if fault is not None and fault.kind is Kind.TRUNCATE:
            half = answer.body[: len(answer.body) // 2]
            answer = Answer(answer.status, half, answer.headers, answer.content_type)
        request.status = answer.status
        return answer

    def _classify(self, request: Request, path: str) -> Any:
        """Fills in what the log tells about a request; gives GraphQL's decoded body."""
        if not path.startswith("/api/graphql"):
            request.kind = "rest" if path.startswith("/api/v4") else "page"
            request.operation = self.rest.route_of(path)
            return None
        request.kind = "graphql"
        try:
            body = orjson.loads(request.body or b"{}")
        except orjson.JSONDecodeError:
            return None
        if isinstance(body, dict):
            request.variables = body.get("variables") or {}
            operation = self.graphql.operation_of(body)
            if operation is not None and operation.name is not None:
                request.operation = operation.name.value
        return body

    def _answer(self, request: Request, path: str, body: Any, fault: Fault | None) -> Answer:
        limits, refusal = self._limited()
        if refusal is not None:
            return refusal
        viewer, refusal = self._viewer(request)
        if refusal is not None or viewer is None:
            assert refusal is not None
            return refusal
        with self.world.lock:
            if request.kind == "graphql":
                answer = self._graphql(request, body, viewer, fault)
            elif request.kind == "rest":
                answer = self.rest.answer(request, path, viewer)
            else:
                answer = self.pages.answer(path, viewer)
        headers = {**answer.headers, **limits}
        if self.ahead:
            headers["Date"] = format_datetime(datetime.now(UTC) + self.ahead, usegmt=True)
        return Answer(answer.status, answer.body, headers, answer.content_type)

    def _graphql(self, request: Request, body: Any, viewer: Viewer, fault: Fault | None) -> Answer:
        if body is None:
            return json_answer({"errors": [{"message": "Unexpected end of document"}]}, 400)
        if fault is not None and fault.kind is Kind.TIME_OUT and isinstance(body, dict):
            return json_answer(_timed_out(self.graphql.operation_of(body)))
        status, content = self.graphql.answer(body, viewer)
        return json_answer(content, status)

    def _limited(self) -> tuple[dict[str, str], Answer | None]:
        """Headers of the rate limit, and the refusal where it is exceeded."""
        limit = self.rate_limit
        if limit is None:
            return {}, None
        with self._log_lock:
            now = monotonic()
            if now >= limit.window_ends:
                limit.window_ends, limit.observed = now + limit.seconds, 0
            limit.observed += 1
            left = limit.window_ends - now
            headers = {
                "RateLimit-Limit": str(limit.per_minute),
                "RateLimit-Name": "throttle_authenticated_api",
                "RateLimit-Observed": str(limit.observed),
                "RateLimit-Remaining": str(max(limit.per_minute - limit.observed, 0)),
                "RateLimit-Reset": str(int(time() + left)),
            }
            if limit.observed <= limit.per_minute:
                return headers, None
            limit.refused += 1
        headers["Retry-After"] = str(int(left) + 1)
        return headers, Answer(429, b"Retry later\n", headers, "text/plain")

    def _viewer(self, request: Request) -> tuple[Viewer | None, Answer | None]:
        """Who asks, or the refusal of a token that does not open this."""
        given = request.headers.get("private-token") or request.headers.get(
            "authorization", ""
        ).removeprefix("Bearer ")
        if not given:
            return Viewer(), None
        token = self.tokens.get(given)
        if token is None or token.requests_left == 0:
            if request.kind == "graphql":
                return None, json_answer({"errors": [{"message": "Invalid token"}]}, 401)
            if token is None:
                return None, json_answer({"message": "401 Unauthorized"}, 401)
            return None, json_answer(_EXPIRED, 401)
        if not {"api", "read_api"} & set(token.scopes):
            if request.kind == "graphql":
                return None, json_answer({"errors": [{"message": "Invalid token"}]}, 401)
            return None, json_answer(_TOO_NARROW, 403)
        if token.requests_left is not None:
            with self._log_lock:
                token.requests_left = max(token.requests_left - 1, 0)
        return Viewer(token.user, token.sees_all, token.scopes, token.expires_at), None


_EXPIRED = {
    "error": "invalid_token",
    "error_description": "Token is expired. You can either do re-authorization or token refresh.",
}
_TOO_NARROW = {
    "error": "insufficient_scope",
    "error_description": "The request requires higher privileges than provided by the access token.",
    "scope": "api read_api",
}


def _timed_out(operation: OperationDefinitionNode | None) -> dict[str, Any]:
    """The answer of a query whose time ran out before its first field was read."""
    name = key = "query"
    if operation is not None:
        field = operation.selection_set.selections[0]
        name = getattr(getattr(field, "name", None), "value", name)
        alias = getattr(field, "alias", None)
        key = alias.value if alias is not None else name
    error = {
        "message": f"Timeout on Query.{name}",
        "locations": [{"line": 1, "column": 1}],
        "path": [key],
    }
    return {"data": {key: None}, "errors": [error]}
