"""What a form of a page sends: read whole, small, and without anything that the form does not have."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Self
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request

from app.errors import InvalidValueError

LARGEST = 64 * 1024
"""Bytes of a form."""

MOST = 2_000
"""Values of a form: a director of many teams may tick each of them."""

TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as somebody filled it in, blanks at both ends removed."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, body: bytes) -> Self:
        """What a body says. Raises InvalidValueError for what no browser sends."""
        try:
            pairs = parse_qsl(
                body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST
            )
        except ValueError as error:  # bytes that are no text, and too many values
            raise InvalidValueError("What was sent is no form of ours.", "form") from error
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            values.setdefault(name, []).append(value.strip())
        return cls(values)

    def only(self, single: Collection[str], several: Collection[str] = ()) -> Self:
        """The same. Raises InvalidValueError for a field that is not among these, and for one that
        comes more than once where it may not."""
        for name, values in self.values.items():
            if name not in single and name not in several:
                raise InvalidValueError(f"This form has no field {name!r:.40}.", name)
            if len(values) > 1 and name not in several:
                raise InvalidValueError(f"{name} is given more than once.", name)
        return self

    def get(self, name: str) -> str:
        """The value of a field, empty where it is absent."""
        return next(iter(self.values.get(name, ())), "")

    def all(self, name: str) -> Sequence[str]:
        """Every value of a field."""
        return self.values.get(name, ())


async def _filled(request: Request) -> Filled:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if kind != TYPE and body:
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    return Filled.of(bytes(body))


Form = Annotated[Filled, Depends(_filled)]
