"""The web application, put together: API, pages, and what surrounds every answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import CapacityLimiter
from anyio.to_thread import current_default_thread_limiter
from fastapi import Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute
from sqlalchemy import Engine
from starlette.middleware.gzip import GZipMiddleware

import dashboards
from app import __version__
from app.api import OWN_RULES, ROUTERS, problems
from app.api.authentication import Authentication
from app.api.delivery import Delivery
from app.api.guard import Guard, hosts_of
from app.api.instruments import Instruments
from app.api.limits import Limits
from app.api.observation import Observed, Routed
from app.api.problems import Failure
from app.api.proxies import Proxied
from app.api.readiness import Readiness
from app.api.request import AUTHORISED, require_each_once
from app.api.sign_in import ASKED_AT_ONCE
from app.api.validators import Present, signature
from app.auth.access import ALL, NOTHING, SEES, Sees
from app.auth.provider import Provider
from app.faults import Faults
from app.settings import Settings
from app.store.database import embedded_folder
from app.store.engine import reading_sessions, sessions
from dashboards import exports, pages, personal

DRAWN_BY = (Path(__file__).parent, Path(dashboards.__file__).parent)
"""The folders of everything that has a say in answers."""

DESCRIPTION = """\
Indicators per engineering team, from merge requests as they stood on any day.

Lists come in pages: `next` is the `cursor` of the page after. With `format=csv` the same rows come
as a table (RFC 4180, UTF-8): all of them unless a `limit` is given, null as an empty cell, a field
of a field as `author.username`, flags with a space between them. A text that a spreadsheet would
take for a formula (it begins with `=`, `+`, `-`, `@`, a tab or a carriage return) gets an
apostrophe in front.

Errors are RFC 9457 problems that name the `field`. An unknown parameter is an error, and so is one
that is given twice; an empty one is as good as absent. Instants are UTC, numbers are unrounded."""


THREADS = 8
"""Answers that are drawn at once in a process, each with one connection to the database: more would
only take turns."""


def create_app(settings: Settings, engine: Engine, threads: int = THREADS) -> FastAPI:
    """The application on a migrated database. Answers only read it.

    threads: answers that are drawn at once. Each holds one connection; that of an answer that is drawn
    may be on its way back while the next one is begun; and one more tells whether anything has changed.
    Serving on an address that is not loopback without sign-in is refused by `serve`, not here.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        current_default_thread_limiter().total_tokens = threads
        yield

    app = FastAPI(
        lifespan=lifespan,
        title="teamgauge",
        description=DESCRIPTION,
        version=__version__,
        openapi_url="/openapi.json",
        docs_url=None,  # these load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=_operation,
    )
    # Every answer is of one moment, and no request for one can write.
    reading = reading_sessions(engine)
    # What nobody has authorised, nobody sees.
    reading.configure(info={SEES: ALL if settings.auth.mode == "none" else Sees(NOTHING)})
    app.state.settings = settings
    app.state.engine = engine
    app.state.faults = faults = Faults()
    app.state.readiness = readiness = Readiness(engine, embedded_folder(settings), faults)
    app.state.instruments = instruments = Instruments()
    app.state.sessions = reading
    app.state.writing = sessions(engine)  # for webhooks, signing in, and who did what
    app.state.provider = Provider(settings, faults) if settings.auth.mode == "oidc" else None
    app.state.asking = CapacityLimiter(ASKED_AT_ONCE)
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(require_each_once), AUTHORISED])
    for router in OWN_RULES:
        app.include_router(router, dependencies=[Depends(require_each_once)])
    pages.register(app, settings, reading)
    exports.register(app, settings, reading)
    personal.register(app, settings, reading)
    problems.install(app, _page)
    app.add_middleware(Routed)
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5)
    present = Present(engine, reading, settings, readiness, faults)
    app.add_middleware(Delivery, present=present, signature=signature(settings, DRAWN_BY))
    if settings.auth.mode == "oidc":
        app.add_middleware(
            Authentication,
            settings=settings,
            reading=reading,
            writing=app.state.writing,
            draw=_page,
        )
    app.add_middleware(Limits, draw=_page)
    secure = settings.auth.mode == "oidc" and settings.auth.base_url.startswith("https://")
    app.add_middleware(Guard, hosts=hosts_of(settings), draw=_page, secure=secure)
    app.add_middleware(Proxied, trusted=settings.server.trusted_proxies)
    app.add_middleware(Observed, instruments=instruments, access_log=settings.server.access_log)
    return app


def _operation(route: APIRoute) -> str:
    return route.name


def _page(request: Request, failure: Failure) -> Response:
    """A failure as a page."""
    return pages.error_page(
        request,
        failure.status,
        failure.message,
        hint=failure.hint,
        field=failure.field,
        request_id=failure.request_id,
    )
