"""Takes secrets out of a text, in every form in which somebody may have written them there."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from html import escape
from urllib.parse import quote, quote_plus

HIDDEN = "***"
SHORTEST = 4
"""What is shorter would hide half of every text, and protects nothing."""

SHORTEST_ENCODED = 8
"""The same for what is left of a secret in the middle of base64."""


class Redaction:
    """Hides some secrets: as they are, and as JSON, HTML, addresses and base64 write them.

    A server may repeat what it was sent, a token in a header or a key in `Basic …`, and its words
    end up in a sentence about it.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        self._forms = tuple(sorted(forms, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """The text without any of the secrets."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    yield escape(secret)
    for encode in (quote, quote_plus):
        encoded = encode(secret, safe="")
        yield encoded
        yield encoded.lower() if encoded != secret else encoded
    content = secret.encode()
    if len(content) >= SHORTEST_ENCODED:
        for before in range(3):
            yield from _inside_base64(content, before)


def _inside_base64(content: bytes, before: int) -> Iterator[str]:
    """The characters that stand for nothing but this content, when `before` bytes more or less than a
    multiple of three come before it, and anything after it."""
    first, last = -(-8 * before // 6), 8 * (before + len(content)) // 6
    for encode in (b64encode, urlsafe_b64encode):
        yield encode(bytes(before) + content).decode()[first:last]
