"""No record makes a reader raise anything but ContractError, and nothing that it says ends a role afterwards."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.cancellations import Cancellations
from agents.events import PinnedPosterEvents, render_record
from agents.intake.catalog import Catalog
from agents.intake.request_handler import RequestHandler, UnknownTemplateError
from agents.retry.agent import RetryAgent, as_next_attempt
from agents.sink.decode import rows_of, salvaged_rows
from agents.sink.merge import merge
from posters.operations.dead_letters import FIELDS, parse, replay_record
from posters.operations.requests import _outcome
from schemas import topics
from schemas.codec import REQUEST_CLASSES, ContractError, decode, encode
from schemas.renders import PosterPinned
from schemas.salvage import salvage
from schemas.templates import (
    TemplateActivate,
    TemplateArchive,
    TemplateGet,
    TemplatePreview,
    TemplateUpdate,
    TemplateUpload,
)
from streams.dead_letters.dead_letters import DeadLetterTopic, packed, size, unpacked
from streams.delivery import Delivery, Record, arrival_time
from streams.inbox import Inbox
from streams.producers import producer_of
from streams.records import event_headers
from streams.replay import replay_generation, replayed
from tests.contract.odd_events import GOLDEN, changed
from tests.contract.published import to_bytes
from tests.sink.ports import Announcements
from tests.streams.deliveries import delivery
from tests.streams.test_dead_letters import Claims

NOW = datetime(2026, 6, 1, tzinfo=UTC)

NAMES = st.sampled_from(
    ["", "traceparent", "replay.generation", "replay.of", "dlq.topic", "dlq.offset", "dlq.claim", "\\xff", "a\0b"]
)
BYTES = st.none() | st.binary(max_size=20) | st.sampled_from([b"9" * 20, b"-1", b"\xff", "٣".encode(), b"1" * 5_000])
HEADERS = st.lists(st.tuples(NAMES | st.text(max_size=5).filter(str.isprintable), BYTES), max_size=6).map(tuple)


@st.composite
def deliveries(draw: st.DrawFn, topic: str) -> Delivery:
    """Return any record of a topic."""
    milliseconds = draw(st.none() | st.integers(-(2**63), 2**63 - 1))
    return Delivery(
        topic=topic,
        partition=0,
        offset=draw(st.integers(0, 2**63 - 1)),
        timestamp=arrival_time(milliseconds, NOW, by_producer=draw(st.booleans())),
        key=draw(BYTES),
        value=draw(st.none() | st.binary(max_size=40) | changed()),
        headers=draw(HEADERS),
        stamped=milliseconds,
    )


def publish(records: list[Record]) -> None:
    """Check that records can be published: keys and names are text that can be encoded, values bytes."""
    for record in records:
        assert size(record) >= 0


def read_request(each: Delivery) -> None:
    """Read a request as intake does, against a catalog that the golden versions are in."""
    handler = RequestHandler(catalog(), Cancellations(), lambda: NOW)
    try:
        request = decode(each.value, *REQUEST_CLASSES)
        publish(list(handler.handle(request, each)))  # type: ignore[arg-type]
    except ContractError as error:
        publish(handler.reject(each, str(error)))
    except UnknownTemplateError:
        publish(list(handler.handle(request, each, final=True)))  # type: ignore[arg-type]


def catalog() -> Catalog:
    """Return a catalog with every golden version."""
    found = Catalog()
    for event in GOLDEN:
        found.on_record(b"key", to_bytes(event))
    return found


def read_poster(each: Delivery) -> None:
    """Read a pinned poster as render and retry do, and say how it ended."""
    poster = decode(each.value, PosterPinned)
    events = PinnedPosterEvents(poster=poster, now=NOW, headers=event_headers(each))
    publish([render_record(as_next_attempt(poster), event_headers(each))])
    if poster.purpose == "poster":
        publish([events.processing(), *events.records_of_failure("internal", "x", ())])
        publish(list(events.records_to_retry(1, NOW, "internal", "x")))
    assert (NOW - poster.requested_at).total_seconds() is not None


def read_template_command(each: Delivery) -> None:
    """Read a command as the templates role does."""
    commands = (TemplateUpload, TemplateUpdate, TemplateActivate, TemplateArchive, TemplatePreview, TemplateGet)
    encode(decode(each.value, *commands))


def read_row(each: Delivery) -> None:
    """Read a record as the sink and `posters rebuild` do."""
    try:
        merge(rows_of(each))
    except ContractError:
        found = salvage(each.value)
        merge(salvaged_rows(found, each) if found is not None else [])


READERS: dict[str, tuple[str, Callable[[Delivery], object]]] = {
    "intake": (topics.POSTER_REQUESTS, read_request),
    "render": (topics.POSTER_RENDERS, read_poster),
    "retry": (topics.POSTER_RETRIES[0], read_poster),
    "templates": (topics.TEMPLATE_COMMANDS, read_template_command),
    "sink: requests": (topics.POSTER_REQUESTS, read_row),
    "sink: progress": (topics.POSTER_PROGRESS, read_row),
    "sink: completions": (topics.POSTER_COMPLETIONS, read_row),
    "sink: logs": (topics.POSTER_LOGS, read_row),
    "catalog": (topics.TEMPLATE_CATALOG, lambda each: Catalog().on_record(each.key, each.value)),
    "cancellations": (topics.JOB_CANCELLATIONS, lambda each: Cancellations().on_record(each.key, each.value)),
    "posters watch": (topics.POSTER_COMPLETIONS, lambda each: _outcome(each.value or b"")),
    "producers": (topics.POSTER_REQUESTS, producer_of),
    "replays": (topics.POSTER_REQUESTS, lambda each: replayed(each.headers, replay_generation(each), "x")),
}


@pytest.mark.parametrize("reader", READERS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_reader_raises_nothing_but_contract_error(reader: str, data: st.DataObject) -> None:
    """Any key, value, headers and time, and any event with odd values in its fields."""
    topic, read = READERS[reader]
    each = data.draw(deliveries(topic))
    with contextlib.suppress(ContractError):
        read(each)


@given(deliveries(topics.POSTER_REQUESTS))
@settings(deadline=None)
def test_every_record_can_become_a_dead_letter_and_come_back(each: Delivery) -> None:
    """Its key, value and identity are in it; it can be listed, shown and replayed."""
    topic = DeadLetterTopic("intake", Announcements(), Claims(), lambda: NOW)
    record = topic.record(each, "invalid_request", "bad")
    letter = parse(each.key, record.value, record.headers)

    assert letter is not None
    assert (letter.key, letter.value, letter.offset) == (each.key, each.value, each.offset)
    assert unpacked(packed(each)) == (each.key, each.value, each.headers)
    assert [letter.text(name) for name in FIELDS]
    assert letter.job_id is None or "\ufffd" not in letter.job_id or each.key is not None
    publish([replay_record(letter, 0)])


@given(st.lists(st.tuples(NAMES, BYTES), max_size=12).map(tuple), BYTES)
def test_what_others_put_on_the_topic_of_dead_letters_is_none_or_listed(headers: Any, value: bytes | None) -> None:
    """Provenance of any kind ends no command."""
    letter = parse(None, value, headers)

    assert letter is None or [letter.text(name) for name in FIELDS]


async def test_a_due_time_far_ahead_holds_up_nobody() -> None:
    """A poster that says it is due in the year 9000 waits for as long as a retry can, and goes on."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    event = next(each for each in GOLDEN if each["type"] == "poster.pinned")
    value = to_bytes({**event, "due_at": "9000-01-01T00:00:00Z", "tier": 1})
    inbox, published = Inbox([topics.POSTER_RETRIES[0]], cap=8), Announcements()
    letters: Any = None
    agent = RetryAgent(inbox, published, letters, Cancellations(), longest_wait=600.0, now=lambda: NOW, sleep=sleep)
    acknowledged = asyncio.Event()
    inbox.deliver(delivery(0, topic=topics.POSTER_RETRIES[0], value=value), acknowledged.set)
    running = asyncio.create_task(agent.run())
    await asyncio.wait_for(acknowledged.wait(), 10)
    running.cancel()

    assert slept == [600.0]
    assert len(published.records) == 1
    assert UUID(event["event_id"])
