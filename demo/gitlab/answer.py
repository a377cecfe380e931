"""What passes between the server and the two APIs: a request that was read, an answer to be written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(slots=True, eq=False)
class Request:
    """A request as it came in.

    kind: graphql, rest or page. path: with its query string. operation: the operation's name of
    GraphQL, the route's name of REST. status: of the answer; None while there is none, and where the
    connection was dropped instead.
    """

    kind: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    operation: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, its body and headers beyond the usual ones."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


def json_answer(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """An answer of JSON."""
    return Answer(status, orjson.dumps(content), headers or {})
