"""The pages: one explicit list, one way to draw each, and the page of every failure."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy.orm import Session, sessionmaker

from app import __version__
from app.auth.access import ALL, Sees
from app.auth.rules import access_for, authorise
from app.caching import REVALIDATED
from app.metrics import INDICATORS
from app.metrics.answers import Freshness
from app.metrics.freshness import freshness as read_freshness
from app.metrics.indicator import Indicator
from app.metrics.points import load_basis, one_snapshot
from app.settings import Settings
from dashboards import (
    addresses,
    assets,
    data,
    evidence,
    formatting,
    indicator,
    overview,
    overview_csv,
    team,
)
from dashboards.asked import Asked
from dashboards.notes import notes_of, notes_of_faults
from dashboards.sentences import STATUS_WORDS

View = Callable[[Session, Settings, Asked], dict[str, object]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One page: where it is, what it is called, and what it is drawn from.

    needs: the answers of `app.metrics` that its view asks for. parameters: the part of the address
    that decides what it shows; others are refused. charts: Plotly draws on it, unless its context says
    that nothing is `plotted`. before_collect: it is
    shown although nothing was collected yet. table: writes the same as CSV, for `format=csv`.
    """

    route: str
    name: str
    title: str
    template: str
    view: View
    needs: tuple[str, ...]
    parameters: tuple[str, ...]
    charts: bool = False
    before_collect: bool = False
    table: Callable[[Session, Settings, Asked], str] | None = None


PAGES: tuple[Page, ...] = (
    Page(
        route="/",
        name="overview",
        title="Teams",
        template="overview.html",
        view=overview.view,
        needs=("matrix",),
        parameters=(
            "period",
            "variant",
            "as_known_at",
            "signals",
            "filter",
            "status",
            "view",
            "sort",
            "format",
        ),
        table=overview_csv.view,
    ),
    Page(
        route="/teams/{slug}",
        name="team",
        title="Team",
        template="team.html",
        view=team.view,
        needs=("cards", "team", "attention"),
        parameters=("period", "from", "to", "grain", "variant"),
        charts=True,
    ),
    Page(
        route="/indicators/{key}",
        name="indicator",
        title="Indicator",
        template="indicator.html",
        view=indicator.view,
        needs=("matrix", "series"),
        parameters=("team", "period", "from", "to", "grain", "variant"),
        charts=True,
    ),
    Page(
        route="/indicators/{key}/evidence",
        name="evidence",
        title="Evidence",
        template="evidence.html",
        view=evidence.view,
        needs=("evidence",),
        parameters=evidence.PARAMETERS,
    ),
    Page(
        route="/data",
        name="data",
        title="Data",
        template="data.html",
        view=data.view,
        needs=("freshness", "findings", "runs"),
        parameters=data.PARAMETERS,
        before_collect=True,
    ),
)

FORMATS = {"html": "the page", "csv": "its table"}

# Everything from this origin; nothing inline. Plotly writes its own style elements.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; img-src 'self' data:; "
    "form-action 'self'{forms_to}; base-uri 'none'; frame-ancestors 'none'"
)


def embedded(value: object) -> Markup:
    """A value as JSON inside a `<script type="application/json">`; no character can end the element."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - every character that could end the element is escaped


def environment(settings: Settings) -> Environment:
    """The templates with what all of them use. Everything is escaped unless it is Markup."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    zone = settings.reporting.zone
    made.filters["day"] = formatting.day
    made.filters["count"] = formatting.count
    made.filters["percent"] = formatting.percent
    made.filters["instant"] = lambda value: formatting.instant_with_zone(value, zone)
    made.filters["embedded"] = embedded
    made.globals.update(
        addresses=addresses,
        formatting=formatting,
        assets=assets.addresses_by_name(),
        indicators=INDICATORS,
        status_words=STATUS_WORDS,
        version=__version__,
        timezone=settings.reporting.timezone,
    )
    return made


