"""Merge requests behind one number, made by hand, and the page of their list."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from app.metrics.answers import Evidence, EvidenceRow
from app.metrics.indicator import Indicator
from dashboards import evidence
from dashboards.asked import Asked

from .made import AGE, NOW, SETTINGS, point, target_of

ABOVE = [("organisation", "Organisation"), ("product", "Product")]


def row(number: int, age: float, **other: Any) -> EvidenceRow:
    """A merge request that was created `age` days before now, and is not in review."""
    made = EvidenceRow(
        project="acme/payments",
        iid=number,
        title=f"Part {number}",
        web_url=f"https://gitlab.example/acme/payments/-/merge_requests/{number}",
        state="opened",
        draft=False,
        author_username="rafael",
        author_name="Rafael Stein",
        created_at=NOW - timedelta(days=age),
        merged_at=None,
        closed_at=None,
        review_started_at=None,
        value=age,
        flags=(),
    )
    return replace(made, **other)


def page(
    rows: Sequence[EvidenceRow],
    value: float | None,
    indicator: Indicator = AGE,
    left_out: dict[str, int] | None = None,
    beside: Sequence[EvidenceRow] = (),
    **query: str,
) -> dict[str, Any]:
    daily = indicator is AGE
    period = "2026-11-22" if daily else "2026-10"
    made = Evidence(
        indicator=indicator,
        team="checkout",
        team_name="Checkout",
        period=period,
        variant=indicator.default_variant or None,
        point=point(period, value, indicator, len(rows), partial=daily),
        rows=rows,
        left_out=left_out or {},
        target=target_of(indicator),
        instant=NOW,
        beside=beside,
    )
    asked = Asked(path={"key": indicator.key}, query={"team": "checkout", **query})
    return evidence.context(made, ABOVE, NOW, SETTINGS, asked)


def column(shown: dict[str, Any], words: str) -> list[str]:
    """The cells below a head."""
    place = [head.words for head in shown["heads"]].index(words) - 2
    return [line.cells[place].text for line in shown["lines"]]


def many(count: int) -> list[EvidenceRow]:
    """Ages from `count` days down to 1."""
    return [row(number, float(count + 1 - number)) for number in range(1, count + 1)]


MIXED = [
    row(1, 9.0, flags=("orphaned",), review_started_at=NOW - timedelta(days=4)),
    row(2, 7.0, draft=True, review_started_at=NOW - timedelta(days=2)),
    row(3, 5.0, flags=("end_estimated", "review_start_inferred"), review_started_at=NOW),
    row(4, 3.0, review_started_at=NOW + timedelta(hours=1)),
    row(5, 1.0),
]


def chips_of(shown: dict[str, Any]) -> dict[str, int]:
    return {chip.words: chip.count for chip in shown["chips"]}
