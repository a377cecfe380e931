"""The fake itself: a company behind BambooHR's API, with a log of requests and switches for faults."""

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

import orjson

from demo.bamboohr.api import Api
from demo.bamboohr.company import Company
from demo.gitlab.answer import Answer, Request
from demo.gitlab.faults import Fault, Faults, Kind
from demo.gitlab.server import Dropped, Server, running

DEFAULT_KEY = "demo-api-key"
XML = b'<?xml version="1.0"?>\n<result/>\n'


class BambooHRFake:
    """One company's BambooHR, below the gateway's address and below `/api` as well.

    key: what opens it. requests: every request so far; `operation` says what was asked for.
    api: holds what this key may not see.
    """

    def __init__(self, company: Company, *, key: str = DEFAULT_KEY, domain: str = "acme") -> None:
        self.company = company
        self.key = key
        self.domain = domain
        self.api = Api(company)
        self.requests: list[Request] = []
        self.faults = Faults()
        self._log_lock = Lock()

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[str]:
        """Serves on the loopback address; gives the address of the company at the gateway.

        Raises what the fake failed with.
        """
        with running(Server(port, self.answer)) as server:
            yield f"{server.base_url}/api/gateway.php/{self.domain}"

    def fail_next(
        self,
        status: int,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Mapping[str, Any] = b"",
        content_type: str = "application/json",
        times: int | None = 1,
        skip: int = 0,
        match: Callable[[Request], bool] | None = None,
    ) -> None:
        """Answers the next requests with this status."""
        content = orjson.dumps(body) if isinstance(body, Mapping) else body
        told = {"X-Fake-Content-Type": content_type, **(headers or {})}
        self.faults.add(Fault(Kind.ANSWER, times, skip, "", match, status, told, content))

    def truncate_next(self, *, times: int | None = 1) -> None:
        """Sends half of the next bodies as if they were whole."""
        self.faults.add(Fault(Kind.TRUNCATE, times))

    def drop_next(self, *, times: int | None = 1) -> None:
        """Resets the connection in the middle of the next answers."""
        self.faults.add(Fault(Kind.DROP, times))

    def asked(self) -> list[str]:
        """What was asked for, in order."""
        with self._log_lock:
            return [request.operation for request in self.requests]

    def forget_requests(self) -> None:
        """Empties the log of requests."""
        with self._log_lock:
            self.requests.clear()

    def answer(self, request: Request) -> Answer:
        """One request through the log, the faults, the key and the API."""
        path = request.path
        for prefix in (f"/api/gateway.php/{self.domain}/", "/api/"):
            if path.startswith(prefix) and "gateway.php" not in path.removeprefix(prefix):
                path = path.removeprefix(prefix)
                break
        else:
            path = ""
        request.kind, request.operation = "bamboohr", self.api.operation(request.method, path)
        with self._log_lock:
            self.requests.append(request)
        fault = self.faults.next(request)
        if fault is not None and fault.kind is Kind.ANSWER:
            headers = dict(fault.headers)
            return Answer(fault.status, fault.body, headers, headers.pop("X-Fake-Content-Type"))
        answer = self._answer(request, path)
        if fault is not None and fault.kind is Kind.DROP:
            raise Dropped(answer)
        if fault is not None and fault.kind is Kind.TRUNCATE:
            half = answer.body[: len(answer.body) // 2]
            answer = Answer(answer.status, half, answer.headers, answer.content_type)
        request.status = answer.status
        return answer

    def _answer(self, request: Request, path: str) -> Answer:
        if not path:
            return Answer(404, b"", {"X-BambooHR-Error-Message": "Company not found"})
        if not self._opens(request.headers.get("authorization", "")):
            return Answer(401, b"", {"X-BambooHR-Error-Message": "Invalid API key"})
        with self.company.lock:
            answer = self.api.answer(request.method, path, request.body)
        if answer.status == 200 and "application/json" not in request.headers.get("accept", ""):
            return Answer(200, XML, {}, "application/xml")
        return answer

    def _opens(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            name, _, _ = b64decode(given, validate=True).decode().partition(":")
        except ValueError:
            return False
        return name == self.key
