"""Durations in settings and fields: a timedelta, or a number of seconds."""

import math
from datetime import timedelta
from typing import Final

MAX_DURATION: Final = timedelta(days=365)


def as_duration(value: object) -> timedelta | None:
    """Return the duration, None for None. Raises ValueError for anything but 0 to 365 days."""
    if value is None or isinstance(value, timedelta):
        duration = value
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        duration = timedelta(seconds=min(max(value, -1), MAX_DURATION.total_seconds() + 1))
    else:
        raise ValueError(f"is {value!r}; it takes a timedelta, a number of seconds, or None")
    if duration is not None and not timedelta(0) <= duration <= MAX_DURATION:
        raise ValueError(f"is {value!r}; it takes 0 to {MAX_DURATION.days} days")
    return duration
