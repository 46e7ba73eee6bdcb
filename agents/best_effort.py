"""Best-effort queries: what a role does better with the database's answer, and goes on without.

They have to slow nothing down and to stop nothing: one that takes too long, or fails, switches all of them off for some
seconds.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")

QUERY_SECONDS: Final = 0.5
"""How long a query may take, connecting included."""
OFF_SECONDS: Final = 10.0
"""How long nothing is asked after a query that failed."""


class BestEffort:
    """Asks, unless a query has just failed. `off` says in a log line what is off then; `clock` is in seconds."""

    def __init__(
        self, off: str, failures: tuple[type[Exception], ...], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._off = off
        self._failures: tuple[type[Exception], ...] = (*failures, TimeoutError)
        self._clock = clock
        self._off_until = 0.0

    async def ask(self, query: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """Return the answer, or `otherwise` where there is none in time."""
        if self._clock() < self._off_until:
            return otherwise
        try:
            async with asyncio.timeout(QUERY_SECONDS):
                return await query()
        except self._failures as error:
            self._off_until = self._clock() + OFF_SECONDS
            logger.warning("%s for %g s: %r", self._off, OFF_SECONDS, error)
            return otherwise
