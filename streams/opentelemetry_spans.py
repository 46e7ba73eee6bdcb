"""Spans by OpenTelemetry, with the attributes of its semantic conventions for messaging.

Exceptions are recorded by their type, never by their message: it may quote what a poster shows.
"""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from streams.delivery import Delivery, Headers
from streams.trace_headers import FAILED_ATTEMPT, failed_attempt, incoming_headers

CLOSE_SECONDS: Final = 2.0
"""How long the end of a worker waits for its last spans to be exported."""
LINKS_MAX: Final = 128
"""Records that the span of a flush links to: what OpenTelemetry keeps of a span by default."""
_EMPTY: Final = Context()
_PROPAGATOR: Final = TraceContextTextMapPropagator()


def exporting_spans() -> "OpenTelemetrySpans":
    """Return spans that are exported by OTLP over HTTP, in batches, by a thread."""
    provider = TracerProvider(resource=Resource.create(_service_name()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return OpenTelemetrySpans(provider)


def _service_name() -> dict[str, str]:
    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return {} if named else {"service.name": "posterstream"}


class OpenTelemetrySpans:
    """Records spans with a provider's tracer. Its sampler decides for each trace; by default as the producer did."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("posterstream")
        self._follows_producers = isinstance(provider.sampler, ParentBased)

    def close(self) -> None:
        """Export what is left, within CLOSE_SECONDS: an unavailable collector must not delay the end of a worker."""
        # A thread, because the provider's own shutdown has no limit but that of the exporter's retries.
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)

    def process(self, delivery: Delivery) -> AbstractContextManager[None]:
        """Start a consumer span whose parent is the span that produced the record, unless that is not sampled."""
        if self._follows_producers and _sampled_by_producer(delivery) is False:
            return nullcontext()
        return self._process(delivery)

    @contextmanager
    def _process(self, delivery: Delivery) -> Iterator[None]:
        failed = failed_attempt(delivery)
        links = [] if failed is None else _links([_context({"traceparent": failed.decode()})], {"retry": True})
        with self._span(
            f"process {delivery.topic}",
            context=_context_of(delivery),
            kind=SpanKind.CONSUMER,
            attributes=_record_attributes(delivery),
            links=links,
        ):
            yield

    @contextmanager
    def flush(self, deliveries: Sequence[Delivery]) -> Iterator[object]:
        """Start the root span of a transaction, if a trace of its records is sampled; give its context."""
        contexts = _sampled_contexts(deliveries)
        if not contexts:
            yield None
            return
        destinations = sorted({delivery.topic for delivery in deliveries})
        attributes: dict[str, Any] = {
            **_operation("flush", "process"),
            "messaging.batch.message_count": len(deliveries),
        }
        if len(destinations) == 1:
            attributes["messaging.destination.name"] = destinations[0]
        with self._span(
            " ".join(["flush", *(destinations if len(destinations) == 1 else [])]),
            context=_EMPTY,
            kind=SpanKind.CONSUMER,
            attributes=attributes,
            links=[Link(each) for each in contexts],
        ) as span:
            yield span.get_span_context()

    @contextmanager
    def announce(self, topic: str, cause: Delivery | None, flushed: object) -> Iterator[None]:
        """Start a producer span in the trace of `cause`."""
        if cause is None or not _sampled_by_producer(cause):
            yield
            return
        with self._span(
            f"create {topic}",
            context=_context_of(cause),
            kind=SpanKind.PRODUCER,
            attributes={**_operation("create", "create"), "messaging.destination.name": topic},
            links=[Link(flushed)] if isinstance(flushed, SpanContext) else [],
        ):
            yield

    def step(self, name: str) -> AbstractContextManager[None]:
        """Start an internal span, unless the current one is not sampled."""
        return self._step(name) if trace.get_current_span().is_recording() else nullcontext()

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        with self._span(name):
            yield

    def past_steps(self, steps: Sequence[tuple[str, float]]) -> None:
        """Record internal spans whose times are known afterwards."""
        if not trace.get_current_span().is_recording():
            return
        begins = time.time_ns() - round(sum(seconds for _, seconds in steps) * 1e9)
        for name, seconds in steps:
            ends = begins + round(seconds * 1e9)
            if seconds > 0:
                self._tracer.start_span(name, start_time=begins).end(ends)
            begins = ends

    def mark_failed(self, code: str) -> None:
        """Set the status and `error.type` of the current span."""
        _fail(trace.get_current_span(), code)

    def headers(self) -> Headers:
        """Return the current span's trace context."""
        return _injected(trace.get_current_span().get_span_context())

    def retry_headers(self) -> Headers:
        """Return the trace context of the current span's parent, so that attempts are siblings, and the span's own."""
        span = trace.get_current_span()
        parent = getattr(span, "parent", None)
        own = dict(_injected(span.get_span_context())).get("traceparent")
        if not isinstance(parent, SpanContext) or own is None:
            return ()
        return (*_injected(parent), (FAILED_ATTEMPT, own))

    def trace_id(self) -> str | None:
        """Return the current trace's id, in hexadecimal digits."""
        context = trace.get_current_span().get_span_context()
        return trace.format_trace_id(context.trace_id) if context.is_valid else None

    @contextmanager
    def _span(self, name: str, **options: Any) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name, **options, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except Exception as error:
                _fail(span, type(error).__qualname__)
                raise


def _fail(span: Span, code: str) -> None:
    span.set_status(Status(StatusCode.ERROR))
    span.set_attribute("error.type", code)


def _record_attributes(delivery: Delivery) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        **_operation("process", "process"),
        "messaging.destination.name": delivery.topic,
        "messaging.destination.partition.id": str(delivery.partition),
        "messaging.kafka.offset": delivery.offset,
    }
    if delivery.key is not None:
        attributes["messaging.kafka.message.key"] = delivery.key[:200].decode(errors="replace")
    return attributes


def _operation(name: str, kind: str) -> dict[str, Any]:
    return {"messaging.system": "kafka", "messaging.operation.name": name, "messaging.operation.type": kind}


def _context_of(delivery: Delivery) -> Context:
    return _context({name: (value or b"").decode("ascii") for name, value in incoming_headers(delivery)})


def _sampled_by_producer(delivery: Delivery) -> bool | None:
    """Return whether the record's trace is sampled, None where it has none. Reads the last digit and no more."""
    headers = incoming_headers(delivery)
    return bool(int((headers[0][1] or b"0")[-1:], 16) & trace.TraceFlags.SAMPLED) if headers else None


def _sampled_contexts(deliveries: Sequence[Delivery]) -> list[SpanContext]:
    """Return the different spans that produced these records and were sampled, the first LINKS_MAX of them."""
    found: dict[int, SpanContext] = {}
    for delivery in deliveries:
        if _sampled_by_producer(delivery):
            context = trace.get_current_span(_context_of(delivery)).get_span_context()
            if context.is_valid:
                found[context.span_id] = context
            if len(found) == LINKS_MAX:
                break
    return list(found.values())


def _context(carrier: dict[str, str]) -> Context:
    # Never within a span that happens to be current: a record has its own trace or starts one.
    return _PROPAGATOR.extract(carrier, context=_EMPTY)


def _links(contexts: Sequence[Context], attributes: dict[str, Any]) -> list[Link]:
    found = (trace.get_current_span(each).get_span_context() for each in contexts)
    return [Link(each, attributes) for each in found if each.is_valid]


def _injected(context: SpanContext) -> Headers:
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(trace.NonRecordingSpan(context), _EMPTY))
    return tuple((name, value.encode("ascii")) for name, value in carrier.items())
