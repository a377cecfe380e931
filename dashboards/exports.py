"""Files that a page gives away: one explicit list, each made from the same view in every format."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response
from sqlalchemy.orm import Session, sessionmaker

from app.auth.rules import authorise
from app.caching import REVALIDATED
from app.metrics.calendar import month_label
from app.settings import Settings
from dashboards import report, report_html, report_text
from dashboards.asked import Asked
from dashboards.report import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """How a report is written. ending: of a file's name. attached: a browser keeps it as a file
    instead of showing it."""

    key: str
    media_type: str
    ending: str
    write: Callable[[Report, Settings], str]
    attached: bool = False

    def written(self, made: Report, settings: Settings) -> bytes:
        """The file: UTF-8, the same bytes for the same data."""
        return self.write(made, settings).encode()


FORMATS: tuple[Format, ...] = (
    Format(
        key="html",
        media_type="text/html; charset=utf-8",
        ending="html",
        write=report_html.html,
    ),
    Format(
        key="md",
        media_type="text/markdown; charset=utf-8",
        ending="md",
        write=report_text.markdown,
    ),
    Format(
        key="csv",
        media_type="text/csv; charset=utf-8; header=present",
        ending="csv",
        write=report_text.csv,
        attached=True,
    ),
)
BY_KEY: Mapping[str, Format] = {each.key: each for each in FORMATS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """One address that gives a file.

    view: from the session, the settings, what is asked for and where the site is served.
    parameters: the part of the address that decides what is in the file.
    """

    route: str
    name: str
    view: Callable[[Session, Settings, Asked, str], Report]
    parameters: tuple[str, ...]


def _report(session: Session, settings: Settings, asked: Asked, site: str) -> Report:
    return report.report(session, settings, asked.path["slug"], asked.get("month"), site=site)


EXPORTS: tuple[Export, ...] = (
    Export(
        route="/teams/{slug}/report",
        name="report",
        view=_report,
        parameters=("month", "format"),
    ),
)


def register(app: FastAPI, settings: Settings, sessions: sessionmaker[Session]) -> None:
    """Adds every export to the application. They are no part of the API's description."""
    for export in EXPORTS:
        app.add_api_route(
            export.route,
            _endpoint(export, settings, sessions),
            methods=["GET", "HEAD"],
            name=export.name,
            include_in_schema=False,
        )


def _endpoint(
    export: Export, settings: Settings, sessions: sessionmaker[Session]
) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        query = request.query_params.multi_items()
        asked = Asked.of(request.path_params, query, export.parameters)
        wanted = BY_KEY[asked.one_of("format", BY_KEY, FORMATS[0].key)]
        with sessions() as session:
            authorise(request, session)
            made = export.view(session, settings, asked, _site(request, settings))
        headers = {
            "Cache-Control": REVALIDATED,
            "Content-Disposition": f"{'attachment' if wanted.attached else 'inline'}; "
            f'filename="{file_name(made, wanted)}"',
        }
        if wanted.key == "html":
            headers["Content-Security-Policy"] = f"{report_html.policy()}; frame-ancestors 'none'"
        return Response(
            wanted.written(made, settings), media_type=wanted.media_type, headers=headers
        )

    return answer


def _site(request: Request, settings: Settings) -> str:
    """Where the site is served, for links in a file that is sent on: as it is configured, where it is."""
    if settings.auth.mode == "oidc":
        return f"{settings.auth.base_url}/"
    return str(request.base_url)


def file_name(made: Report, wanted: Format) -> str:
    """`checkout-2026-10.html`."""
    safe = re.sub(r"[^\w-]", "_", made.team.slug, flags=re.ASCII)
    return f"{safe}-{month_label(made.month)}.{wanted.ending}"
