"""A site's traces: the web request's where the site records one, otherwise an unsampled one of the event's own."""

import logging
import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import Message
from django_posters.models import OutboxEvent
from django_posters.outbox.relay import publish_batch
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler

from django_posters import request_poster, tracing
from django_tests.site import Site, make_testimonial

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Spans:
    """A site that records spans with a sampler."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(sampler, shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("website")

    @property
    def attributes(self) -> list[dict[str, Any]]:
        """Return the attributes of the spans that ended."""
        return [dict(span.attributes or {}) for span in self.exporter.get_finished_spans()]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    """A site that samples every trace."""
    found = Spans()
    monkeypatch.setattr(tracing, "_tracer", lambda: found.tracer)
    return found


def requested() -> dict[str, str]:
    """Request a poster and return the headers of its event."""
    request_poster(make_testimonial())
    headers: dict[str, str] = OutboxEvent.objects.get().headers
    return headers


def message(headers: Any) -> Message:
    """Return a record of outcomes."""
    given = {"topic": "poster-completions", "partition": 1, "offset": 5, "headers": headers}
    return cast("Message", SimpleNamespace(**{name: lambda value=value: value for name, value in given.items()}))


@pytest.mark.parametrize("installed", [True, False])
def test_site_without_spans_starts_an_unsampled_trace(
    plain_site: Site, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    """Whether the package is there or not, an event has a trace of its own that nobody has to record."""
    monkeypatch.setattr(tracing, "AVAILABLE", installed)

    headers = requested()

    assert headers["traceparent"].endswith("-00")
    assert headers["content-type"] == "application/json"
    sent, end = tracing.sending("poster-requests", "job", headers)
    end("_MSG_TIMED_OUT", None)
    assert sent == headers
    with tracing.processing(message([])):
        pass


def test_event_continues_the_request(plain_site: Site, spans: Spans) -> None:
    """The event in the outbox is in the trace of the web request, and sampled as that is."""
    with spans.tracer.start_as_current_span("POST /") as request:
        headers = requested()

    _, trace_id, span_id, flags = headers["traceparent"].split("-")
    created = spans.exporter.get_finished_spans()[0]
    assert created.context is not None
    assert int(trace_id, 16) == request.get_span_context().trace_id
    assert int(span_id, 16) == created.context.span_id
    assert int(flags, 16) & 1 == 1


def test_event_follows_an_unsampled_request(plain_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that the site does not sample is not sampled by the workers either, and keeps its trace."""
    found = Spans(ParentBased(ALWAYS_OFF))
    monkeypatch.setattr(tracing, "_tracer", lambda: found.tracer)
    with found.tracer.start_as_current_span("POST /") as request:
        headers = requested()

    _, trace_id, _, flags = headers["traceparent"].split("-")
    assert int(trace_id, 16) == request.get_span_context().trace_id
    assert int(flags, 16) & 1 == 0
    assert found.attributes == []


def test_sending_replaces_the_trace(spans: Spans) -> None:
    """The record names the relay's span instead of the outbox row's, with its state and all other headers."""
    headers, end = tracing.sending("poster-requests", "job", {"traceparent": PARENT, "tracestate": "a=1", "x": "y"})
    end(None, message([]))

    (span,) = spans.exporter.get_finished_spans()
    assert span.context is not None
    assert headers["traceparent"] == f"{PARENT[:35]}-{span.context.span_id:016x}-01"
    assert (headers["tracestate"], headers["x"]) == ("a=1", "y")
    assert (span.attributes or {})["messaging.kafka.offset"] == 5


def test_refused_event_is_a_failed_span(plain_site: Site, spans: Spans) -> None:
    """A full queue of the producer is the error of the span; the event stays in the outbox."""

    class Full:
        """A producer that takes nothing."""

        def produce(self, *_: object, **__: object) -> None:
            """Refuse."""
            raise BufferError("full")

        def flush(self) -> None:
            """Have nothing to do."""

    requested()
    with pytest.raises(Exception, match="did not take"):
        publish_batch(cast("Any", Full()))

    assert spans.attributes[-1]["error.type"] == "BufferError"
    assert OutboxEvent.objects.count() == 1


@pytest.mark.parametrize(
    "headers", [None, [], [("traceparent", None)], [("traceparent", b"\xff")], [("tracestate", b"=,=")]]
)
def test_odd_headers_start_a_trace(spans: Spans, headers: Any) -> None:
    """A record with no trace, or one that is not well-formed, is applied in a trace of its own."""
    with tracing.processing(message(headers)):
        pass

    (span,) = spans.exporter.get_finished_spans()
    assert span.parent is None
    assert (span.attributes or {})["messaging.destination.partition.id"] == "1"


def test_missing_exporter_is_a_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """An endpoint without the exporter's package is a line in the log that names what to install."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with caplog.at_level(logging.WARNING), tracing.exporting():
        pass

    assert "django-posters[otel]" in caplog.text
