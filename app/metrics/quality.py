"""What in the data does not fit, what it does to the numbers and what to do."""

from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.metrics.answers import Finding
from app.metrics.check import Check, Found, Read, Told, read
from app.metrics.checks import CHECKS
from app.settings import Settings

MOST_ITEMS = 500
"""Items of one finding unless all are asked for; the count is always that of all."""


def findings(
    session: Session,
    settings: Settings,
    *,
    most: int | None = MOST_ITEMS,
    start: int = 0,
    kind: str | None = None,
) -> list[Finding]:
    """Every kind of finding, those without any case included; one statement.

    most: items of each kind at most, after the first `start` ones; None: all. Past the last item the
    count is not known: 0. kind: only this one; raises NotFoundError (field `kind`) where there is no
    such kind.
    """
    checks = CHECKS if kind is None else (_check(kind),)
    found, open_now = read(session, checks, most, start)
    return [
        _finding(
            check,
            found[check.kind],
            Found(
                count=found[check.kind].count,
                sums=found[check.kind].sums,
                first=found[check.kind].rows[0] if found[check.kind].rows else {},
                open=open_now["open"],
                attributed=open_now["attributed"],
                settings=settings,
            ),
        )
        for check in checks
    ]


def _finding(check: Check, cases: Read, found: Found) -> Finding:
    return Finding(
        kind=check.kind,
        title=check.title,
        count=cases.count,
        effect=_told(check.effect, found),
        remedy=_told(check.remedy, found),
        items=[check.item(row) for row in cases.rows],
        heads=check.heads,
    )


def _told(told: str | Told, found: Found) -> str:
    """A sentence; without any case there is nothing to tell."""
    if isinstance(told, str):
        return told
    return told(found) if found.count else ""


def _check(kind: str) -> Check:
    for check in CHECKS:
        if check.kind == kind:
            return check
    known = ", ".join(check.kind for check in CHECKS)
    raise NotFoundError(f"There is no kind of finding {kind!r:.40}.", "kind", f"There are {known}.")
