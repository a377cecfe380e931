"""Turns what is wrong with a configuration into the words that follow the key's name."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from app.settings.auth import Grant
from app.settings.models import Settings
from app.settings.values import shown


def sections() -> Mapping[str, type[BaseModel]]:
    """The sections there are, by name."""
    found = {}
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found[name] = field.annotation
    return found


def field_of(section: str, key: str) -> FieldInfo | None:
    """The declaration of a key; None if there is no such key."""
    model = sections().get(section)
    return model.model_fields.get(key) if model else None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    near = get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return near[0] if near else None


def about_unknown_section(name: str) -> str:
    """What to say of a section, or of a key outside all sections, that does not exist."""
    home = next(
        (section for section, model in sections().items() if name in model.model_fields), ""
    )
    if home:
        return f"{name} belongs below [{home}]"
    near = nearest(name, sections())
    if near:
        return f"[{name}] is not a section, perhaps [{near}] is meant"
    return f"[{name}] is not a section, there are {', '.join(sections())}"


def about_unknown_key(section: str, key: str) -> str:
    """What to say of a key that its section does not have."""
    known = sections()[section].model_fields
    near = nearest(key, known)
    if near:
        return f"{section}.{key} is not a key, perhaps {section}.{near} is meant"
    home = next((name for name, model in sections().items() if key in model.model_fields), "")
    if home:
        return f"{section}.{key} is not a key, it belongs below [{home}]"
    return f"{section}.{key} is not a key, [{section}] has {', '.join(known)}"


def about_value(error: ErrorDetails, value: Any) -> str:
    """What to say of a value that pydantic refused: `gitlab.port must be …, not …`.

    value: what was given, or None where it must not be shown.
    """
    section, key, *rest = [str(part) for part in error["loc"]]
    where = f"{section}.{key}"
    field = field_of(section, key)
    assert field is not None  # unknown keys are refused before pydantic sees them
    kind = error["type"]
    if rest and key == "grants":
        where = f"{where} (number {int(rest[0]) + 1})"
    if kind == "value_error":
        return f"{where} {error['ctx']['error']}"
    if rest and key == "grants":
        return f"{where} {_about_grant(rest[1:], error, value)}"
    if rest and key == "handbook":
        return f'{where} must hold tables such as {{ project = "my-group/handbook", paths = [] }}'
    instead = "" if value is None else f", not {shown(value)}"
    return f"{where} must be {_expected(kind, error, field)}{instead}"


def _about_grant(rest: list[str], error: ErrorDetails, value: Any) -> str:
    if error["type"] == "extra_forbidden":
        return f"has no key {rest[-1]}, there are {', '.join(Grant.model_fields)}"
    if error["type"] == "missing":
        return f"must have the key {rest[-1]}"
    field = Grant.model_fields[rest[0]]
    instead = "" if value is None else f", not {shown(value)}"
    return f"must have as {rest[0]} {_expected(error['type'], error, field)}{instead}"


def _expected(kind: str, error: ErrorDetails, field: FieldInfo) -> str:
    if kind.startswith(("int", "float", "greater_than", "less_than")):
        number = "a whole number" if field.annotation is int else "a number"
        return number + _range(field)
    if kind.startswith("bool"):
        return "true or false"
    if kind.startswith("literal"):
        return str(error["ctx"]["expected"]).replace("'", '"')
    if kind.startswith(("tuple", "list")):
        return 'a list such as ["…", "…"]'
    if kind.startswith("path"):
        return "a path in quotes"
    if kind == "string_too_short":
        return "a text that is not empty"
    return "a text in quotes"


def _range(field: FieldInfo) -> str:
    low = next((item.ge for item in field.metadata if hasattr(item, "ge")), None)
    high = next((item.le for item in field.metadata if hasattr(item, "le")), None)
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return "" if low is None else f" of at least {low}"
