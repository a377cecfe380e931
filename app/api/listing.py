"""Lists of an answer: pages with opaque cursors as JSON, the same rows as CSV."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from types import UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin

from fastapi import Request, Response
from pydantic import BaseModel, Field

from app import spreadsheet
from app.api.request import AsTable, Paged
from app.caching import REVALIDATED
from app.errors import InvalidValueError

Item = TypeVar("Item", bound=BaseModel)

PAGE = 100
"""Rows of a page unless `limit` is given."""

NO_FILTER = frozenset({"limit", "cursor", "format"})
HEADERS = {"Cache-Control": REVALIDATED}
CSV_TYPE = "text/csv; charset=utf-8; header=present"


class Listed(BaseModel, Generic[Item]):
    """A page of a list."""

    # Not the docstrings of attributes: for each kind of item pydantic would look for the source of the
    # class in every module there is, which took a quarter of the time in which a server starts.
    items: list[Item] = Field(description="The rows of the page.")
    next: str | None = Field(description="The cursor of the page after it; null on the last one.")


class Cursor:
    """Where a page begins; opaque to the client and good for the list that it came from only."""

    def __init__(self, request: Request) -> None:
        filters = sorted(
            (name, value)
            for name, value in request.query_params.multi_items()
            if name not in NO_FILTER and value
        )
        of = json.dumps([request.url.path, filters])
        self._list = blake2b(of.encode(), digest_size=6).hexdigest()

    def write(self, *position: int | str) -> str:
        """The cursor of a position."""
        return urlsafe_b64encode(json.dumps([self._list, *position]).encode()).decode()

    def read(self, cursor: str, *kinds: type) -> list[Any]:
        """The position of a cursor, of these types. Raises InvalidValueError (field `cursor`)."""
        try:
            of, *position = json.loads(urlsafe_b64decode(cursor.encode("ascii")))
        except (Base64Error, UnicodeError, ValueError, TypeError, RecursionError):
            of, position = None, []
        out_of_bounds = any(isinstance(part, int) and not 0 <= part < 2**63 for part in position)
        if of != self._list or out_of_bounds or [type(part) for part in position] != list(kinds):
            raise InvalidValueError(
                "cursor does not belong to this list.",
                "cursor",
                "Take it from `next` of the page before and leave the other parameters as they are.",
            )
        return list(position)


def page_size(asked: Paged, count: int) -> int:
    """How many of `count` rows the answer has: a CSV without a limit has all."""
    if asked.limit is not None:
        return asked.limit
    return max(count, 1) if asked.format == "csv" else PAGE


def respond(answer: BaseModel) -> Response:
    """An answer as JSON: every double as it is, unrounded."""
    return Response(
        answer.model_dump_json(by_alias=True), media_type="application/json", headers=HEADERS
    )


def respond_with_list(
    request: Request, asked: Paged, kind: type[BaseModel] | UnionType, items: Sequence[BaseModel]
) -> Response:
    """A page of a list that was made whole. kind: of the rows, or of each sort of row."""
    cursor = Cursor(request)
    start = 0
    if asked.cursor is not None:
        [start] = cursor.read(asked.cursor, int)
    end = start + page_size(asked, len(items))
    next_ = cursor.write(end) if end < len(items) else None
    return respond_with_page(request, asked, kind, items[start:end], next_)


def respond_with_page(
    request: Request,
    asked: AsTable,
    kind: type[BaseModel] | UnionType,
    items: Sequence[BaseModel],
    next_: str | None,
) -> Response:
    """A page of a list, with a Link header to the next one."""
    if asked.format == "csv":
        answer = respond_as_table(request, kind, items)
    else:
        answer = respond(Listed[kind](items=list(items), next=next_))  # type: ignore[valid-type]
    if next_ is not None:
        following = request.url.include_query_params(cursor=next_)
        answer.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return answer


def respond_as_table(
    request: Request, kind: type[BaseModel] | UnionType, items: Sequence[BaseModel]
) -> Response:
    """Rows as CSV, under a name that is made of the address."""
    name = "-".join(request.url.path.removeprefix("/api/v1/").split("/"))
    safe = re.sub(r"[^\w-]", "_", name, flags=re.ASCII)
    disposition = {"Content-Disposition": f'attachment; filename="{safe}.csv"'}
    return Response(table(kind, items), media_type=CSV_TYPE, headers=HEADERS | disposition)


def table(kind: type[BaseModel] | UnionType, items: Sequence[BaseModel]) -> str:
    """Rows as CSV with a header: fields of a field are named `author.username`.

    Rows of several sorts stand in one table: what a sort does not have is empty.
    """
    rows = [item.model_dump(mode="json", by_alias=True) for item in items]
    shown = [
        column
        for column in _columns_of_all(kind)
        if column.always or any(column.path[0] in r for r in rows)
    ]
    return spreadsheet.table(
        [".".join(column.path) for column in shown],
        ([column.of(row) for column in shown] for row in rows),
    )


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. path: the names that lead to the field. always: in every table."""

    path: tuple[str, ...]
    always: bool

    def of(self, row: Mapping[str, Any]) -> Any:
        """The value of the column in a row; None below a field that is null."""
        value: Any = row
        for name in self.path:
            value = None if value is None else value.get(name)
        return value


def _columns_of_all(kind: type[BaseModel] | UnionType) -> list[Column]:
    """The columns of every sort of row, each once."""
    sorts = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    return list({column.path: column for sort in sorts for column in columns(sort)}.values())


def columns(
    kind: type[BaseModel], above: tuple[str, ...] = (), *, always: bool = True
) -> list[Column]:
    """The columns of a model's table, a field of a field on its own. always: see `Column`."""
    found: list[Column] = []
    for name, field in kind.model_fields.items():
        inner = _model_in(field.annotation)
        shown = always and field.exclude_if is None
        if inner is not None:
            found += columns(inner, (*above, name), always=shown)
        else:
            found.append(Column((*above, name), shown))
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model of a field that is one, or one or null."""
    choices = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else [annotation]
    for choice in choices:
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            return choice
    return None
