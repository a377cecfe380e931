"""A server and a browser made slow on purpose, in which what a test forgets to wait for fails at once."""

import asyncio
import os

from playwright.sync_api import Page
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SLOW = os.environ.get("TEAMGAUGE_TEST_BROWSER") == "slow"
LATE = 0.3
"""Seconds before an answer begins, and between the halves of its body."""
SLOWDOWN = 6
"""How many times slower than this machine a page computes."""


class Late:
    """Serves what a browser asks for late and in two halves, everybody else as the application does.

    A page is half parsed and its script not yet there for as long, as on a busy machine at times.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        by_browser = any(name == b"sec-fetch-dest" for name, _ in scope["headers"])
        if not by_browser:
            await self.app(scope, receive, send)
            return

        async def send_late(message: Message) -> None:
            await asyncio.sleep(LATE)
            body: bytes = message.get("body", b"")
            if body:
                half = len(body) // 2
                await send({**message, "body": body[:half], "more_body": True})
                await asyncio.sleep(LATE)
                message["body"] = body[half:]
            await send(message)

        await self.app(scope, receive, send_late)


def slow_down(page: Page) -> None:
    """Lets a page compute as on a machine that is slower, or that has others to serve as well."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
