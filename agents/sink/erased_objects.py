"""Objects that were erased although a completion that names them was on its way: their posters are made again.

Equal posters share an object. For a later one, of another source or another job, the render role only finds it there,
and the sink learns of that when it reads the completion. An erasure in between sees nobody who needs the object.

So an erasure notes its objects before it asks who needs them. Of a row that is written and a question that is asked,
one comes first: either the answer names the row, and the object stays, or the row is there to be found beside the note
later. Where its object is missing then, the poster is replayed: the same input has the same key.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

from agents.events import restored_id
from agents.postgres import Database
from agents.storage.port import ObjectStore
from streams.sql import named_queries

logger = logging.getLogger(__name__)

SQL: Final = named_queries(Path(__file__).with_name("erased_objects.sql"))
DELETES_AT_ONCE: Final = 8
ANSWER_SECONDS: Final = 60.0
"""For how long an answer counts to the question who needs the objects; afterwards it is asked again."""
SETTLED_AFTER: Final = timedelta(minutes=10)
"""More than an answer counts and a call of the storage takes: by then nothing is deleted on an outdated answer."""
NOTED_FOR: Final = timedelta(days=1)
"""As long as an erasure is in force. A completion that takes longer to arrive is not looked after."""


class Erased(Protocol):
    """A request to erase: a job, or the posters of an entity requested before it."""

    @property
    def event_id(self) -> UUID:
        """Its event id."""
        ...

    @property
    def job_id(self) -> str | None:
        """The job to erase, or None."""
        ...

    @property
    def source(self) -> str | None:
        """Whose posters are erased."""
        ...

    @property
    def requested_at(self) -> datetime:
        """The broker's time of the request."""
        ...


class ErasedObjects:
    """Deletes objects, and the table `erased_objects`. Methods raise UnavailableError and StorageRefusedError.

    `clock` is in seconds.
    """

    def __init__(self, database: Database, store: ObjectStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._store = store
        self._clock = clock

    async def delete(self, keys: Collection[str], erasure: Erased) -> None:
        """Delete those of these objects that no other poster needs."""
        pending, asked_at = await self._unneeded(keys, erasure), self._clock()
        while pending:
            if self._clock() - asked_at > ANSWER_SECONDS:
                still, asked_at = set(await self._unneeded(keys, erasure)), self._clock()
                pending = [key for key in pending if key in still]
            chunk, pending = pending[:DELETES_AT_ONCE], pending[DELETES_AT_ONCE:]
            await asyncio.gather(*(self._store.delete(key) for key in chunk))

    async def _unneeded(self, keys: Collection[str], erasure: Erased) -> list[str]:
        """Note that these objects are deleted, then return those that nobody needs."""
        question = (list(keys), erasure.job_id, erasure.source, erasure.requested_at)
        await self._database.fetch_rows(SQL["note"], *question, erasure.event_id)
        needed = await self._database.fetch_rows(SQL["needed"], *question)
        return sorted(set(keys) - {row["object_key"] for row in needed})

    async def restore(self) -> int:
        """Have posters replayed whose objects are missing, and return how many. A repeat asks for the same replays."""
        count, after = 0, ("", -1)
        while rows := await self._database.fetch_rows(SQL["shown"], *after):
            for row in rows:
                count += await self._restore(row)
            after = (rows[-1]["job_id"], rows[-1]["poster_index"])
        await self._database.fetch_rows(SQL["forget"], NOTED_FOR)
        return count

    async def _restore(self, row: Any) -> int:
        keys: Sequence[str] = row["keys"]
        found = await asyncio.gather(*(self._store.find(key) for key in keys))
        if None not in found:
            await self._database.fetch_rows(SQL["settle"], keys, SETTLED_AFTER)
            return 0
        job_id, index, generation = row["job_id"], row["poster_index"], row["generation"]
        logger.warning("%s[%d]: its image was erased with that of an equal poster and is made again", job_id, index)
        event_id = restored_id(job_id, index, generation)
        await self._database.fetch_rows(SQL["restore"], event_id, job_id, row["source"], index, generation)
        return 1
