"""What the outermost layer makes of what happens below it."""

import asyncio
from concurrent.futures import CancelledError
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.guard import Guard
from app.api.problems import problem
from app.settings import Settings


def scope() -> dict[str, Any]:
    app = FastAPI()
    app.state.settings = Settings()
    return {
        "type": "http",
        "method": "GET",
        "path": "/api/v1/teams",
        "raw_path": b"/api/v1/teams",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "app": app,
    }


def given_up(answers: ASGIApp) -> list[Message]:
    """What is sent for a request that is given up while it is being answered."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def ask() -> None:
        guard = Guard(answers, None, problem)
        task = asyncio.create_task(guard(scope(), receive, send))
        await asyncio.sleep(0.01)
        task.cancel("the server ends")
        await task

    with start_blocking_portal() as portal:  # the browser of other tests has a loop in this thread
        portal.call(ask)
    return sent


def test_who_is_given_up_is_told_to_ask_again() -> None:
    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(60)

    start, _ = given_up(waits)
    assert start["status"] == 503
    assert (b"retry-after", b"1") in start["headers"]


def test_who_hangs_up_in_the_middle_is_no_failure_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    with start_blocking_portal() as portal:
        portal.call(Guard(reads, None, problem), scope(), gone, send)
    assert sent[0]["status"] == 400
    assert "Traceback" not in caplog.text


def test_half_an_answer_is_no_answer() -> None:
    async def begins(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(60)

    with pytest.raises(CancelledError):
        given_up(begins)
