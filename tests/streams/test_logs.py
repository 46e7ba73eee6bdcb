"""Logs say what they are about, in two formats that a message cannot forge, and stay readable without a broker."""

import asyncio
import json
import logging
import re
import subprocess
import sys
import textwrap
import unicodedata
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

import agents.intake.agent as intake_agent
from agents.cancellations import Cancellations
from agents.fair_queue import FairQueue
from agents.intake.agent import IntakeAgent
from agents.intake.catalog import Catalog
from agents.intake.request_handler import RequestHandler
from agents.known_sources import KnownSources
from agents.render.agent import RenderAgent
from agents.retry.agent import RetryAgent
from agents.sink.sink import Sink
from agents.templates.agent import TemplatesAgent
from schemas.codec import decode, encode
from schemas.renders import PosterPinned
from streams import publisher as publishing
from streams.delivery import Delivery, Record
from streams.errors import UnavailableError
from streams.inbox import Inbox
from streams.logs import (
    INTERVAL_SECONDS,
    ContextFilter,
    JsonFormatter,
    RateLimitFilter,
    TextFormatter,
    log_context,
    log_delivery,
)
from streams.publisher import KafkaPublisher
from streams.settings import StreamSettings
from tests.agents.owners import admission
from tests.parts import free_port
from tests.streams.deliveries import EPOCH, delivery

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
LATER = EPOCH + timedelta(days=365)
HOSTILE = (
    "first\n2026-01-01 00:00:00,000 ERROR forged: \x1b[31mred\x1b[0m \x9b31m \r\t\x00\x7f\x85"
    "\u2028\u061c\u202e\udcff é 漢"
)


@dataclass(frozen=True)
class PosterKey:
    """What an event has that is about a poster."""

    job_id: str
    poster_index: int


def record(name: str, message: str, *arguments: object) -> logging.LogRecord:
    """Return what a logger would hand to a filter."""
    return logging.LogRecord(name, logging.ERROR, __file__, 1, message, arguments, None)


def failed(message: str) -> logging.LogRecord:
    """Return the record of a caught exception."""
    error = ValueError(message)
    try:
        raise error
    except ValueError:
        return logging.LogRecord("agents", logging.ERROR, __file__, 1, "not foreseen", (), sys.exc_info())


class Log(logging.Handler):
    """Collects records as JSON, with the filter that the worker uses."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(ContextFilter())
        self.setFormatter(JsonFormatter())
        self.lines: list[dict[str, Any]] = []
        self._loop = asyncio.get_running_loop()
        self._begun = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Collect, from any thread."""
        self.lines.append(json.loads(self.format(record)))
        self._loop.call_soon_threadsafe(self._begun.set)

    async def first_line(self) -> dict[str, Any]:
        """Wait for a line, and return the first."""
        await asyncio.wait_for(self._begun.wait(), 30)
        return self.lines[0]


@pytest.fixture
async def log() -> AsyncIterator[Log]:
    """What is logged during the test."""
    handler = Log()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def fields(line: dict[str, Any]) -> dict[str, Any]:
    """Return what a line says of its record, beside the message."""
    return {name: value for name, value in line.items() if name not in {"time", "level", "logger", "message"}}


class Unavailable:
    """A publisher and a place for dead letters that never answer; each retry is logged."""

    async def publish(self, _: object) -> None:
        """Fail."""
        raise UnavailableError("the broker is unavailable")

    async def put(self, *_: object) -> None:
        """Fail."""
        raise UnavailableError("the broker is unavailable")


class SinkAlone:
    """The sink without its janitor."""

    def __init__(self, inbox: Inbox, sink: Sink) -> None:
        self.inbox = inbox
        self.sink = sink

    async def run(self) -> None:
        """Write what is there."""
        await self.sink.process(await self.inbox.take(1))


def intake(inbox: Inbox, port: Any) -> Any:
    """Return the role."""
    catalog = Catalog()
    handler = RequestHandler(catalog, Cancellations(), lambda: EPOCH)
    return IntakeAgent(inbox, port, port, handler, catalog, admission(), queue=FairQueue(), known=KnownSources(()))


def render(inbox: Inbox, port: Any) -> Any:
    """Return the role, without a browser."""
    unused = cast("Any", None)
    return RenderAgent(inbox, port, port, Cancellations(), unused, retry_delays=(), now=lambda: LATER)


def retry(inbox: Inbox, port: Any) -> Any:
    """Return the role."""
    return RetryAgent(inbox, port, port, Cancellations(), longest_wait=600.0, now=lambda: LATER)


def templates(inbox: Inbox, port: Any) -> Any:
    """Return the role, without a database."""
    return TemplatesAgent(inbox, port, port, cast("Any", None), cast("Any", None), lambda: EPOCH)


