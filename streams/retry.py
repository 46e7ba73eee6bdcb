"""Retries with exponential backoff and jitter: the one place that computes delays between attempts."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from streams.errors import UnavailableError
from streams.health.liveness import DeclareWait, declare_wait

T = TypeVar("T")
logger = logging.getLogger(__name__)

FIRST_DELAY_SECONDS: Final = 0.1
LONGEST_DELAY_SECONDS: Final = 10.0

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Exponential backoff from `first` to `longest` seconds, with up to 50 % jitter to avoid a thundering herd.

    Iterating yields the delays, without end; each iterator begins with `first` again. `jitter` returns a number from 0
    (the whole delay) to 1 (half of it).
    """

    first: float = FIRST_DELAY_SECONDS
    longest: float = LONGEST_DELAY_SECONDS
    jitter: Callable[[], float] = random.random

    def __iter__(self) -> Iterator[float]:
        """Yield the delay before each next attempt, in seconds."""
        delay = self.first
        while True:
            delay = min(delay, self.longest)
            yield delay * (1 - self.jitter() / 2)
            delay *= 2


async def retry_while_unavailable(
    action: Callable[[], Awaitable[T]],
    *,
    longest: float = LONGEST_DELAY_SECONDS,
    declare: DeclareWait = declare_wait,
    sleep: Sleep = asyncio.sleep,
    jitter: Callable[[], float] = random.random,
) -> T:
    """Return what `action` returns, calling it again after every UnavailableError; other errors pass through.

    Exponential backoff from 0.1 s to `longest`, with up to 50 % jitter to avoid a thundering herd. `declare` gets the
    reason of the wait, and None when the wait is over.
    """
    delays = iter(Backoff(longest=longest, jitter=jitter))
    waited = False
    try:
        while True:
            try:
                return await action()
            except UnavailableError as error:
                waited = True
                declare(str(error))
                delay = next(delays)
                logger.warning("trying again in %.1f s: %s", delay, error)
                await sleep(delay)
    finally:
        if waited:
            declare(None)
