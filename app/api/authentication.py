"""Who asks: the layer that knows it before anything is answered, from a cookie or a token.

Nothing but the files of pages, the addresses of signing in and those for machines that have their own
way to show who they are is answered to strangers.
"""

from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import Draw, Failure, failure_of, is_for_machines, noted, tell
from app.auth import callers, sessions, tokens
from app.auth.access import Right, refusal
from app.auth.callers import Recognised
from app.auth.cookies import Cookies
from app.faults import Faults
from app.settings import Settings
from app.store.tables import SignedIn
from app.store.trouble import Trouble, reason_of, trouble_of

OPEN = (
    "/static/",
    "/healthz",
    "/readyz",
    "/webhooks/",
    "/sign-in",
    "/signed-out",
    "/favicon.ico",
)
"""Beginnings of addresses that answer to strangers; webhooks ask for a secret of their own."""

WITHOUT_ROLE = ("/account", "/account/sessions/end", "/sign-out")
"""Addresses for everybody who signed in, also for those who may see nothing here."""

SAFE = ("GET", "HEAD", "OPTIONS")
LONGEST_TOKEN = 200


class Authentication:
    """Wraps everything whose answer depends on who asks, what is kept of answers among it."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        reading: sessionmaker[Session],
        writing: sessionmaker[Session],
        draw: Draw,
    ) -> None:
        self._app = app
        self._settings = settings
        self._reading = reading
        self._writing = writing
        self._draw = draw
        self._cookies = Cookies(settings)
        base = urlsplit(settings.auth.base_url)
        self._origin = f"{base.scheme}://{base.netloc}".lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, with `access` and the `session` that asks in its state."""
        if scope["type"] != "http" or scope["path"].startswith(OPEN):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            found = await run_in_threadpool(self._found, request)
        except SQLAlchemyError as error:
            unavailable = failure_of(error)
            if unavailable is None:
                raise
            unavailable = noted(request, unavailable, error)
            await tell(request, unavailable, self._draw)(scope, receive, send)
            return
        if found is None:
            await self._stranger(request)(scope, receive, send)
            return
        access = found.access
        if not access.roles and request.url.path not in WITHOUT_ROLE:
            refused = refusal(access, Right.ANY)
            failure = Failure(status=403, message=refused.message, hint=refused.hint)
            await tell(request, failure, self._draw)(scope, receive, send)
            return
        if request.method not in SAFE and not self._is_from_here(request):
            failure = Failure(
                status=403,
                message="This was sent by a page of another site.",
                hint=f"Open {self._settings.auth.base_url} and do it there.",
            )
            await tell(request, failure, self._draw)(scope, receive, send)
            return
        session = found.row.id_hash if isinstance(found.row, SignedIn) else None
        known = {"access": access, "session": session}
        scope = {**scope, "state": {**scope.get("state", {}), **known}}
        await self._app(scope, receive, send)

    def _found(self, request: Request) -> Recognised | None:
        now = datetime.now(UTC)
        address = request.client.host if request.client else ""
        with self._reading() as session:
            found = self._recognised(session, request, now, address)
        if found is not None and found.due:
            self._touch(request, found, now)
        return found

    def _touch(self, request: Request, found: Recognised, now: datetime) -> None:
        """Notes that they are still there; where that cannot be written, they may look all the same."""
        faults: Faults = request.app.state.faults
        try:
            with self._writing.begin() as session:
                if isinstance(found.row, SignedIn):
                    sessions.touch(session, found.row, now)
                else:
                    tokens.touch(session, found.row, now)
        except SQLAlchemyError as error:
            trouble = trouble_of(error)
            if trouble not in (Trouble.DISK_FULL, Trouble.READ_ONLY):
                raise
            faults.begin(trouble, reason_of(error))
        else:
            request.app.state.readiness.note_change()

    def _recognised(
        self, session: Session, request: Request, now: datetime, address: str
    ) -> Recognised | None:
        given = request.headers.get("authorization")
        if given is not None:  # whoever shows a token is who the token says, or nobody
            scheme, _, token = given.partition(" ")
            if scheme.lower() != "bearer" or not is_for_machines(request.url.path):
                return None
            shown = token.strip()[:LONGEST_TOKEN]
            return callers.by_token(session, self._settings, shown, now, address)
        session_id = self._cookies.opened(request.cookies.get(self._cookies.session, ""))
        if session_id is None:
            return None
        return callers.by_session(session, self._settings, session_id, now, address)

    def _stranger(self, request: Request) -> RedirectResponse | ASGIApp:
        if is_for_machines(request.url.path):
            failure = Failure(
                status=HTTPStatus.UNAUTHORIZED,
                message="Nobody is signed in, and no token that holds was shown.",
                hint="Send Authorization: Bearer with a token of `teamgauge token`.",
                headers={"WWW-Authenticate": 'Bearer realm="teamgauge"'},
            )
            return tell(request, failure, self._draw)
        if request.method not in SAFE:
            failure = Failure(
                status=HTTPStatus.UNAUTHORIZED,
                message="Nobody is signed in here any more.",
                hint="Nothing was changed; sign in and do it again.",
            )
            return tell(request, failure, self._draw)
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        target = request.url_for("sign_in").include_query_params(return_to=path)
        return RedirectResponse(
            f"{target.path}?{target.query}",
            status_code=HTTPStatus.SEE_OTHER,
            headers={"Cache-Control": "no-store"},
        )

    def _is_from_here(self, request: Request) -> bool:
        """Whether a browser says that a page of ours sent it. A token is never sent by itself."""
        if "authorization" in request.headers:
            return True
        origin = request.headers.get("origin")
        if origin is not None:
            return origin.lower() == self._origin
        return request.headers.get("sec-fetch-site") == "same-origin"
