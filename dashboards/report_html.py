"""A report as one HTML file: style and charts in it, no script, nothing asked for from anywhere."""

import re
from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from markupsafe import Markup

from app.settings import Settings
from dashboards import assets
from dashboards.pages import environment
from dashboards.report import Report

OWN_STYLE = Path(__file__).parent / "templates" / "report.css"
SHARED_STYLE = (
    "Tokens, shell, pages, print.",
    "status and signals",
    "charts that the server draws",
)
"""Parts of the pages' style, by their headings: colours, marks and charts have one home."""


def html(report: Report, settings: Settings) -> str:
    """The file as text."""
    # The style is our own; escaped, it would be no style.
    known = {"report": report, "style": Markup(style()), "policy": policy()}  # noqa: S704 - our own file
    return environment(settings).get_template("report.html").render(known)


@lru_cache(maxsize=1)
def style() -> str:
    """The style of the report. Raises KeyError where a part of the pages' style has gone."""
    pages = (assets.STATIC / "app.css").read_text(encoding="utf-8")
    _, *rest = re.split(r"^/\* (.+?) \*/$", pages, flags=re.M)
    parts = dict(zip(rest[::2], rest[1::2], strict=True))
    own = OWN_STYLE.read_text(encoding="utf-8")
    return "".join([*(parts[name] for name in SHARED_STYLE), own])


def policy() -> str:
    """What a browser may do with the file: this one style, the pictures in it, and nothing else."""
    digest = b64encode(sha256(style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'none'; "
        "base-uri 'none'"
    )
