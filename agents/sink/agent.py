"""The sink role: takes records in batches, finishes them once they are written."""

import asyncio
from typing import Final

from agents.sink.erasures import Erasures
from agents.sink.janitor import Janitor
from agents.sink.sink import DecodedBatch, Sink
from streams.inbox import Inbox

BATCH_RECORDS: Final = 500
BATCH_SECONDS: Final = 0.2


class SinkAgent:
    """Writes what arrives; beside it the janitor sweeps, and what is to be erased is erased."""

    def __init__(self, inbox: Inbox, sink: Sink, erasures: Erasures, janitor: Janitor) -> None:
        self._inbox = inbox
        self._sink = sink
        self._erasures = erasures
        self._janitor = janitor
        self._writing = asyncio.Lock()
        self._announcing = asyncio.Lock()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._janitor.run())
            tasks.create_task(self._erasures.run())
            await self._flush(tasks)

    async def _flush(self, tasks: asyncio.TaskGroup) -> None:
        """Read the next batch while the database works on one and what another has changed is announced."""
        earlier = latest = None
        while True:
            reading = await self._sink.read(await self._inbox.take(BATCH_RECORDS, BATCH_SECONDS))
            if earlier is not None:
                await earlier
            earlier, latest = latest, tasks.create_task(self._write(reading))
            # So that the database has the batch before the next one is read.
            await asyncio.sleep(0)

    async def _write(self, reading: DecodedBatch) -> None:
        """Write a batch, and finish it once what it changed is announced; each after the batch before it."""
        async with self._writing:
            news = await self._sink.write(reading)
        async with self._announcing:
            await self._sink.announce(news)
            await self._erasures.record(reading.deliveries)
            self._inbox.finish(reading.deliveries)
