"""Traces continue from record to record: with spans where they are recorded, else as they came."""

import asyncio
import gzip
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from aiohttp import web
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased

from streams import opentelemetry_spans
from streams.delivery import Headers, Record
from streams.logs import ContextFilter, JsonFormatter
from streams.opentelemetry_spans import LINKS_MAX, OpenTelemetrySpans
from streams.records import event_headers
from streams.tracing import (
    announcing,
    as_retry,
    configure_tracing,
    current_trace_id,
    flushing,
    mark_failed,
    past_steps,
    processed,
    processing,
    step,
    stop_tracing,
    use_spans,
)
from tests.renderer.assets.site import open_site
from tests.streams.deliveries import delivery

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = ("traceparent", f"00-{TRACE_ID}-b7ad6b7169203331-01".encode())
UNSAMPLED = ("traceparent", f"00-{TRACE_ID}-b7ad6b7169203331-00".encode())
STATE = ("tracestate", b"vendor=1,other=2")
CONTENT_TYPE = ("content-type", b"application/json")


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """The spans that ended, with the sampler that a worker has by default."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    use_spans(OpenTelemetrySpans(provider))
    yield exporter
    use_spans(None)


def named(headers: Headers, name: str) -> list[str]:
    """Return the values of a header."""
    return [(value or b"").decode() for each, value in headers if each == name]


def test_without_spans_the_trace_goes_on_as_it_came() -> None:
    """Events have the trace of their cause, byte for byte, and of repeated headers the first."""
    cause = delivery(0, headers=(STATE, SAMPLED, UNSAMPLED, ("x", b"1")))

    assert event_headers(cause) == (CONTENT_TYPE, SAMPLED, STATE)
    assert event_headers(delivery(0, headers=(STATE,))) == event_headers() == (CONTENT_TYPE,)


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"a\n=b", "é=1".encode(), b"a" * 513])
def test_malformed_state_is_dropped(value: bytes | None) -> None:
    """A `tracestate` that is no printable ASCII of at most 512 bytes is left out; the trace itself continues."""
    assert event_headers(delivery(0, headers=(SAMPLED, ("tracestate", value)))) == (CONTENT_TYPE, SAMPLED)


def test_headers_name_the_span(spans: InMemorySpanExporter) -> None:
    """While a record is processed, events name its span, once, in the trace and with the state of the record."""
    cause = delivery(3, topic="poster-renders", partition=2, key=b"k\xff", headers=(SAMPLED, STATE))
    with processing(cause):
        headers = event_headers(cause)

    (span,) = spans.get_finished_spans()
    assert span.context is not None
    assert span.parent is not None
    assert named(headers, "traceparent") == [f"00-{TRACE_ID}-{span.context.span_id:016x}-01"]
    assert named(headers, "tracestate") == ["vendor=1,other=2"]
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert dict(span.attributes or {}) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "poster-renders",
        "messaging.destination.partition.id": "2",
        "messaging.kafka.offset": 3,
        "messaging.kafka.message.key": "k\ufffd",
    }


async def test_unsampled_trace_has_no_spans(spans: InMemorySpanExporter) -> None:
    """What the producer did not sample is not recorded anywhere, and stays unsampled and in its trace."""
    cause = delivery(0, headers=(UNSAMPLED,))

    async def work() -> Headers:
        with step("draw"):
            past_steps(("assets", 1.0))
            mark_failed("internal")
            return event_headers(cause)

    headers = await processed(work(), cause)
    with flushing([cause, delivery(1)]) as flushed, announcing("job-events", cause, flushed):
        announced = event_headers(cause)

    assert headers == announced == (CONTENT_TYPE, UNSAMPLED)
    assert spans.get_finished_spans() == ()


def test_record_without_a_trace_starts_one(spans: InMemorySpanExporter) -> None:
    """A request of a producer that knows no traces is sampled by the worker's own sampler."""
    with processing(delivery(0, headers=(("traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01"),))):
        headers = event_headers(delivery(0))

    (span,) = spans.get_finished_spans()
    assert span.parent is None
    assert len(named(headers, "traceparent")) == 1


def test_worker_may_sample_everything() -> None:
    """With a sampler that does not follow the producer, what the producer did not sample has spans too."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    use_spans(OpenTelemetrySpans(provider))
    try:
        with processing(delivery(0, headers=(UNSAMPLED,))):
            assert current_trace_id() == TRACE_ID
    finally:
        use_spans(None)
    assert [span.name for span in exporter.get_finished_spans()] == ["process poster-requests"]


def test_worker_may_sample_less() -> None:
    """With a sampler that records no roots, a record without a trace has no span, and its events are unsampled."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(ParentBased(ALWAYS_OFF), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    use_spans(OpenTelemetrySpans(provider))
    try:
        with processing(delivery(0)):
            assert int(named(event_headers(delivery(0)), "traceparent")[0][-2:], 16) & 1 == 0
    finally:
        use_spans(None)
    assert exporter.get_finished_spans() == ()


