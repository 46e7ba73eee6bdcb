"""The crash journal in Postgres: which records every worker has in flight.

It has to slow nothing down and to stop nothing: a statement that takes too long, or fails, switches the journal off for
some seconds. Records are then not noted, and a crash counts against none of them.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from agents.postgres import BadRowError, Database, SchemaMismatchError
from streams.crash_guard import Note
from streams.errors import UnavailableError
from streams.sql import named_queries
from streams.topics import Role

logger = logging.getLogger(__name__)

SQL: Final = named_queries(Path(__file__).with_name("crash_journal.sql"))
STATEMENT_SECONDS: Final = 0.5
OFF_SECONDS: Final = 10.0


class CrashJournalTable:
    """The table `crash_journal` as one worker of a role sees it. `worker` is a name that no other process has."""

    def __init__(
        self, database: Database, role: Role, worker: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._role = role
        self._worker = worker
        self._clock = clock
        self._off_until = 0.0

    async def open(self) -> None:
        """Remove notes of the day before: of workers whose records were finished by others."""
        await self._ask("expire", self._role)

    async def begin(self, notes: Sequence[Note]) -> Sequence[Note]:
        """Write notes, and return those of other workers that share a record with one of them."""
        rows = await self._ask("begin", self._role, self._worker, *_columns(notes, "subject", "first", "last"))
        return [Note(row["subject"], row["first_offset"], row["last_offset"], row["crashes"]) for row in rows]

    async def adopt(self, notes: Sequence[Note]) -> None:
        """Give own notes their `crashes`, and let them replace those of other workers that share a record."""
        columns = _columns(notes, "subject", "first", "last", "crashes")
        await self._ask("adopt", self._role, self._worker, *columns)

    async def end(self, notes: Sequence[Note]) -> None:
        """Remove own notes. One that cannot be removed expires; it may cost its record a needless isolation."""
        if notes:
            await self._ask("end", self._role, self._worker, *_columns(notes, "subject", "first", "last"))

    async def leave(self) -> None:
        """Remove all own notes."""
        await self._ask("leave", self._role, self._worker)

    async def _ask(self, query: str, *arguments: object) -> Sequence[Any]:
        if self._clock() < self._off_until:
            return ()
        try:
            async with asyncio.timeout(STATEMENT_SECONDS):
                return await self._database.fetch_rows(SQL[query], *arguments)
        except (UnavailableError, SchemaMismatchError, BadRowError, TimeoutError) as error:
            self._off_until = self._clock() + OFF_SECONDS
            logger.warning("%s: the crash journal is off for %g s: %r", self._role, OFF_SECONDS, error)
            return ()


def _columns(notes: Sequence[Note], *names: str) -> list[list[Any]]:
    return [[getattr(note, name) for note in notes] for name in names]
