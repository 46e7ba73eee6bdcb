"""The arithmetic of the benchmark."""

import statistics
from collections.abc import Sequence


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def percentile(values: Sequence[float], part: float) -> float:
    """Return the smallest of the values that at least `part` (0–1) of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-part * len(ordered) // 1) - 1)]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the rounds' ratios: what disturbs a round disturbs both sides of it."""
    return median([one / other for one, other in zip(ours, theirs, strict=True)])


def rate(moments: Sequence[float]) -> float:
    """Return how many a second there were between the first moment and the last, both in seconds."""
    return (len(moments) - 1) / (max(moments) - min(moments))
