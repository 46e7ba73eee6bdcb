"""The intake role: requests in, pinned posters out."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Final, cast

from agents.intake import answer
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
from schemas.salvage import salvage
from streams.dead_letters import DeadLetters
from streams.delivery import Delivery, Publisher, Record
from streams.failpoint import failpoint
from streams.inbox import Inbox
from streams.logs import log_delivery
from streams.records import event_headers
from streams.replay import replay_generation
from streams.retry import retry_while_unavailable

TEMPLATE_WAIT_SECONDS: Final = 10.0
"""How long a request whose template is not known is looked at again: an upload and a request can race."""

TAKE: Final = 500
RECORDS_A_CHUNK: Final = 1_000
"""What is published at once, and as much again on its way: small requests may come by the hundred."""
CHUNKS_ON_THE_WAY: Final = 2
RECORDS_A_PIECE: Final = 400
"""Of those that answer a bulk batch: some ten milliseconds of work."""
PIECES_ON_THE_WAY: Final = 2
PASSES: Final = 10
"""Passes of the event loop between two pieces, in which others of this process get on; they cost a twentieth."""

_BYTES_A_WEIGHT: Final = 2_048


def weigh(delivery: Delivery) -> int:
    """Return a record's weight against the role's window: 1 for a usual one, more for a batch, by its size."""
    return 1 + len(delivery.value or b"") // _BYTES_A_WEIGHT


class IntakeAgent:
    """Answers requests in the chunks they arrive in; one that waits for its template holds up nobody else.

    Bulk batches are answered one after the other, in pieces, beside all that comes meanwhile.
    """

    def __init__(
        self,
        inbox: Inbox,
        publisher: Publisher,
        dead_letters: DeadLetters,
        acceptance: RequestHandler,
        catalog: Catalog,
        now: Callable[[], datetime],
    ) -> None:
        self._inbox = inbox
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._acceptance = acceptance
        self._catalog = catalog
        self._now = now
        self._places = asyncio.Semaphore(CHUNKS_ON_THE_WAY)
        self._pieces = asyncio.Semaphore(PIECES_ON_THE_WAY)
        self._bulk: asyncio.Queue[tuple[BatchRequested, Delivery]] = asyncio.Queue()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._answer_bulk(tasks))
            while True:
                await self._answer(await self._inbox.take(TAKE), tasks)

    async def _answer(self, deliveries: list[Delivery], tasks: asyncio.TaskGroup) -> None:
        records: list[Record] = []
        answered: list[Delivery] = []
        for delivery in deliveries:
            try:
                request = _decode(delivery)
                if isinstance(request, BatchRequested) and batch_priority(request) == "bulk":
                    self._inbox.defer(delivery)
                    self._bulk.put_nowait((request, delivery))
                    continue
                records += self._acceptance.accept(request, delivery)
                answered.append(delivery)
            except ContractError as error:
                with log_delivery(delivery):
                    tasks.create_task(self._reject(delivery, str(error)))
            except UnknownTemplateError:
                with log_delivery(delivery, request):
                    tasks.create_task(self._wait_for_template(request, delivery))
            if len(records) >= RECORDS_A_CHUNK:
                await self._begin(records, answered, tasks)
                records, answered = [], []
        await self._begin(records, answered, tasks)

    async def _begin(self, records: list[Record], answered: list[Delivery], tasks: asyncio.TaskGroup) -> None:
        """Let the broker take a chunk while the next one is decided, and others of this process work in between."""
        await self._places.acquire()
        tasks.create_task(self._state(records, answered))
        await asyncio.sleep(0)

    async def _state(self, records: list[Record], answered: list[Delivery]) -> None:
        await self._publish_from(self._places, records)
        failpoint("intake published")
        self._inbox.finish(answered)

    async def _answer_bulk(self, tasks: asyncio.TaskGroup) -> None:
        """Answer what waits at the side, one after the other, until cancelled or the inbox is drained."""
        while True:
            request, delivery = await self._bulk.get()
            if self._inbox.draining:
                return
            self._inbox.resume_deferred(delivery)
            with log_delivery(delivery, request):
                try:
                    records = self._acceptance.answers(request, delivery)
                except UnknownTemplateError:
                    tasks.create_task(self._wait_for_template(request, delivery))
                else:
                    pieces = await self._begin_pieces(records, tasks)
                    tasks.create_task(self._finish(delivery, pieces))

    async def _begin_pieces(self, records: Iterator[Record], tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Let the broker take pieces while the next is decided, that of the next batch too."""
        pieces = []
        while piece := list(islice(records, RECORDS_A_PIECE)):
            await self._pieces.acquire()
            pieces.append(tasks.create_task(self._publish_from(self._pieces, piece)))
            for _ in range(PASSES):
                await asyncio.sleep(0)
        return pieces

    async def _publish_from(self, places: asyncio.Semaphore, records: list[Record]) -> None:
        try:
            await self._publish(records)
        finally:
            places.release()

    async def _finish(self, delivery: Delivery, pieces: list[asyncio.Task[None]]) -> None:
        for piece in pieces:
            await piece
        failpoint("intake published")
        self._inbox.finish([delivery])

    async def _reject(self, delivery: Delivery, reason: str) -> None:
        salvaged = salvage(delivery.value)
        if salvaged is not None:
            generation, headers = replay_generation(delivery), event_headers(delivery)
            await self._publish(list(answer.unreadable(salvaged, reason, generation, self._now(), headers)))
        await retry_while_unavailable(lambda: self._dead_letters.put(delivery, "invalid_request", reason))
        self._inbox.finish([delivery])

    async def _wait_for_template(self, request: Request, delivery: Delivery) -> None:
        records: list[Record] | None = None
        try:
            async with asyncio.timeout(TEMPLATE_WAIT_SECONDS):
                while records is None:
                    changed = self._catalog.changed
                    records = self._try(request, delivery)
                    if records is None:
                        await changed.wait()
        except TimeoutError:
            records = self._acceptance.accept(request, delivery, final=True)
        await self._publish(records)
        self._inbox.finish([delivery])

    def _try(self, request: Request, delivery: Delivery) -> list[Record] | None:
        try:
            return self._acceptance.accept(request, delivery)
        except UnknownTemplateError:
            return None

    async def _publish(self, records: list[Record]) -> None:
        if records:
            await retry_while_unavailable(lambda: self._publisher.publish(records))


def _decode(delivery: Delivery) -> Request:
    event = decode(delivery.value, PosterRequested, BatchRequested, JobCancelRequested, PosterEraseRequested)
    return cast("Request", event)
