"""A Kafka cluster of three nodes, each a broker and a controller, for faults that need a quorum."""

import json
import time
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from tests.parts.kafka import KafkaServer
from tests.parts.ports import free_port
from tests.parts.process import PartError

NODES: Final = 3
COPIES: Final = NODES
TOGETHER_SECONDS: Final = 240.0
POLL_SECONDS: Final = 0.1


class KafkaCluster:
    """Three nodes with three replicas of everything, two of which must have a record before it is acknowledged.

    `nodes` may be killed, stopped and started singly.
    """

    def __init__(self, directory: Path, *, settings: Mapping[str, str] | None = None) -> None:
        voters = {node: free_port() for node in range(1, NODES + 1)}
        self.nodes = {
            node: KafkaServer(directory / f"node-{node}", node=node, voters=voters, settings=settings)
            for node in voters
        }

    @property
    def address(self) -> str:
        """Every `host:port`, comma-separated, for clients."""
        return ",".join(node.address for node in self.nodes.values())

    @property
    def far_address(self) -> str:
        """The same: a cluster has no proxy."""
        return self.address

    def start(self) -> Self:
        """Start every node, and return once they form a cluster."""
        for node in self.nodes:
            self.start_node(node)
        self.until_together()
        return self

    def start_node(self, node: int) -> None:
        """Start one node, and return before it serves clients."""
        self.nodes[node].start(alone=False)

    def until_together(self, topics: Iterable[str] = ()) -> None:
        """Wait until each node knows all nodes, these topics, and a leader of every partition. Raises PartError."""
        deadline, known = time.monotonic() + TOGETHER_SECONDS, set(topics)
        while not all(_is_together(node, known) for node in self.nodes.values()):
            if time.monotonic() > deadline:
                raise PartError(f"{NODES} Kafka nodes form no cluster after {TOGETHER_SECONDS:g} s")
            time.sleep(POLL_SECONDS)

    def admin(self) -> AdminClient:
        """Return an admin client."""
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def make_topics(self, topics: Iterable[NewTopic]) -> None:
        """Create topics, replicated to every node, and return once each of their partitions has a leader."""
        admin = self.admin()
        copied = [
            NewTopic(topic.topic, topic.num_partitions, replication_factor=COPIES, config=topic.config)
            for topic in topics
        ]
        for made in admin.create_topics(copied, request_timeout=TOGETHER_SECONDS).values():
            made.result()
        self.until_together(topic.topic for topic in copied)

    def leader(self, topic: str, partition: int = 0) -> int:
        """Return the node that leads a partition."""
        return int(self.admin().list_topics(topic, timeout=10).topics[topic].partitions[partition].leader)

    def coordinator(self, group: str) -> int:
        """Return the node that coordinates a consumer group."""
        admin = self.admin()
        (described,) = admin.describe_consumer_groups([group], request_timeout=10).values()
        return int(described.result().coordinator.id)

    def controller(self) -> int:
        """Return the node that leads the controller quorum."""
        running = next(node for node in self.nodes.values() if node.process.running)
        state = json.loads((running.data / "__cluster_metadata-0" / "quorum-state").read_text(encoding="utf-8"))
        return int(state["leaderId"])

    def close(self) -> None:
        """Kill every node: a clean shutdown of one would wait for the others."""
        for node in self.nodes.values():
            node.kill()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _is_together(node: KafkaServer, topics: Set[str]) -> bool:
    try:
        metadata = node.admin().list_topics(timeout=5)
    except KafkaException:
        return False
    partitions = [part for topic in metadata.topics.values() for part in topic.partitions.values()]
    with_leaders = all(partition.leader >= 0 for partition in partitions)
    return len(metadata.brokers) == NODES and with_leaders and topics <= metadata.topics.keys()
