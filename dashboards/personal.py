"""Pages of who signed in, and the forms on them: one explicit list. Where nobody signs in there are none.

Their answers are of one person and one moment: nobody keeps them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import FastAPI, Path, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.orm import Session, sessionmaker

from app.auth import ending, granting
from app.auth.access import NOTHING, Sees
from app.auth.provider import SIGNED_OUT
from app.auth.rules import access_for, authorise, authorise_without_data, session_of
from app.errors import InvalidValueError
from app.settings import Settings
from dashboards import account, addresses, audit
from dashboards.asked import Asked
from dashboards.forms import Filled, Form
from dashboards.pages import Pages

NEVER_KEPT = "no-store"
BACK = {"account": addresses.account(), "audit": addresses.audit()}
"""Pages on which a token is revoked."""

TokenId = Annotated[int, Path(ge=1, lt=2**63)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Personal:
    """An address of somebody who signed in. form: it takes what a form sends, else it is a page."""

    route: str
    name: str
    answer: Callable[..., Response]
    form: bool = False


class PersonalPages:
    """Draws them for one configuration."""

    def __init__(self, settings: Settings, pages: Pages, reading: sessionmaker[Session]) -> None:
        self._settings = settings
        self._pages = pages
        self._reading = reading
        provider = urlsplit(settings.auth.issuer)
        # Signing out leads there, and browsers ask the page with the form whether it may.
        self._provider = f"{provider.scheme}://{provider.netloc}"

    @property
    def all(self) -> Sequence[Personal]:
        """Every address, in the order of the documentation."""
        return (
            Personal(route="/account", name="account", answer=self.account),
            Personal(route="/account/tokens", name="make_token", answer=self.make_token, form=True),
            Personal(
                route="/account/tokens/{token_id}/revoke",
                name="revoke_token",
                answer=self.revoke_token,
                form=True,
            ),
            Personal(
                route="/account/sessions/end",
                name="end_session",
                answer=self.end_session,
                form=True,
            ),
            Personal(route="/audit", name="audit", answer=self.audit),
            Personal(
                route="/audit/sessions/end",
                name="sign_out_others",
                answer=self.sign_out_others,
                form=True,
            ),
            Personal(route=SIGNED_OUT, name="signed_out", answer=self.signed_out),
        )

    def account(self, request: Request) -> Response:
        """Who somebody is here."""
        Asked.of({}, request.query_params.multi_items(), ())
        return self._account(request)

    def make_token(self, request: Request, form: Form) -> Response:
        """Makes a token and shows it, here and never again."""
        Asked.of({}, request.query_params.multi_items(), ())
        authorise_without_data(request)
        filled = form.only(("name", "role", "last_day"), ("teams",))
        now = datetime.now(UTC)
        try:
            with request.app.state.writing.begin() as session:
                _, token = granting.grant(
                    session, self._settings, access_for(request), account.wanted(filled), now
                )
        except InvalidValueError as error:
            return self._account(request, filled=filled, problem=error, status=422)
        return self._account(request, made=token)

    def revoke_token(self, request: Request, form: Form, token_id: TokenId) -> Response:
        """Revokes a token and leads back to where its button stood."""
        Asked.of({}, request.query_params.multi_items(), ())
        authorise_without_data(request)
        back = form.only(("back",)).get("back")
        with request.app.state.writing.begin() as session:
            granting.withdraw(session, access_for(request), token_id, datetime.now(UTC))
        return _back(f"{BACK.get(back, BACK['account'])}#tokens")

    def end_session(self, request: Request, form: Form) -> Response:
        """Ends a session of somebody's own, or all others."""
        Asked.of({}, request.query_params.multi_items(), ())
        authorise_without_data(request)
        wanted = form.only(("session",)).get("session")
        with request.app.state.writing.begin() as session:
            ending.end_own(session, access_for(request).caller, _session(request), wanted)
        return _back(f"{BACK['account']}#sessions")

    def sign_out_others(self, request: Request, form: Form) -> Response:
        """Ends the sessions of somebody, or of everybody else."""
        Asked.of({}, request.query_params.multi_items(), ())
        authorise_without_data(request)
        filled = form.only(("subject", "everybody"))
        subject = None if filled.get("everybody") else filled.get("subject")
        with request.app.state.writing.begin() as session:
            ending.sign_out(session, access_for(request).caller, _session(request), subject)
        return _back(f"{BACK['audit']}#sessions")

    def audit(self, request: Request) -> Response:
        """Who did what."""
        asked = Asked.of({}, request.query_params.multi_items(), audit.PARAMETERS)
        with self._reading() as session:
            authorise(request, session)
            sees = Sees.of(session)
            context = audit.view(
                session, self._settings, asked, datetime.now(UTC), _session(request)
            )
        return self._respond("audit", {"sees": sees, **context})

    def signed_out(self, request: Request) -> Response:
        """That somebody signed out, to strangers too."""
        Asked.of({}, request.query_params.multi_items(), ())
        return self._respond("signed_out", {"sees": Sees(NOTHING)})

    def _account(
        self,
        request: Request,
        *,
        filled: Filled | None = None,
        problem: InvalidValueError | None = None,
        made: str | None = None,
        status: int = 200,
    ) -> Response:
        with self._reading() as session:
            authorise(request, session)
            sees = Sees.of(session)
            context = account.view(
                session,
                self._settings,
                datetime.now(UTC),
                filled=filled,
                problem=problem,
                made=made,
                current=_session(request),
            )
        return self._respond("account", {"sees": sees, **context}, status)

    def _respond(self, name: str, context: dict[str, object], status: int = 200) -> Response:
        return self._pages.respond(
            f"{name}.html",
            {"page": name, **context},
            status=status,
            forms_to=self._provider,
            cache_control=NEVER_KEPT,
        )


def _session(request: Request) -> bytes:
    """The hash of the session that asks: pages and forms are answered to no token."""
    found = session_of(request)
    assert found is not None
    return found


def _back(address: str) -> Response:
    return RedirectResponse(address, status_code=303, headers={"Cache-Control": NEVER_KEPT})


def register(app: FastAPI, settings: Settings, sessions: sessionmaker[Session]) -> None:
    """Adds every address to an application that has the pages, where people sign in."""
    if settings.auth.mode == "none":
        return
    for each in PersonalPages(settings, app.state.pages, sessions).all:
        app.add_api_route(
            each.route,
            each.answer,
            methods=["POST"] if each.form else ["GET", "HEAD"],
            name=each.name,
            include_in_schema=False,
            response_class=HTMLResponse,
        )