def test_retry_stands_beside_the_attempt(spans: InMemorySpanExporter) -> None:
    """A retry has the parent of the attempt that failed, and its span links to that attempt."""
    cause = delivery(0, headers=(SAMPLED, STATE))
    with processing(cause):
        mark_failed("render_timeout")
        again = as_retry(Record(topic="poster-retries-1", key="k", value=b"v", headers=event_headers(cause)))
    with processing(delivery(1, topic="poster-retries-1", headers=again.headers)):
        sent_back = event_headers(delivery(1, headers=again.headers))

    failed, retry = spans.get_finished_spans()
    assert named(again.headers, "traceparent") == [SAMPLED[1].decode()]
    assert failed.parent == retry.parent
    assert failed.context is not None
    assert [link.context.span_id for link in retry.links] == [failed.context.span_id]
    assert (failed.attributes or {})["error.type"] == "render_timeout"
    assert {name for name, _ in sent_back} == {"content-type", "traceparent", "tracestate"}


def test_flush_links_to_its_records(spans: InMemorySpanExporter) -> None:
    """A transaction is a trace of its own, with links to at most 128 sampled records and the number of all."""
    of_records = [("traceparent", f"00-{TRACE_ID}-{number:016x}-01".encode()) for number in range(1, 200)]
    with flushing([delivery(0, headers=(each,)) for each in (UNSAMPLED, *of_records)]):
        pass

    (span,) = spans.get_finished_spans()
    assert span.parent is None
    assert span.name == "flush poster-requests"
    assert len(span.links) == LINKS_MAX
    assert (span.attributes or {})["messaging.batch.message_count"] == 200


def test_errors_are_recorded_by_their_type(spans: InMemorySpanExporter) -> None:
    """An exception's message, which may quote a poster's data, is in no span."""
    with pytest.raises(ValueError, match="secret"), processing(delivery(0)):
        raise ValueError("secret")

    (span,) = spans.get_finished_spans()
    assert (span.attributes or {})["error.type"] == "ValueError"
    assert "secret" not in span.to_json()


def test_log_lines_have_the_trace(spans: InMemorySpanExporter) -> None:
    """A line that is logged while a record is processed has the id of its trace, and no other line has one."""
    line = logging.LogRecord("agents", logging.WARNING, __file__, 1, "late", (), None)
    with processing(delivery(0, headers=(SAMPLED,))):
        ContextFilter().filter(line)

    assert f'"trace_id": "{TRACE_ID}"' in JsonFormatter().format(line)
    assert current_trace_id() is None


def test_missing_package_is_a_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """An endpoint without the package is a line in the log that names what to install; the worker works."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "streams.opentelemetry_spans", None)

    configure_tracing()

    assert "posterstream[otel]" in caplog.text
    assert current_trace_id() is None


@pytest.mark.parametrize("settings", [{}, {"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_worker_without_an_exporter_imports_nothing(settings: dict[str, str]) -> None:
    """Without an endpoint, or where OpenTelemetry is switched off, the package is not even imported."""
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"} if settings else {}
    code = "import sys, streams.tracing as t; t.configure_tracing(); sys.exit('opentelemetry' in sys.modules)"
    environment = {"PYTHONPATH": ":".join(sys.path), **endpoint, **settings}

    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


async def test_spans_are_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an endpoint, the spans of a worker arrive there before it ends, under the name of its service."""
    async with open_site() as collector:
        arrived: list[bytes] = []

        async def take(request: web.Request) -> web.Response:
            arrived.append(gzip.decompress(body) if (body := await request.read())[:2] == b"\x1f\x8b" else body)
            return web.Response()

        collector.serve("/v1/traces", take)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        configure_tracing()
        with processing(delivery(0, headers=(SAMPLED,))):
            pass
        await asyncio.to_thread(stop_tracing)

    (body,) = arrived
    assert b"process poster-requests" in body
    assert b"posterstream" in body
    assert bytes.fromhex(TRACE_ID) in body


def test_end_does_not_wait_for_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the collector does not answer, a worker gives its last spans up."""
    monkeypatch.setattr(opentelemetry_spans, "CLOSE_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        configure_tracing()
        with processing(delivery(0, headers=(SAMPLED,))):
            pass
        began = time.monotonic()
        stop_tracing()

    assert time.monotonic() - began < 5  # its own limit is 10 s
