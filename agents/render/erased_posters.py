"""Which posters were erased: an event of one may be delivered again after its image was deleted (at-least-once).

The lookup has to slow no rendering down: one that takes too long, or fails, switches it off for some seconds, as in the
crash journal. Posters are then rendered without it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from agents.postgres import Database
from streams.errors import UnavailableError
from streams.sql import named_queries

logger = logging.getLogger(__name__)

SQL: Final = named_queries(Path(__file__).with_name("erased_posters.sql"))
LOOKUP_SECONDS: Final = 0.5
"""How long a poster waits for the answer, connecting included."""
OFF_SECONDS: Final = 10.0
"""How long nothing is looked up after a lookup that failed."""


class ErasedPosters(Protocol):
    """Knows which posters were erased."""

    async def contains(self, job_id: str, poster_index: int) -> bool:
        """Return whether a poster was erased."""
        ...


class ErasedPostersTable:
    """The table `erased_posters`, from which nothing is ever removed. `clock` is in seconds."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._off_until = 0.0

    async def contains(self, job_id: str, poster_index: int) -> bool:
        """Return whether a poster was erased; False while the database is unavailable: posters do not wait for it."""
        if self._clock() < self._off_until:
            return False
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                return bool(await self._database.fetch_value(SQL["contains"], job_id, poster_index))
        except (UnavailableError, TimeoutError) as error:
            self._off_until = self._clock() + OFF_SECONDS
            logger.warning("erased posters are not looked up for %g s: %r", OFF_SECONDS, error)
            return False
