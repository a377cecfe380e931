"""Signing in and out: to the provider and back, and the provider's word that a session is over."""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, TypeVar
from urllib.parse import parse_qs, urlsplit

from anyio import fail_after, to_thread
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.api.request import Configured
from app.auth import audit, sessions
from app.auth.access import Caller
from app.auth.browsers import described
from app.auth.cookies import SIGN_IN_SECONDS, Cookies
from app.auth.provider import CALLBACK, SIGNED_OUT, Provider, ProviderError, RefusedError
from app.auth.rules import access_for
from app.auth.sessions import Identified
from app.settings import Settings

router = APIRouter(tags=["sign-in"], include_in_schema=False)

LONGEST = 1_000
"""Characters of an address to return to; of a longer one the query is left out. It travels in a cookie."""

LARGEST = 64 * 1024
"""Bytes of what a provider sends."""

BACK_CHANNEL = "/sign-in/back-channel"

ASKED_AT_ONCE = 16
"""Threads that may wait for the provider, beside those that draw answers: none of these ever does."""

SECONDS_TO_BE_ASKED = 20.0
"""How long somebody may wait for one of them."""

Told = TypeVar("Told")


def _provider(request: Request) -> Provider:
    """The provider of sign-in. 404 where nobody signs in."""
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return provider


def _cookies(settings: Configured, _: Annotated[Provider, Depends(_provider)]) -> Cookies:
    return Cookies(settings)


SignIn = Annotated[Provider, Depends(_provider)]
Kept = Annotated[Cookies, Depends(_cookies)]


@router.get("/sign-in", name="sign_in")
async def sign_in(
    request: Request,
    provider: SignIn,
    cookies: Kept,
    return_to: str = "/",
) -> Response:
    """Sends a browser to the provider. return_to: the path of ours to show afterwards."""
    address, transaction = await _told(request, lambda: provider.begin(own_path(return_to)))
    response = _to(address)
    response.set_cookie(
        cookies.sign_in(transaction.state),
        cookies.kept(transaction),
        max_age=SIGN_IN_SECONDS,
        **cookies.attributes(),
    )
    for name in cookies.superfluous(request.cookies):
        response.delete_cookie(name, **cookies.attributes())
    return response


@router.get(CALLBACK)
async def finish_sign_in(
    request: Request, settings: Configured, provider: SignIn, cookies: Kept
) -> Response:
    """Takes a browser back from the provider and begins a session."""
    answer = dict(request.query_params)
    name = cookies.sign_in(answer.get("state", ""))
    transaction = cookies.transaction(request.cookies.get(name, ""))
    caller = Caller(address=request.client.host if request.client else "")
    try:
        if transaction is None:
            raise RefusedError(
                "This sign-in was begun in another browser, or too long ago.", "Sign in again."
            )
        begun = transaction
        who = await _told(request, lambda: provider.finish(answer, begun))
    except RefusedError as error:
        await run_in_threadpool(_record_refusal, request, caller, error)
        raise
    before = cookies.opened(request.cookies.get(cookies.session, ""))
    session_id = await run_in_threadpool(_begin, request, settings, who, before, caller.address)
    response = _to(transaction.return_to)
    response.delete_cookie(name, **cookies.attributes())
    response.set_cookie(
        cookies.session,
        cookies.sealed(session_id),
        max_age=settings.auth.session_hours * 3600,
        **cookies.attributes(),
    )
    return response


def _record_refusal(request: Request, caller: Caller, error: RefusedError) -> None:
    with _writing(request) as session, session.begin():
        audit.record(session, audit.SIGN_IN_REFUSED, caller, object=error.message)


def _begin(
    request: Request, settings: Settings, who: Identified, before: str | None, address: str
) -> str:
    """Begins a session, in place of the one before, and answers its id."""
    with _writing(request) as session, session.begin():
        if before is not None:
            sessions.end(session, before)
        session_id = sessions.begin(
            session,
            who,
            settings.auth,
            datetime.now(UTC),
            address=address,
            browser=described(request.headers.get("user-agent", "")),
        )
        audit.record(session, audit.SIGNED_IN, Caller(f"user:{who.subject}", who.name, address))
    return session_id


@router.post("/sign-out")
async def sign_out(
    request: Request, settings: Configured, provider: SignIn, cookies: Kept
) -> Response:
    """Ends the session here, and sends the browser on to end it at the provider."""
    session_id = cookies.opened(request.cookies.get(cookies.session, ""))
    await run_in_threadpool(_end, request, session_id)
    there = await _told(request, provider.sign_out_address)
    # The page that the form stands on allows the provider's own host and no other.
    if there is None or urlsplit(there).netloc != urlsplit(settings.auth.issuer).netloc:
        there = SIGNED_OUT
    response = _to(there)
    response.delete_cookie(cookies.session, **cookies.attributes())
    # What the browser keeps of what was shown goes as well: somebody else may use it next.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _end(request: Request, session_id: str | None) -> None:
    with _writing(request) as session, session.begin():
        if session_id is not None and sessions.end(session, session_id):
            audit.record(session, audit.SIGNED_OUT, access_for(request).caller)


@router.post(BACK_CHANNEL)
async def end_from_provider(request: Request, provider: SignIn) -> Response:
    """Ends the sessions of which the provider says that they are over (Back-Channel Logout)."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    [token] = parse_qs(body.decode("ascii", "replace")).get("logout_token") or [""]
    headers = {"Cache-Control": "no-store"}
    try:
        whose = await _told(request, lambda: provider.ended(token))
    except RefusedError as error:
        return Response(error.message, HTTPStatus.BAD_REQUEST, headers, "text/plain")
    await run_in_threadpool(_end_all, request, *whose)
    return Response(status_code=HTTPStatus.OK, headers=headers)


def _end_all(request: Request, subject: str | None, provider_session: str | None) -> None:
    with _writing(request) as session, session.begin():
        ended = sessions.end_all(session, subject=subject, provider_session=provider_session)
        if ended:
            caller = Caller(f"user:{subject}" if subject else "provider")
            audit.record(session, audit.SESSIONS_ENDED, caller, details={"sessions": ended})


async def _told(request: Request, ask: Callable[[], Told]) -> Told:
    """What the provider tells, in a thread that may wait for it. Raises what `ask` does, and
    ProviderError where too many wait for it already."""
    provider = _provider(request)
    try:
        with fail_after(SECONDS_TO_BE_ASKED):
            return await to_thread.run_sync(ask, limiter=request.app.state.asking)
    except TimeoutError as error:
        raise ProviderError(
            f"{provider.host}, where people sign in, answers too slowly.",
            "Who is signed in already stays so; try again in a minute.",
        ) from error


def own_path(address: str) -> str:
    """The address if it is a path of this site, else the first page: nobody is sent elsewhere."""
    safe = address.startswith("/") and not address.startswith(("//", "/\\", "/sign-"))
    parts = urlsplit(address) if safe else None
    if parts is None or parts.scheme or parts.netloc or not address.isprintable():
        return "/"
    fitting = address if len(address) <= LONGEST else parts.path
    return fitting if len(fitting) <= LONGEST else "/"


def _to(address: str) -> RedirectResponse:
    return RedirectResponse(
        address, status_code=HTTPStatus.SEE_OTHER, headers={"Cache-Control": "no-store"}
    )


def _writing(request: Request) -> Session:
    session: Session = request.app.state.writing()
    return session
