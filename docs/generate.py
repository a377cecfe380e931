"""Writes the parts of the documentation that are drawn from the lists in the code: `make docs`.

A part stands between `<!-- begin: NAME -->` and `<!-- end: NAME -->`; the rest of a document is
written by hand. A test proves that nothing has to be written anew.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.api.instruments import METRICS
from app.auth.access import Caller, Right, Role, decide
from app.auth.callers import access_of_roles
from app.cli import template
from app.cli.commands import COMMANDS, make_command
from app.main import create_app
from app.metrics import INDICATORS
from app.metrics.indicator import Better, Indicator
from app.settings import Settings
from app.settings.auth import AuthSettings
from app.store.engine import make_engine
from app.store.personal import HELD, Held
from collectors import SOURCES

ROOT = Path(__file__).parents[1]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar inside a cell is escaped, a line end is a space."""
    lines = [head, ["---"] * len(head), *rows]
    cells = ([" ".join(cell.replace("|", "\\|").split()) for cell in line] for line in lines)
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def _target(indicator: Indicator) -> str:
    if indicator.target is None:
        return "none"
    bound = "≤" if indicator.better is Better.LOWER else "≥"
    return f"{bound} {indicator.target.value:g} ({indicator.target.source})"


def _indicators() -> str:
    return _table(
        ["indicator", "key", "what it says", "unit", "how often", "target"],
        (
            [
                f"[{indicator.title}](docs/indicators.md#{indicator.key})",
                f"`{indicator.key}`",
                indicator.definition,
                indicator.unit,
                indicator.cadence,
                _target(indicator),
            ]
            for indicator in INDICATORS
        ),
    )


def _indicator(indicator: Indicator) -> str:
    titles = {source.name: source.title for source in SOURCES}
    facts = {
        "Formula": f"`{indicator.formula}`",
        "Unit": f"{indicator.unit}, {indicator.cadence}",
        "Better": indicator.better or "neither",
        "Target": _target(indicator),
        "Whose work": indicator.attribution,
        "What counts": indicator.counts,
        "n": indicator.noun,
        "Sources": ", ".join(titles[name] for name in indicator.sources),
    }
    if indicator.ours:
        facts["Our choice"] = indicator.ours
    parts = [
        f'<a id="{indicator.key}"></a>',
        f"## {indicator.title}",
        f"`{indicator.key}`. {indicator.definition}",
        "\n".join(f"- **{name}**: {text}" for name, text in facts.items()),
    ]
    if indicator.variants:
        parts.append(
            _table(
                ["variant", "key", "what it counts"],
                ([each.title, f"`{each.key}`", each.definition] for each in indicator.variants),
            )
        )
    return "\n\n".join(parts)


def _definitions() -> str:
    return "\n\n".join(_indicator(indicator) for indicator in INDICATORS)


def _commands() -> str:
    parsed = make_command().commands
    rows = []
    for command in COMMANDS:
        usage = [command.name]
        *groups, name = command.name.split()
        group = parsed
        for each in groups:
            group = group[each].commands
        for parameter in group[name].params:
            value = parameter.metavar or parameter.name.upper()
            if parameter.param_type_name == "argument":
                usage.append(f"[{value}…]" if parameter.nargs == -1 else value)
            elif parameter.name not in ("config", "help"):
                option = parameter.opts[0]
                written = option if parameter.is_flag else f"{option} {value}"
                usage.append(written if parameter.required else f"[{written}]")
        rows.append([f"`{' '.join(usage)}`", command.summary])
    return _table(["command", "does"], rows)


def _configuration() -> str:
    return f"```toml\n{template.CONFIGURATION}```"


def _api() -> str:
    engine = make_engine("postgresql://nobody@localhost/nothing")  # never connected to
    described: Mapping[str, Any] = create_app(Settings(), engine).openapi()
    rows = []
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            asked = [
                f"`{parameter['name']}`"
                for parameter in operation.get("parameters", [])
                if parameter["in"] == "query"
            ]
            answer = operation["description"].partition("\n\n")[0]
            rows.append([f"`{method.upper()} {path}`", answer, ", ".join(asked)])
    return _table(["address", "answers", "may be asked with"], rows)


def _personal() -> str:
    """The tables that say something about people, and what becomes of that."""
    return _table(
        ["table", "what of a person", "what for", "kept", "when somebody is forgotten"],
        (
            [
                f"`{held.table}`",
                ", ".join(f"`{column}`" for column in held.personal),
                held.why,
                held.until,
                _forgetting(held),
            ]
            for held in HELD
            if held.personal
        ),
    )


def _forgetting(held: Held) -> str:
    by_effect: dict[str, list[str]] = {}
    for column, effect in held.personal.items():
        by_effect.setdefault(effect, []).append(column)
    if len(by_effect) == 1:
        return next(iter(by_effect))
    return "; ".join(
        f"{', '.join(f'`{column}`' for column in columns)}: {effect}"
        for effect, columns in by_effect.items()
    )


def _impersonal() -> str:
    return ", ".join(f"`{held.table}`" for held in HELD if not held.personal) + "."


SEEN: Mapping[Right, str] = {
    Right.VALUES: "values of teams, as pages, JSON and CSV",
    Right.MERGE_REQUESTS: "the merge requests behind them, with their authors",
    Right.PEOPLE: "names: members, who came and went, who is behind hiring and retention; reports",
    Right.OPERATION: "runs, data quality with the accounts that are nobody’s, metrics",
    Right.AUDIT: "who did what, everybody’s tokens",
}


def _roles() -> str:
    """What each role sees as configured out of the box, asked of the function that decides."""
    return _table(
        ["what", *Role],
        ([what, *(_seen(role, right) for role in Role)] for right, what in SEEN.items()),
    )


def _seen(role: Role, right: Right) -> str:
    own = frozenset({"own"} if role in (Role.MANAGER, Role.DIRECTOR) else ())
    access = access_of_roles(AuthSettings(), Caller(), {role}, own)
    if not decide(access, right, ("own", "above")):
        return "–"
    everywhere = decide(access, right, ("other",)) and (right is not Right.VALUES or access.others)
    return "yes" if everywhere else "of their teams and those below"


def _metrics() -> str:
    return _table(
        ["metric", "type", "labels", "what it says"],
        (
            [
                f"`{each.name}`",
                each.type,
                ", ".join(f"`{label}`" for label in each.labels),
                each.help,
            ]
            for each in METRICS
        ),
    )


PARTS: Mapping[str, Callable[[], str]] = {
    "indicators": _indicators,
    "definitions": _definitions,
    "commands": _commands,
    "configuration": _configuration,
    "api": _api,
    "personal": _personal,
    "impersonal": _impersonal,
    "roles": _roles,
    "metrics": _metrics,
}
DOCUMENTS = ("README.md", "docs/indicators.md", "docs/operations.md", "docs/privacy.md")


def rendered(text: str) -> str:
    """The document with every part written anew; raises KeyError for a part that does not exist."""
    return re.sub(
        r"(<!-- begin: (\S+) -->\n).*?(<!-- end: \2 -->)",
        lambda match: f"{match[1]}\n{PARTS[match[2]]()}\n\n{match[3]}",
        text,
        flags=re.DOTALL,
    )


def main() -> None:
    """Writes every document anew."""
    for name in DOCUMENTS:
        document = ROOT / name
        document.write_text(rendered(document.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
