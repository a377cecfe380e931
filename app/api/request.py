"""What a request brings: its session, the settings, and its parameters as types."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from app.auth.rules import authorise
from app.errors import InvalidValueError
from app.settings import Settings


def session_of(request: Request) -> Iterator[Session]:
    """One read-only transaction for the whole answer: everything in it is of one moment, and as much as
    who asks may see."""
    with request.app.state.sessions() as session:
        authorise(request, session)
        yield session


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def require_each_once(request: Request) -> None:
    """Refuses an address that says something twice: which of the two is meant cannot be known."""
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if names.count(name) > 1:
            raise InvalidValueError(f"{name!r:.40} is given more than once.", name)


# It ends before the answer is sent: what goes wrong then can still be told, and no connection to the
# database waits for a slow client.
AUTHORISED = Depends(session_of, scope="function")
Reading = Annotated[Session, AUTHORISED]
Configured = Annotated[Settings, Depends(_settings)]


class Parameters(BaseModel):
    """The parameters of an address. An unknown one is refused, an empty one is as good as absent."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: Any) -> Any:
        if isinstance(given, Mapping):
            return {name: value for name, value in given.items() if value != ""}
        return given


class AsTable(Parameters):
    """A list that is never long."""

    format: Annotated[
        Literal["json", "csv"], Field(description="csv: the same rows as a table (RFC 4180).")
    ] = "json"


class Paged(AsTable):
    """A list in pages."""

    limit: Annotated[
        int | None,
        Field(
            ge=1,
            le=500,
            description="Rows of a page: 100 unless given. A CSV without it has all rows.",
        ),
    ] = None
    cursor: Annotated[
        str | None, Field(description="`next` of the page before; with the same parameters.")
    ] = None


Period = Annotated[
    str | None,
    Field(description="A day (2026-11-22) or a month (2026-11); by default the latest."),
]
Variant = Annotated[str | None, Field(description="Key of a variant; by default the first.")]
