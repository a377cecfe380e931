"""What can go wrong with BambooHR, as sentences; the classes say what the collector does about it."""

from app.errors import AppError


class BambooHRError(AppError):
    """Something of BambooHR could not be read."""


class SourceError(BambooHRError):
    """Nothing more can be read from this BambooHR: the run ends, what is stored is kept."""


class KeyRefusedError(SourceError):
    """401: the key is wrong or was revoked."""


class UnreachableError(SourceError):
    """The server did not answer, or not as BambooHR does, in spite of patience."""


class PartError(BambooHRError):
    """One table, list or field could not be read; the others go on."""


class ForbiddenError(PartError):
    """403."""


class NotFoundError(PartError):
    """404: there is no such table, list or employee, or no such company."""


class RequestRefusedError(PartError):
    """Another status that asking again does not mend: a parameter or a field is not known there."""


def about_status(status: int, url: str, about: str, detail: str = "") -> BambooHRError:
    """The sentence for an HTTP status that asking again does not mend.

    url: as it is configured. about: what was asked for. detail: BambooHR's own words.
    """
    said = f' ("{detail}")' if detail else ""
    if status == 401:
        return KeyRefusedError(
            f"BambooHR at {url} does not accept the API key{said}.",
            "Put a valid key into bamboohr.api_key or bamboohr.api_key_file.",
        )
    if status == 403:
        return ForbiddenError(
            f"BambooHR at {url} forbids reading {about} with this key{said}.",
            "Give the user whose key it is an access level that may see it.",
        )
    if status == 404:
        return NotFoundError(
            f"BambooHR at {url} does not have {about}, or does not show it to this key{said}.",
            "Correct bamboohr.url, or give the user whose key it is access to it.",
        )
    if 300 <= status < 400:
        return UnreachableError(
            f"BambooHR at {url} sends requests elsewhere (HTTP {status}).",
            "Write the address it sends to into bamboohr.url.",
        )
    if status == 429:
        return UnreachableError(
            f"BambooHR at {url} still limits the rate of requests after every patience.",
            "Start the run again later.",
        )
    if status >= 500:
        return UnreachableError(
            f"BambooHR at {url} answers HTTP {status} to {about}, again and again{said}.",
            "Start the run again when BambooHR is well.",
        )
    return RequestRefusedError(f"BambooHR at {url} refuses to tell {about}: HTTP {status}{said}.")


def no_company(url: str) -> SourceError:
    """The sentence for an address at which there is no company."""
    return SourceError(
        f"There is no company in BambooHR at {url}.",
        "Check bamboohr.url: https://api.bamboohr.com/api/gateway.php/COMPANY, with the COMPANY "
        "of your own COMPANY.bamboohr.com.",
    )
