"""The application with sign-in, asked by people who signed in without a provider being there."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from app.auth import sessions
from app.auth.cookies import Cookies
from app.auth.sessions import Identified
from app.main import create_app
from app.settings import Settings
from app.store.engine import sessions as sessions_of

BASE_URL = "https://teamgauge.example.com"
HERE = {"Origin": BASE_URL}
"""What a browser sends with a form of ours."""

GRANTS = [
    {"role": "viewer", "groups": ["engineering"]},
    {"role": "director", "groups": ["directors"], "teams": ["product"]},
    {"role": "manager", "users": ["deputy@example.com"], "teams": ["search"]},
    {"role": "admin", "users": ["operator"]},
]

STRANGER = None
NOBODY = Identified(subject="nobody", name="Nobody Knows")
VIEWER = Identified(subject="viewer", name="Vera Viewer", groups=("engineering", "other"))
MANAGER = Identified(subject="42", name="Ann Manager", username="ann")
DEPUTY = Identified(subject="43", name="Dee Puty", email="deputy@example.com")
DIRECTOR = Identified(subject="44", name="Dora Director", groups=("directors",))
ADMIN = Identified(subject="operator", name="Olga Operator")


def with_sign_in(settings: Settings, **auth: Any) -> Settings:
    """The settings, with people signing in at a provider that is never asked."""
    given = {
        "mode": "oidc",
        "issuer": "https://provider.example.com",
        "client_id": "teamgauge",
        "client_secret": "not-a-secret",
        "base_url": BASE_URL,
        "username_claim": "nickname",
        "grants": GRANTS,
        **auth,
    }
    return Settings.model_validate({**settings.model_dump(exclude={"path"}), "auth": given})


@contextmanager
def asked_by(engine: Engine, settings: Settings, who: Identified | None) -> Iterator[TestClient]:
    """A browser of somebody who signed in just now; None: of a stranger."""
    with browser_of(create_app(settings, engine), who) as client:
        yield client


@contextmanager
def browser_of(app: FastAPI, who: Identified | None, **of: str) -> Iterator[TestClient]:
    """The same on an application that is there already. of: its address and browser."""
    with TestClient(app, base_url=BASE_URL, follow_redirects=False) as client:
        if who is not None:
            settings: Settings = app.state.settings
            with sessions_of(app.state.engine).begin() as session:
                now = datetime.now(UTC)
                session_id = sessions.begin(session, who, settings.auth, now, **of)
            cookies = Cookies(settings)
            client.cookies.set(cookies.session, cookies.sealed(session_id))
        yield client
