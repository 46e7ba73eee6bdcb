"""Retries wait longer each time, up to a limit, and spread many callers apart."""

from itertools import islice

import pytest

from streams.errors import UnavailableError
from streams.retry import Backoff, retry_while_unavailable


class Flaky:
    """Fails a number of times, then answers."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.failures = failures
        self.error = error

    async def __call__(self) -> str:
        """Raise, or return."""
        self.failures -= 1
        if self.failures >= 0:
            raise self.error
        return "answer"


def test_delays_double_up_to_the_longest() -> None:
    """Without jitter the delays are the first, doubled each time, and never above the longest."""
    delays = list(islice(Backoff(first=0.5, longest=3.0, jitter=lambda: 0.0), 5))

    assert delays == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_jitter_shortens_a_delay_by_half_at_most() -> None:
    """Jitter of 1 halves every delay, so that a retry never comes later than without it."""
    delays = list(islice(Backoff(first=0.5, longest=3.0, jitter=lambda: 1.0), 5))

    assert delays == [0.25, 0.5, 1.0, 1.5, 1.5]


def test_each_iteration_begins_with_the_first_delay() -> None:
    """A backoff has no state: a second outage begins with short delays again."""
    backoff = Backoff(jitter=lambda: 0.0)

    assert list(islice(backoff, 3)) == list(islice(backoff, 3)) == [0.1, 0.2, 0.4]


async def test_an_unavailable_part_is_asked_until_it_answers() -> None:
    """Every UnavailableError is followed by a longer delay and a new attempt; the wait is declared and withdrawn."""
    slept: list[float] = []
    declared: list[str | None] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    action = Flaky(3, UnavailableError("the broker is unavailable"))
    answer = await retry_while_unavailable(action, declare=declared.append, sleep=sleep, jitter=lambda: 0.0)

    assert answer == "answer"
    assert slept == [0.1, 0.2, 0.4]
    assert declared == ["the broker is unavailable"] * 3 + [None]


async def test_another_error_is_not_retried() -> None:
    """A bug passes through at once, and declares nothing."""
    declared: list[str | None] = []

    with pytest.raises(ZeroDivisionError):
        await retry_while_unavailable(Flaky(1, ZeroDivisionError()), declare=declared.append)

    assert declared == []
