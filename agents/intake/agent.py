"""The intake role: requests in, pinned posters out."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Final, cast

from agents.intake.catalog import Catalog
from agents.intake.request_handler import RequestHandler, UnknownTemplateError
from schemas.codec import ContractError, decode
from schemas.requests import (
    BatchRequested,
    JobCancelRequested,
    PosterEraseRequested,
    PosterRequested,
    Request,
    batch_priority,
)
from streams.dead_letters import DeadLetters
from streams.delivery import Delivery, Publisher, Record
from streams.failpoint import failpoint
from streams.inbox import Inbox
from streams.logs import log_delivery
from streams.retry import retry_while_unavailable
from streams.tracing import processed, processing

TEMPLATE_WAIT_SECONDS: Final = 10.0
"""How long a request waits for a template that the catalog does not hold: an upload and a request can race."""

TAKE_LIMIT: Final = 500
RECORDS_PER_CHUNK: Final = 1_000
"""What one publish holds: requests for single posters may arrive by the hundred."""
CHUNKS_IN_FLIGHT: Final = 2
RECORDS_PER_PIECE: Final = 400
"""What one publish holds of a bulk batch: building it blocks the event loop for some ten milliseconds."""
PIECES_IN_FLIGHT: Final = 2
LOOP_PASSES: Final = 10
"""Passes of the event loop between two pieces, for the other tasks of this process; they cost a twentieth."""


class IntakeAgent:
    """Handles requests in the chunks they arrive in; a request that waits for its template delays no other.

    Bulk batches are handled one after the other, in pieces, beside everything that arrives meanwhile.
    """

    def __init__(
        self, inbox: Inbox, publisher: Publisher, dead_letters: DeadLetters, handler: RequestHandler, catalog: Catalog
    ) -> None:
        self._inbox = inbox
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._handler = handler
        self._catalog = catalog
        self._chunks = asyncio.Semaphore(CHUNKS_IN_FLIGHT)
        self._pieces = asyncio.Semaphore(PIECES_IN_FLIGHT)
        self._bulk: asyncio.Queue[tuple[BatchRequested, Delivery]] = asyncio.Queue()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._handle_bulk(tasks))
            while True:
                await self._handle(await self._inbox.take(TAKE_LIMIT), tasks)

    async def _handle(self, deliveries: list[Delivery], tasks: asyncio.TaskGroup) -> None:
        """Decode each request, build its records, and publish them in chunks."""
        records: list[Record] = []
        handled: list[Delivery] = []
        for delivery in deliveries:
            try:
                request = _decode(delivery)
                if isinstance(request, BatchRequested) and batch_priority(request) == "bulk":
                    self._inbox.defer(delivery)
                    self._bulk.put_nowait((request, delivery))
                    continue
                with processing(delivery):
                    records += list(self._handler.handle(request, delivery))
                handled.append(delivery)
            except ContractError as error:
                with log_delivery(delivery):
                    tasks.create_task(processed(self._reject(delivery, str(error)), delivery))
            except UnknownTemplateError:
                with log_delivery(delivery, request):
                    tasks.create_task(processed(self._wait_for_template(request, delivery), delivery))
            if len(records) >= RECORDS_PER_CHUNK:
                await self._begin_chunk(records, handled, tasks)
                records, handled = [], []
        await self._begin_chunk(records, handled, tasks)

    async def _begin_chunk(self, records: list[Record], handled: list[Delivery], tasks: asyncio.TaskGroup) -> None:
        """Publish a chunk in a task while the next one is built, and let other tasks of this process run in between."""
        await self._chunks.acquire()
        tasks.create_task(self._publish_chunk(records, handled))
        await asyncio.sleep(0)

    async def _publish_chunk(self, records: list[Record], handled: list[Delivery]) -> None:
        await self._publish_within(self._chunks, records)
        failpoint("intake published")
        self._inbox.finish(handled)

    async def _handle_bulk(self, tasks: asyncio.TaskGroup) -> None:
        """Handle deferred batches, one after the other, until cancelled or the inbox is drained."""
        while True:
            request, delivery = await self._bulk.get()
            if self._inbox.draining:
                return
            self._inbox.resume_deferred(delivery)
            with log_delivery(delivery, request):
                try:
                    with processing(delivery):
                        records = self._handler.handle(request, delivery)
                except UnknownTemplateError:
                    tasks.create_task(processed(self._wait_for_template(request, delivery), delivery))
                else:
                    pieces = await self._begin_pieces(records, tasks)
                    tasks.create_task(self._finish_bulk(delivery, pieces))

    async def _begin_pieces(self, records: Iterator[Record], tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Publish each piece in a task while the next one is built, of this batch or of the next."""
        pieces = []
        while piece := list(islice(records, RECORDS_PER_PIECE)):
            await self._pieces.acquire()
            pieces.append(tasks.create_task(self._publish_within(self._pieces, piece)))
            for _ in range(LOOP_PASSES):
                await asyncio.sleep(0)
        return pieces

    async def _finish_bulk(self, delivery: Delivery, pieces: list[asyncio.Task[None]]) -> None:
        for piece in pieces:
            await piece
        failpoint("intake published")
        self._inbox.finish([delivery])

    async def _reject(self, delivery: Delivery, reason: str) -> None:
        """Publish the failure of a request that cannot be decoded, and make it a dead letter."""
        await self._publish(self._handler.reject(delivery, reason))
        await retry_while_unavailable(lambda: self._dead_letters.put(delivery, "invalid_request", reason))
        self._inbox.finish([delivery])

    async def _wait_for_template(self, request: Request, delivery: Delivery) -> None:
        """Handle the request once the catalog holds its template, or as a failure after `TEMPLATE_WAIT_SECONDS`."""
        try:
            async with asyncio.timeout(TEMPLATE_WAIT_SECONDS):
                records = await self._handle_when_known(request, delivery)
        except TimeoutError:
            records = list(self._handler.handle(request, delivery, final=True))
        await self._publish(records)
        self._inbox.finish([delivery])

    async def _handle_when_known(self, request: Request, delivery: Delivery) -> list[Record]:
        while True:
            changed = self._catalog.changed
            try:
                return list(self._handler.handle(request, delivery))
            except UnknownTemplateError:
                await changed.wait()

    async def _publish_within(self, in_flight: asyncio.Semaphore, records: list[Record]) -> None:
        """Publish, and give the place in flight to the next chunk or piece."""
        try:
            await self._publish(records)
        finally:
            in_flight.release()

    async def _publish(self, records: list[Record]) -> None:
        if records:
            await retry_while_unavailable(lambda: self._publisher.publish(records))


def _decode(delivery: Delivery) -> Request:
    event = decode(delivery.value, PosterRequested, BatchRequested, JobCancelRequested, PosterEraseRequested)
    return cast("Request", event)
