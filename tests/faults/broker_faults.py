"""Faults of the broker and of the network to it; each returns the seconds until all earlier requests have ended."""

import time
from pathlib import Path
from typing import Final

from confluent_kafka.admin import NewPartitions

from schemas import topics
from streams.broker_access import METADATA_SECONDS
from tests.faults.proxy import Mode, Proxy
from tests.faults.world import POLL_SECONDS, TIMEOUT_SECONDS, StuckError, World
from tests.parts import KafkaCluster, KafkaServer
from tests.parts.ports import free_port

ADAPT_SECONDS: Final = METADATA_SECONDS + 30
CUTS: Final[tuple[Mode, ...]] = ("black hole", "drop requests", "drop responses")


class FarKafka(KafkaServer):
    """A broker that workers reach only through a proxy."""

    def __init__(self, directory: Path) -> None:
        behind = free_port()
        self.link = Proxy(behind)
        super().__init__(directory, proxied=(behind, self.link.port))

    def close(self) -> None:
        """Shut down the broker and the proxy."""
        super().close()
        self.link.close()


def broker_restarts(world: World, times: int) -> list[float]:
    """Under load, the only broker is shut down cleanly and started again: all requests complete."""
    recoveries = []
    assert isinstance(world.kafka, KafkaServer)
    with world.load(4):
        for _ in range(times):
            world.wait(world.random.uniform(2, 4))
            world.kafka.restart()
            recoveries.append(caught_up(world))
    return recoveries


def node_kills(world: World, times: int) -> list[float]:
    """One of three brokers is killed (SIGKILL): in turn a partition's leader, a group's coordinator, the controller."""
    cluster, recoveries = _cluster(world), []
    with world.load(4):
        for number in range(times):
            world.wait(world.random.uniform(2, 4))
            node = _victim(cluster, number)
            cluster.nodes[node].kill()
            recoveries.append(caught_up(world))
            cluster.start_node(node)
            cluster.until_together()
    return recoveries


def majority_kills(world: World, times: int) -> list[float]:
    """Two of three brokers are killed (SIGKILL) and restarted after some seconds: no acknowledged record is missing."""
    cluster, recoveries = _cluster(world), []
    with world.load(4):
        for _ in range(times):
            world.wait(world.random.uniform(2, 4))
            gone = world.random.sample(sorted(cluster.nodes), 2)
            for node in gone:
                cluster.nodes[node].kill()
            world.wait(world.random.uniform(5, 15))
            for node in gone:
                cluster.start_node(node)
            cluster.until_together()
            recoveries.append(caught_up(world))
    return recoveries


def slow_link(world: World, times: int) -> list[float]:
    """The network to the broker has 300 ms latency and 1 Mbit/s for 30 s: slower, and no process ends."""
    link, recoveries = _far(world).link, []
    with world.load(2):
        for _ in range(times):
            link.latency, link.bytes_a_second = 0.3, 125_000.0
            world.wait(30)
            recoveries.append(caught_up(world))
            link.latency, link.bytes_a_second = 0.0, 0.0
    assert all(worker.alive for worker in world.workers), f"seed {world.seed}: a worker ended"
    return recoveries


def cut_link(world: World, times: int) -> list[float]:
    """The network to the broker drops data for 30 s, both ways or one: all requests complete, and no process ends."""
    link, recoveries = _far(world).link, []
    with world.load(3):
        for number in range(times):
            world.wait(world.random.uniform(2, 4))
            link.set(CUTS[number % len(CUTS)])
            world.wait(30)
            link.set("ok")
            recoveries.append(caught_up(world))
    assert all(worker.alive for worker in world.workers), f"seed {world.seed}: a worker ended"
    return recoveries


def partitions_added(world: World, times: int) -> list[float]:
    """Under load, partitions are added to the topics of requests and renders: each is assigned within a minute."""
    recoveries = []
    with world.load(3):
        for _ in range(times):
            readers = (("intake", topics.POSTER_REQUESTS), ("render", topics.POSTER_RENDERS))
            expected = {each: _partitions(world, each[1]) + 4 for each in readers}
            admin = world.kafka.admin()
            wider = [NewPartitions(name, count) for (_, name), count in expected.items()]
            for made in admin.create_partitions(wider).values():
                made.result()
            began = time.monotonic()
            while {each: _read(world, *each) for each in expected} != expected:
                assert time.monotonic() - began < ADAPT_SECONDS, f"seed {world.seed}: new partitions are unassigned"
                world.wait(POLL_SECONDS)
            recoveries.append(time.monotonic() - began)
    return recoveries


def caught_up(world: World) -> float:
    """Return how many seconds pass until as many posters have ended as are requested by now. Raises StuckError."""
    began, expected = time.monotonic(), len(world.ledger.expected)
    while world.ledger.ended() < expected:
        if time.monotonic() - began > TIMEOUT_SECONDS:
            missing = expected - world.ledger.ended()
            raise StuckError(f"seed {world.seed}: {missing} posters have not ended after {TIMEOUT_SECONDS:g} s")
        world.wait(POLL_SECONDS)
    return time.monotonic() - began


def _victim(cluster: KafkaCluster, number: int) -> int:
    match number % 3:
        case 0:
            return cluster.leader(topics.POSTER_RENDERS)
        case 1:
            return cluster.coordinator("render")
        case _:
            return cluster.controller()


def _cluster(world: World) -> KafkaCluster:
    assert isinstance(world.kafka, KafkaCluster)
    return world.kafka


def _far(world: World) -> FarKafka:
    assert isinstance(world.kafka, FarKafka)
    return world.kafka


def _partitions(world: World, topic: str) -> int:
    return len(world.kafka.admin().list_topics(topic, timeout=10).topics[topic].partitions)


def _read(world: World, group: str, topic: str) -> int:
    """Return how many partitions of a topic the members of a group have."""
    admin = world.kafka.admin()
    (described,) = admin.describe_consumer_groups([group], request_timeout=10).values()
    members = described.result().members
    return sum(part.topic == topic for member in members for part in member.assignment.topic_partitions)
