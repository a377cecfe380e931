"""What the list of the evidence page can be narrowed to: chips and menus in which each choice is an
address."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.metrics.answers import Evidence
from app.metrics.evidence_filters import ANSWERS, Selection, judges_answers, states_of
from dashboards.evidence_words import ANSWERS as ANSWER_WORDS
from dashboards.evidence_words import STATES

LINKS = 12
"""Choices that a menu offers as links; more of them stand in a list of its form."""
LONGEST = 32
"""Characters of a value in the name of its menu."""

Here = Callable[..., str]
"""The address of the page with some of its parameters changed; None takes one away."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chip:
    """A filter that is on or off: how many rows it keeps, and the address that turns it round."""

    words: str
    count: int
    address: str
    current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Menu:
    """A filter of many values. name: of the parameter. links: words, address and whether it is the
    present one; more of them than LINKS are the options of a form: value, words and whether it is."""

    name: str
    label: str
    links: Sequence[tuple[str, str, bool]]
    options: Sequence[tuple[str, str, bool]]
    hidden: Mapping[str, str]


def chips(evidence: Evidence, chosen: Selection, here: Here) -> list[Chip]:
    """All, and each state that some of the rows are in and others are not."""
    everything = Chip(
        words="All",
        count=len(evidence.rows),
        address=here(state=None, project=None, label=None, answer=None),
        current=not chosen.filters,
    )
    found = [everything]
    chosen = replace(chosen, sort=None)  # no order has a say in how many there are
    if judges_answers(evidence.indicator):
        found += _answers(evidence, chosen, here, counted=True)
    shown = len(chosen.of(evidence))
    for state in states_of(evidence.indicator):
        turned = chosen.toggled(state)
        current = state in chosen.states
        kept = shown if current else len(turned.of(evidence))
        if current or 0 < kept < shown:
            found.append(
                Chip(
                    words=STATES[state],
                    count=kept,
                    address=here(state=",".join(turned.states) or None),
                    current=current,
                )
            )
    return found


def chips_beside(evidence: Evidence, chosen: Selection, here: Here) -> list[Chip]:
    """What stands beside the number, and is listed in place of what counts."""
    if not judges_answers(evidence.indicator):
        return []
    return _answers(evidence, chosen, here, counted=False)


def _answers(evidence: Evidence, chosen: Selection, here: Here, *, counted: bool) -> list[Chip]:
    found = []
    for answer in ANSWERS:
        with_it = replace(chosen, answer=answer)
        kept, current = len(with_it.of(evidence)), chosen.answer == answer
        if with_it.counted == counted and (kept or current):
            found.append(
                Chip(
                    words=ANSWER_WORDS[answer][2].capitalize(),
                    count=kept,
                    address=here(answer=None if current else answer),
                    current=current,
                )
            )
    return found


def menus(
    evidence: Evidence, chosen: Selection, here: Here, kept: Mapping[str, str | None]
) -> list[Menu]:
    """The projects and the labels of the rows, the most frequent first; each only if there is a
    choice."""
    chosen = replace(chosen, sort=None)
    projects = (row.project for row in replace(chosen, project=None).of(evidence))
    labels = (label for row in replace(chosen, label=None).of(evidence) for label in row.labels)
    found = [
        _menu("project", Counter(projects), chosen.project, here, kept, least=2),
        _menu("label", Counter(labels), chosen.label, here, kept, least=1),
    ]
    return [menu for menu in found if menu is not None]


def _menu(
    name: str,
    counts: Counter[str],
    current: str | None,
    here: Here,
    kept: Mapping[str, str | None],
    *,
    least: int,
) -> Menu | None:
    if current is None and len(counts) < least:
        return None
    found: Iterable[tuple[str, int]] = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    choices = [(value, f"{value} {count:,}", value == current) for value, count in found]
    if current is not None and current not in counts:
        choices.insert(0, (current, f"{current} 0", True))
    many = len(choices) > LINKS
    return Menu(
        name=name,
        label=f"{name.capitalize()}: {'all' if current is None else _short(current)}",
        links=[
            ("All", here(**{name: None}), current is None),
            *(
                (words, here(**{name: value}), chosen)
                for value, words, chosen in ([] if many else choices)
            ),
        ],
        options=choices if many else [],
        hidden={
            key: value for key, value in kept.items() if key != name and value not in (None, "")
        },
    )


def _short(value: str) -> str:
    """A value that its menu is called by, on one line of a phone."""
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
