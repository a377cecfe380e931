"""Secrets are hidden in every form in which a text may have them."""

import json
from base64 import b64encode, urlsafe_b64encode
from html import escape
from urllib.parse import quote, quote_plus

import pytest

from app.redaction import Redaction

SECRET = "gl+pat/ä\"'&<>?=%\\Zürich-2026"


@pytest.mark.parametrize("name", ["", "x", "ab", "oauth2", "client"])
def test_a_secret_is_hidden_as_it_may_be_written(name: str) -> None:
    hide = Redaction(["other-secret", SECRET])
    pair = f"{name}:{SECRET}:x" if name else f"{SECRET}:x"
    basic = b64encode(pair.encode()).decode()

    assert hide(f"before {SECRET} after") == "before *** after"
    for written in (
        json.dumps(SECRET),
        repr(SECRET),
        escape(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").lower(),
    ):
        assert "rich-2026" not in hide(f"?private_token={written}&x"), written
    for encoded in (basic, urlsafe_b64encode(pair.encode()).decode()):
        hidden = hide(f"Basic {encoded}")
        assert "***" in hidden
        left = hidden.removeprefix("Basic ").replace("***", "")
        # What is left stands for the name, the colons and at most a few bits at the secret's ends.
        assert len(left) <= len(b64encode(f"{name}::x".encode())) + 3


def test_what_is_too_short_is_no_secret() -> None:
    assert Redaction(["abc", ""])("abcdef") == "abcdef"


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert Redaction(["glpat-1", "glpat-1234"])("glpat-1234") == "***"
