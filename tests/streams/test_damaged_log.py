"""A broker whose files are damaged: every reader gets behind the batches that it cannot decode."""

import asyncio
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import NewTopic
from django_posters.results.damaged_batches import DamagedBatches

from agents.settings import Settings
from posters.operations.kafka_client import KafkaClient
from schemas.topics import POSTER_RENDERS
from streams.compacted_topic import CompactedTopicReader
from streams.faust_bridge.application import RoleApp
from streams.inbox import Inbox
from tests.parts import KafkaServer
from tests.streams.raw_batches import packed_batch, produce_raw, raw_batch, raw_record, varint

CONTENT = b"".join(
    varint(len(record)) + record for record in (raw_record(b"k", b"v" * 50, offset_delta=each) for each in range(3))
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A broker with a batch of three records that cannot be decompressed, between two good ones."""
    directory: Path = tmp_path_factory.mktemp("damaged")
    with KafkaServer(directory / "kafka") as server:
        server.make_topics([NewTopic(POSTER_RENDERS, 1), NewTopic("poster-renders-bulk", 1)])
        produce_raw(server.address, POSTER_RENDERS, raw_batch([raw_record(b"first", b"1")]))
        produce_raw(server.address, POSTER_RENDERS, packed_batch(gzip.compress(CONTENT, mtime=0), 3, attributes=1))
        produce_raw(server.address, POSTER_RENDERS, raw_batch([raw_record(b"last", b"2")]))
        server.stop()
        (log,) = directory.rglob(f"{POSTER_RENDERS}-0/*.log")
        content = bytearray(log.read_bytes())
        start = content.index(b"\x1f\x8b")
        content[start + 12 : start + 20] = bytes(8)
        log.write_bytes(content)
        server.start()
        yield Settings(brokers=server.address, fetch_wait=0.1, session_timeout=10)


async def test_a_role_sets_it_aside_and_goes_on(settings: Settings) -> None:
    """One delivery stands for the three offsets, with the raw bytes and the reason."""
    inbox = Inbox([POSTER_RENDERS], cap=100)
    app = RoleApp("render", settings, [inbox])
    await app.start()
    taken: list[Any] = []
    async with asyncio.timeout(60):
        while len(taken) < 3:
            taken += await inbox.take(10)
    inbox.finish(taken)
    await app.stop()

    assert [(each.offset, each.key) for each in taken] == [(0, b"first"), (3, None), (4, b"last")]
    assert taken[1].unreadable.startswith("offsets 1 to 3: ")
    assert b"\x1f\x8b" in taken[1].value


async def test_a_reader_of_a_compacted_topic_skips_it(settings: Settings) -> None:
    """A role that starts is not kept from its catalog."""
    keys: list[bytes | None] = []
    reader = CompactedTopicReader(POSTER_RENDERS, settings, lambda key, _: keys.append(key))
    await asyncio.wait_for(reader.start(), 60)
    await reader.stop()

    assert keys == [b"first", b"last"]


def test_commands_skip_it(settings: Settings) -> None:
    """`posters rebuild` and `posters dead-letters` read the rest."""
    with KafkaClient(settings).reader(POSTER_RENDERS, from_beginning=True) as reader:
        assert [message.key() for message in reader.until_end()] == [b"first", b"last"]


def test_a_site_skips_it(settings: Settings) -> None:
    """The consumer of a Django site gets behind it, after it has fetched it again."""
    consumer = Consumer({"bootstrap.servers": settings.brokers, "group.id": "site", "auto.offset.reset": "earliest"})
    consumer.subscribe([POSTER_RENDERS])
    damaged, keys, skips = DamagedBatches(), [], 0
    for _ in range(600):
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            keys.append(message.key())
        elif message is not None:
            skips += damaged.skip(consumer, message)
        if keys == [b"first", b"last"]:
            break
    consumer.close()

    assert keys == [b"first", b"last"]
    assert 1 <= skips <= 3
