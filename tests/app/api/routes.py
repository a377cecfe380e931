"""Every route of the application, those of its routers among them."""

from collections.abc import Iterable, Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route


def routes_of(app: FastAPI) -> list[APIRoute | Route]:
    """The routes of an application. FastAPI keeps an included router as one entry of its list."""
    return list(_flat(app.routes))


def _flat(routes: Iterable[BaseRoute]) -> Iterator[APIRoute | Route]:
    for each in routes:
        router = getattr(each, "original_router", None)
        if router is not None:
            yield from _flat(router.routes)
        else:
            assert isinstance(each, APIRoute | Route), f"a route of an unknown kind: {each}"
            yield each
