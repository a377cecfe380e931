"""Every failure as one sentence: RFC 9457 for the API, and the same for the pages to draw."""

import dataclasses
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from app.api.observation import observation_of
from app.api.readiness import MIGRATING, NotReadyError
from app.auth.access import ForbiddenError
from app.auth.provider import AWAY, ProviderError, RefusedError
from app.auth.rules import access_for
from app.errors import AppError, InvalidValueError, NotFoundError
from app.faults import Faults
from app.store.trouble import Trouble, reason_of, trouble_of

log = structlog.get_logger()

PROBLEM_TYPE = "application/problem+json"
RETRY_SECONDS = "10"
REFUSALS = (HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
IN_TROUBLE = {
    Trouble.DATABASE_AWAY: (
        "The database does not answer.",
        "Nothing is lost; this server asks it again by itself.",
    ),
    Trouble.BUSY: ("Every connection to the database is in use.", "Ask again in a moment."),
    Trouble.NOT_MIGRATED: (
        "The database is not at the revision that this program needs.",
        "Run `teamgauge migrate`.",
    ),
    Trouble.READ_ONLY: (
        "The database, or its disk, takes no changes, and this cannot be done without.",
        "Nothing that was stored is lost; the log says why.",
    ),
    Trouble.DISK_FULL: (
        "The disk of the database is full, and this cannot be done without room.",
        "Make room; nothing that was stored is lost.",
    ),
    Trouble.TOO_LONG: (
        "The database took too long for this, and it was given up.",
        "Ask for less of it, or again when less is going on.",
    ),
}
"""What a reader is told, and what to do about it."""


class Problem(BaseModel):
    """A failure, as RFC 9457 has it; what follows `instance` is absent where there is none."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str
    """about:blank: the status says what sort of failure it is."""
    title: str
    """The status in words."""
    status: int
    """That of the answer."""
    detail: str
    """What is wrong and what to do about it."""
    instance: str
    """The path that was asked for."""
    field: str | None = None
    """The parameter that is wrong, as it stands in the address."""
    request_id: str | None = None
    """What the log calls the request, of a failure that is ours."""
    reason: str | None = None
    """Of a 503, where there is a word for it: draining, disk_full, read_only, database_away, busy,
    migrating, not_migrated, too_long or provider_away."""


def _described(description: str) -> dict[str, Any]:
    schema = Problem.model_json_schema()
    return {"description": description, "content": {PROBLEM_TYPE: {"schema": schema}}}


PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: _described("Where people sign in: no token was shown, or none that holds."),
    403: _described("Who asks may not see it."),
    404: _described("There is no such team, indicator or variant; `field` names the parameter."),
    422: _described("A parameter cannot be meant; `field` names it."),
    429: _described("This token, or this address, asks too often; `Retry-After` says when again."),
    503: _described("The database does not answer or is not migrated."),
}
"""What an answer may be instead, for `/openapi.json`."""

TABLE_OR_PROBLEMS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
    **PROBLEMS,
}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A failure as a reader is told it. hint: what to do, one sentence, or empty."""

    status: int
    message: str
    hint: str = ""
    field: str | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    request_id: str | None = None
    reason: str | None = None


Draw = Callable[[Request, Failure], Response]
"""Draws a failure as a page."""


def failure_of(error: Exception) -> Failure | None:
    """How a failure is told; None for one that nobody foresaw."""
    if isinstance(error, NotFoundError):
        return Failure(status=404, message=error.message, hint=error.hint, field=error.field)
    if isinstance(error, InvalidValueError):
        return Failure(status=422, message=error.message, hint=error.hint, field=error.field)
    if isinstance(error, NotReadyError):
        failure = _unavailable(error.message, error.hint)
        return dataclasses.replace(failure, reason=error.reason)
    if isinstance(error, ForbiddenError | RefusedError):
        return Failure(status=403, message=error.message, hint=error.hint)
    if isinstance(error, ProviderError):
        failure = _unavailable(error.message, error.hint)
        return dataclasses.replace(failure, reason=AWAY)
    if isinstance(error, AppError):
        return _unavailable(error.message, error.hint)
    if isinstance(error, RequestValidationError):
        return _refusal(error)
    if isinstance(error, HTTPException):
        return _http(error)
    trouble = trouble_of(error)
    if trouble is None:
        return None
    return dataclasses.replace(_unavailable(*IN_TROUBLE[trouble]), reason=trouble.value)


def _unavailable(message: str, hint: str) -> Failure:
    return Failure(status=503, message=message, hint=hint, headers={"Retry-After": RETRY_SECONDS})


def _refusal(error: RequestValidationError) -> Failure:
    """The first parameter that cannot be meant, named as it stands in the address."""
    first = error.errors()[0]
    name = str(first["loc"][-1])
    if first["type"] == "extra_forbidden":
        message = f"This address has no parameter {name!r:.40}."
    else:
        message = f"{name} {first.get('input')!r:.40} cannot be used: {_lowered(first['msg'])}."
    return Failure(status=422, message=message, field=name)


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _http(error: HTTPException) -> Failure:
    messages = {
        404: "There is nothing at this address.",
        405: "This address only answers to GET.",
    }
    headers = dict(error.headers or {})
    if headers.get("Allow") == "POST":
        messages[405] = "This address only answers to POST."
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = "GET, HEAD"  # they answer to no more, and Guard makes HEAD of GET
    return Failure(
        status=error.status_code,
        message=messages.get(error.status_code, str(error.detail)),
        headers=headers,
    )


def is_for_machines(path: str) -> bool:
    """Whether who asks for a path wants a problem rather than a page."""
    return f"{path}/".startswith(("/api/", "/webhooks/")) or path in (
        "/openapi.json",
        "/healthz",
        "/readyz",
        "/metrics",
    )


def problem(request: Request, failure: Failure) -> Response:
    """A failure as application/problem+json."""
    told = Problem(
        type="about:blank",
        title=HTTPStatus(failure.status).phrase,
        status=failure.status,
        detail=f"{failure.message} {failure.hint}".rstrip(),
        instance=request.url.path,
        field=failure.field,
        request_id=failure.request_id,
        reason=failure.reason,
    )
    return Response(
        orjson.dumps(told.model_dump(exclude_none=True)),
        status_code=failure.status,
        media_type=PROBLEM_TYPE,
        headers={"Cache-Control": "no-store", **failure.headers},
    )


def tell(request: Request, failure: Failure, draw: Draw) -> Response:
    """A failure as a problem, or as a page for a browser. What somebody may not has a line in the log."""
    if failure.status in REFUSALS:
        log.info(
            "request.refused",
            status=failure.status,
            path=request.url.path,
            caller=access_for(request).caller.id or None,
            address=request.client.host if request.client else None,
        )
    if is_for_machines(request.url.path):
        return problem(request, failure)
    answer = draw(request, failure)
    answer.headers.update(failure.headers)
    return answer


LASTING = {*map(str, Trouble), MIGRATING} - {Trouble.TOO_LONG}
"""Reasons that hold for everybody until they are gone, which the log has once and not for each request."""


def noted(request: Request, failure: Failure, error: Exception) -> Failure:
    """The failure, with what the log calls the request where it is ours: then it is written down."""
    if failure.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return failure
    faults: Faults = request.app.state.faults
    if failure.reason in LASTING:
        faults.begin(failure.reason, reason_of(error))
    elif failure.reason != AWAY:  # who asked the provider has written down that it does not answer
        log.warning("request.unavailable", path=request.url.path, reason=reason_of(error))
    request_id = observation_of(request.scope).request_id
    return dataclasses.replace(failure, request_id=request_id)


def install(app: FastAPI, draw: Draw) -> None:
    """Registers the one handler of everything that is foreseen. draw: draws it as a page."""

    def handle(request: Request, error: Exception) -> Response:
        failure = failure_of(error)
        if failure is None:
            raise error
        return tell(request, noted(request, failure, error), draw)

    for kind in (AppError, RequestValidationError, HTTPException, DBAPIError, PoolTimeoutError):
        app.add_exception_handler(kind, handle)
