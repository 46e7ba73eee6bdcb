"""The intake role: requests in, pinned posters out.

A request takes these steps, and is acknowledged after the last one (at-least-once; a repeat states the same events):

1. take: a round of requests for each source, in equal shares (agents/fair_queue.py)
2. forward: a record on the topic of one source → the shared topic, from which it is read again (source_topics.py)
3. admit: decode, whose job it is, generation, quota (admission.py). What is refused → a dead letter, and the failure of
   its poster where its sender may have an answer
4. handle: find the template, expand to posters, check and pin them → records (request_handler.py, catalog.py,
   batch_parts.py, agents/events.py)
5. publish: in chunks, each while the next one is built

Two kinds of requests leave the order. A bulk batch is deferred after step 3, and handled in pieces beside the others.
One whose template is not in the catalog is deferred at step 4, and begins again with step 1 when it is there, or after
some seconds (waiting_requests.py).
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext, suppress
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Final

from cachetools import LRUCache

from agents.fair_queue import FairQueue, Round
from agents.intake.admission import Admission, Admitted, Rejected
from agents.intake.bulk_pace import BulkPace
from agents.intake.catalog import Catalog
from agents.intake.request_handler import RequestHandler, UnknownTemplateError
from agents.intake.source_topics import SourceTopics
from agents.intake.waiting_requests import SHARE, WaitingRequests
from agents.known_sources import KnownSources
from agents.metrics import SOURCE_MISMATCHES
from agents.ownership import SOURCE_MISMATCH
from renderer.deficit_round_robin import DeficitRoundRobin
from schemas.requests import BatchRequested, batch_priority
from streams.dead_letters.dead_letters import DeadLetters
from streams.delivery import Delivery, Publisher, Record
from streams.failpoint import failpoint
from streams.inbox import Inbox
from streams.logs import log_delivery
from streams.retry import Sleep, retry_while_unavailable
from streams.time_slices import LOOP_PASSES, TimeSlices, let_others_run
from streams.topics import EDGES
from streams.tracing import processed, processing

TEMPLATE_WAIT_SECONDS: Final = 10.0
"""How long a request waits for a template that the catalog does not hold: an upload and a request can race."""
WAITING_CAPACITY: Final = SHARE * EDGES["intake"].cap
WAITED_MAX: Final = 20_000
"""Requests that have waited and are queued once more."""

TAKE_LIMIT: Final = 250
SHARED_TAKE_LIMIT: Final = 100
"""What is taken at a time while several sources have requests waiting."""
ROUNDS_MAX: Final = 8
"""Rounds of different sources that are handled at the same time."""
RECORDS_PER_CHUNK: Final = 1_000
"""What one publish holds: requests for single posters may arrive by the hundred."""
CHUNKS_IN_FLIGHT: Final = 2
"""Of small rounds, and as many of large ones: a few requests do not wait for the publishing of many."""
RECORDS_PER_PIECE: Final = 400
"""What one publish holds of a bulk batch: building it blocks the event loop for some ten milliseconds."""
PIECES_IN_FLIGHT: Final = 2
RENDER_TOPICS: Final = frozenset(EDGES["render"].consumes)
BULK_QUANTUM: Final = 100.0
"""Posters of batches that a source may have in one round."""


class IntakeAgent:
    """Handles requests in the chunks they arrive in; a request that waits for its template delays no other.

    Bulk batches are handled one after the other, in pieces, beside everything that arrives meanwhile; between sources
    by deficit round robin, with `weights`. `queue` is that of the inbox: rounds of different sources are handled at the
    same time, so that one of a few requests does not wait for one of many. `known` sources always have a place among
    the requests that wait for a template. `sleep` is for pauses between pieces of batches.
    """

    def __init__(
        self,
        inbox: Inbox,
        publisher: Publisher,
        dead_letters: DeadLetters,
        handler: RequestHandler,
        catalog: Catalog,
        admission: Admission,
        source_topics: SourceTopics | None = None,
        *,
        queue: FairQueue,
        known: KnownSources,
        weights: Mapping[str, float] = MappingProxyType({}),
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._inbox = inbox
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._handler = handler
        self._catalog = catalog
        self._admission = admission
        self._source_topics = source_topics
        self._queue = queue
        self._rounds = asyncio.Semaphore(ROUNDS_MAX)
        self._chunks = asyncio.Semaphore(CHUNKS_IN_FLIGHT)
        self._chunks_of_small_rounds = asyncio.Semaphore(CHUNKS_IN_FLIGHT)
        self._pieces = asyncio.Semaphore(PIECES_IN_FLIGHT)
        self._bulk: DeficitRoundRobin[Admitted] = DeficitRoundRobin(BULK_QUANTUM, weights)
        self._bulk_waits = asyncio.Event()
        self._bulk_pace = BulkPace()
        self._sleep = sleep
        self._known = known
        self._waiting = WaitingRequests(WAITING_CAPACITY, self._known)
        self._request_waits = asyncio.Event()
        self._waited: LRUCache[Delivery, bool] = LRUCache(WAITED_MAX)
        """Requests that have waited for their template: they are answered now, whether it is there or not."""

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._handle_bulk(tasks))
            tasks.create_task(self._end_waits())
            while True:
                await self._begin_rounds(tasks)

    async def _begin_rounds(self, tasks: asyncio.TaskGroup) -> None:
        """Take requests, and handle those of each source in a task, up to `ROUNDS_MAX` at the same time."""
        async with self._rounds:
            taken = await self._inbox.take(TAKE_LIMIT if self._queue.sources < 2 else SHARED_TAKE_LIMIT)
        for each in self._queue.begin_rounds(self._begin_forwarding(taken, tasks)):
            await self._rounds.acquire()
            tasks.create_task(self._handle_round(each, tasks))

    async def _handle_round(self, each: Round, tasks: asyncio.TaskGroup) -> None:
        try:
            await self._handle(each.deliveries, self._chunks_of_small_rounds if each.is_small else self._chunks, tasks)
        finally:
            self._rounds.release()
            self._queue.end_round(each)
            self._inbox.recheck_queue()

    def _begin_forwarding(self, taken: list[Delivery], tasks: asyncio.TaskGroup) -> list[Delivery]:
        """Hand on in a task what is on topics of one source; return the rest."""
        if self._source_topics is None or not self._source_topics.topics:
            return taken
        own = [delivery for delivery in taken if delivery.topic in self._source_topics.topics]
        if own:
            tasks.create_task(self._forward(self._source_topics, own))
        return [delivery for delivery in taken if delivery.topic not in self._source_topics.topics]

    async def _forward(self, source_topics: SourceTopics, deliveries: list[Delivery]) -> None:
        await source_topics.forward(deliveries)
        self._inbox.finish(deliveries)

    async def _handle(self, deliveries: list[Delivery], in_flight: asyncio.Semaphore, tasks: asyncio.TaskGroup) -> None:
        """Admit each request, build its records, and publish them in chunks, so many of them in flight."""
        records: list[Record] = []
        handled: list[Admitted] = []
        admitted = await self._admission.admit(deliveries)
        slices = TimeSlices()
        for each in admitted:
            await slices.end_slice_if_due()
            if isinstance(each, Rejected):
                with log_delivery(each.delivery):
                    tasks.create_task(processed(self._reject(each), each.delivery))
                continue
            if isinstance(each.request, BatchRequested) and batch_priority(each.request) == "bulk":
                self._defer_bulk(each)
                continue
            self._bulk_pace.note_single(asyncio.get_running_loop().time())
            try:
                with processing(each.delivery):
                    built = list(self._records(each))
                self._note_rendered(each, built)
                records += built
                handled.append(each)
            except UnknownTemplateError as error:
                self._wait_for_template(error.template_id, each)
            if len(records) >= RECORDS_PER_CHUNK:
                await self._begin_chunk(records, handled, in_flight, tasks)
                records, handled = [], []
        await self._begin_chunk(records, handled, in_flight, tasks)

    async def _begin_chunk(
        self,
        records: list[Record],
        handled: list[Admitted],
        in_flight: asyncio.Semaphore,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Publish a chunk in a task while the next one is built, and let other tasks of this process run in between."""
        await in_flight.acquire()
        # A log line about one request says which; about several it cannot.
        with log_delivery(handled[0].delivery, handled[0].request) if len(handled) == 1 else nullcontext():
            deliveries = [each.delivery for each in handled]
            tasks.create_task(self._publish_chunk(records, deliveries, in_flight))
        await asyncio.sleep(0)

    async def _publish_chunk(
        self, records: list[Record], handled: list[Delivery], in_flight: asyncio.Semaphore
    ) -> None:
        await self._publish_within(in_flight, records)
        failpoint("intake published")
        self._inbox.finish(handled)

    def _records(self, each: Admitted) -> Iterator[Record]:
        """Return the records of a request. Raises UnknownTemplateError, unless it has waited for its template."""
        final = self._pop_waited(each.delivery)
        return self._handler.handle(
            each.request, each.delivery, grant=each.grant, allowance=each.allowance, final=final
        )

    def _note_rendered(self, each: Admitted, records: list[Record]) -> None:
        if any(record.topic in RENDER_TOPICS for record in records):
            self._known.note_rendered(each.request.source)

    def _defer_bulk(self, each: Admitted) -> None:
        self._inbox.defer(each.delivery)
        self._bulk.append(each.request.source, each)
        self._bulk_waits.set()

    async def _handle_bulk(self, tasks: asyncio.TaskGroup) -> None:
        """Handle deferred batches, one after the other, until cancelled or the inbox is drained."""
        while True:
            each = await self._next_bulk()
            if self._inbox.draining:
                return
            self._inbox.resume_deferred(each.delivery)
            with log_delivery(each.delivery, each.request):
                try:
                    with processing(each.delivery):
                        records = self._records(each)
                except UnknownTemplateError as error:
                    self._wait_for_template(error.template_id, each)
                else:
                    pieces = await self._begin_pieces(each, records, tasks)
                    tasks.create_task(self._finish_bulk(each.delivery, pieces))

    async def _next_bulk(self) -> Admitted:
        while not len(self._bulk):
            self._bulk_waits.clear()
            await self._bulk_waits.wait()
        source, each = self._bulk.popleft()
        if isinstance(each.request, BatchRequested):
            self._bulk.charge(source, len(each.request.posters))
        return each

    async def _begin_pieces(
        self, each: Admitted, records: Iterator[Record], tasks: asyncio.TaskGroup
    ) -> list[asyncio.Task[None]]:
        """Publish each piece in a task while the next one is built, of this batch or of the next, at a pace."""
        pieces = []
        clock = asyncio.get_running_loop().time
        began = clock()
        while piece := list(islice(records, RECORDS_PER_PIECE)):
            built = clock()
            self._note_rendered(each, piece)
            await self._pieces.acquire()
            pieces.append(tasks.create_task(self._publish_within(self._pieces, piece)))
            await let_others_run(LOOP_PASSES)
            await self._sleep(self._bulk_pace.pause(built - began, clock()))
            began = clock()
        return pieces

    async def _finish_bulk(self, delivery: Delivery, pieces: list[asyncio.Task[None]]) -> None:
        for piece in pieces:
            await piece
        failpoint("intake published")
        self._inbox.finish([delivery])

    async def _reject(self, rejected: Rejected) -> None:
        """Make a request that is refused a dead letter; publish its failure where it may be answered."""
        delivery, reason, error = rejected.delivery, rejected.reason, rejected.error
        if reason == SOURCE_MISMATCH:
            SOURCE_MISMATCHES.labels(rejected.kind).inc()
        if rejected.answered:
            await self._publish(self._handler.reject(delivery, error))
        await retry_while_unavailable(lambda: self._dead_letters.put(delivery, reason, error))
        self._inbox.finish([delivery])

    def _wait_for_template(self, template_id: str, each: Admitted) -> None:
        """Defer a request until the catalog holds its template, for `TEMPLATE_WAIT_SECONDS` at most."""
        self._inbox.defer(each.delivery)
        due = asyncio.get_running_loop().time() + TEMPLATE_WAIT_SECONDS
        self._requeue(self._waiting.add(each.delivery, each.request.source, template_id, due))
        self._request_waits.set()

    async def _end_waits(self) -> None:
        """Queue requests again whose template is there, or whose time has passed, until cancelled."""
        changed = self._catalog.changed
        while True:
            while not len(self._waiting):
                self._request_waits.clear()
                await self._request_waits.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._waiting.next_due):
                    await changed.wait()
            now = asyncio.get_running_loop().time()
            while due := self._waiting.pop_due(now, SHARED_TAKE_LIMIT):
                self._requeue(due)
                await let_others_run()
            if changed.is_set():
                changed = self._catalog.changed
                await self._end_waits_of_known_templates()

    async def _end_waits_of_known_templates(self) -> None:
        for number, template_id in enumerate(self._waiting.templates()):
            is_known = partial(self._knows, template_id)
            self._requeue(self._waiting.pop_known(template_id, is_known))
            if number % TAKE_LIMIT == 0:
                await let_others_run()

    def _knows(self, template_id: str, delivery: Delivery) -> bool:
        return self._handler.knows(template_id, delivery.timestamp)

    def _pop_waited(self, delivery: Delivery) -> bool:
        """Return whether a request has waited for its template, and forget that it has."""
        return len(self._waited) > 0 and self._waited.pop(delivery, False)

    def _requeue(self, deliveries: Iterable[Delivery]) -> None:
        """Queue requests again that have waited long enough: they take their turn like all others of their source."""
        for delivery in deliveries:
            self._waited[delivery] = True
            self._inbox.requeue(delivery)

    async def _publish_within(self, in_flight: asyncio.Semaphore, records: list[Record]) -> None:
        """Publish, and give the place in flight to the next chunk or piece."""
        try:
            await self._publish(records)
        finally:
            in_flight.release()

    async def _publish(self, records: list[Record]) -> None:
        if records:
            await retry_while_unavailable(lambda: self._publisher.publish(records))
