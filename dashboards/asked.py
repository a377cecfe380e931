"""What an address asks for, and how far the data reach: what every page is drawn from."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Self

from app.errors import InvalidValueError
from app.metrics.calendar import first_of_month, local_day, months_back
from app.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The part of an address that decides what a page shows; empty values are left out."""

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        path: Mapping[str, object],
        query: Iterable[tuple[str, str]],
        parameters: Collection[str],
    ) -> Self:
        """What a request asks for. Raises InvalidValueError for a parameter that is not among those of
        the page, and for one that is given twice: which of the two is meant cannot be known."""
        given = list(query)
        for name, times in Counter(name for name, _ in given).items():
            if name not in parameters:
                known = f"It has {', '.join(parameters)}." if parameters else ""
                raise InvalidValueError(f"This page has no parameter {name!r:.40}.", name, known)
            if times > 1:
                raise InvalidValueError(f"{name!r:.40} is given more than once.", name)
        return cls(path={name: str(value) for name, value in path.items()}, query=dict(given))

    def get(self, name: str) -> str | None:
        """A parameter of the query, None where it is absent or empty."""
        return self.query.get(name) or None

    def page_number(self, pages: int) -> int:
        """`page`, from 1 to the number of pages. Raises InvalidValueError for anything else."""
        text = self.get("page") or "1"
        if not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= max(pages, 1):
            raise InvalidValueError(
                f"page {text!r:.40} does not exist: there are {max(pages, 1)}.", "page"
            )
        return int(text)

    def one_of(self, name: str, allowed: Mapping[str, object], default: str) -> str:
        """A parameter with a closed list of values. Raises InvalidValueError that lists them."""
        value = self.get(name) or default
        if value not in allowed:
            raise InvalidValueError(f"{name} {value!r:.40} is none of {', '.join(allowed)}.", name)
        return value


def today(settings: Settings, data_through: datetime) -> date:
    """The running day."""
    return local_day(data_through, settings.reporting.zone)


def usual_month(settings: Settings, day: date) -> date:
    """The first day of the month that is told of on a day unless another is asked for: the last one
    that is over, or the first of history."""
    return max(months_back(day, 1), first_of_month(settings.reporting.history_start))
