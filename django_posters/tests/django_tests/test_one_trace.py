"""One poster is one trace: from the site's request over every role, with a failed attempt, back to the site.

The roles run on what each of them publishes, in this process, with a real browser and database.
With TRACE_PICTURE=1 the trace is drawn into docs/images/trace.svg.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from confluent_kafka import Message, Producer
from django_posters.models import Poster
from django_posters.outbox.relay import publish_batch
from django_posters.results.consumer import handle
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from agents.cancellations import Cancellations
from agents.fair_queue import FairQueue
from agents.intake.agent import IntakeAgent
from agents.intake.catalog import Catalog
from agents.intake.request_handler import RequestHandler
from agents.known_sources import KnownSources
from agents.render.agent import RenderAgent
from agents.render.image_store import ImageStore
from agents.render.poster_renderer import PosterRenderer, Renderer
from agents.retry.agent import RetryAgent
from agents.sink.database import sink_database
from agents.sink.sink import Sink
from bench.report.timeline import Bar, timeline
from django_posters import request_poster, tracing
from django_tests.site import NAME, Site, make_testimonial
from renderer.assets.allowed_hosts import AllowedHosts
from renderer.assets.fetcher import HttpFetcher
from renderer.engine import Engine
from renderer.errors import RenderError
from renderer.rendering import Rendering, RenderRequest
from schemas import topics
from schemas.codec import encode
from schemas.templates import Placeholder, TemplateUploaded
from streams.delivery import Delivery, Record
from streams.inbox import Inbox
from streams.opentelemetry_spans import OpenTelemetrySpans
from streams.tracing import use_spans
from tests.agents.owners import admission
from tests.agents.published import worked
from tests.render.poster_renderer import VERSION, InProcessFiller, MemoryStore, Sources
from tests.renderer.assets.site import open_site, png
from tests.sink.ports import Announcements, RecordedDeadLetters

PICTURE = Path(__file__).parents[3] / "docs" / "images" / "trace.svg"
REQUEST = "POST /testimonials/"
FROM_REQUEST_TO_COMPLETION = [
    REQUEST,
    "create poster-requests",
    "send poster-requests",
    "process poster-requests",
    "process poster-retries-1",
    "process poster-renders",
    "process poster-completions",
]


@dataclass
class Trace:
    """The spans that ended."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    provider: TracerProvider = field(default_factory=lambda: TracerProvider(shutdown_on_exit=False))

    def __post_init__(self) -> None:
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """All of them, in the order in which they ended."""
        return self.exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        """Return those of a name."""
        return [span for span in self.spans if span.name == name]

    def ancestors(self, span: ReadableSpan) -> list[str]:
        """Return the names of the spans from the root to this one."""
        parents = {identity(each): each for each in self.spans}
        names = [span.name]
        while span.parent is not None:
            span = parents[span.parent.span_id]
            names.insert(0, span.name)
        return names


def identity(span: ReadableSpan) -> int:
    """Return the id of a span."""
    assert span.context is not None
    return span.context.span_id


@dataclass
class Published:
    """A producer of confluent-kafka, and what the broker makes of a record: its place and its bytes."""

    record: Record | None = None
    callback: Callable[[None, Message], None] | None = None

    def produce(self, topic: str, *, key: bytes, value: bytes, headers: Any, on_delivery: Any) -> None:
        """Take one record."""
        carried = tuple((name, text.encode()) for name, text in headers)
        self.record, self.callback = Record(topic=topic, key=key, value=value, headers=carried), on_delivery

    def flush(self) -> None:
        """Acknowledge it."""
        assert self.record is not None
        assert self.callback is not None
        self.callback(None, message(self.record))


def message(record: Record) -> Message:
    """Return a record as a consumer of confluent-kafka has it."""

    class _Message:
        topic, partition, offset = (lambda _: record.topic), (lambda _: 0), (lambda _: 7)
        key, value, headers = (lambda _: record.key), (lambda _: record.value), (lambda _: list(record.headers))

    return cast("Message", _Message())


def delivered(record: Record, offset: int = 7) -> Delivery:
    """Return a record as a role has it."""
    key = record.key.encode() if isinstance(record.key, str) else record.key
    return Delivery(
        topic=record.topic,
        partition=0,
        offset=offset,
        timestamp=datetime.now(UTC),
        key=key,
        value=record.value,
        headers=record.headers,
    )


