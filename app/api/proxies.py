"""Where a question came from: the address behind the reverse proxies that the configuration names.

What anybody else writes into X-Forwarded-For and X-Forwarded-Proto is not believed, and
X-Forwarded-Host is from nobody.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

IPAddress = IPv4Address | IPv6Address


class Proxied:
    """Wraps the application, and sets `client` and `scheme` of what comes through a proxy.

    trusted: addresses and networks (CIDR) of proxies, each of which appends whom it heard.
    """

    def __init__(self, app: ASGIApp, trusted: Iterable[str]) -> None:
        self._app = app
        self._trusted = tuple(ip_network(each) for each in trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "http" and scope.get("client"):
            scope = {**scope, **self._believed(scope)}
        await self._app(scope, receive, send)

    def _believed(self, scope: Scope) -> Scope:
        host, port = scope["client"]
        peer = address(host)
        if peer is None:
            return {}
        if not self._is_trusted(peer):
            return {"client": (str(peer), port)}
        headers = Headers(scope=scope)
        told = [hop.strip() for hop in ",".join(headers.getlist("x-forwarded-for")).split(",")]
        behind = peer
        # Each proxy appends whom it heard: the last one who is no proxy of ours is who asks, and what
        # stands before them they may have written themselves.
        for hop in reversed(told):
            heard = address(hop)
            if heard is None:
                break
            behind = heard
            if not self._is_trusted(heard):
                break
        scheme = headers.get("x-forwarded-proto", "").lower()
        return {
            "client": (str(behind), port if behind == peer else 0),
            "scheme": scheme if scheme in ("http", "https") else scope["scheme"],
        }

    def _is_trusted(self, peer: IPAddress) -> bool:
        return any(peer in network for network in self._trusted)


def address(text: str) -> IPAddress | None:
    """An address as it is written in X-Forwarded-For, also with a port; None for what is none.

    An IPv4 address that came over an IPv6 socket is told as itself.
    """
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
