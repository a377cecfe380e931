"""How requests travel: python-gitlab's REST over the same client of httpx as its GraphQL."""

import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict


class RestSession(requests.Session):
    """What python-gitlab speaks REST through. Raises httpx's exceptions, not those of requests.

    It follows GitLab within itself, to a project that was moved, and nowhere else: whoever is at
    another address must not be given the token, and is not the GitLab of the configuration.
    """

    def __init__(self, http: httpx.Client) -> None:
        super().__init__()
        self.headers.clear()  # what can be decoded, and who asks, are the client's to say
        self.trust_env = False  # and so are proxies
        for scheme in ("https://", "http://"):
            self.mount(scheme, _OverHttpx(http))

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is None:
            return None
        here, there = urlsplit(resp.url), urlsplit(target)
        elsewhere = there.netloc and (here.scheme, here.netloc) != (there.scheme, there.netloc)
        return None if elsewhere else target


class _OverHttpx(BaseAdapter):
    """Hands a request on to httpx: one pool of connections, one patience, one set of certificates."""

    def __init__(self, http: httpx.Client) -> None:
        super().__init__()
        self._http = http

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        del stream, timeout, verify, cert, proxies  # as the client has them
        assert request.method is not None
        assert request.url is not None
        assert request.body is None or isinstance(request.body, str | bytes)
        answer = self._http.request(
            request.method,
            request.url,
            headers={name: str(value) for name, value in request.headers.items()},
            content=request.body,
        )
        response = requests.Response()
        response.status_code = answer.status_code
        response.reason = answer.reason_phrase
        response.headers = CaseInsensitiveDict(answer.headers)
        response.url = request.url
        response.request = request
        response.encoding = answer.encoding
        response.raw = io.BytesIO(answer.content)
        return response

    def close(self) -> None:
        """The client is closed by whoever made it."""
