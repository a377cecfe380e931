"""Questions made from the description of the API: whatever it allows is answered as it says, whatever it
does not is refused as it says, and nothing is an error of the server.

TEAMGAUGE_FUZZ_MINUTES makes them for so long, each time others (`make fuzz`); else few, the same ones every
time.
"""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import schemathesis
from fastapi import FastAPI
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from sqlalchemy import Engine

from app.api import limits
from app.auth import tokens
from app.auth.access import Caller, Role
from app.main import create_app
from app.store.engine import sessions

from .conftest import SETTINGS
from .on_socket import on_socket
from .signed_in import with_sign_in

MINUTES = float(os.environ.get("TEAMGAUGE_FUZZ_MINUTES", "0"))

# No schema says which days there are, which are recorded, and which of two comes first.
ALSO_REFUSED = {"positive_data_acceptance": {"expected-statuses": ["2xx", 403, 404, 422]}}
CONFIGURATION: dict[str, Any] = {
    "continue-on-failure": True,
    "request-timeout": 60,
    "checks": ALSO_REFUSED,
}


def asked(app: FastAPI, configuration: dict[str, Any]) -> Iterator[events.EngineEvent]:
    """What happens while questions are put to an application."""
    with on_socket(app) as (host, port):
        schema = schemathesis.openapi.from_url(
            f"http://{host}:{port}/openapi.json",
            timeout=60,
            config=SchemathesisConfig.from_dict({**CONFIGURATION, **configuration}),
        )
        yield from from_schema(schema).execute()


def told(event: events.ScenarioFinished) -> list[str]:
    """What was wrong, and how to ask it again."""
    cases, asked_for = event.recorder.cases, event.recorder.interactions
    return [
        f"{check.name}: {check.failure_info.failure}\n  {cases[case].value.as_curl_command()}"
        for case, checks in event.recorder.checks.items()
        for check in checks
        if check.status == Status.FAILURE
        and check.failure_info is not None
        and not (
            check.name == "negative_data_rejection"
            and has_an_empty_one(asked_for[case].request.uri)
        )
    ]


def has_an_empty_one(address: str) -> bool:
    """Whether a parameter was sent as empty, which is as good as absent: no schema can say that, and much
    that a schema forbids is empty when it is sent."""
    return "" in dict(parse_qsl(urlsplit(address).query, keep_blank_values=True)).values()


@pytest.fixture(params=["nobody signs in", "a viewer's token"])
def described(
    request: pytest.FixtureRequest, collected: Engine, monkeypatch: pytest.MonkeyPatch
) -> tuple[FastAPI, dict[str, str]]:
    """The application, and what is sent along with each question."""
    if request.param == "nobody signs in":
        return create_app(SETTINGS, collected), {}
    monkeypatch.setattr(limits, "TOKEN_PER_MINUTE", 1_000_000)
    now = datetime.now(UTC)
    with sessions(collected).begin() as session:
        _, token = tokens.make(
            session,
            name="questions",
            role=Role.VIEWER,
            teams=[],
            expires_at=now + timedelta(days=1),
            made_by=Caller(),
            now=now,
        )
    settings = with_sign_in(SETTINGS, issuer="http://127.0.0.1:1")  # nobody answers there
    app = create_app(settings, collected)
    return app, {"Authorization": f"Bearer {token}"}


def test_the_api_answers_as_it_is_described(described: tuple[FastAPI, dict[str, str]]) -> None:
    app, headers = described
    long = MINUTES > 0
    configuration: dict[str, Any] = {
        "headers": headers,
        "generation": {
            "database": "none",
            "max-examples": 1_000 if long else 3,
            "deterministic": not long,
        },
        **({"max-time": int(MINUTES * 60)} if long else {"seed": 7}),
    }
    wrong: list[str] = []
    answers: Counter[int] = Counter()
    for event in asked(app, configuration):
        assert not isinstance(event, events.FatalError), event
        if isinstance(event, events.NonFatalError):
            wrong.append(str(event.info))
        if isinstance(event, events.ScenarioFinished):
            wrong += told(event)
            answers.update(
                each.response.status_code
                for each in event.recorder.interactions.values()
                if each.response is not None
            )
    print(f"{answers.total()} questions: {dict(answers)}")
    assert wrong == [], "\n".join(wrong)
    assert not [status for status in answers if status >= 500]
    assert min(answers[200], answers[422], answers[404]) > 0, "too little was asked"
    assert (answers[403] > 0) == bool(headers)
