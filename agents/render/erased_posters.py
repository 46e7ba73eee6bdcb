"""Which posters were erased: an event of one may be delivered again after its image was deleted (at-least-once).

While lookups are off (`agents/best_effort.py`), posters are rendered without them.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from agents.best_effort import BestEffort
from agents.postgres import Database
from streams.errors import UnavailableError
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("erased_posters.sql"))


class ErasedPosters(Protocol):
    """Knows which posters were erased."""

    async def contains(self, job_id: str, poster_index: int) -> bool:
        """Return whether a poster was erased."""
        ...


class ErasedPostersTable:
    """The table `erased_posters`, from which nothing is ever removed. `clock` is in seconds."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._best_effort = BestEffort("erased posters are not looked up", (UnavailableError,), clock=clock)

    async def contains(self, job_id: str, poster_index: int) -> bool:
        """Return whether a poster was erased; False while the database is unavailable: posters do not wait for it."""
        looking = partial(self._database.fetch_value, SQL["contains"], job_id, poster_index)
        return bool(await self._best_effort.ask(looking, False))
