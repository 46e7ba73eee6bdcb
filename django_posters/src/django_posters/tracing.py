"""Spans of a site, where it has OpenTelemetry: of the outbox, the relay and the consumer. Without it, nothing.

The package `opentelemetry-api` suffices where the site, or `opentelemetry-instrument`, configures the rest. The
long-running commands configure it themselves where OTEL_EXPORTER_OTLP_ENDPOINT is set and nobody else has.
"""

import logging
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from confluent_kafka import Message

try:
    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    AVAILABLE = True
except ImportError:
    AVAILABLE = False

logger = logging.getLogger(__name__)

SERVICE_NAME: Final = "django-posters"
CLOSE_SECONDS: Final = 2.0
"""How long the end of a command waits for its last spans to be exported."""
_NAMES: Final = ("traceparent", "tracestate")
_NOTHING: Final = nullcontext()


@contextmanager
def exporting() -> Iterator[None]:
    """Export this process's spans where OTEL_EXPORTER_OTLP_ENDPOINT is set and the site has configured nothing."""
    shut_down = _configure()
    try:
        yield
    finally:
        # A thread, so that an unavailable collector does not delay the end of the command.
        closing = threading.Thread(target=shut_down, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)


def _configure() -> Callable[[], object]:
    """Return what exports the last spans."""
    environment = os.environ
    endpoint = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if not endpoint or disabled or environment.get("OTEL_TRACES_EXPORTER") == "none":
        return _nothing_to_do
    if not AVAILABLE:
        logger.warning("no spans are exported: OpenTelemetry is not installed; install `django-posters[otel]`")
    elif isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return _configure_exporter()
    return _nothing_to_do


def _configure_exporter() -> Callable[[], object]:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        logger.warning("no spans are exported: %s; install `django-posters[otel]`", error)
        return _nothing_to_do
    environment = os.environ
    named = environment.get("OTEL_SERVICE_NAME") or "service.name=" in environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    resource = Resource.create({} if named else {"service.name": SERVICE_NAME})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.shutdown


@contextmanager
def creating(topic: str, key: str) -> Iterator[dict[str, str]]:
    """Record that an event is written to the outbox; give the headers that its trace continues by.

    The trace is that of the request in progress, or of a command. Where nothing records spans, it is a new one that
    is not sampled.
    """
    if AVAILABLE:
        with _span(f"create {topic}", SpanKind.PRODUCER, attributes=_attributes("create", topic, key)) as span:
            yield _headers(span) or _unsampled()
    else:
        yield _unsampled()


def sending(
    topic: str, key: str, headers: Mapping[str, str]
) -> tuple[dict[str, str], Callable[[str | None, Message | None], None]]:
    """Record that an event of the outbox is sent, until the returned function is called with the broker's answer.

    Returns the headers to send, with the trace of this span instead of the one in `headers`.
    """
    if not AVAILABLE:
        return dict(headers), _ignore
    span = _tracer().start_span(
        f"send {topic}",
        context=_context(headers),
        kind=SpanKind.PRODUCER,
        attributes=_attributes("send", topic, key),
    )
    own = _headers(span)
    if not own:
        return dict(headers), _ignore

    def end(error: str | None, message: Message | None) -> None:
        if error is not None:
            _fail(span, error)
        elif message is not None:
            span.set_attributes(_place(message))
        span.end()

    return {name: value for name, value in headers.items() if name not in _NAMES} | own, end


def processing(message: Message) -> AbstractContextManager[object]:
    """Record that a record is applied, in its trace."""
    return _processing(message) if AVAILABLE else _NOTHING


@contextmanager
def _processing(message: Message) -> Iterator[None]:
    topic = message.topic() or ""
    carrier: dict[str, str] = {}
    try:
        headers = message.headers() or []
    except (ValueError, SystemError):  # a name is not UTF-8, for which the client raises SystemError
        headers = []
    for name, value in headers.items() if isinstance(headers, dict) else headers:
        if name in _NAMES and value is not None:
            carrier.setdefault(name, value if isinstance(value, str) else value.decode("ascii", "replace"))
    attributes = {**_attributes("process", topic, None), **_place(message)}
    with _span(f"process {topic}", SpanKind.CONSUMER, context=_context(carrier), attributes=attributes):
        yield


@contextmanager
def _span(name: str, kind: "SpanKind", **options: Any) -> Iterator["Span"]:
    # Errors are recorded by their type: a message may quote what a poster shows.
    with _tracer().start_as_current_span(
        name, kind=kind, record_exception=False, set_status_on_exception=False, **options
    ) as span:
        try:
            yield span
        except Exception as error:
            _fail(span, type(error).__qualname__)
            raise


def _tracer() -> "trace.Tracer":
    return trace.get_tracer("django_posters")


def _headers(span: "Span") -> dict[str, str]:
    """Return the span's trace; empty where nothing records spans and there is no trace to continue."""
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, trace.set_span_in_context(span, Context()))
    return carrier


def _context(headers: Mapping[str, str]) -> "Context":
    return TraceContextTextMapPropagator().extract(headers, context=Context())


def _fail(span: "Span", kind: str) -> None:
    span.set_status(Status(StatusCode.ERROR))
    span.set_attribute("error.type", kind)


def _attributes(operation: str, topic: str, key: str | None) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
    }
    return attributes if key is None else {**attributes, "messaging.kafka.message.key": key}


def _place(message: Message) -> dict[str, str | int]:
    partition, offset = message.partition(), message.offset()
    if partition is None or offset is None:
        return {}
    return {"messaging.destination.partition.id": str(partition), "messaging.kafka.offset": offset}


def _unsampled() -> dict[str, str]:
    return {"traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"}


def _nothing_to_do() -> None:
    """Do nothing."""


def _ignore(_error: str | None, _message: Message | None) -> None:
    """Do nothing."""
