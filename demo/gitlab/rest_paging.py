"""REST's pages: by number with GitLab's headers, or after a key where that is offered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from demo.gitlab.answer import Answer, Request, json_answer

COUNTED = 10_000
"""Beyond so many records GitLab counts them no more."""
MAX_OFFSET = 50_000
"""How far a list that could be read after a key can be read by page numbers."""


class Refusal(Exception):
    """An answer that ends the request early."""

    def __init__(self, status: int, content: dict[str, Any]) -> None:
        super().__init__(str(content))
        self.answer = json_answer(content, status)


@dataclass(frozen=True, slots=True)
class Query:
    """The parameters of a request; `iids[]` and `iids` are the same."""

    address: str
    values: dict[str, list[str]]

    @classmethod
    def of(cls, request: Request) -> "Query":
        """Reads a request's address; links are made with the host that was asked."""
        parts = urlsplit(request.path)
        host = request.headers.get("host", "gitlab.example.com")
        values = parse_qs(parts.query, keep_blank_values=True)
        return cls(f"http://{host}{parts.path}", values)

    def text(self, name: str) -> str | None:
        """The last value of a parameter; None where it was not sent, or sent empty."""
        return (self.values.get(name) or [""])[-1] or None

    def texts(self, name: str) -> list[str] | None:
        """All values of a parameter that may be repeated, or joined by commas."""
        found = [*self.values.get(f"{name}[]", []), *self.values.get(name, [])]
        if not found:
            return None
        return [text for value in found for text in value.split(",") if text]

    def number(self, name: str) -> int | None:
        """A whole number. Refuses what is none."""
        text = self.text(name)
        if text is None:
            return None
        if not text.lstrip("-").isdigit():
            raise Refusal(400, {"error": f"{name} is invalid"})
        return int(text)

    def flag(self, name: str, default: bool = False) -> bool:
        """A truth value. Refuses what is none."""
        text = self.text(name)
        if text is None:
            return default
        if text.lower() not in {"true", "false", "1", "0"}:
            raise Refusal(400, {"error": f"{name} is invalid"})
        return text.lower() in {"true", "1"}

    def choice(self, name: str, allowed: Sequence[str], default: str) -> str:
        """One of some words. Refuses others."""
        text = self.text(name) or default
        if text not in allowed:
            raise Refusal(400, {"error": f"{name} does not have a valid value"})
        return text

    def link(self, relation: str, **changes: Any) -> str:
        """An entry of the Link header: this address with other values."""
        values = {**self.values, **{name: [str(value)] for name, value in changes.items()}}
        return f'<{self.address}?{urlencode(values, doseq=True)}>; rel="{relation}"'


def page(
    query: Query,
    items: Sequence[Any],
    show: Callable[[Any], Any],
    *,
    by_key: bool = False,
) -> Answer:
    """One page of a list by its number. by_key: the list is also offered after a key."""
    number = max(query.number("page") or 1, 1)
    size = _size(query)
    start = (number - 1) * size
    if by_key and start >= MAX_OFFSET:
        raise Refusal(
            405,
            {
                "error": f"Offset pagination has a maximum allowed offset of {MAX_OFFSET} for "
                "requests that return objects of type Project. Remaining records can be "
                "retrieved using keyset pagination."
            },
        )
    shown = items[start : start + size]
    pages = max(-(-len(items) // size), 1)
    more = number < pages
    links = []
    if number > 1:
        links.append(query.link("prev", page=number - 1, per_page=size))
    if more:
        links.append(query.link("next", page=number + 1, per_page=size))
    links.append(query.link("first", page=1, per_page=size))
    headers = {
        "X-Next-Page": str(number + 1) if more else "",
        "X-Page": str(number),
        "X-Per-Page": str(size),
        "X-Prev-Page": str(number - 1) if number > 1 else "",
    }
    if len(items) <= COUNTED:
        links.append(query.link("last", page=pages, per_page=size))
        headers["X-Total"] = str(len(items))
        headers["X-Total-Pages"] = str(pages)
    headers["Link"] = ", ".join(links)
    return json_answer([show(item) for item in shown], headers=headers)


def page_after_id(query: Query, items: Sequence[Any], show: Callable[[Any], Any]) -> Answer:
    """One page of a list that is ordered by id, after the id of the last item seen."""
    if (query.text("order_by") or "id") != "id":
        raise Refusal(
            405, {"error": "Keyset pagination is not yet available for this type of request"}
        )
    descending = query.choice("sort", ("asc", "desc"), "desc") == "desc"
    after, before = query.number("id_after"), query.number("id_before")
    found = sorted(
        (
            item
            for item in items
            if (after is None or item.id > after) and (before is None or item.id < before)
        ),
        key=lambda item: item.id,
        reverse=descending,
    )
    size = _size(query)
    shown = found[:size]
    headers = {}
    if len(found) > size:
        place = {"id_before" if descending else "id_after": shown[-1].id}
        headers["Link"] = query.link("next", per_page=size, **place)
    return json_answer([show(item) for item in shown], headers=headers)


def _size(query: Query) -> int:
    size = query.number("per_page")
    if size is None:
        return 20
    if size < 1:
        raise Refusal(400, {"error": "per_page does not have a valid value"})
    return min(size, 100)
