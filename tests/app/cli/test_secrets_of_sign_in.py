"""No secret of signing in reaches a log, a page or the database: the client's, those of browsers and of
scripts, and what a provider sends back."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from app.auth import sessions, tokens
from app.auth.access import Caller, Role
from app.auth.cookies import Cookies, Transaction
from app.auth.sessions import Identified
from app.settings import Settings
from app.store.engine import make_engine
from app.store.engine import sessions as sessions_of
from tests.app.cli.conftest import Running

from .test_secrets import stored

Start = Callable[..., Running]


def test_nothing_that_is_shown_to_the_server_is_repeated(
    start: Start, database_url: str, tmp_path: Path
) -> None:
    client_secret, code, id_token = (secrets.token_urlsafe(24) for _ in range(3))
    auth = {
        "mode": "oidc",
        "issuer": "http://127.0.0.1:1",  # nobody answers there
        "client_id": "teamgauge",
        "client_secret": client_secret,
        "base_url": "http://127.0.0.1:8000",
        "everyone": "viewer",
    }
    settings = Settings.model_validate({"auth": auth})
    cookies, now = Cookies(settings), datetime.now(UTC)
    engine = make_engine(database_url)
    with sessions_of(engine).begin() as session:
        who = Identified(subject="42", name="Ann")
        session_id = sessions.begin(session, who, settings.auth, now)
        _, token = tokens.make(
            session,
            name="nightly",
            role=Role.VIEWER,
            teams=[],
            expires_at=now + timedelta(days=1),
            made_by=Caller("user:42", "Ann"),
            now=now,
        )
    engine.dispose()
    transaction = Transaction(
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(24),
        return_to="/",
    )
    sealed, under_way = cookies.sealed(session_id), cookies.kept(transaction)
    variables = {f"TEAMGAUGE_AUTH__{key.upper()}": value for key, value in auth.items()}
    web = start(
        "serve",
        TEAMGAUGE_DATABASE__URL=database_url,
        TEAMGAUGE_SERVER__PORT="0",
        TEAMGAUGE_SERVER__ACCESS_LOG="true",
        **variables,
    )
    assert web.stdout is not None
    base = web.stdout.readline().split()[2]
    said = []
    with httpx.Client(base_url=base, timeout=60) as client:
        client.cookies.set(cookies.session, sealed)
        bearer = {"Authorization": f"Bearer {token}"}
        assert client.get("/").status_code == 200
        assert client.get("/api/v1/teams", headers=bearer).status_code == 200
        said += [client.get(path).text for path in ("/", "/account", "/nowhere", "/data")]
        for path in ("/api/v1/nowhere", "/api/v1/teams?x=1", "/api/v1/runs"):
            said += [client.get(path, headers=bearer).text]
        callback = f"/sign-in/callback?code={code}&state={transaction.state}&id_token={id_token}"
        said.append(client.get(callback).text)  # begun in no browser
        client.cookies.set(cookies.sign_in(transaction.state), under_way)
        failed = client.get(callback)
        assert failed.status_code == 503
        said.append(failed.text)
        ended = client.post("/sign-in/back-channel", data={"logout_token": id_token})
        said.append(ended.text)
        said.append(client.post("/sign-out", headers={"Origin": auth["base_url"]}).text)
    web.terminate()
    said += web.communicate(timeout=120)
    assert "/sign-in/callback" in said[-1], "there is a line for each request"
    for caller in ("user:42", "token:"):  # who asked for what they may not see
        assert any("request.refused" in line and caller in line for line in said[-1].splitlines())
    said.append(stored(database_url))

    hidden = {
        "client secret": client_secret,
        "session": session_id,
        "session cookie": sealed,
        "cookie of signing in": under_way,
        "token": token,
        "code": code,
        "id token": id_token,
        "verifier": transaction.verifier,
        "nonce": transaction.nonce,
    }
    shown = [name for name, value in hidden.items() for each in said if value in each]
    assert shown == []
