"""Intake and render with their real schedulers, inboxes and limits, on a broker in memory and in virtual time.

Not real: the broker, the browser, what a request's records hold, and the time that each step takes.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5
from zlib import crc32

from msgspec import Raw

from agents.cancellations import Cancellations
from agents.events import StoredPoster
from agents.fair_queue import FairQueue
from agents.intake.agent import IntakeAgent
from agents.intake.catalog import Catalog
from agents.intake.request_handler import RequestHandler, UnknownTemplateError
from agents.known_sources import KnownSources
from agents.render.agent import RenderAgent
from agents.render.cost_kind import cost_kind
from agents.render.lanes import Lanes
from agents.render.poster_renderer import PosterRenderer
from agents.render.slow_templates import SlowTemplates
from renderer.concurrency_limit import ConcurrencyLimit
from renderer.cost_estimates import CostEstimates
from renderer.engine import UPLOADS_BESIDE
from renderer.errors import RenderError
from renderer.pool import Pool
from schemas import topics
from schemas.codec import encode
from schemas.outcomes import Image
from schemas.output import DEFAULTS
from schemas.renders import PosterPinned
from schemas.requests import BatchRequested, PosterRequested, Request, batch_priority
from streams.delivery import Delivery, Record
from streams.inbox import Inbox, Partition, weigh_by_size
from streams.topics import EDGES, TOPICS
from tests.agents.owners import admission
from tests.simulation.virtual_time import virtual_loop
from tests.sink.ports import RecordedDeadLetters
from tests.streams.deliveries import EPOCH, delivery

PAGES = 3
RENDER_SECONDS = 0.1
ENDLESS_SECONDS = 15.0
UPLOAD_SECONDS = 0.03
BROKER_SECONDS = 0.005
REQUEST_SECONDS = 0.00026
"""What intake works on one poster."""
IMAGE = Image(name="default", url="u", object_key="k", sha256="0" * 64, size_bytes=1, width=1, height=1, format="png")


@dataclass
class Broker:
    """Topics in memory. It is the consumer of both inboxes, and the publisher of both roles."""

    log: dict[Partition, list[Delivery]] = field(default_factory=dict)
    positions: dict[Partition, int] = field(default_factory=dict)
    paused: set[Partition] = field(default_factory=set)
    partitions: dict[str, int] = field(default_factory=lambda: {topic.name: topic.partitions for topic in TOPICS})
    ended: dict[str, float] = field(default_factory=dict)
    """When the first outcome of each job was published."""
    _outcomes: dict[str, asyncio.Event] = field(default_factory=dict)

    def append(self, record: Record) -> None:
        """Write a record at the end of its partition."""
        key = record.key.encode() if isinstance(record.key, str) else record.key or b""
        if record.topic == topics.POSTER_COMPLETIONS:
            self.ended.setdefault(key.decode(), virtual_loop().time())
            self._outcomes.setdefault(key.decode(), asyncio.Event()).set()
        partition = record.topic, crc32(key) % self.partitions[record.topic]
        written = self.log.setdefault(partition, [])
        written.append(delivery(len(written), topic=record.topic, partition=partition[1], key=key, value=record.value))

    async def outcome(self, job: str) -> float:
        """Return when the first outcome of a job was published."""
        await self._outcomes.setdefault(job, asyncio.Event()).wait()
        return self.ended[job]

    async def publish(self, records: Iterable[Record]) -> None:
        """Acknowledge records after a while."""
        await asyncio.sleep(BROKER_SECONDS)
        for record in records:
            self.append(record)

    async def feed(self, inbox: Inbox, poll_records: int) -> None:
        """Hand over what is there, in fetches."""
        inbox.attach(self)
        while True:
            await asyncio.sleep(BROKER_SECONDS)
            for partition, written in list(self.log.items()):
                if partition[0] in inbox.topics and partition not in self.paused:
                    position = self.positions.get(partition, 0)
                    self.positions[partition] = min(len(written), position + poll_records)
                    for each in written[position : position + poll_records]:
                        inbox.deliver(each, lambda: None)

    def pause_partition(self, partition: Partition) -> None:
        """Stop fetching a partition."""
        self.paused.add(partition)

    def resume_partition(self, partition: Partition) -> None:
        """Fetch it again."""
        self.paused.discard(partition)

    def accept(self, *_: object) -> bool:
        """Accept every record: none gets lost."""
        return True


@dataclass
class Handler:
    """Turns requests into posters without checking them. A template exists where its name says how it is drawn."""

    templates: set[str]

    def handle(self, request: Request, _: Delivery, *, final: bool, **_grant: object) -> Iterator[Record]:
        """Yield the records of a request, or raise UnknownTemplateError."""
        assert isinstance(request, PosterRequested | BatchRequested)
        if request.template_id not in self.templates and not final:
            raise UnknownTemplateError(request.template_id)
        return self._records(request)

    def knows(self, template_id: str, _: object) -> bool:
        """Return whether there is such a template."""
        return template_id in self.templates

    def _records(self, request: PosterRequested | BatchRequested) -> Iterator[Record]:
        lane = batch_priority(request) if isinstance(request, BatchRequested) else request.priority
        for index in range(len(request.posters) if isinstance(request, BatchRequested) else 1):
            virtual_loop().advance(REQUEST_SECONDS)
            if request.template_id not in self.templates:
                yield Record(topic=topics.POSTER_COMPLETIONS, key=request.job_id, value=b"")
                continue
            poster = PosterPinned(
                event_id=uuid4(),
                occurred_at=EPOCH,
                source=request.source,
                job_id=request.job_id,
                poster_index=index,
                entity_id="e",
                template_version_id=version_of(request.template_id),
                section=request.template_id,
                template_version=1,
                output=DEFAULTS,
                lane=lane,
                requested_at=EPOCH,
                input_digest="0" * 64,
            )
            topic = topics.POSTER_RENDERS_BULK if lane == "bulk" else topics.POSTER_RENDERS
            yield Record(topic=topic, key=f"{request.job_id} {index}", value=encode(poster))


@dataclass
class Browser:
    """Draws with a real pool: a usual document takes `RENDER_SECONDS`, one that never ends is given up."""

    pool: Pool[int]
    costs: CostEstimates
    lanes: Lanes

    async def render(self, poster: PosterPinned) -> StoredPoster:
        """Draw and store a poster."""
        kind = cost_kind(poster.template_version_id, poster.output)
        is_endless = poster.section.startswith("endless")
        page = await self.pool.acquire(poster.lane, poster.source, self.costs.estimate(kind))
        try:
            await asyncio.sleep(ENDLESS_SECONDS if is_endless else RENDER_SECONDS)
        finally:
            seconds = self.pool.release(page)
            self.costs.note(kind, seconds)
            self.lanes.charge(poster.lane, poster.source, seconds)
        if is_endless:
            raise RenderError("script_timeout", "its scripts did not end")
        await asyncio.sleep(UPLOAD_SECONDS)
        return StoredPoster(images=[IMAGE])


def version_of(template_id: str) -> UUID:
    """Return the version that a template stands for."""
    return uuid5(NAMESPACE_URL, template_id)


@dataclass
class Pipeline:
    """A worker with intake and render, and what was asked of it."""

    broker: Broker
    handler: Handler
    catalog: Catalog

    def upload(self, template: str) -> None:
        """Have a template in the catalog from now on."""
        self.handler.templates.add(template)
        self.catalog.changed.set()
        self.catalog.changed = asyncio.Event()

    def send(self, request: Request) -> None:
        """Write a request."""
        self.broker.append(Record(topic=topics.POSTER_REQUESTS, key=request.job_id, value=encode(request)))

    async def single(self, source: str, job: str, template: str = "usual") -> float:
        """Request a poster and return after how many seconds it was there."""
        began = virtual_loop().time()
        self.send(single(source, job, template))
        return await self.broker.outcome(job) - began


@asynccontextmanager
async def pipeline(templates: Sequence[str], weights: dict[str, float] | None = None) -> Any:
    """Run a worker."""
    broker, costs = Broker(), CostEstimates()
    limit, slow = ConcurrencyLimit(PAGES + UPLOADS_BESIDE), SlowTemplates(PAGES - 1)
    loop = virtual_loop()
    pool: Pool[int] = Pool(loop.time, weights or {})
    for page in range(PAGES):
        pool.add(page)
    handler, catalog = Handler(set(templates)), Catalog()
    lanes, known = Lanes(limit, costs, slow, weights or {}), KnownSources(catalog.owners, weights or {})
    queue = FairQueue(weights or {}, known=known)
    edges = EDGES
    intake = Inbox(edges["intake"].consumes, edges["intake"].cap, weigh=weigh_by_size, queue=queue)
    render = Inbox(edges["render"].consumes, edges["render"].cap, weigh=weigh_by_size, queue=lanes)
    limit.on_free = render.recheck_queue
    intake_agent = IntakeAgent(
        intake,
        broker,
        RecordedDeadLetters(),
        cast("RequestHandler", handler),
        catalog,
        admission(),
        weights=weights or {},
        queue=queue,
        known=known,
    )
    render_agent = RenderAgent(
        render,
        broker,
        RecordedDeadLetters(),
        Cancellations(),
        cast("PosterRenderer", Browser(pool, costs, lanes)),
        retry_delays=(10, 60, 600),
        now=lambda: EPOCH + timedelta(seconds=loop.time()),
        slow=slow,
    )
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(intake_agent.run()),
            tasks.create_task(render_agent.run()),
            tasks.create_task(broker.feed(intake, edges["intake"].poll_records)),
            tasks.create_task(broker.feed(render, edges["render"].poll_records)),
        ]
        yield Pipeline(broker, handler, catalog)
        for task in running:
            task.cancel()


def single(source: str | None, job: str, template: str = "usual", **fields: Any) -> PosterRequested:
    """Return a request for one poster."""
    return PosterRequested(
        event_id=uuid4(), occurred_at=EPOCH, source=source, job_id=job, template_id=template, **fields
    )


def batch(source: str | None, job: str, posters: int, template: str = "usual", **fields: Any) -> BatchRequested:
    """Return a request for many posters."""
    return BatchRequested(
        event_id=uuid4(),
        occurred_at=EPOCH,
        source=source,
        job_id=job,
        template_id=template,
        posters=[Raw(b'{"entity_id":"e"}')] * posters,
        **fields,
    )