def sink(inbox: Inbox, port: Any) -> Any:
    """Return the role, without a database."""
    return SinkAlone(inbox, Sink(cast("Any", None), port, port))


async def first_line(make: Callable[[Inbox, Any], Any], delivered: Delivery, log: Log) -> Any:
    """Return the fields of the first line that a role logs about a record."""
    inbox = Inbox([delivered.topic], cap=10)
    with log_context(role=make.__name__):
        running = asyncio.create_task(make(inbox, Unavailable()).run())
    inbox.deliver(delivered, lambda: None)
    line = await log.first_line()
    running.cancel()
    await asyncio.wait([running])
    return fields(line)


@pytest.mark.parametrize("make", [intake, render, retry, templates, sink], ids=lambda make: make.__name__)
async def test_what_a_role_logs_of_a_bad_record_says_which(make: Callable[[Inbox, Any], Any], log: Log) -> None:
    """It cannot be decoded, so the line has no job."""
    bad = delivery(7, topic="poster-completions", partition=3, value=b"no event")

    assert await first_line(make, bad, log) == {
        "role": make.__name__,
        "topic": "poster-completions",
        "partition": 3,
        "offset": 7,
    }


@pytest.mark.parametrize(
    ("make", "example"),
    [(intake, "poster.requested"), (render, "poster.pinned"), (retry, "poster.pinned")],
    ids=["intake", "render", "retry"],
)
async def test_what_a_role_logs_of_a_poster_says_which(
    make: Callable[[Inbox, Any], Any], example: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever waits for the broker on behalf of a poster logs its job and its index."""
    monkeypatch.setattr(intake_agent, "TEMPLATE_WAIT_SECONDS", 0.0)
    value = (EXAMPLES / example / "1" / "testimonial.json").read_bytes()
    if example == "poster.pinned":
        value = encode(replace(decode(value, PosterPinned), deadline=EPOCH, due_at=None))
    event = json.loads(value)
    found = await first_line(make, delivery(7, topic="poster-completions", value=value), log)

    assert found == {
        "role": make.__name__,
        "topic": "poster-completions",
        "partition": 0,
        "offset": 7,
        **{name: event[name] for name in ("job_id", "poster_index") if name in event},
    }


async def test_a_record_s_fields_end_with_it_and_the_role_stays(log: Log) -> None:
    """Tasks take the fields of where they are started, and a nested record has none of the one around it."""
    logger = logging.getLogger("streams.test")
    started = asyncio.Event()

    async def later() -> None:
        await started.wait()
        logger.error("later")

    with log_context(role="sink"):
        with log_delivery(delivery(1), PosterKey("job", 4)):
            task = asyncio.create_task(later())
            with log_delivery(delivery(2)):
                logger.error("inner")
        logger.error("after")
    logger.error("outside")
    started.set()
    await task

    place = {"role": "sink", "topic": "poster-requests", "partition": 0}
    assert {line["message"]: fields(line) for line in log.lines} == {
        "inner": {**place, "offset": 2},
        "after": {"role": "sink"},
        "outside": {},
        "later": {**place, "offset": 1, "job_id": "job", "poster_index": 4},
    }


async def test_the_thread_of_a_publisher_knows_its_role(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """What librdkafka logs in its thread has the role that made the publisher, and no record's fields."""
    monkeypatch.setattr(publishing, "DELIVERY_TIMEOUT_SECONDS", 0.3)
    with log_context(role="render"):
        publisher = KafkaPublisher(StreamSettings(brokers=f"127.0.0.1:{free_port()}"))
    with log_delivery(delivery(1)), pytest.raises(UnavailableError):
        await publisher.publish([Record(topic="t", key=None, value=b"")])
    line = await log.first_line()
    await publisher.close()

    assert line["logger"] == "streams.publisher"
    assert fields(line) == {"role": "render"}


def test_a_line_of_text_ends_with_its_fields() -> None:
    """Those there are, in order; without any the line is as ever."""
    line = record("agents", "trying again in %.1f s", 0.5)
    bare = TextFormatter().format(line)
    with log_context(role="render"), log_delivery(delivery(7), PosterKey("job", 0)):
        ContextFilter().filter(line)

    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ERROR agents: trying again in 0.5 s", bare)
    assert TextFormatter().format(line) == (
        bare + " [role=render topic=poster-requests partition=0 offset=7 job_id=job poster_index=0]"
    )


def test_a_line_of_json_is_an_object() -> None:
    """The time is RFC 3339 in UTC; numbers are numbers."""
    line = record("agents", "trying again in %.1f s", 0.5)
    line.created = 1_767_225_600.25
    with log_context(role="render"), log_delivery(delivery(7), PosterKey("job", 0)):
        ContextFilter().filter(line)

    assert json.loads(JsonFormatter().format(line)) == {
        "time": "2026-01-01T00:00:00.250Z",
        "level": "ERROR",
        "logger": "agents",
        "message": "trying again in 0.5 s",
        "role": "render",
        "topic": "poster-requests",
        "partition": 0,
        "offset": 7,
        "job_id": "job",
        "poster_index": 0,
    }


def test_a_hostile_message_stays_one_line() -> None:
    """Neither format passes a newline or a terminal's control character on; JSON keeps what was said."""
    line = record("agents", "%s", HOSTILE)
    with log_context(job_id=HOSTILE):
        ContextFilter().filter(line)
    text, as_json = TextFormatter().format(line), JsonFormatter().format(line)

    assert not [each for each in text + as_json if unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert "first\\n2026-01-01" in text
    assert "\\u001b[31mred" in text
    assert "é 漢" in text
    assert json.loads(as_json)["message"] == json.loads(as_json)["job_id"] == HOSTILE


@pytest.mark.parametrize("fields_of_record", [{}, {"role": "render"}], ids=["bare", "with fields"])
def test_an_exception_keeps_its_lines_and_forges_none(fields_of_record: Any) -> None:
    """The traceback follows, indented, so that what an exception says cannot look like another record."""
    line = failed("\n2026-01-01 00:00:00,000 ERROR forged\x1b[31m")
    with log_context(**fields_of_record):
        ContextFilter().filter(line)
    first, *others = TextFormatter().format(line).split("\n")
    as_json = json.loads(JsonFormatter().format(line))

    assert first.endswith("not foreseen" + (" [role=render]" if fields_of_record else ""))
    assert others[0] == "  Traceback (most recent call last):"
    assert "ValueError" in others[-2]
    assert others[-1] == "  2026-01-01 00:00:00,000 ERROR forged\\u001b[31m"
    assert as_json["message"] == "not foreseen"
    assert as_json["exception"].startswith("Traceback (most recent call last):\n")


def test_stacks_are_written_like_an_exception() -> None:
    """What the watchdog adds to its last line is not squeezed into it."""
    line = record("streams.health.watchdog", "ending this process")
    line.stack_info = "thread main:\n  it hangs here"

    assert TextFormatter().format(line).split("\n")[1:] == ["  thread main:", "    it hangs here"]
    assert json.loads(JsonFormatter().format(line))["exception"] == line.stack_info


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_process_writes_the_format_of_its_settings(log_format: str) -> None:
    """Ours from the level of the settings, and of the clients no running commentary; with the fields."""
    program = textwrap.dedent(f"""
        import logging
        from streams.logs import configure_logging, log_context
        from streams.settings import StreamSettings

        configure_logging(StreamSettings(log_level="info", log_format="{log_format}"))
        with log_context(role="sink"):
            logging.getLogger("agents.sink").info("shown")
            logging.getLogger("agents.sink").debug("not shown")
            logging.getLogger("aiokafka.conn").info("not shown")
            for _ in range(3):
                logging.getLogger("aiokafka.conn").error("no node %s", 1)
    """)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    written = ended.stderr.splitlines()

    assert len(written) == 2
    assert all(("role=sink" if log_format == "text" else '"role": "sink"') in each for each in written)
    assert "not shown" not in ended.stderr
    assert log_format == "text" or [json.loads(each)["level"] for each in written] == ["INFO", "ERROR"]


def test_what_a_client_repeats_is_written_seldom_and_counted() -> None:
    """Of a hundred equal lines one is written, and the next one says how many were suppressed."""
    now = [0.0]
    limit = RateLimitFilter(lambda: now[0])
    written = [limit.filter(record("aiokafka.client", "no node %s: %s", 1, "refused")) for _ in range(100)]
    now[0] += INTERVAL_SECONDS
    later = record("aiokafka.client", "no node %s: %s", 1, "refused")

    assert written.count(True) == 1
    assert limit.filter(later)
    assert later.getMessage() == "no node 1: refused (99 more like it before)"


def test_nothing_else_is_suppressed() -> None:
    """Another message, another node and every line of ours are written."""
    limit = RateLimitFilter(lambda: 0.0)
    lines = [
        record("aiokafka.client", "no node %s", 1),
        record("aiokafka.client", "no node %s", 2),
        record("aiokafka.client", "no topic %s", 1),
        record("agents.render", "no node %s", 1),
        record("agents.render", "no node %s", 1),
    ]

    assert all(limit.filter(line) for line in lines)
