"""Which of the merge requests behind a point are shown, and in which order: one rule for API and page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.errors import InvalidValueError
from app.metrics.answers import Evidence, EvidenceRow
from app.metrics.calendar import MICROSECONDS_PER_DAY, microseconds
from app.metrics.community import COMMUNITY_RESPONSE, COUNTED, Answered
from app.metrics.indicator import Cadence, Indicator, Unit

Kept = Callable[[EvidenceRow, datetime], bool]
Place = Callable[[EvidenceRow, Evidence], float | str | None]


def waited(row: EvidenceRow, instant: datetime) -> float | None:
    """Days in review at an instant; None before the review began."""
    start = row.review_started_at
    if start is None or start > instant:
        return None
    return (microseconds(instant) - microseconds(start)) / MICROSECONDS_PER_DAY


def is_open(row: EvidenceRow) -> bool:
    """Whether it is open now."""
    return row.state in ("opened", "locked")


def _flagged(flag: str) -> Kept:
    return lambda row, instant: flag in row.flags


OF_A_DAY: Mapping[str, Kept] = {
    "in_review": lambda row, instant: waited(row, instant) is not None,
    "not_in_review": lambda row, instant: waited(row, instant) is None,
}
OF_A_MONTH: Mapping[str, Kept] = {
    "open": lambda row, instant: is_open(row),
    "merged": lambda row, instant: row.state == "merged",
    "closed": lambda row, instant: row.state == "closed",
}
OF_ANY: Mapping[str, Kept] = {
    "draft": lambda row, instant: row.draft,
    "orphaned": _flagged("orphaned"),
    "end_estimated": _flagged("end_estimated"),
    "review_start_inferred": _flagged("review_start_inferred"),
}
EXCLUSIVE = (tuple(OF_A_DAY), tuple(OF_A_MONTH))
"""Of each group only one can be true of a merge request."""

ANSWERS = tuple(str(each) for each in (*COUNTED, Answered.PENDING, Answered.WAITING))


def states_of(indicator: Indicator) -> Mapping[str, Kept]:
    """What its merge requests can be filtered by, by name: as it was on the day, else as it is now."""
    known = {**(OF_A_DAY if indicator.cadence is Cadence.DAILY else OF_A_MONTH), **OF_ANY}
    if judges_answers(indicator):  # that knows nothing of reviews
        del known["review_start_inferred"]
    return known


def _time(instant: datetime | None) -> float | None:
    return None if instant is None else instant.timestamp()


def _answer(row: EvidenceRow, of: Callable[..., float | str | None]) -> float | str | None:
    return None if row.answering is None else of(row.answering)


def _state(row: EvidenceRow, evidence: Evidence) -> str:
    """As its state is told: of the day, or of now."""
    if evidence.indicator.cadence is Cadence.DAILY:
        return f"{waited(row, evidence.instant) is None} {row.draft}"
    return f"{'open' if is_open(row) else row.state} {row.draft}"


SORTS: Mapping[str, Place] = {
    "value": lambda row, of: row.value,
    "answer": lambda row, of: _answer(row, lambda each: ANSWERS.index(each.outcome)),
    "due": lambda row, of: _answer(row, lambda each: _time(each.due_at)),
    "answered": lambda row, of: _answer(row, lambda each: _time(each.answered_at)),
    "merged": lambda row, of: _time(row.merged_at),
    "created": lambda row, of: _time(row.created_at),
    "review": lambda row, of: _time(row.review_started_at),
    "waited": lambda row, of: waited(row, of.instant),
    "state": _state,
    "title": lambda row, of: row.title.casefold(),
    "reference": lambda row, of: f"{row.project} {row.iid:012d}",
}
"""What a list can be sorted by; never by person. None comes last both ways."""


def sorts_of(indicator: Indicator) -> tuple[str, ...]:
    """What the list of an indicator can be sorted by."""
    missing = set()
    if indicator.unit is not Unit.DAYS:
        missing |= {"value"}
    missing |= {"merged"} if indicator.cadence is Cadence.DAILY else {"waited"}
    if not judges_answers(indicator):
        missing |= {"answer", "due", "answered"}
    return tuple(name for name in SORTS if name not in missing)


def judges_answers(indicator: Indicator) -> bool:
    """Whether each of its merge requests is answered in time or not."""
    return indicator.key == COMMUNITY_RESPONSE.key


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What a list is narrowed to, all of it at once, and its order.

    states: names of `states_of`, each of which must be true. answer: one of ANSWERS; what waits is not
    among those that count, and is listed only when it is asked for. sort: one of `sorts_of`, with a
    minus for the other way round; None: as the evidence comes.
    """

    states: tuple[str, ...] = ()
    project: str | None = None
    label: str | None = None
    answer: str | None = None
    sort: str | None = None

    @property
    def filters(self) -> bool:
        """Whether anything is left aside."""
        return bool(self.states or self.project or self.label or self.answer)

    @property
    def counted(self) -> bool:
        """Whether it is of the merge requests that count."""
        return self.answer is None or self.answer in COUNTED

    def toggled(self, state: str) -> "Selection":
        """With a state more, in place of what it excludes, or without it."""
        if state in self.states:
            return replace(self, states=tuple(each for each in self.states if each != state))
        group = next((group for group in EXCLUSIVE if state in group), ())
        return replace(self, states=(*(each for each in self.states if each not in group), state))

    def of(self, evidence: Evidence) -> list[EvidenceRow]:
        """The merge requests that it keeps, in its order."""
        known, instant = states_of(evidence.indicator), evidence.instant
        tests = [known[state] for state in self.states]
        rows = [
            row
            for row in (evidence.rows if self.counted else evidence.beside)
            if all(test(row, instant) for test in tests)
            and self.project in (None, row.project)
            and (self.label is None or self.label in row.labels)
            and (self.answer is None or _answer(row, lambda each: each.outcome) == self.answer)
        ]
        return rows if self.sort is None else _sorted(rows, self.sort, evidence)


