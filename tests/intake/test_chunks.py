"""Large backlogs neither block the event loop nor fill the memory."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import pytest
from msgspec import Raw

from agents.fair_queue import FairQueue
from agents.intake.agent import PIECES_IN_FLIGHT, RECORDS_PER_CHUNK, RECORDS_PER_PIECE, IntakeAgent
from agents.intake.catalog import Catalog
from agents.intake.request_handler import RequestHandler
from agents.known_sources import KnownSources
from schemas.codec import encode
from schemas.limits import BATCH_MAX_POSTERS
from schemas.requests import BatchRequested, JobCancelRequested, PosterRequested, Request
from streams.dead_letters.dead_letters import DeadLetters
from streams.delivery import Delivery, Publisher, Record
from streams.inbox import Inbox, weigh_by_size
from tests.agents.owners import admission
from tests.streams.deliveries import EPOCH, delivery

REQUESTS = 9


class Many:
    """Handles each request with half a chunk of records, and one more."""

    def __init__(self) -> None:
        self.handled = 0

    def handle(self, _request: object, _delivery: Delivery, *, final: bool, **_grant: object) -> Iterator[Record]:
        """Yield the records."""
        assert not final
        self.handled += 1
        yield from [Record(topic="poster-renders", key="k", value=b"")] * (RECORDS_PER_CHUNK // 2 + 1)


class Slow:
    """A publisher that acknowledges once `open` is set."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.sizes: list[int] = []

    async def publish(self, records: Iterable[Record]) -> None:
        """Take them."""
        self.sizes.append(len(list(records)))
        await self.open.wait()


async def test_large_requests_are_published_in_chunks() -> None:
    """While two chunks are in flight no more than a third is built; in the end all requests are handled."""
    handler, publisher, queue = Many(), Slow(), FairQueue()
    inbox = Inbox(["poster-requests"], cap=100, queue=queue)
    agent = IntakeAgent(
        inbox,
        publisher,
        cast("DeadLetters", None),
        cast("RequestHandler", handler),
        Catalog(),
        admission(),
        queue=queue,
        known=KnownSources(()),
    )
    done = asyncio.Event()
    for offset in range(REQUESTS):
        request = JobCancelRequested(event_id=uuid4(), occurred_at=datetime.now(UTC), job_id=f"job_{offset}")
        inbox.deliver(delivery(offset, value=encode(request)), done.set if offset + 1 == REQUESTS else lambda: None)
    running = asyncio.ensure_future(agent.run())
    for _ in range(100):
        await asyncio.sleep(0)
    built, sent = handler.handled, list(publisher.sizes)
    publisher.open.set()
    await done.wait()
    running.cancel()

    assert (built, len(sent)) == (6, 2)
    assert handler.handled == REQUESTS
    assert max(publisher.sizes) < 2 * RECORDS_PER_CHUNK


class Named:
    """Handles each request with records that are named after its job, two for a poster."""

    def handle(self, request: Request, _delivery: Delivery, *, final: bool, **_grant: object) -> Iterator[Record]:
        """Yield the records."""
        assert not final
        posters = len(request.posters) if isinstance(request, BatchRequested) else 1
        for _ in range(2 * posters):
            yield Record(topic="poster-renders", key=request.job_id or "", value=b"")