class Pages:
    """Draws pages for one configuration."""

    def __init__(self, settings: Settings, sessions: sessionmaker[Session]) -> None:
        self._settings = settings
        self._sessions = sessions
        self._environment = environment(settings)

    def endpoint(self, page: Page) -> Callable[[Request], Response]:
        """The function that answers the page's route."""

        def show(request: Request) -> Response:
            query = request.query_params.multi_items()
            asked = Asked.of(request.path_params, query, page.parameters)
            with self._sessions() as session, one_snapshot(session):
                authorise(request, session)
                sees = Sees.of(session)
                freshness = read_freshness(session, self._settings)
                # Some sources are collected, but nothing can be measured from them, or not this.
                through = load_basis(session, self._settings).through
                if not (page.before_collect or through):
                    return self._first_steps(request, freshness, sees)
                missing = _not_measured(asked, through)
                if missing is not None:
                    return self._first_steps(request, freshness, sees, missing)
                if page.table and asked.one_of("format", FORMATS, "html") == "csv":
                    return _as_table(page, page.table(session, self._settings, asked))
                context = page.view(session, self._settings, asked)
            now = datetime.now(UTC)
            notes = notes_of_faults(request.app.state.faults)
            if page.name != "data":
                notes += notes_of(freshness, self._settings, now)
            return self.respond(
                page.template,
                {"page": page.name, "notes": notes, "sees": sees, **context},
                page.charts and context.get("plotted") is not False,
            )

        return show

    def _first_steps(
        self,
        request: Request,
        freshness: Sequence[Freshness],
        sees: Sees,
        missing: Indicator | None = None,
    ) -> Response:
        settings = self._settings
        return self.respond(
            "empty.html",
            {
                "page": "empty",
                "sees": sees,
                "missing": missing,
                "sources": [row.title for row in freshness],
                "collected": [row.title for row in freshness if row.data_through],
                "configuration": str(settings.path) if settings.path else None,
                "again": _same_address(request),
            },
        )

    def respond(
        self,
        template: str,
        context: Mapping[str, Any],
        charts: bool = False,
        status: int = 200,
        *,
        forms_to: str = "",
        cache_control: str = REVALIDATED,
    ) -> Response:
        """A page with the policy that it needs; other headers and compression are the application's.

        forms_to: an origin to which a form may lead, beside our own.
        """
        known: dict[str, Any] = {
            "notes": [],
            "sees": ALL,
            "data_through": None,
            "recorded_at": None,
            "charts": charts,
        }
        html = self._environment.get_template(template).render({**known, **context})
        styles = " 'unsafe-inline'" if charts else ""
        headers = {
            "Cache-Control": cache_control,
            "Content-Security-Policy": POLICY.format(
                styles=styles, forms_to=f" {forms_to}" if forms_to else ""
            ),
        }
        return HTMLResponse(html, status_code=status, headers=headers)


def _not_measured(asked: Asked, through: Collection[str]) -> Indicator | None:
    """The indicator that a page is about, if it was not measured yet."""
    return next(
        (
            each
            for each in INDICATORS
            if each.key == asked.path.get("key") and each.key not in through
        ),
        None,
    )


def _as_table(page: Page, text: str) -> Response:
    """A page's table as a file."""
    headers = {
        "Cache-Control": REVALIDATED,
        "Content-Disposition": f'attachment; filename="{page.name}.csv"',
    }
    return Response(text, media_type="text/csv; charset=utf-8; header=present", headers=headers)


def send_asset(request: Request) -> Response:
    """A file under its hashed address."""
    asset = assets.by_address().get(request.url.path)
    if asset is None:
        return Response("There is no such file.", status_code=404, media_type="text/plain")
    headers = {"Cache-Control": assets.FOREVER, "Vary": "Accept-Encoding"}
    if assets.accepts_gzip(request.headers.get("accept-encoding", "")):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.compressed, media_type=asset.media_type, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)


def register(app: FastAPI, settings: Settings, sessions: sessionmaker[Session]) -> None:
    """Adds every page and its files to the application. They are no part of the API's description."""
    pages = Pages(settings, sessions)
    for page in PAGES:
        app.add_api_route(
            page.route,
            pages.endpoint(page),
            methods=["GET", "HEAD"],
            name=page.name,
            include_in_schema=False,
            response_class=HTMLResponse,
        )
    app.add_api_route(
        "/static/{name}",
        send_asset,
        methods=["GET", "HEAD"],
        name="static",
        include_in_schema=False,
    )
    app.state.pages = pages


def _same_address(request: Request) -> str:
    """The address that was asked for, on this site whatever it begins with. What a provider sent a
    browser back with is good once: then it is where signing in begins."""
    if request.url.path.startswith("/sign-in"):
        return "/sign-in"
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/{request.url.path.lstrip('/')}{query}"


ERRORS: Mapping[int, tuple[str, str]] = {
    400: ("not understood", "This cannot be answered"),
    401: ("signed out", "Nobody is signed in"),
    403: ("not for you", "This is not yours to see"),
    404: ("not found", "This page does not exist"),
    413: ("too large", "This is too large"),
    414: ("too long", "This address is too long"),
    422: ("not understood", "This address cannot be understood"),
    429: ("too often", "This was asked for too often"),
    503: ("not available", "This page cannot be shown right now"),
}


def error_page(
    request: Request,
    status: int,
    message: str,
    *,
    hint: str = "",
    field: str | None = None,
    request_id: str | None = None,
) -> Response:
    """The page of a failure in the design's words; needs no database.

    message: what happened, one sentence. hint: what to do. field: the parameter that is wrong.
    request_id: what the log calls the request. Only for an application on which `register` ran.
    """
    pages: Pages = request.app.state.pages
    words, title = ERRORS.get(status, ("failed", "This page could not be drawn"))
    return pages.respond(
        "error.html",
        {
            "page": "error",
            "sees": Sees(access_for(request)),
            "status": status,
            "words": words,
            "title": title,
            "message": message,
            "hint": hint,
            "field": field,
            "again": _same_address(request),
            "retry": status >= 500,
            "time": datetime.now(UTC),
            "request_id": request_id,
        },
        status=status,
    )
