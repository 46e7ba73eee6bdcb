"""Three brokers: what was acknowledged outlives any one of them, and nothing is acknowledged that could be lost."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.settings import Settings
from posters.operations.broker.topics import TopicAdmin
from schemas.topics import POSTER_RENDERS
from streams import publisher as publishing
from streams.delivery import Record
from streams.errors import UnavailableError
from streams.faust_bridge.application import RoleApp
from streams.inbox import Inbox
from streams.publisher import KafkaPublisher
from streams.topics import TOPICS
from tests.parts import KafkaCluster

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def cluster(parts_directory: Path) -> Iterator[KafkaCluster]:
    """Three nodes with the topics that `posters setup` makes there."""
    with KafkaCluster(parts_directory / "cluster") as cluster:
        TopicAdmin(Settings(brokers=cluster.address)).setup()
        cluster.until_together(topic.name for topic in TOPICS)
        yield cluster


def test_setup_makes_three_copies(cluster: KafkaCluster) -> None:
    """Every topic has a copy on each of three brokers, and two of them have to have a record."""
    found = cluster.admin().list_topics(timeout=10).topics
    copies = {
        len(partition.replicas)
        for name, topic in found.items()
        for partition in topic.partitions.values()
        if not name.startswith("__")
    }

    assert copies == {3}
    assert TopicAdmin(Settings(brokers=cluster.address)).check() == []


async def test_what_is_acknowledged_is_read_whichever_broker_dies(
    cluster: KafkaCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leader of every partition written to is killed, then two brokers at once; all that was taken is read."""
    monkeypatch.setattr(publishing, "DELIVERY_TIMEOUT_SECONDS", 5.0)
    settings = Settings(brokers=cluster.address, fetch_wait=0.1, session_timeout=10)
    inbox = Inbox([POSTER_RENDERS], cap=100)
    app = RoleApp("render", settings, [inbox])
    publisher, seen = KafkaPublisher(settings), set[bytes | None]()
    await app.start()
    taken = await _publish(publisher, "before", 50)
    cluster.nodes[cluster.leader(POSTER_RENDERS)].kill()
    taken |= await _publish(publisher, "without one", 50)
    last = next(number for number, node in cluster.nodes.items() if node.process.running)
    cluster.nodes[last].kill()
    refused = await _publish(publisher, "without two", 50, rounds=1)
    for number, node in cluster.nodes.items():
        if not node.process.running:
            cluster.start_node(number)
    await asyncio.to_thread(cluster.until_together)
    taken |= await _publish(publisher, "together again", 50)
    async with asyncio.timeout(90):
        while not taken <= seen:
            records = await inbox.take(50)
            seen |= {record.value for record in records}
            inbox.finish(records)
    await app.stop()
    await publisher.close()

    assert len(taken) == 150
    assert refused == set()


async def _publish(publisher: KafkaPublisher, name: str, count: int, *, rounds: int = 8) -> set[bytes]:
    """Publish records of many keys; return those that the brokers took, of which some are tried again."""
    taken = set[bytes]()
    for _ in range(rounds):
        values = {f"{name} {number}".encode() for number in range(count)} - taken
        calls = [publisher.publish([Record(topic=POSTER_RENDERS, key=value, value=value)]) for value in values]
        for value, error in zip(values, await asyncio.gather(*calls, return_exceptions=True), strict=True):
            assert error is None or isinstance(error, UnavailableError), error
            if error is None:
                taken.add(value)
        if len(taken) == count:
            break
    return taken
