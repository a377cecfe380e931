"""The fake itself: a world behind Harvest v3 and its token server, with switches for what goes wrong."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic, time
from urllib.parse import parse_qs, urlsplit

import orjson

from demo.gitlab.answer import Answer, Request, json_answer
from demo.gitlab.faults import Fault, Faults, Kind
from demo.gitlab.server import Dropped, Server, running
from demo.greenhouse.lists import BY_NAME, Refusal, page
from demo.greenhouse.world import HiringWorld

CLIENT_ID = "demo-client"
CLIENT_SECRET = "demo-client-secret"  # noqa: S105 - opens nothing but this fake
TOKEN_PATH = "/token"  # noqa: S105 - a path, not a secret
HOUR = timedelta(hours=1)


@dataclass(slots=True)
class RateLimit:
    """So many requests in each window, which is fixed and not moved by requests."""

    requests: int = 50
    seconds: float = 30.0
    ends: float = 0.0
    seen: int = 0


class GreenhouseFake:
    """A Greenhouse account for tests and the demo; the token server is below the same address.

    requests: every request so far; `kind` is token or list, `operation` the list's name.
    scopes: the lists that the credential may read. lifetime: of a token. tokens: how many were made.
    tells_seconds: whether the token server says `expires_in` in place of `expires_at`.
    """

    def __init__(
        self,
        world: HiringWorld,
        *,
        client_id: str = CLIENT_ID,
        client_secret: str = CLIENT_SECRET,
        lifetime: timedelta = HOUR,
    ) -> None:
        self.world = world
        self.client_id = client_id
        self.client_secret = client_secret
        self.lifetime = lifetime
        self.scopes = set(BY_NAME)
        self.rate_limit: RateLimit | None = RateLimit()
        self.requests: list[Request] = []
        self.faults = Faults()
        self.tokens = 0
        self.tells_seconds = False
        self._valid: dict[str, datetime] = {}
        self._lock = Lock()

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[str]:
        """Serves on the loopback address; gives the base address. Raises what the fake failed with."""
        with running(Server(port, self.answer)) as server:
            yield server.base_url

    # What went wrong, on demand ---------------------------------------------------------------

    def fail_next(
        self,
        status: int = 500,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        times: int | None = 1,
        skip: int = 0,
        only: str = "",
        match: Callable[[Request], bool] | None = None,
    ) -> None:
        """Answers the next requests (of one kind) with this status."""
        self.faults.add(Fault(Kind.ANSWER, times, skip, only, match, status, headers or {}, body))

    def drop_next(self, *, times: int | None = 1, skip: int = 0, only: str = "") -> None:
        """Resets the connection in the middle of the next answers."""
        self.faults.add(Fault(Kind.DROP, times, skip, only))

    def revoke_tokens(self) -> None:
        """Makes every token that was given out worthless before its time."""
        with self._lock:
            self._valid.clear()

    # What was asked ---------------------------------------------------------------------------

    def asked(self, name: str) -> list[dict[str, str]]:
        """The parameters of each request for a list, in order."""
        with self._lock:
            return [
                {key: values[-1] for key, values in parse_qs(urlsplit(each.path).query).items()}
                for each in self.requests
                if each.operation == name
            ]

    def forget_requests(self) -> None:
        """Empties the log of requests."""
        with self._lock:
            self.requests.clear()

    # What is answered -------------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:
        """One request through the log, the faults, the token, the rate limit and its list."""
        parts = urlsplit(request.path)
        if parts.path == TOKEN_PATH:
            request.kind = request.operation = "token"
        else:
            request.kind = "list"
            request.operation = parts.path.removeprefix("/v3/")
        with self._lock:
            self.requests.append(request)
        fault = self.faults.next(request)
        if fault is not None and fault.kind is Kind.ANSWER:
            kind = "application/json" if fault.body[:1] in {b"{", b"["} else "text/html"
            answer = Answer(fault.status, fault.body, fault.headers, kind)
        elif request.kind == "token":
            answer = self._token(request)
        else:
            answer = self._list(request)
        if fault is not None and fault.kind is Kind.DROP:
            raise Dropped(answer)
        request.status = answer.status
        return answer

    def _token(self, request: Request) -> Answer:
        """Client credentials against a token (RFC 6749, 4.4)."""
        if request.method != "POST":
            return json_answer({"error": "invalid_request"}, 405)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            client = base64.b64decode(given, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            client = ""
        if scheme != "Basic" or client != f"{self.client_id}:{self.client_secret}":
            return json_answer({"error": "invalid_client"}, 401)
        if parse_qs(request.body.decode()).get("grant_type") != ["client_credentials"]:
            return json_answer({"error": "unsupported_grant_type"}, 400)
        with self._lock:
            self.tokens += 1
            token = f"token-{self.tokens}"
            expires_at = datetime.now(UTC) + self.lifetime
            self._valid[token] = expires_at
        answer: dict[str, object] = {"access_token": token, "token_type": "Bearer"}
        if self.tells_seconds:
            answer["expires_in"] = int(self.lifetime.total_seconds())
        else:
            answer["expires_at"] = expires_at.isoformat().replace("+00:00", "Z")
        return Answer(200, orjson.dumps(answer), {"Cache-Control": "no-store"})

    def _list(self, request: Request) -> Answer:
        limits, refusal = self._limited()
        if refusal is not None:
            return refusal
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        with self._lock:
            expires_at = self._valid.get(token)
        if expires_at is None or expires_at <= datetime.now(UTC):
            return json_answer({"errors": ["Invalid or expired token"]}, 401, limits)
        parts = urlsplit(request.path)
        kind = BY_NAME.get(request.operation)
        if kind is None or not parts.path.startswith("/v3/") or request.method != "GET":
            return json_answer({"errors": ["Resource not found"]}, 404, limits)
        if kind.name not in self.scopes:
            message = f"Missing scope: harvest:{kind.name}:list"
            return json_answer({"errors": [message]}, 403, limits)
        address = f"http://{request.headers['host']}{parts.path}"
        try:
            with self.world.lock:
                answer = page(kind, self.world, parts.query, address)
        except Refusal as refused:
            answer = refused.answer
        return Answer(answer.status, answer.body, {**answer.headers, **limits})

    def _limited(self) -> tuple[dict[str, str], Answer | None]:
        """Headers of the rate limit, and the refusal where it is exceeded."""
        limit = self.rate_limit
        if limit is None:
            return {}, None
        with self._lock:
            now = monotonic()
            if now >= limit.ends:
                limit.ends, limit.seen = now + limit.seconds, 0
            limit.seen += 1
            left = limit.ends - now
            headers = {
                "X-RateLimit-Limit": str(limit.requests),
                "X-RateLimit-Remaining": str(max(limit.requests - limit.seen, 0)),
                "X-RateLimit-Reset": str(int(time() + left) + 1),
            }
            if limit.seen <= limit.requests:
                return headers, None
        headers["Retry-After"] = str(int(left) + 1)
        return headers, json_answer({"errors": ["Rate limit exceeded"]}, 429, headers)