def catalog() -> Catalog:
    """Return a catalog with the section that the site's testimonials ask for."""
    known, uploaded_at = Catalog(), datetime(2026, 1, 1, tzinfo=UTC)
    event = TemplateUploaded(
        event_id=UUID(int=1),
        occurred_at=uploaded_at,
        source=NAME,
        command_id=UUID(int=2),
        section="testimonial",
        template_id=VERSION,
        name="testimonial",
        template_version=1,
        is_active=True,
        html_sha256="0" * 64,
        width=600,
        height=400,
        placeholders=[Placeholder(name="quote")],
        activations=[uploaded_at],
    )
    known.on_record(b"testimonial@1", encode(event))
    return known


def bars(trace: Trace) -> Iterator[Bar]:
    """Yield the spans for the picture, in the order of their beginnings."""
    spans = sorted(trace.spans, key=lambda span: (span.start_time or 0, -(span.end_time or 0)))
    rows = {identity(span): row for row, span in enumerate(spans)}
    began = spans[0].start_time or 0
    for span in spans:
        links = [rows[link.context.span_id] for link in span.links]
        yield Bar(
            name=span.name,
            begins=((span.start_time or 0) - began) / 1e9,
            ends=((span.end_time or 0) - began) / 1e9,
            depth=len(trace.ancestors(span)) - 1,
            color=color_of(span),
            links=links,
        )


def color_of(span: ReadableSpan) -> str:
    """Return the site's color, the roles', that of their steps, or that of a failure."""
    if "error.type" in (span.attributes or {}):
        return "#c0392b"
    if span.instrumentation_scope is not None and span.instrumentation_scope.name != "posterstream":
        return "#2e8b57"
    return "#8fb3dc" if span.kind is SpanKind.INTERNAL else "#1e5fa8"


class FailsOnce:
    """A renderer whose first document is late."""

    def __init__(self, engine: Renderer) -> None:
        self._engine = engine
        self._failed = False
        self.fingerprint = engine.fingerprint

    async def render(self, request: RenderRequest) -> Rendering:
        """Draw it, from the second call on."""
        if not self._failed:
            self._failed = True
            raise RenderError("render_timeout", "late")
        return await self._engine.render(request)


def only(records: Iterable[Record], topic: str) -> Record:
    """Return the one record of a topic."""
    (record,) = (each for each in records if each.topic == topic)
    return record


async def through_the_roles(requested: Record, database_url: str) -> list[Record]:
    """Return every record that the roles publish for a request."""
    sent, known = Announcements(), catalog()
    handler = RequestHandler(known, Cancellations(), lambda: datetime.now(UTC))
    queue, known_sources = FairQueue(), KnownSources(known.owners)
    inbox = Inbox([topics.POSTER_REQUESTS], 100, queue=queue)
    intake = IntakeAgent(
        inbox, sent, RecordedDeadLetters(), handler, known, admission(), queue=queue, known=known_sources
    )
    await worked(inbox, intake.run, [delivered(requested)])
    async with (
        open_site() as assets,
        HttpFetcher(AllowedHosts.parse("127.0.0.1")) as fetcher,
        Engine(concurrency=1, fetcher=fetcher) as engine,
    ):
        html = f'<h1>{{{{ quote }}}}</h1><img src="{assets.put("/photo.png", png())}">'
        renderer = PosterRenderer(
            FailsOnce(engine),
            cast("Any", Sources(html)),
            cast("Any", InProcessFiller()),
            ImageStore(store=cast("Any", MemoryStore()), public_url=None),
            timeout=15.0,
            clock=asyncio.get_running_loop().time,
        )
        await by_render(sent, renderer, only(sent.records, topics.POSTER_RENDERS))
        await by_retry(sent, only(sent.records, topics.POSTER_RETRIES[0]))
        await by_render(sent, renderer, [each for each in sent.records if each.topic == topics.POSTER_RENDERS][1])
    await by_sink(sent, requested, database_url)
    return sent.records