class Gate:
    """A publisher that acknowledges one call for each release of `gate`."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int]] = []
        self.gate = asyncio.Semaphore(0)

    async def publish(self, records: Iterable[Record]) -> None:
        """Take the records; single posters are acknowledged at once."""
        batch = list(records)
        self.taken.append((str(batch[0].key), len(batch)))
        if batch[0].key != "single":
            await self.gate.acquire()


class Desk:
    """An intake role without broker and catalog, and what was acknowledged to the broker."""

    def __init__(self) -> None:
        self.gate = Gate()
        queue = FairQueue()
        self.inbox = Inbox(["poster-requests"], cap=100, weigh=weigh_by_size, queue=queue)
        self.acknowledged: list[int] = []
        self.pauses: list[float] = []
        self.agent = IntakeAgent(
            self.inbox,
            cast("Publisher", self.gate),
            cast("DeadLetters", None),
            cast("RequestHandler", Named()),
            Catalog(),
            admission(),
            queue=queue,
            known=KnownSources(()),
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    def deliver(self, offset: int, request: Request) -> None:
        """Deliver a request."""
        value = encode(request)
        self.inbox.deliver(delivery(offset, value=value), lambda: self.acknowledged.append(offset))

    async def acknowledge(self, calls: int) -> None:
        """Let the broker acknowledge so many calls, the oldest first, and the role work on."""
        for _ in range(calls):
            self.gate.gate.release()
        await self.passes()

    async def passes(self) -> None:
        """Let the role work until it waits for the broker."""
        for _ in range(200):
            await asyncio.sleep(0)


def batch(job: str, posters: int) -> BatchRequested:
    """Return a batch."""
    raw = [Raw(b'{"entity_id":"e"}')] * posters
    return BatchRequested(**stamp(), job_id=job, template_id="s_latest", posters=raw)


def single() -> PosterRequested:
    """Return a request for one poster."""
    return PosterRequested(**stamp(), job_id="single", template_id="s_latest", entity_id="e")


def stamp() -> dict[str, Any]:
    """Return what every event carries."""
    return {"event_id": uuid4(), "occurred_at": EPOCH}


@pytest.fixture
async def desk() -> Any:
    """A working role."""
    desk = Desk()
    running = asyncio.create_task(desk.agent.run())
    yield desk
    running.cancel()
    await asyncio.wait([running])


async def test_a_single_poster_overtakes_batches(desk: Desk) -> None:
    """It is published while batches before it are in flight, and acknowledged after them, in the partition's order."""
    desk.deliver(0, batch("first", BATCH_MAX_POSTERS))
    desk.deliver(1, batch("second", 20))
    await desk.passes()
    desk.deliver(2, single())
    await desk.passes()
    published, early = list(desk.gate.taken), list(desk.acknowledged)
    await desk.acknowledge(PIECES_IN_FLIGHT + 2)

    rest = 2 * BATCH_MAX_POSTERS - PIECES_IN_FLIGHT * RECORDS_PER_PIECE
    assert published == [*[("first", RECORDS_PER_PIECE)] * PIECES_IN_FLIGHT, ("single", 2)]
    assert early == []
    assert desk.gate.taken[len(published) :] == [("first", rest), ("second", 40)]
    assert desk.acknowledged == [0, 1, 2]


async def test_batches_pause_for_single_posters_only(desk: Desk) -> None:
    """Intake pauses between pieces of a batch once single posters arrive, because those have to be drawn meanwhile."""
    desk.deliver(0, batch("first", BATCH_MAX_POSTERS))
    await desk.passes()
    without = list(desk.pauses)
    desk.deliver(1, single())
    await desk.passes()
    await desk.acknowledge(2)

    assert (len(without), set(without)) == (PIECES_IN_FLIGHT, {0.0})
    assert len(desk.pauses) > len(without)
    assert min(desk.pauses[len(without) :]) > 0


async def test_a_batch_begins_while_the_end_of_another_is_in_flight(desk: Desk) -> None:
    """The role does not wait for the broker between two batches; both share the limit of pieces in flight."""
    desk.deliver(0, batch("first", BATCH_MAX_POSTERS))
    desk.deliver(1, batch("second", BATCH_MAX_POSTERS))
    await desk.passes()
    await desk.acknowledge(2)
    begun, early = list(desk.gate.taken), list(desk.acknowledged)
    await desk.acknowledge(1)

    rest = 2 * BATCH_MAX_POSTERS - PIECES_IN_FLIGHT * RECORDS_PER_PIECE
    assert begun == [
        *[("first", RECORDS_PER_PIECE)] * PIECES_IN_FLIGHT,
        ("first", rest),
        ("second", RECORDS_PER_PIECE),
    ]
    assert early == []
    assert desk.acknowledged == [0]
    assert len(desk.gate.taken) == len(begun) + 1


async def test_a_small_batch_is_not_bulk(desk: Desk) -> None:
    """It is handled like single posters, while larger ones are in flight."""
    desk.deliver(0, batch("bulk", 20))
    desk.deliver(1, batch("small", 2))
    await desk.passes()

    assert ("small", 4) in desk.gate.taken


async def test_a_drain_leaves_batches_that_have_not_begun(desk: Desk) -> None:
    """It waits for the one in flight; the others are delivered again."""
    desk.deliver(0, batch("first", BATCH_MAX_POSTERS))
    desk.deliver(1, batch("second", 20))
    desk.deliver(2, batch("third", 20))
    await desk.passes()
    draining = asyncio.create_task(desk.inbox.drain(5))
    await desk.passes()
    early = draining.done()
    await desk.acknowledge(3)

    assert not early
    assert await draining
    assert desk.acknowledged == [0]
    assert {job for job, _ in desk.gate.taken} == {"first"}