def _sorted(rows: Sequence[EvidenceRow], sort: str, evidence: Evidence) -> list[EvidenceRow]:
    place = SORTS[sort.removeprefix("-")]
    placed = [(place(row, evidence), row) for row in rows]
    told = [each for each in placed if each[0] is not None]
    told.sort(key=lambda each: each[0], reverse=sort.startswith("-"))  # type: ignore[arg-type, return-value]
    return [row for _, row in told] + [row for at, row in placed if at is None]


def selection(
    indicator: Indicator,
    *,
    state: str | None = None,
    project: str | None = None,
    label: str | None = None,
    answer: str | None = None,
    sort: str | None = None,
) -> Selection:
    """What an address asks for; state: several names with commas between them.

    Raises InvalidValueError, with the field, for what the list of the indicator cannot be asked for.
    """
    asked = {"state": state, "project": project, "label": label, "answer": answer, "sort": sort}
    if not indicator.counts_merge_requests:
        for name, value in asked.items():
            if value is not None:
                raise InvalidValueError(
                    f"{name} is for merge requests, and {indicator.key} lists none.", name
                )
    states = tuple(dict.fromkeys(state.split(","))) if state else ()
    for each in states:
        _require("state", each, tuple(states_of(indicator)))
    if answer is not None:
        _require("answer", answer, ANSWERS if judges_answers(indicator) else ())
    if sort is not None:
        _require("sort", sort.removeprefix("-"), sorts_of(indicator))
    return Selection(states=states, project=project, label=label, answer=answer, sort=sort)


def _require(name: str, value: str, allowed: Sequence[str]) -> None:
    if value in allowed:
        return
    if not allowed:
        raise InvalidValueError(f"{name} is for answers to the community only.", name)
    raise InvalidValueError(f"{name} {value!r:.40} is none of {', '.join(allowed)}.", name)
