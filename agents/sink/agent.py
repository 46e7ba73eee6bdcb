"""The sink role: writes every event to Postgres in batches, and announces the jobs that changed.

A batch takes these steps and is acknowledged after the last one (at-least-once; a repeat changes nothing):

1. read: take records from the inbox
2. decode: records → rows (decode.py)
3. own: requests of a job's owner go on, others are left to intake (owned_rows.py)
4. merge: rows → at most one for each job, poster and log line (merge.py)
5. flush: rows → tables, one transaction for each piece of the batch (flush.py, flush.sql). A record with a row that the
   database refuses is isolated (isolate_bad_rows.py) and becomes a dead letter. After the commit, open posters of
   cancelled jobs → outcomes (open_posters.py).
6. announce: changed jobs → job-events (job_events.py)
7. record: requests to erase or to replay → their tables (erasures.py, replays.py); both are carried out by sweeps

`Sink.flush` does 3 to 5, because the halves of a batch with a bad row are merged again.
"""

import asyncio
from typing import Final

from agents.sink.erasures import Erasures
from agents.sink.janitor import Janitor
from agents.sink.replays import Replays
from agents.sink.sink import DecodedBatch, Sink
from streams.inbox import Inbox
from streams.time_slices import TimeSlices

BATCH_RECORDS: Final = 500
BATCH_SECONDS: Final = 0.2


class SinkAgent:
    """Writes what arrives. Beside it the janitor sweeps, and requested erasures and replays are carried out."""

    def __init__(self, inbox: Inbox, sink: Sink, erasures: Erasures, replays: Replays, janitor: Janitor) -> None:
        self._inbox = inbox
        self._sink = sink
        self._erasures = erasures
        self._replays = replays
        self._janitor = janitor
        self._flushing = asyncio.Lock()
        self._announcing = asyncio.Lock()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._janitor.run())
            tasks.create_task(self._erasures.run())
            tasks.create_task(self._replays.run())
            await self._read(tasks)

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        """Read and decode the next batch while one is flushed and the results of another are announced."""
        earlier = latest = None
        while True:
            deliveries = await self._inbox.take(BATCH_RECORDS, BATCH_SECONDS)
            batch = await self._sink.decode(deliveries)
            if earlier is not None:
                await earlier
            earlier, latest = latest, tasks.create_task(self._write(batch))
            # So that the database has the batch before the next one is decoded.
            await asyncio.sleep(0)

    async def _write(self, batch: DecodedBatch) -> None:
        """Flush, announce and acknowledge a batch; each step comes after the same step of the batch before it."""
        async with self._flushing:
            results = await self._sink.flush(batch)
        async with self._announcing:
            await self._sink.announce(results)
            await self._erasures.record(batch.deliveries)
            await self._replays.record(batch.deliveries)
            slices = TimeSlices()
            for delivery in batch.deliveries:
                self._inbox.finish([delivery])
                await slices.end_slice_if_due()
