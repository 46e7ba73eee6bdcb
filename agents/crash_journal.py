"""The crash journal in Postgres: which records every worker has in flight.

While it is off (`agents/best_effort.py`), records are not noted, and a crash counts against none of them.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from agents.best_effort import BestEffort
from agents.postgres import BadRowError, Database, SchemaMismatchError
from streams.crash_guard import Note
from streams.errors import UnavailableError
from streams.sql import named_queries
from streams.topics import Role

SQL: Final = named_queries(Path(__file__).with_name("crash_journal.sql"))


class CrashJournalTable:
    """The table `crash_journal` as one worker of a role sees it. `worker` is a name that no other process has."""

    def __init__(
        self, database: Database, role: Role, worker: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._role = role
        self._worker = worker
        failures = (UnavailableError, SchemaMismatchError, BadRowError)
        self._best_effort = BestEffort(f"{role}: the crash journal is off", failures, clock=clock)

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
        asking = partial(self._database.fetch_rows, SQL[query], *arguments)
        return await self._best_effort.ask(asking, ())


def _columns(notes: Sequence[Note], *names: str) -> list[list[Any]]:
    return [[getattr(note, name) for note in notes] for name in names]