async def by_render(sent: Announcements, renderer: PosterRenderer, record: Record) -> None:
    """Let the render role handle one record."""
    inbox = Inbox([record.topic], 100)
    agent = RenderAgent(
        inbox,
        sent,
        RecordedDeadLetters(),
        Cancellations(),
        renderer,
        retry_delays=(0.2, 60, 600),
        now=lambda: datetime.now(UTC),
    )
    await worked(inbox, agent.run, [delivered(record)])


async def by_retry(sent: Announcements, record: Record) -> None:
    """Let the retry role handle one record."""
    inbox = Inbox([record.topic], 100)
    agent = RetryAgent(
        inbox, sent, RecordedDeadLetters(), Cancellations(), longest_wait=5.0, now=lambda: datetime.now(UTC)
    )
    await worked(inbox, agent.run, [delivered(record)])


async def by_sink(sent: Announcements, requested: Record, database_url: str) -> None:
    """Let the sink write everything in one transaction, the completion last."""
    read = (topics.POSTER_PROGRESS, topics.POSTER_LOGS, topics.POSTER_COMPLETIONS)
    records = [requested, *(each for topic in read for each in sent.records if each.topic == topic)]
    database = sink_database(database_url)
    try:
        await Sink(database, sent, RecordedDeadLetters()).process(
            [delivered(each, offset) for offset, each in enumerate(records)]
        )
    finally:
        await database.close()


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trace]:
    """What the site and the roles record."""
    found = Trace()
    monkeypatch.setattr(tracing, "_tracer", lambda: found.provider.get_tracer("django_posters"))
    use_spans(OpenTelemetrySpans(found.provider))
    yield found
    use_spans(None)


def test_one_poster_is_one_trace(plain_site: Site, database: str, trace: Trace) -> None:
    """Every step of a poster is in the trace of the site's request; a retry and a flush link to what they follow."""
    with trace.provider.get_tracer("website").start_as_current_span(REQUEST):
        poster = request_poster(make_testimonial())
    producer = Published()
    publish_batch(cast("Producer", producer))
    assert producer.record is not None
    records = asyncio.run(through_the_roles(producer.record, database))
    for topic in (topics.POSTER_COMPLETIONS, topics.JOB_EVENTS):
        handle(message(only(records, topic)), NAME)

    assert Poster.objects.get(job_id=poster.job_id).status == "completed"
    assert all([name for name, _ in each.headers].count("traceparent") == 1 for each in records)
    (flush,) = trace.named("flush")
    of_request = trace.named(REQUEST)[0].context
    assert of_request is not None
    others = [span for span in trace.spans if span is not flush]
    assert {span.context.trace_id for span in others if span.context} == {of_request.trace_id}
    (completed,) = trace.named("process poster-completions")
    assert trace.ancestors(completed) == FROM_REQUEST_TO_COMPLETION
    _check_links(trace, flush)
    _check_steps(trace)
    text = timeline(list(bars(trace)), title="One poster, whose first attempt fails")
    if os.environ.get("TRACE_PICTURE"):
        PICTURE.write_text(text)
    names = {f">{span.name}</text>" for span in trace.spans}
    assert not {name for name in names if name not in text or name not in PICTURE.read_text()}


def _check_links(trace: Trace, flush: ReadableSpan) -> None:
    failed, drawn = trace.named("process poster-renders")
    (retry,) = trace.named("process poster-retries-1")
    assert [link.context.span_id for link in retry.links] == [identity(failed)]
    assert dict(failed.attributes or {})["error.type"] == "render_timeout"
    assert {identity(failed), identity(drawn)} < {link.context.span_id for link in flush.links}
    (announced,) = trace.named("create job-events")
    assert [link.context.span_id for link in announced.links] == [identity(flush)]
    assert trace.ancestors(trace.named("process job-events")[0])[-2:] == ["create job-events", "process job-events"]


def _check_steps(trace: Trace) -> None:
    _, drawn = trace.named("process poster-renders")
    steps = [span.name for span in trace.spans if span.parent and span.parent.span_id == identity(drawn)]
    assert {"fill", "assets", "draw", "encode", "store"} <= set(steps)
    assert dict(drawn.attributes or {}) | {"messaging.kafka.message.key": ""} == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "poster-renders",
        "messaging.destination.partition.id": "0",
        "messaging.kafka.offset": 7,
        "messaging.kafka.message.key": "",
    }
