"""Spans of a worker: the port that roles call. It does nothing until the worker has OpenTelemetry and an exporter.

Without it a record costs one check of an attribute. `streams/opentelemetry_spans.py` is the implementation, and the
only module that imports OpenTelemetry.
"""

import logging
import os
from collections.abc import Coroutine, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Protocol, TypeVar

from streams.delivery import Delivery, Headers, Record
from streams.trace_headers import incoming_headers

logger = logging.getLogger(__name__)

T = TypeVar("T")

_NOTHING: Final = nullcontext()


class Spans(Protocol):
    """What records spans."""

    def close(self) -> None:
        """Export what is left, or give up after some seconds."""
        ...

    def process(self, delivery: Delivery) -> AbstractContextManager[None]:
        """Record the processing of one record, in its trace; what runs inside continues it."""
        ...

    def flush(self, deliveries: Sequence[Delivery]) -> AbstractContextManager[object]:
        """Record a transaction for several records, in a trace of its own that links to theirs; give its identity."""
        ...

    def announce(self, topic: str, cause: Delivery | None, flushed: object) -> AbstractContextManager[None]:
        """Record an event that follows from a flush, in the trace of `cause`, with a link to the flush."""
        ...

    def step(self, name: str) -> AbstractContextManager[None]:
        """Record a step within the current span."""
        ...

    def past_steps(self, steps: Sequence[tuple[str, float]]) -> None:
        """Record steps that have ended: names and seconds, in their order, the last of them until now."""
        ...

    def mark_failed(self, code: str) -> None:
        """Record that what the current span stands for failed."""
        ...

    def headers(self) -> Headers:
        """Return `traceparent` and `tracestate` of the current span; empty where there is none."""
        ...

    def retry_headers(self) -> Headers:
        """Return the trace of a retry: beside the current span, which failed, and with its identity."""
        ...

    def trace_id(self) -> str | None:
        """Return the current trace's id."""
        ...


_spans: Spans | None = None


def use_spans(spans: Spans | None) -> None:
    """Record spans from now on, or no longer."""
    global _spans  # noqa: PLW0603 - one process has one exporter
    _spans = spans


def configure_tracing() -> None:
    """Export spans where OTEL_EXPORTER_OTLP_ENDPOINT says so. OpenTelemetry reads its other variables itself."""
    environment = os.environ
    endpoint = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if not endpoint or disabled or environment.get("OTEL_TRACES_EXPORTER") == "none":
        return
    try:
        from streams.opentelemetry_spans import exporting_spans  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        logger.warning("no spans are exported: %s; install `posterstream[otel]`", error)
    else:
        use_spans(exporting_spans())


def stop_tracing() -> None:
    """Export the last spans, and record no more."""
    if _spans is not None:
        _spans.close()
    use_spans(None)


def processed(work: Coroutine[Any, Any, T], delivery: Delivery) -> Coroutine[Any, Any, T]:
    """Return a coroutine that processes one record, so that it does so in a span."""
    return work if _spans is None else _in_span(_spans.process(delivery), work)


def processing(delivery: Delivery) -> AbstractContextManager[None]:
    """Record the processing of one record."""
    return _NOTHING if _spans is None else _spans.process(delivery)


def flushing(deliveries: Sequence[Delivery]) -> AbstractContextManager[object]:
    """Record a transaction for several records; give its identity for `announcing`."""
    return _NOTHING if _spans is None else _spans.flush(deliveries)


def announcing(topic: str, cause: Delivery | None, flushed: object) -> AbstractContextManager[None]:
    """Record an event that follows from a flush."""
    return _NOTHING if _spans is None else _spans.announce(topic, cause, flushed)


def step(name: str) -> AbstractContextManager[None]:
    """Record a step of processing a record."""
    return _NOTHING if _spans is None else _spans.step(name)


def past_steps(*steps: tuple[str, float]) -> None:
    """Record steps that have ended: names and seconds."""
    if _spans is not None:
        _spans.past_steps(steps)


def mark_failed(code: str) -> None:
    """Record that processing a record ended with this error code."""
    if _spans is not None:
        _spans.mark_failed(code)


def outgoing_headers(cause: Delivery | None) -> Headers:
    """Return the trace of an event: that of the current span, else that of its cause."""
    own = () if _spans is None else _spans.headers()
    return own or incoming_headers(cause)


def as_retry(record: Record) -> Record:
    """Return the record of a retry, with the trace in which its attempts stand beside each other."""
    trace = () if _spans is None else _spans.retry_headers()
    if not trace:
        return record
    kept = tuple(each for each in record.headers if each[0] not in ("traceparent", "tracestate"))
    return Record(topic=record.topic, key=record.key, value=record.value, headers=(*kept, *trace))


def current_trace_id() -> str | None:
    """Return the id of the current trace, for log records."""
    return None if _spans is None else _spans.trace_id()


async def _in_span(span: AbstractContextManager[None], work: Coroutine[Any, Any, T]) -> T:
    with span:
        return await work
