"""Quantiles as PostgreSQL's percentile_cont has them."""

from collections.abc import Sequence


def percentile_cont(ascending: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie, interpolated linearly; at least one value."""
    rank = share * (len(ascending) - 1)
    low = int(rank)
    value = float(ascending[low])
    if low < rank:
        value += (rank - low) * (ascending[low + 1] - ascending[low])
    return value
