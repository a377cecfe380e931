"""What can go wrong with Greenhouse, as sentences; the classes say what the collector does about it."""

from app.errors import AppError

CREDENTIAL = "greenhouse.client_id and greenhouse.client_secret"


class GreenhouseError(AppError):
    """Something of Greenhouse could not be read."""


class SourceError(GreenhouseError):
    """Nothing more can be read from this Greenhouse: the run ends, what was read is kept."""


class TokenExpiredError(SourceError):
    """401 to a token: a new one may be accepted."""


class ListError(GreenhouseError):
    """One list could not be read; the others go on."""


class QueryRefusedError(ListError):
    """422: the list does not take these parameters."""


def named(name: str) -> str:
    """A list as people call it: `close reasons`."""
    return name.replace("_", " ")


def about_token(status: int, token_url: str, said: str) -> SourceError:
    """The sentence for a status of the token server that asking again does not mend."""
    words = f' ("{said}")' if said else ""
    if status in (400, 401, 403):
        return SourceError(
            f"Greenhouse at {token_url} does not accept the client{words}.",
            f"Put the credential for Harvest v3 into {CREDENTIAL}.",
        )
    if status == 429:
        return _still_limited(token_url)
    return SourceError(
        f"There is no token server of Greenhouse at {token_url}: it answers HTTP {status}{words}.",
        "Check greenhouse.token_url.",
    )


def about_status(status: int, base_url: str, name: str, said: str) -> GreenhouseError:
    """The sentence for a status of the API that asking again does not mend. name: of the list."""
    words = f' ("{said}")' if said else ""
    if status == 401:
        return TokenExpiredError(
            f"Greenhouse at {base_url} does not accept the token that its token server gave{words}.",
            "Check that greenhouse.url and greenhouse.token_url belong together.",
        )
    if status == 403:
        return ListError(
            f"Greenhouse at {base_url} forbids reading {named(name)}{words}.",
            f"Give the credential of greenhouse.client_id the scope harvest:{name}:list.",
        )
    if status == 404:
        return SourceError(
            f"There is no Harvest v3 at {base_url}: /v3/{name} answers HTTP 404.",
            "Check that greenhouse.url is Greenhouse's base address.",
        )
    if status == 429:
        return _still_limited(base_url)
    if 300 <= status < 400:
        return SourceError(
            f"Greenhouse at {base_url} sends requests elsewhere (HTTP {status}).",
            "Write the address it sends to into greenhouse.url.",
        )
    if status >= 500:
        return SourceError(
            f"Greenhouse at {base_url} answers HTTP {status} to {named(name)}, again and again{words}.",
            "Start the run again when Greenhouse is well.",
        )
    return QueryRefusedError(
        f"Greenhouse at {base_url} refuses to tell {named(name)}: HTTP {status}{words}."
    )


def unreachable(address: str, key: str, reason: str) -> SourceError:
    """The server did not answer at all. key: of the configuration that names the address."""
    return SourceError(
        f"Greenhouse at {address} cannot be reached: {reason}.",
        f"Check {key}, the network and, behind a proxy, HTTPS_PROXY.",
    )


def not_harvest(address: str, key: str) -> SourceError:
    """The server answered with something else than is expected of Greenhouse."""
    return SourceError(
        f"The server at {address} does not answer as Greenhouse does.", f"Check {key}."
    )


def _still_limited(address: str) -> SourceError:
    return SourceError(
        f"Greenhouse at {address} still limits the rate of requests after every patience.",
        "Start the run again later.",
    )
