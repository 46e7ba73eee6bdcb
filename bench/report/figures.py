"""The arithmetic of the benchmark."""

import statistics
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

STEP_SECONDS: Final = 0.5
WINDOW_SECONDS: Final = 2.0
REACHED_SECONDS: Final = 5.0


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


def longest_pause(moments: Sequence[float]) -> float:
    """Return the longest time between two moments that follow each other; 0 for fewer than two."""
    ordered = sorted(moments)
    return max((later - earlier for earlier, later in pairwise(ordered)), default=0.0)


def longest_below(moments: Sequence[float], rate: float) -> float:
    """Return for how many seconds on end there was less than `rate` a second, by windows of two seconds."""
    windows = _windows(moments, min(moments), max(moments), WINDOW_SECONDS)
    longest = length = 0
    for _, found in windows:
        length = length + 1 if found < rate else 0
        longest = max(longest, length)
    return longest * STEP_SECONDS


def reached_after(moments: Sequence[float], since: float, rate: float) -> float:
    """Return how many seconds after `since` a window of five seconds begins that has `rate` a second.

    Where there is none, it is the time until the last moment.
    """
    last = max(moments)
    windows = _windows(moments, since, last, REACHED_SECONDS)
    return next((began - since for began, found in windows if found >= rate), last - since)


def _windows(moments: Sequence[float], since: float, until: float, seconds: float) -> Iterator[tuple[float, float]]:
    """Yield the beginning of each window in steps of half a second, and how many a second it has."""
    ordered = sorted(moments)
    for step in range(int((until - since - seconds) / STEP_SECONDS) + 1):
        began = since + step * STEP_SECONDS
        found = bisect_left(ordered, began + seconds) - bisect_left(ordered, began)
        yield began, found / seconds
